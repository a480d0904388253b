// A confirmed plan of slot lanes on the screen: the journal is opened, the lanes run, progress is drawn, and the
// end is looked at once more. Shared by failover, runs resume and runs undo.
import type { HookConfig } from '../../config/config.js';
import { CommandError, EXIT } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import type { Canvas } from '../../output/output.js';
import { wayScreen } from '../../output/screens/failover.js';
import type { Plan } from '../../plan/plan.js';
import { AFTER, foldJournal, type RunProgress } from '../../plan/progress.js';
import type { RunResult } from '../../plan/runner.js';
import type { RunEvent } from '../../plan/session.js';
import type { RejoinReport } from '../../slot/actions/rejoin-parts.js';
import type { Directory } from '../../slot/directory.js';
import { executeSlots, type TakeUp } from '../../slot/execute.js';
import type { PlannedHook } from '../../slot/failover.js';
import { lookAtSlots, type Surroundings } from '../../slot/look-around.js';
import type { WaitingDesk } from '../../slot/release-waiting.js';
import type { FleetSight } from '../../slot/sight.js';
import type { Slot } from '../../slot/slot.js';
import type { UserSources } from '../../slot/users.js';
import type { Transport } from '../../transport/transport.js';
import type { Context } from '../context.js';

/** What a run on the screen is given. */
export interface SlotRun {
  readonly plan: Plan;
  readonly journal: Journal;
  readonly around: Surroundings;
  readonly directory: Directory;
  readonly takeOver: readonly string[];
  readonly slots: readonly Slot[];
  readonly sight: FleetSight;
  readonly targets: readonly string[];
  readonly refused: number;
  readonly waiting: WaitingDesk | undefined;
  /** For a rejoin: the site's lists, and what it finds out. */
  readonly users?: UserSources;
  readonly rejoins?: RejoinReport;
}

/** ms between two lines about the same thing. */
const SAY_MS = 5000;

/** Runs it. Ctrl-C once finishes the steps in hand; a lost terminal ends nothing. */
export async function runSlots(context: Context, run: SlotRun, takeUp: TakeUp): Promise<RunResult> {
  const { clock, interruption } = context;
  const config = await context.config();
  const transport = await context.transport();
  const progress = await context.progress();
  const canvas = await stderrCanvas(context);
  const startedAt = clock.monotonic();
  const id = run.plan.id;
  interruption.beginRun(() => {
    progress.line(`finishing the steps in hand (again: leave now); mailctl runs resume ${id} goes on`);
  });

  let folded: RunProgress = foldJournal(run.journal.records, run.journal.file);
  const doing = new Map<string, { text: string; at: number }>();
  const draw = () => {
    if (!progress.isLive) return;
    const now = clock.monotonic();
    const lines = wayScreen(
      {
        targets: run.targets,
        progress: folded,
        elapsedMs: now - startedAt,
        refused: run.refused,
        doing: new Map([...doing].map(([lane, { text, at }]) => [lane, { text, sinceMs: now - at }])),
        after: doing.get(AFTER)?.text,
        rows: context.terminal.rows(),
      },
      canvas,
    );
    progress.update(lines);
  };
  const onEvent = (event: RunEvent) => {
    if (event.kind === 'record') {
      folded = event.progress;
      if (!progress.isLive) sayRecord(event, progress.line);
    } else if (event.kind === 'doing') {
      const step = folded.plan.lanes
        .find((lane) => lane.id === event.lane)
        ?.steps.find((one) => one.id === event.step);
      doing.set(event.lane, { text: step?.title ?? event.step, at: clock.monotonic() });
    } else {
      doing.set(event.lane, { text: event.text, at: doing.get(event.lane)?.at ?? clock.monotonic() });
      if (event.lane === AFTER) sayNow(event.text);
    }
    draw();
  };
  // What the whole run waits for, where no rows are drawn: a line now and then.
  let saidAt = Number.NEGATIVE_INFINITY;
  const sayNow = (text: string) => {
    if (progress.isLive || clock.monotonic() - saidAt < SAY_MS) return;
    saidAt = clock.monotonic();
    progress.line(text);
  };
  const ticking = new AbortController();
  const ticker = (async () => {
    while (!ticking.signal.aborted) {
      await clock.sleep(250, ticking.signal).catch(() => {});
      if (!ticking.signal.aborted) draw();
    }
  })();
  try {
    return await executeSlots(
      {
        plan: run.plan,
        journal: run.journal,
        around: { ...run.around, signal: interruption.abort },
        directory: run.directory,
        clock,
        runHook: hookRunner(context, transport, run.around),
        drainTimeoutMs: config.stores.drainTimeoutMs,
        slotMap: () => context.slotMap(),
        waiting: run.waiting,
        users: run.users,
        rejoins: run.rejoins,
        operator: context.operator.name,
        bastion: context.operator.bastion,
        takeOver: run.takeOver,
        slots: run.slots,
        sight: run.sight,
        signals: { finish: interruption.finish, abort: interruption.abort },
        onEvent,
      },
      takeUp,
    );
  } finally {
    ticking.abort();
    await ticker;
    progress.end();
  }
}

// One line for what an operator waits for: the end of a lane, and what went wrong. The journal has the rest.
function sayRecord(event: Extract<RunEvent, { kind: 'record' }>, say: (line: string) => void): void {
  const { record, progress } = event;
  if (record.kind === 'failed') say(`${record.lane || 'the run'}: ${record.step}: ${record.reason}`);
  else if (record.kind === 'reverting') say(`${record.lane}: going back: ${record.reason}`);
  else if (record.kind === 'did' && record.step === 'serve') {
    const facts = progress.plan.lanes.find((lane) => lane.id === record.lane)?.facts as
      | { to?: unknown }
      | undefined;
    say(
      `${record.lane}: served by ${String(facts?.to ?? '?')}${record.note === undefined ? '' : ` (${record.note})`}`,
    );
  } else if (record.kind === 'lane-closed' && record.state !== 'done') say(`${record.lane}: ${record.state}`);
}

/** Looks at the slots again; hosts that were silent are not asked a second time. */
export async function lookAgain(
  slots: readonly Slot[],
  sight: FleetSight,
  around: Surroundings,
): Promise<FleetSight> {
  const silent = new Set([...sight.values()].filter((seen) => !seen.ok).map((seen) => seen.host.name));
  const there = slots.map((slot) => ({
    ...slot,
    instances: slot.instances.filter((one) => !silent.has(one.host)),
  }));
  const seen = await lookAtSlots(there, around);
  return new Map([...sight, ...seen]);
}

/** The hooks of the configuration for one kind. */
export function hooksPer(hooks: readonly HookConfig[], per: 'slot' | 'run'): readonly PlannedHook[] {
  return hooks
    .filter((hook) => hook.per === per)
    .map((hook) => ({ host: hook.host ?? null, run: hook.run, timeoutMs: hook.timeoutMs }));
}

function hookRunner(context: Context, transport: Transport, around: Surroundings) {
  return async (
    name: string | null,
    words: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<void> => {
    const host = name === null ? context.thisHost() : around.hosts.get(name);
    if (host === undefined) throw new Error(`hook on the unknown host ${name}`);
    const result = await transport.run(
      host,
      {
        name: 'hook',
        script: 'exec "$@"',
        args: words,
        readOnly: false,
        privileged: name !== null,
        timeoutMs,
      },
      { signal },
    );
    if (result.status !== 0)
      throw new CommandError(host.name, `hook ${words[0]}`, result.status, result.stderr);
  };
}

/** What screens on stderr are drawn with. */
export async function stderrCanvas({ terminal }: Context): Promise<Canvas> {
  const { renderTable } = await import('../../output/table.js');
  const [width, color] = [terminal.columns(), terminal.stderrColor];
  return {
    width,
    color,
    table: (rows, columns, options) => renderTable(rows, columns, { width, color, ...options }),
  };
}

/** 130 when the operator stopped it, else the outcome's own code. */
export function exitAfter(context: Context, exit: number): number {
  return context.interruption.finish.aborted ? EXIT.interrupted : exit;
}
