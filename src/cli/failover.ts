// `mailctl failover`: look, show the plan, ask, act in journaled steps, look again, and say whether it is safe to
// leave.
import { EXIT, UsageError } from '../errors.js';
import { formatCommand } from '../lib/command-text.js';
import type { FailoverWishes } from '../slot/decide.js';
import { type CommandSpec, defineCommand } from './command.js';
import type { Context } from './context.js';
import {
  dryRunOption,
  flag,
  list,
  optionalArgs,
  reasonOption,
  text,
  timeSpan,
  value,
  yesOption,
} from './options.js';

/** The schema of the document. */
export const FAILOVER_SCHEMA = 'mailctl/failover/v1';

/** What the operator asked for, parsed. */
export interface FailoverRequest {
  readonly targets: readonly string[];
  /** Absent: a failover, of masters dead or alive. */
  readonly kind?: 'move' | undefined;
  /** Where each slot goes, when that is not one host. */
  readonly toBySlot?: ReadonlyMap<string, string> | undefined;
  readonly to: string | undefined;
  readonly maxLagMs: number | undefined;
  readonly acceptLoss: readonly string[];
  readonly readOnly?: readonly string[];
  readonly fenced: string | undefined;
  readonly fence?: boolean | undefined;
  readonly overrides: readonly string[];
  readonly directoryLater?: boolean | undefined;
  readonly takeOver: readonly string[];
  readonly reason: string | undefined;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/** The document of a call that ended in an error; shared by all commands that print this schema. */
export const failoverJson: CommandSpec['json'] = {
  schema: FAILOVER_SCHEMA,
  empty: (error, { tookMs }) => ({
    run: null,
    outcome: error.code === 'directory-away' ? 'refused' : 'failed',
    took_ms: tookMs,
    slots: [],
    to_demote: [],
    safe_to_leave: false,
    reasons: [error.message],
    waiting: null,
    roads: [],
    watched: null,
    last_look_at: null,
    cut_off: [],
    unverified_logins: [],
  }),
};

const OVERRIDE_GATES = ['still-serving', 'two-masters', 'capacity', 'disk', 'directory-disagrees', 'moves'];

/** `GATE:SLOT`. */
export function overrideWord(word: string): string {
  const [gate = '', slot = ''] = [word.slice(0, word.indexOf(':')), word.slice(word.indexOf(':') + 1)];
  if (word.includes(':') && OVERRIDE_GATES.includes(gate) && slot !== '') return word;
  const hints: { readonly [gate: string]: string } = {
    lag: '--read-only SLOT makes it readable, --accept-loss SLOT is the word for lag',
    quarantine: '--accept-loss SLOT is the word for quarantine',
    'not-proven-dead': "--fenced 'what your own eyes saw' is the word for not-proven-dead",
    busy: '--take-over RUN is the word for busy',
  };
  throw new UsageError(`${JSON.stringify(word)} is no GATE:SLOT that can be overridden`, {
    detail: `gates: ${OVERRIDE_GATES.join(', ')}`,
    hint: hints[gate] ?? hints[word] ?? 'for example --override still-serving:store1',
  });
}

/** The command. */
export const failoverCommand = defineCommand({
  name: 'failover',
  summary: 'Move slots off a host, dead or alive, without losing mail',
  description:
    'A TARGET is a host (all slots that the directory gives it, and what an earlier run left half way) or a slot. ' +
    'Nothing is changed before the plan was shown and answered. A gate refuses its own slot and no other; only the ' +
    'word named for it passes it. A dead master costs at most the possible loss that the plan shows for each slot; ' +
    'a living one is stopped and drained first and costs nothing.',
  args: { targets: optionalArgs('TARGET', 'a host or a slot') },
  options: {
    undo: value('--undo <run>', 'instead of targets: take this run back, as runs undo does', text),
    to: value('--to <host>', 'move to this host', text, 'the most complete replica'),
    maxLagMs: value(
      '--max-lag <duration>',
      'refuse a slot that could lose as much or more',
      timeSpan,
      "the configuration's max_lag",
    ),
    readOnly: list(
      '--read-only <slot>',
      'make this slot readable on its replica instead of moving it: new mail waits, nothing is lost',
      text,
    ),
    acceptLoss: list(
      '--accept-loss <slot>',
      'move this slot although its replica lacks changes: passes lag and quarantine',
      text,
    ),
    fenced: value(
      '--fenced <text>',
      'you have seen with your own eyes that the host is off: what you saw; passes not-proven-dead',
      text,
    ),
    fence: flag(
      '--fence',
      "cut a silent master's host off by its configured fence first, and see it off: passes not-proven-dead and still-serving",
    ),
    overrides: list(
      '--override <gate:slot>',
      'pass still-serving, two-masters, capacity, disk, directory-disagrees or moves for this slot',
      overrideWord,
    ),
    directoryLater: flag(
      '--directory-later',
      'with the directory away: go by its last copy here, and tell it when it answers again; passes directory-away',
    ),
    takeOver: list(
      '--take-over <run>',
      'take over from this run, which you know to be dead: passes busy',
      text,
    ),
    reason: reasonOption,
    yes: yesOption,
    dryRun: dryRunOption,
  },
  examples: [
    ['mailctl failover imap21', 'its slots to their replicas; shows the plan and asks'],
    ['mailctl failover imap21 --dry-run', 'the plan, every step with its commands, nothing changed'],
    [
      'mailctl failover store15 --read-only store15',
      'a slot that was refused for lag: people read, mail waits',
    ],
    ['mailctl failover store15 --accept-loss store15', 'a slot that was refused for lag, its loss accepted'],
    ['mailctl failover --undo 7f3a', 'what that run moved goes back, with all gates'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: failoverJson,
  async run(options, context) {
    const { undo, ...request } = options;
    const targets = [...new Set(request.targets)];
    if (undo === undefined) {
      if (targets.length === 0) {
        throw new UsageError("missing required argument 'TARGET'", {
          detail: 'a host or a slot, or --undo RUN',
          hint: 'mailctl help failover',
        });
      }
      return failover({ ...request, targets }, context);
    }
    if (targets.length > 0 || request.to !== undefined) {
      const what = targets.length > 0 ? `${targets[0]} beside it` : '--to beside it';
      throw new UsageError(`--undo ${undo} says what goes where: ${what} says it again`, {
        hint: `mailctl failover --undo ${undo}`,
      });
    }
    const { undoRunOf } = await import('./runs/undo.js');
    return undoRunOf(undo, { ...request, targets }, context);
  },
});

/** Prepares, asks, runs, reports. Also the way back of a run that is done (runs undo). */
export async function failover(request: FailoverRequest, context: Context): Promise<number> {
  const [{ FailoverSession }, config, stateDir] = await Promise.all([
    import('./failover-session.js'),
    context.config(),
    context.stateDir(),
  ]);
  const wishes: FailoverWishes = {
    to: request.to,
    maxLagS: (request.maxLagMs ?? config.stores.maxLagMs) / 1000,
    acceptLoss: new Set(request.acceptLoss),
    readOnly: new Set(request.readOnly ?? []),
    fenced: request.fenced,
    fence: request.fence === true,
    ...(request.toBySlot === undefined ? {} : { toBySlot: request.toBySlot }),
    plannedOnly: request.kind === 'move',
    overrides: new Set(request.overrides),
    directoryLater: request.directoryLater === true,
    takeOver: new Set(request.takeOver),
  };
  if (!request.yes && !request.dryRun) (await context.prompt()).requireTerminal();
  const session = await FailoverSession.prepare(context, request, wishes, stateDir);
  if (session.isEmpty) return session.reportEmpty();
  if (request.dryRun) return session.reportDryRun();
  if (!session.anyMayGo) return session.reportRefused();
  if (!(await session.confirm())) {
    context.note(`nothing was changed; the same again: ${formatCommand(context.commandLine)}`);
    return session.isInterrupted ? EXIT.interrupted : EXIT.failed;
  }
  return session.run();
}
