// Where are we? A pure fold over a journal's records, one record at a time, so that the runner, a resume on
// another day, `runs list`, `runs attach` and the live screen all see the same. What is to be done next is
// read off it too (nextStep, nextUndo), which makes a fresh run the resume of a journal with one record.
import { ParseError } from '../errors.js';
import type { ClosedState, JournalRecord } from '../journal/record.js';
import { parsePlan } from './parse-plan.js';
import type { Plan } from './plan.js';
import type { Phase, Step } from './step.js';

/** Lane id of the steps of the whole run (`plan.after`). */
export const AFTER = '';

/** `undone` is to be done again if the lane goes forward. */
export type StepState = 'todo' | 'began' | 'did' | 'skipped' | 'owed' | 'failed' | 'undone';

/** One step, so far. Times are the journal's, ISO 8601 UTC. */
export interface StepProgress {
  readonly step: Step;
  readonly state: StepState;
  /** A `began` that no `undone` has answered: the act may have happened, and a revert must undo it. */
  readonly began: boolean;
  /** Its undo met a host that is away. */
  readonly undoOwed: boolean;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** Its act was `begun` at some time, or even `seen` done, whatever was taken back later. */
  readonly happened: 'begun' | 'seen' | undefined;
  /** Of the last record: a note, or why it is owed or failed. */
  readonly reason: string | undefined;
  readonly code: string | undefined;
}

/** Why a lane stopped. */
export interface StepFailure {
  readonly step: string;
  readonly reason: string;
  readonly code: string | undefined;
}

/** One lane, so far. */
export interface LaneProgress {
  readonly lane: string;
  readonly steps: readonly StepProgress[];
  /** Going back: to just before the step `to`, or to the start for good. */
  readonly reverting: { readonly to: string | undefined; readonly reason: string } | undefined;
  /** How often it went back to go on anew. */
  readonly rewinds: number;
  /** The last failure that nothing has followed yet. */
  readonly failure: StepFailure | undefined;
  /** Something was begun at some time. */
  readonly touched: boolean;
  readonly closed: ClosedState | undefined;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
}

/** A run, so far. */
export interface RunProgress {
  readonly plan: Plan;
  readonly operator: string;
  readonly host: string;
  readonly bootId: string;
  readonly startedAt: string;
  /** Of the last record. */
  readonly at: string;
  readonly seq: number;
  /** In the plan's order. */
  readonly lanes: readonly LaneProgress[];
  /** The steps of the whole run. */
  readonly after: LaneProgress;
  /** How often it was taken up again. */
  readonly resumes: number;
  readonly closed: ClosedState | undefined;
}

const untouched = (step: Step): StepProgress => ({
  step,
  state: 'todo',
  began: false,
  undoOwed: false,
  happened: undefined,
  startedAt: undefined,
  endedAt: undefined,
  reason: undefined,
  code: undefined,
});

const newLane = (lane: string, steps: readonly Step[]): LaneProgress => ({
  lane,
  steps: steps.map(untouched),
  reverting: undefined,
  rewinds: 0,
  failure: undefined,
  touched: false,
  closed: undefined,
  startedAt: undefined,
  endedAt: undefined,
});

/**
 * Folds a journal.
 * @param where the journal's name, for errors
 * @throws ParseError when the plan is none, or a record speaks of what is not in it
 */
export function foldJournal(records: readonly JournalRecord[], where: string): RunProgress {
  const [opened, ...rest] = records;
  if (opened?.kind !== 'opened') throw new ParseError(where, 'no first record');
  const plan = parsePlan(opened.plan, where);
  const start: RunProgress = {
    plan,
    operator: opened.operator,
    host: opened.host,
    bootId: opened.bootId,
    startedAt: opened.at,
    at: opened.at,
    seq: opened.seq,
    lanes: plan.lanes.map((lane) => newLane(lane.id, lane.steps)),
    after: newLane(AFTER, plan.after),
    resumes: 0,
    closed: undefined,
  };
  return rest.reduce((progress, record) => applyRecord(progress, record, where), start);
}

/** Folds one more record. @throws ParseError when it speaks of what is not in the plan */
export function applyRecord(progress: RunProgress, record: JournalRecord, where = 'journal'): RunProgress {
  const next = { ...progress, at: record.at, seq: record.seq };
  switch (record.kind) {
    case 'opened':
      throw new ParseError(`${where}:${record.seq}`, 'opened a second time');
    case 'closed':
      return { ...next, closed: record.state };
    case 'resumed':
      // What stopped a lane is history now; its step still says `failed`.
      return {
        ...next,
        resumes: progress.resumes + 1,
        lanes: progress.lanes.map((lane) =>
          lane.closed === undefined ? { ...lane, failure: undefined } : lane,
        ),
        after: { ...progress.after, failure: undefined },
      };
    case 'note':
      return next;
    default: {
      const before = laneOf(progress, record.lane);
      if (before === undefined) {
        throw new ParseError(
          `${where}:${record.seq}`,
          `lane ${JSON.stringify(record.lane)} is not in the plan`,
        );
      }
      const lane = applyToLane(before, record, where);
      if (record.lane === AFTER) return { ...next, after: lane };
      const lanes = progress.lanes.map((each) => (each === before ? lane : each));
      // The steps of the whole run are for every lane that is done: one more, and they are to be done again.
      const again = record.kind === 'lane-closed' && record.state === 'done';
      return { ...next, lanes, after: again ? newLane(AFTER, progress.plan.after) : progress.after };
    }
  }
}

type LaneRecord = Exclude<JournalRecord, { readonly kind: 'opened' | 'closed' | 'resumed' | 'note' }>;

function applyToLane(lane: LaneProgress, record: LaneRecord, where: string): LaneProgress {
  if (record.kind === 'lane-closed') return { ...lane, closed: record.state, endedAt: record.at };
  const base = { ...lane, startedAt: lane.startedAt ?? record.at, endedAt: record.at };
  const name = record.kind === 'reverting' ? record.to : record.step;
  const index = name === undefined ? 0 : lane.steps.findIndex(({ step }) => step.id === name);
  const old = lane.steps[index];
  if (old === undefined && name !== undefined) {
    throw new ParseError(
      `${where}:${record.seq}`,
      `step ${JSON.stringify(name)} is not in lane ${lane.lane}`,
    );
  }
  if (record.kind === 'reverting') {
    const reverting = { to: record.to, reason: record.reason };
    if (record.to === undefined) return { ...base, reverting };
    // What follows `to` and was not begun is simply to be done again; what was begun is undone first.
    const steps = lane.steps.map((each, at) => (at < index || each.began ? each : untouched(each.step)));
    return rewound({ ...base, steps, reverting, rewinds: lane.rewinds + 1, failure: undefined });
  }
  if (old === undefined) return base;
  const changed = applyToStep(old, record, lane.reverting !== undefined);
  const failure: StepFailure | undefined =
    record.kind === 'failed'
      ? { step: record.step, reason: record.reason, code: record.code }
      : lane.failure?.step === record.step && record.kind !== 'undone'
        ? undefined
        : lane.failure;
  const steps = lane.steps.map((each, at) => (at === index ? changed : each));
  return rewound({ ...base, steps, failure, touched: lane.touched || record.kind === 'began' });
}

type StepRecord = Exclude<LaneRecord, { readonly kind: 'lane-closed' | 'reverting' }>;

function applyToStep(old: StepProgress, record: StepRecord, reverting: boolean): StepProgress {
  const ended = { ...old, startedAt: old.startedAt ?? record.at, endedAt: record.at, code: undefined };
  switch (record.kind) {
    case 'began':
      return {
        ...ended,
        state: 'began',
        began: true,
        happened: old.happened ?? 'begun',
        startedAt: record.at,
        endedAt: undefined,
        reason: undefined,
      };
    case 'did':
      return { ...ended, state: 'did', happened: old.began ? 'seen' : old.happened, reason: record.note };
    case 'skipped':
      return { ...ended, state: 'skipped', reason: record.note };
    case 'owed':
      // Going back it is the undo that is owed; the step itself stands as it stood.
      return reverting
        ? { ...ended, undoOwed: true, reason: record.reason }
        : { ...ended, state: 'owed', reason: record.reason };
    case 'failed':
      return { ...ended, state: 'failed', reason: record.reason, code: record.code };
    case 'undone':
      return { ...ended, state: 'undone', began: false, undoOwed: false, reason: undefined };
  }
}

/** Ends a rewind once nothing after its target is begun any more. */
function rewound(lane: LaneProgress): LaneProgress {
  if (lane.reverting?.to === undefined || toUndo(lane).length > 0) return lane;
  return { ...lane, reverting: undefined };
}

/** The lane of that id; AFTER gives the steps of the whole run. */
export function laneOf(progress: RunProgress, id: string): LaneProgress | undefined {
  return id === AFTER ? progress.after : progress.lanes.find((lane) => lane.lane === id);
}

/** The first step that is not behind us; undefined: all are. */
export function nextStep(lane: LaneProgress): StepProgress | undefined {
  return lane.steps.find(({ state }) => state !== 'did' && state !== 'skipped' && state !== 'owed');
}

/** What a lane that goes back has still to undo, in the order of undoing. */
export function toUndo(lane: LaneProgress): readonly StepProgress[] {
  const to = lane.reverting?.to;
  const from = to === undefined ? 0 : lane.steps.findIndex(({ step }) => step.id === to);
  return lane.steps
    .slice(from)
    .filter(({ began }) => began)
    .reverse();
}

/** Past the point of no return: its commit is done, or, where it has none, a settle step was begun. */
export function isCommitted(lane: LaneProgress): boolean {
  const commit = lane.steps.find(({ step }) => step.phase === 'commit');
  if (commit !== undefined) return commit.state === 'did' || commit.state === 'skipped';
  return lane.steps.some(
    ({ step, began, state }) => step.phase === 'settle' && (began || state === 'skipped'),
  );
}

/** The phase that a lane is in: that of its next step; settle when nothing is left. */
export function phaseOf(lane: LaneProgress): Phase {
  return nextStep(lane)?.step.phase ?? 'settle';
}

/** Ids of the steps that are owed: done when their host returns. */
export function owedSteps(lane: LaneProgress): readonly string[] {
  return lane.steps.filter(({ state }) => state === 'owed').map(({ step }) => step.id);
}

/**
 * How a run whose lanes are all closed is closed: `done` if all are, `reverted` if none is done and one was
 * undone, else `failed` (its lanes tell what was reached). undefined: not all are closed.
 */
export function closedStateOf(lanes: readonly LaneProgress[]): ClosedState | undefined {
  if (lanes.some(({ closed }) => closed === undefined)) return undefined;
  if (lanes.every(({ closed }) => closed === 'done')) return 'done';
  if (lanes.some(({ closed }) => closed === 'done')) return 'failed';
  return lanes.some(({ closed }) => closed === 'reverted') ? 'reverted' : 'failed';
}
