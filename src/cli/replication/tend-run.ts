// Runs plans that tend replication (slot/tend.ts): journal, lanes, a line of progress for what happens. Shared by
// quarantine, retry, watch, the repair of verify, and runs resume.
import { EXIT } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import { pickRunId } from '../../journal/store.js';
import type { Lane, Plan } from '../../plan/plan.js';
import type { RunResult } from '../../plan/runner.js';
import type { RunEvent } from '../../plan/session.js';
import type { Directory } from '../../slot/directory.js';
import { executeSlots, type SlotExecution, type TakeUp } from '../../slot/execute.js';
import type { Surroundings } from '../../slot/look-around.js';
import type { FleetSight } from '../../slot/sight.js';
import type { Slot } from '../../slot/slot.js';
import type { Context } from '../context.js';
import { beginRun, planHead, reopenRun } from '../runs/open-run.js';

/** What a plan is executed with. */
export interface TendScene {
  readonly around: Surroundings;
  readonly directory: Directory;
  readonly slots: readonly Slot[];
  readonly sight: FleetSight;
  readonly takeOver: readonly string[];
}

/** The id that the next plan of this machine gets. */
export async function nextRunId(context: Context): Promise<string> {
  return pickRunId(await context.stateDir());
}

/** A plan of these lanes. */
export function tendPlan(
  context: Context,
  plan: {
    readonly id: string;
    readonly kind: 'quarantine' | 'retry' | 'repair';
    readonly lanes: readonly Lane[];
    readonly reason: string | undefined;
  },
): Plan {
  return {
    ...planHead(context, plan.reason),
    id: plan.id,
    kind: plan.kind,
    target: plan.lanes.map(({ id }) => id).join(' '),
    facts: {},
    lanes: plan.lanes,
    after: [],
  };
}

/** Begins a run of the plan and executes it. */
export async function runTend(context: Context, plan: Plan, scene: TendScene): Promise<RunResult> {
  const { journal, plan: planned } = await beginRun(context, plan);
  return execute(context, planned, journal, scene, { how: 'run' });
}

/** Goes on with a run that was left: every step may be repeated. */
export async function resumeTend(
  context: Context,
  file: string,
  plan: Plan,
  scene: TendScene,
): Promise<RunResult> {
  const { journal, by } = await reopenRun(context, file);
  return execute(context, plan, journal, scene, { how: 'resume', by, refused: new Map() });
}

async function execute(
  context: Context,
  plan: Plan,
  journal: Journal,
  scene: TendScene,
  takeUp: TakeUp,
): Promise<RunResult> {
  const progress = await context.progress();
  const { finish, abort } = context.interruption;
  context.interruption.beginRun(() => {
    progress.line(`finishing the steps in hand (again: leave now); mailctl runs resume ${plan.id} goes on`);
  });
  const titles = new Map(
    plan.lanes.flatMap((lane) => lane.steps.map((step) => [`${lane.id}\n${step.id}`, step.title] as const)),
  );
  let shown = '';
  const onEvent = (event: RunEvent) => {
    if (event.kind === 'note') shown = `${event.lane}: ${event.text}`;
    else if (event.kind === 'doing') shown = `${titles.get(`${event.lane}\n${event.step}`) ?? event.step}`;
    else if (event.record.kind === 'failed') progress.line(`${event.record.lane}: ${event.record.reason}`);
    else if (event.record.kind === 'did' && event.record.note !== undefined)
      progress.line(`${event.record.lane}: ${event.record.note}`);
    progress.update([`run ${plan.id}  ${shown}`]);
  };
  try {
    const execution = await executionOf(context, plan, scene);
    return await executeSlots({ ...execution, journal, signals: { finish, abort }, onEvent }, takeUp);
  } finally {
    progress.end();
    await journal.close().catch(() => {});
  }
}

async function executionOf(
  context: Context,
  plan: Plan,
  { around, directory, slots, sight, takeOver }: TendScene,
): Promise<Omit<SlotExecution, 'journal' | 'signals' | 'onEvent'>> {
  const config = await context.config();
  return {
    plan,
    around: { ...around, signal: context.interruption.abort },
    directory,
    clock: context.clock,
    runHook: () => Promise.reject(new Error('nothing here runs a hook')),
    drainTimeoutMs: config.stores.drainTimeoutMs,
    operator: plan.operator,
    bastion: plan.bastion,
    takeOver,
    slots,
    sight,
  };
}

/** How a run ended, for exit codes: `busy` when others hold all of it. */
export function outcomeOf(result: RunResult): {
  readonly exit: number;
  readonly failures: readonly string[];
} {
  const failures = result.lanes.flatMap((lane) =>
    lane.state === 'done' ? [] : [`${lane.lane}: ${lane.failure?.reason ?? lane.state}`],
  );
  if (result.stopped !== undefined || result.lanes.some((lane) => lane.state === 'incomplete'))
    return { exit: EXIT.incomplete, failures };
  if (failures.length === 0) return { exit: EXIT.done, failures };
  const isBusy = result.lanes.every((lane) => lane.failure?.code === 'busy');
  return {
    exit: isBusy ? EXIT.busy : failures.length === result.lanes.length ? EXIT.failed : EXIT.partial,
    failures,
  };
}
