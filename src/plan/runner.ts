// Executes a plan from its journal: all lanes at once, then the steps of the whole run, then `closed`. A fresh
// run, a resume and an undo are the same loop, told apart by what the journal holds already. Lanes are
// independent: one lane's failure touches no other. A run with a lane that is neither done nor reverted is not
// closed, and is gone on with by a resume.
import { EXIT, MailctlError } from '../errors.js';
import type { ClosedState } from '../journal/record.js';
import {
  AFTER,
  closedStateOf,
  isCommitted,
  type LaneProgress,
  nextStep,
  owedSteps,
  type RunProgress,
  type StepFailure,
} from './progress.js';
import { type LaneEnd, type Refusal, runLane } from './run-lane.js';
import { Session, type SessionParts, Stopped } from './session.js';

/** What an execution needs. The plan is in the journal's first record. */
export interface RunnerOptions extends SessionParts {
  /**
   * Runs beside the lanes and is aborted at their end: renews the leases of the lanes that are open. What it
   * throws is shown as a note and stops nothing: a lease that is lost is noticed by the acts that compare it.
   */
  readonly background?:
    | ((live: { readonly progress: () => RunProgress; readonly signal: AbortSignal }) => Promise<void>)
    | undefined;
}

/** Who takes a run up again. */
export interface ResumedBy {
  readonly operator: string;
  readonly host: string;
  readonly bootId: string;
}

/** What resumePlan may be told about single lanes. */
export interface ResumeOptions extends RunnerOptions {
  readonly by: ResumedBy;
  /**
   * Lanes that must not go forward, because a gate refuses them by today's evidence. `back`: the lane is
   * reverted if its commit has not happened; `leave`: it is left as it stands; `close`: somebody else has ended it,
   * and it is closed as it was found. Absent lanes go on.
   */
  readonly refused?: ReadonlyMap<string, Refusal> | undefined;
}

/** How a lane stands after an execution. `incomplete`: a resume goes on. */
export type LaneState = ClosedState | 'incomplete';

/** One lane's result. */
export interface LaneResult {
  readonly lane: string;
  readonly state: LaneState;
  /** Past the point of no return. */
  readonly committed: boolean;
  /** Why it is not done: of an incomplete lane what stopped it, of a reverted or failed one what turned it back. */
  readonly failure: StepFailure | undefined;
  /** Step ids: to be done when their host returns. */
  readonly owed: readonly string[];
  /** Step ids: going back is owed on a host that is away. */
  readonly undoOwed: readonly string[];
  /** Step ids: found done already, so not ours. */
  readonly skipped: readonly string[];
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** From its first record to its last, also over a pause between executions. */
  readonly tookMs: number;
}

/** An execution's result. */
export interface RunResult {
  readonly run: string;
  /** undefined: not closed, a resume goes on. */
  readonly closed: ClosedState | undefined;
  readonly lanes: readonly LaneResult[];
  /** The steps of the whole run; undefined if the plan has none. */
  readonly after: LaneResult | undefined;
  /** What ended it before its time: the operator (`run.stopped`, `run.aborted`) or the journal. */
  readonly stopped: { readonly code: string; readonly reason: string } | undefined;
  /** Of this execution. */
  readonly tookMs: number;
  readonly progress: RunProgress;
}

/**
 * Executes the plan of a journal that holds nothing but it.
 * @throws MailctlError `plan.unknown-action`, ParseError: before anything is done. Whatever happens later is in
 * the result.
 */
export async function runPlan(options: RunnerOptions): Promise<RunResult> {
  return execute(new Session(options), options, new Map());
}

/**
 * Goes on with a run: closed lanes are left alone, a lane that was going back goes on going back, a step that
 * was begun is decided by looking, and what is owed before the commit is tried again. Closed: nothing to do.
 * @throws as runPlan
 */
export async function resumePlan(options: ResumeOptions): Promise<RunResult> {
  return takeUp(options, 'resume', options.refused ?? new Map());
}

/**
 * Reverts every lane that has not committed. A lane past its commit is refused (`plan.committed` in its
 * result): the way back from there is a new plan with all its gates.
 * @throws as runPlan
 */
export async function undoRun(options: ResumeOptions): Promise<RunResult> {
  const reason = `${options.by.operator} undoes the run`;
  const back: Refusal = { way: 'back', reason, code: 'run.undone' };
  const { lanes } = new Session(options).progress;
  const refused = lanes.map(({ lane }) => [lane, options.refused?.get(lane) ?? back] as const);
  return takeUp(options, 'undo', new Map(refused));
}

async function takeUp(
  options: RunnerOptions & { readonly by: ResumedBy },
  how: 'resume' | 'undo',
  refused: ReadonlyMap<string, Refusal>,
): Promise<RunResult> {
  const session = new Session(options);
  if (session.progress.closed === undefined) {
    knowsAllActions(session);
    try {
      const { operator, host, bootId } = options.by;
      await session.record({ kind: 'resumed', operator, host, bootId, how });
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      // Nothing was done, and without a journal nothing will be: every lane says so below.
    }
  }
  return execute(session, options, refused);
}

async function execute(
  session: Session,
  options: RunnerOptions,
  refused: ReadonlyMap<string, Refusal>,
): Promise<RunResult> {
  const startedMs = session.clock.monotonic();
  const ends = new Map<string, LaneEnd>();
  if (session.progress.closed === undefined) {
    knowsAllActions(session);
    const stopBackground = startBackground(session, options);
    try {
      await allLanes(session, refused, ends);
      await afterLanes(session, ends);
    } finally {
      await stopBackground();
    }
  }
  const { progress } = session;
  const stops = [...ends.values()].flatMap((end) => (end.kind === 'stopped' ? [end.failure] : []));
  const stop = stops.find(
    ({ code }) => code === 'journal.write' || code === 'run.aborted' || code === 'run.stopped',
  );
  return {
    run: progress.plan.id,
    closed: progress.closed,
    lanes: progress.lanes.map((lane) => laneResult(lane, ends.get(lane.lane))),
    after: progress.plan.after.length === 0 ? undefined : laneResult(progress.after, ends.get(AFTER)),
    stopped: stop?.code === undefined ? undefined : { code: stop.code, reason: stop.reason },
    tookMs: Math.round(session.clock.monotonic() - startedMs),
    progress,
  };
}

async function allLanes(
  session: Session,
  refused: ReadonlyMap<string, Refusal>,
  ends: Map<string, LaneEnd>,
): Promise<void> {
  const lanes = session.progress.lanes.filter(({ closed }) => closed === undefined);
  const settled = await Promise.allSettled(
    lanes.map(async (lane) => {
      ends.set(lane.lane, await runLane(session, lane.lane, refused.get(lane.lane)));
    }),
  );
  // A broken invariant is a bug of ours: told once the other lanes have ended, never at their cost.
  for (const each of settled) if (each.status === 'rejected') throw each.reason;
}

/** The steps of the whole run, if a lane is done, and the closing of the run, if all lanes are closed. */
async function afterLanes(session: Session, ends: Map<string, LaneEnd>): Promise<void> {
  const isStopped = [...ends.values()].some(
    (end) =>
      end.kind === 'stopped' && (end.failure.code === 'run.stopped' || end.failure.code === 'run.aborted'),
  );
  const oneDone = session.progress.lanes.some(({ closed }) => closed === 'done');
  if (oneDone && session.progress.after.steps.length > 0 && !isStopped) {
    ends.set(AFTER, await runLane(session, AFTER));
  }
  const state = closedStateOf(session.progress.lanes);
  const afterDone = !oneDone || nextStep(session.progress.after) === undefined;
  if (state === undefined || !afterDone) return;
  try {
    await session.record({ kind: 'closed', state });
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    ends.set(AFTER, { kind: 'stopped', failure: { step: '', reason: error.reason, code: error.code } });
  }
}

function startBackground(session: Session, options: RunnerOptions): () => Promise<void> {
  const { background } = options;
  if (background === undefined) return async () => {};
  const controller = new AbortController();
  const running = background({ progress: () => session.progress, signal: controller.signal }).catch(
    (error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      if (!controller.signal.aborted) session.emit({ kind: 'note', lane: AFTER, step: '', text });
    },
  );
  return async () => {
    controller.abort();
    await session.orAbort(running).catch(() => {});
  };
}

/** A journal of a newer mailctl may name what this one cannot do: said before anything is touched. */
function knowsAllActions(session: Session): void {
  const { plan } = session.progress;
  const unknown = [...plan.lanes.flatMap(({ steps }) => steps), ...plan.after].find(
    ({ action }) => !session.actions.has(action),
  );
  if (unknown === undefined) return;
  throw new MailctlError(`run ${plan.id}: this mailctl does not know the action ${unknown.action}`, {
    code: 'plan.unknown-action',
    exitCode: EXIT.failed,
    detail: `step ${unknown.id}: ${unknown.title}`,
    hint: 'go on with the version of mailctl that began the run',
  });
}

// What turned a lane back outlives the failures on its way back, which were got over.
function whyNotDone(lane: LaneProgress): StepFailure | undefined {
  if (lane.failure !== undefined || lane.reverting === undefined) return lane.failure;
  return { step: '', reason: lane.reverting.reason, code: undefined };
}

/** What a lane's progress says as a result; `end` is what this execution adds to it. */
export function laneResult(lane: LaneProgress, end?: LaneEnd): LaneResult {
  const { startedAt, endedAt } = lane;
  return {
    lane: lane.lane,
    state: lane.closed ?? (end?.kind === 'closed' ? 'done' : 'incomplete'),
    committed: isCommitted(lane),
    failure: end?.kind === 'stopped' ? end.failure : lane.closed === 'done' ? undefined : whyNotDone(lane),
    owed: owedSteps(lane),
    undoOwed: lane.steps.filter(({ undoOwed }) => undoOwed).map(({ step }) => step.id),
    skipped: lane.steps.filter(({ state }) => state === 'skipped').map(({ step }) => step.id),
    startedAt,
    endedAt,
    tookMs:
      startedAt === undefined || endedAt === undefined
        ? 0
        : Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)),
  };
}
