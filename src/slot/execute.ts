// Executes a plan of slot lanes: leases, the watch over silent hosts, the actions, and the runner over them. The
// same for a first run, a resume and an undo.
import { MailctlError, TransportError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../lib/clock.js';
import type { Plan } from '../plan/plan.js';
import type { Refusal } from '../plan/run-lane.js';
import { type ResumedBy, type RunResult, resumePlan, runPlan, undoRun } from '../plan/runner.js';
import type { RunEvent, RunSignals } from '../plan/session.js';
import { type SlotActionParts, seenKey } from './actions/action-parts.js';
import { slotActions } from './actions/index.js';
import type { RejoinReport } from './actions/rejoin-parts.js';
import type { Directory } from './directory.js';
import { HostWatch } from './host-watch.js';
import { Leases } from './lease.js';
import { AGAIN_S, type Surroundings, sightingsOf } from './look-around.js';
import type { WaitingDesk } from './release-waiting.js';
import type { FleetSight } from './sight.js';
import type { Slot } from './slot.js';
import { noUserSources, type UserSources } from './users.js';

/** What an execution is given. */
export interface SlotExecution {
  readonly plan: Plan;
  readonly journal: Journal;
  readonly around: Surroundings;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly runHook: SlotActionParts['runHook'];
  readonly drainTimeoutMs: number;
  readonly slotMap?: SlotActionParts['slotMap'];
  /** Counts and releases mail that waits on the MXs; undefined: no queue is configured. */
  readonly waiting?: WaitingDesk | undefined;
  /** The site's lists of users and moves; absent: it has none. */
  readonly users?: UserSources | undefined;
  /** Filled with what rejoins find out. */
  readonly rejoins?: RejoinReport | undefined;
  readonly operator: string;
  readonly bastion: string;
  readonly takeOver: readonly string[];
  /** The plan's slots as they were seen last; whoever is silent here is watched. */
  readonly slots: readonly Slot[];
  readonly sight: FleetSight;
  readonly signals: RunSignals;
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
}

/** How a journal is taken up. */
export type TakeUp =
  | { readonly how: 'run' }
  | {
      readonly how: 'resume' | 'undo';
      readonly by: ResumedBy;
      readonly refused: ReadonlyMap<string, Refusal>;
    };

/** Everything the actions need; also for describing a plan, where nothing is watched and no lease is taken. */
export function actionParts(
  execution: Omit<SlotExecution, 'journal' | 'signals' | 'onEvent'>,
  takeUp: TakeUp = { how: 'run' },
): SlotActionParts {
  const { around, clock, sight, slots } = execution;
  const hostNamed = (name: string): Host => {
    const host = around.hosts.get(name);
    if (host === undefined) {
      throw new MailctlError(`the configuration no longer knows the host ${name}`, {
        code: 'config.unknown-host',
        exitCode: 5,
      });
    }
    return host;
  };
  const reachable = [...sight.values()].filter((seen) => seen.ok).map((seen) => seen.host);
  const watch = new HostWatch(
    {
      ping: (name, signal) => around.ping(hostNamed(name), signal),
      sightings: (name, signal) => sightingsOf(name, slots, sight, reachable, { ...around, signal }, AGAIN_S),
    },
    clock,
  );
  for (const seen of sight.values()) if (!seen.ok) watch.add(seen.host.name, seen.error);
  const leases = new Leases(around.driver, clock, {
    run: execution.plan.id,
    operator: execution.operator,
    bastion: execution.bastion,
    takeOver: [...execution.takeOver],
  });
  return {
    driver: around.driver,
    clock,
    leases,
    watch,
    directory: execution.directory,
    hostNamed,
    runHook: execution.runHook,
    drainTimeoutMs: execution.drainTimeoutMs,
    slotMap: execution.slotMap,
    waiting: execution.waiting,
    users: execution.users ?? noUserSources,
    rejoins: execution.rejoins ?? new Map(),
    versions: new Map(),
    takenOver: new Set(takenOver(execution.plan, takeUp)),
    seen: new Map(
      [...sight.values()].flatMap((one) =>
        one.ok ? [...one.states].map(([slot, state]) => [seenKey(one.host.name, slot), state] as const) : [],
      ),
    ),
  };
}

/** Runs, resumes or undoes. Whatever goes wrong with a lane is in the result. */
export async function executeSlots(execution: SlotExecution, takeUp: TakeUp): Promise<RunResult> {
  const parts = actionParts(execution, takeUp);
  try {
    const options = {
      journal: execution.journal,
      actions: slotActions(parts),
      clock: execution.clock,
      signals: execution.signals,
      onEvent: execution.onEvent,
      background: ({ signal }: { readonly signal: AbortSignal }) => parts.leases.renew(signal),
    };
    if (takeUp.how === 'run') return await runPlan(options);
    const resume = { ...options, by: takeUp.by, refused: takeUp.refused };
    return takeUp.how === 'undo' ? await undoRun(resume) : await resumePlan(resume);
  } finally {
    parts.watch.stop();
  }
}

/** Slots whose lanes are taken over: from another run, or from an execution of this one that has ended. */
function takenOver(plan: Plan, takeUp: TakeUp): ReadonlySet<string> {
  const lanes = plan.lanes.filter(({ facts }) => {
    const { finishes } = facts as { finishes?: unknown };
    return takeUp.how !== 'run' || typeof finishes === 'string';
  });
  return new Set(lanes.map(({ id }) => id));
}

/** The failure kinds of a silent host, as errors of the sight. */
export function isSilent(error: unknown): boolean {
  return error instanceof TransportError;
}
