// `mailctl replication verify`: the content of each replica beside its master's.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import type { ownerLabel } from '../../slot/content.js';
import type { Slot } from '../../slot/slot.js';
import type { CopyVerdict } from '../../slot/verify.js';
import { defineCommand } from '../command.js';
import {
  dryRunOption,
  flag,
  groupOption,
  hostOption,
  optionalArgs,
  reasonOption,
  timeSpan,
  value,
  wholeNumber,
  yesOption,
} from '../options.js';
import { reportError } from '../report.js';
import { silentHosts } from '../slots/list.js';

const SCHEMA = 'mailctl/replication-verify/v1';
const DEADLINE_MS = 600_000;
/** Copies compared at once. */
const WIDTH = 4;

/** The command. */
export const replicationVerifyCommand = defineCommand({
  name: 'replication verify',
  summary: 'Compare what master and replicas hold, user by user',
  description:
    'Asks both sides of every copy for what each user and each shared mailbox holds, in figures that are equal where ' +
    'the content is. Only this finds what a replication log has lost: an empty log proves nothing. Works on running ' +
    'and on stopped instances. A difference counts when it is still there after all that was logged before it has ' +
    'been sent. Ends after --deadline and goes on the next time with those whose turn is longest ago. Exits 0 when ' +
    'all is equal, 1 when something differs, 3 when something could not be compared or was never compared yet.',
  args: { slots: optionalArgs('SLOT', 'slots of the directory; without: all') },
  options: {
    hosts: hostOption,
    groups: groupOption,
    users: value(
      '--users <n>',
      'at most so many users and shared mailboxes of each copy',
      wholeNumber(1, 999_999_999),
    ),
    deadlineMs: value('--deadline <duration>', 'begin nothing more after this time', timeSpan, '10m'),
    repair: flag('--repair', 'send users that differ whole from the master, then compare again; asks'),
    reason: reasonOption,
    yes: yesOption,
    dryRun: dryRunOption,
  },
  examples: [
    ['mailctl replication verify store15', 'one slot, all of it'],
    ['mailctl replication verify store15 --repair', 'send who differs whole, and compare again'],
    ['mailctl replication verify --deadline 30m -o json', 'as far as half an hour goes, for a timer'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: { schema: SCHEMA, empty: (_error, { now }) => ({ at: formatIso(now), copies: [] }) },
  async run(options, context) {
    const [{ surroundingsOf }, { lookAtSlots }, { verifyCopies }, { chosenSlots }] = await Promise.all([
      import('../slots/surroundings.js'),
      import('../../slot/look-around.js'),
      import('../../slot/verify.js'),
      import('./chosen-slots.js'),
    ]);
    const startedAt = context.clock.monotonic();
    if (options.repair && !options.yes && !options.dryRun) (await context.prompt()).requireTerminal();
    const slots = await chosenSlots(context, options);
    const progress = await context.progress();
    const around = await surroundingsOf(context, { readOnly: true });
    const sight = await lookAtSlots(slots, around);
    let saidAt = startedAt;
    const comparisons = await context.comparisons(options.dryRun ? { readOnly: true } : {});
    const verify = (which: readonly Slot[]) =>
      verifyCopies(
        which,
        {
          driver: around.driver,
          clock: context.clock,
          hostNamed: (name) => {
            const host = around.hosts.get(name);
            if (host === undefined) throw new Error(`no host ${name}`);
            return host;
          },
          signal: context.interruption.finish,
          comparisons,
          sight,
          width: WIDTH,
        },
        {
          withinMs: options.deadlineMs ?? DEADLINE_MS,
          most: options.users,
          onProgress: (done, text) => {
            progress.update([`${done.length} copies compared; ${text}`]);
            // Where no rows are drawn, a line every ten seconds.
            if (progress.isLive || context.clock.monotonic() - saidAt < 10_000) return;
            saidAt = context.clock.monotonic();
            progress.line(text);
          },
        },
      );
    let copies = await verify(slots);
    progress.end();
    if (options.repair) {
      const { repairCopies } = await import('./repair.js');
      const repaired = await repairCopies(context, options, slots, copies);
      if (repaired.exit !== null) return repaired.exit;
      if (repaired.again.length > 0) {
        const names = new Set(repaired.again.map(({ slot }) => slot));
        copies = [...copies.filter(({ slot }) => !names.has(slot)), ...(await verify(repaired.again))];
      }
    }
    progress.end();
    const silent = silentHosts(sight);
    const now = context.clock.now();
    const tookMs = context.clock.monotonic() - startedAt;
    const [{ copyColumns }, { verifyScreen }] = await Promise.all([
      import('../../output/columns/copies.js'),
      import('../../output/screens/verify.js'),
    ]);
    await context.output.print({
      schema: SCHEMA,
      document: () => ({
        at: formatIso(now),
        took_ms: Math.round(tookMs),
        copies: copies.map(copyJson),
        errors: silent.map(({ host, error }) => ({ ...reportError(error).report, host })),
      }),
      rows: copies,
      columns: copyColumns,
      screen: () => verifyScreen({ copies, now, tookMs }),
    });
    for (const { error } of silent) context.warn(error.message, error.hint);
    if (context.interruption.finish.aborted) return EXIT.interrupted;
    return verifyExit(copies);
  },
});

/** 3 before 1: what is not known is no answer. */
export function verifyExit(copies: readonly CopyVerdict[]): number {
  if (copies.some(({ state }) => state === 'unknown' || state === 'partial')) return EXIT.partial;
  const isOpen = copies.some(
    ({ comparison }) => comparison !== null && comparison.unknown.length + comparison.waiting.length > 0,
  );
  if (isOpen) return EXIT.partial;
  return copies.some(({ state }) => state === 'differs') ? EXIT.failed : EXIT.done;
}

function copyJson({ slot, master, replica, state, reason, comparison, last }: CopyVerdict): object {
  const names = (
    list: readonly { readonly owner: Parameters<typeof ownerLabel>[0]; readonly reason: string }[],
  ) => list.map(({ owner, reason: why }) => ({ kind: owner.kind, name: owner.name, reason: why }));
  return {
    slot,
    master,
    replica,
    state,
    reason,
    owners: comparison?.total ?? null,
    compared: comparison?.compared.length ?? 0,
    left: comparison?.left.length ?? null,
    differing: (comparison?.differing ?? []).map(({ owner, differences }) => ({
      kind: owner.kind,
      name: owner.name,
      differences: differences.map(({ mailbox, kind, detail }) => ({ mailbox, kind, detail })),
    })),
    waiting: names(comparison?.waiting ?? []),
    unknown: names(comparison?.unknown ?? []),
    ever_compared: last?.compared ?? null,
    oldest_compared_at: last === null || last.oldestAt === null ? null : formatIso(last.oldestAt),
  };
}
