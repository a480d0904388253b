// A run's journal as the commands show it: its fold, where every step stands, what was judged, what to do next.
// Pure but for `readRun`, which reads the journal and asks who holds it. What stands in a journal may be anything:
// facts that are not as we write them are left out.

import { EXIT } from '../../errors.js';
import { type LockHolder, lockHolder } from '../../journal/lock.js';
import { readJournal } from '../../journal/read-journal.js';
import type { JournalRecord } from '../../journal/record.js';
import { findRun, type RunState } from '../../journal/store.js';
import type { Clock } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { counted } from '../../lib/count-text.js';
import type { RecordRow, StepView } from '../../output/columns/runs.js';
import type { LaneView, RunView } from '../../output/screens/runs.js';
import type { ActionTable } from '../../plan/action.js';
import { type DescribedStep, describePlan, standingByProgress } from '../../plan/describe.js';
import type { Json, Plan } from '../../plan/plan.js';
import { AFTER, foldJournal, isCommitted, type LaneProgress, type RunProgress } from '../../plan/progress.js';
import { CHANGE_KINDS } from '../../queue/plan-change.js';

/** A journal as it was read. */
export interface ReadRun {
  readonly run: string;
  readonly file: string;
  readonly records: readonly JournalRecord[];
  readonly holder: LockHolder | 'unknown' | undefined;
}

/**
 * Finds and reads a run.
 * @throws UsageError when there is none of that name; ParseError when its journal cannot be read
 */
export async function readRun(stateDir: string, prefix: string, clock: Clock): Promise<ReadRun> {
  const { run, file } = await findRun(stateDir, prefix);
  // Asked first: a run that ends between the two looks is then read with its last record.
  const holder = await lockHolder(file, clock);
  const { records } = await readJournal(file);
  return { run, file, records, holder };
}

/** The state of a run by its fold and by whether its holder lives. */
export function stateOfRun(progress: RunProgress, isHeld: boolean): RunState {
  return progress.closed ?? (isHeld ? 'running' : 'incomplete');
}

/** What the run came to, as an exit code: what the command that began it would have said of its lanes. */
export function exitOfRun(progress: RunProgress, state: RunState): number {
  if (state === 'done') return EXIT.done;
  if (state === 'incomplete' || state === 'running') return EXIT.incomplete;
  return progress.lanes.some((lane) => lane.closed === 'done') ? EXIT.partial : EXIT.failed;
}

/**
 * The view. `actions` say what each step would run; without them no commands are shown.
 * @throws ParseError when the records do not fit the plan
 */
export function runView({ file, records, holder }: ReadRun, actions?: ActionTable): RunView {
  const progress = foldJournal(records, file);
  const { plan } = progress;
  const state = stateOfRun(progress, holder !== undefined);
  const described = describePlan(plan, actions ?? new Map(), standingByProgress(progress));
  const laneOf = (lane: LaneProgress) =>
    laneView(lane, plan, described.find((one) => one.lane === lane.lane)?.steps ?? [], holder !== undefined);
  const lanes = progress.lanes.map(laneOf);
  const hasEnded = progress.closed !== undefined;
  return {
    run: plan.id,
    kind: plan.kind,
    target: plan.target,
    reason: plan.reason ?? null,
    state,
    operator: progress.operator,
    host: progress.host,
    startedAt: progress.startedAt,
    endedAt: hasEnded ? progress.at : null,
    lastAt: progress.at,
    resumes: progress.resumes,
    holder: hasEnded || holder === undefined ? null : holder,
    lanes,
    after: plan.after.length === 0 ? null : laneOf(progress.after),
    refused: listOf(fieldsOf(plan.facts).refused).map((one) => ({
      slot: textOf(one.slot) ?? '?',
      gate: textOf(one.gate) ?? '?',
      reason: textOf(one.reason) ?? '',
    })),
    notes: records.flatMap((record) =>
      record.kind === 'note' ? [{ at: record.at, lane: record.lane, text: record.text }] : [],
    ),
    next: nextOf(plan, state, lanes),
  };
}

function laneView(
  lane: LaneProgress,
  plan: Plan,
  described: readonly DescribedStep[],
  isHeld: boolean,
): LaneView {
  const facts = fieldsOf(plan.lanes.find((one) => one.id === lane.lane)?.facts ?? null);
  const steps = lane.steps.map((each, index): StepView => {
    const { step, state, undoOwed, startedAt, endedAt, reason, code } = each;
    return {
      id: step.id,
      phase: step.phase,
      host: step.host,
      title: step.title,
      state,
      undoOwed,
      standing: described[index]?.where ?? '',
      startedAt: startedAt ?? null,
      endedAt: endedAt ?? null,
      reason: reason === undefined || reason === '' ? null : reason,
      code: code ?? null,
      commands: described[index]?.commands ?? [],
    };
  });
  // The steps of the whole run have no closing record of their own.
  const isBehind = lane.lane === AFTER && steps.every(({ state }) => state === 'did' || state === 'skipped');
  return {
    lane: lane.lane,
    state: lane.closed ?? (isBehind ? 'done' : isHeld ? 'running' : 'incomplete'),
    untouched: lane.startedAt === undefined,
    committed: isCommitted(lane),
    reverting: lane.reverting?.reason ?? null,
    from: textOf(facts.from),
    to: textOf(facts.to),
    possibleLossS: typeof facts.possibleLossS === 'number' ? facts.possibleLossS : null,
    finishes: textOf(facts.finishes),
    evidence: listOf(facts.evidence).map((one) => ({
      kind: textOf(one.kind) ?? '?',
      at: textOf(one.at) ?? '?',
      value: textOf(one.value) ?? '',
    })),
    words: listOf(facts.words).map((one) => ({
      gate: textOf(one.gate) ?? '?',
      word: textOf(one.word) ?? '?',
      reason: textOf(one.reason) ?? '',
    })),
    failure: lane.failure === undefined ? null : { ...lane.failure, code: lane.failure.code ?? null },
    startedAt: lane.startedAt ?? null,
    endedAt: lane.endedAt ?? null,
    steps,
  };
}

function nextOf(plan: Plan, state: RunState, lanes: readonly LaneView[]): RunView['next'] {
  const say = (words: readonly string[], purpose: string) => ({
    command: formatCommand(['mailctl', ...words]),
    purpose,
  });
  const isChange = CHANGE_KINDS.has(plan.kind);
  switch (state) {
    case 'running':
      return say(['runs', 'attach', plan.id], 'follows it');
    case 'incomplete':
      return !isChange && lanes.some((lane) => lane.committed)
        ? say(['runs', 'resume', plan.id], 'goes on')
        : say(['runs', 'resume', plan.id], `goes on; runs undo ${plan.id} takes it back`);
    case 'done':
      return isChange
        ? say(['queue', 'list'], 'what there is now')
        : say(['slots', 'list'], 'what there is now');
    default:
      if (isChange) return say(['queue', 'list'], 'what there is now');
      return plan.kind === 'failover'
        ? say(['failover', ...plan.target.split(' ')], 'tries again')
        : say(['slots', 'list'], 'what there is now');
  }
}

/** The view as `mailctl/run-show/v1` carries it. */
export function runJson(view: RunView): object {
  return {
    run: view.run,
    kind: view.kind,
    target: view.target,
    state: view.state,
    reason: view.reason,
    started_at: view.startedAt,
    ended_at: view.endedAt,
    last_record_at: view.lastAt,
    operator: view.operator,
    host: view.host,
    resumes: view.resumes,
    holder: view.holder,
    lanes: view.lanes.map(laneJson),
    after: view.after === null ? null : laneJson(view.after),
    refused: view.refused,
    notes: view.notes,
    next: view.next.command,
  };
}

function laneJson(lane: LaneView): object {
  const owed = lane.steps.filter(({ state }) => state === 'owed');
  return {
    lane: lane.lane,
    state: lane.state,
    committed: lane.committed,
    reverting: lane.reverting,
    from: lane.from,
    to: lane.to,
    possible_loss_s: lane.possibleLossS,
    finishes: lane.finishes,
    evidence: lane.evidence,
    words: lane.words,
    failure: lane.failure,
    owed: owed.map(({ id, host, title, reason }) => ({ step: id, host, title, reason })),
    undo_owed: lane.steps.filter(({ undoOwed }) => undoOwed).map(({ id }) => id),
    started_at: lane.startedAt,
    ended_at: lane.endedAt,
    steps: lane.steps.map((step) => ({
      step: step.id,
      phase: step.phase,
      host: step.host,
      title: step.title,
      state: step.state,
      standing: step.standing,
      started_at: step.startedAt,
      ended_at: step.endedAt,
      reason: step.reason,
      code: step.code,
      commands: step.commands,
    })),
  };
}

/** A record as a short sentence; `plan` gives the steps their titles. */
export function recordRow(record: JournalRecord, plan: Plan): RecordRow {
  const lane = 'lane' in record ? record.lane : '';
  const step = 'step' in record ? record.step : null;
  return { at: record.at, seq: record.seq, lane, kind: record.kind, step, what: sentence(record, plan) };
}

function sentence(record: JournalRecord, plan: Plan): string {
  const title = (step: string) => titleOf(plan, 'lane' in record ? record.lane : '', step);
  const noted = (text: string, note: string | undefined) =>
    note === undefined || note === '' ? text : `${text}: ${note}`;
  switch (record.kind) {
    case 'opened':
      return `run ${plan.id} begins: ${plan.kind} ${plan.target}, ${counted(plan.lanes.length, 'lane')}, by ${record.operator} on ${record.host}`;
    case 'began':
      return `begins: ${title(record.step)}`;
    case 'did':
      return noted(`done: ${title(record.step)}`, record.note);
    case 'skipped':
      return noted(`was so already: ${title(record.step)}`, record.note);
    case 'owed':
      return `owed: ${title(record.step)}: ${record.reason}`;
    case 'failed':
      return `FAILED: ${title(record.step)}: ${record.reason}`;
    case 'reverting':
      return record.to === undefined
        ? `goes back: ${record.reason}`
        : `again from ${title(record.to)}: ${record.reason}`;
    case 'undone':
      return `taken back: ${title(record.step)}`;
    case 'lane-closed':
      return `${record.lane} is ${record.state}`;
    case 'resumed':
      return `${record.how === 'undo' ? 'is being taken back' : 'is taken up again'} by ${record.operator} on ${record.host}`;
    case 'note':
      return record.text;
    case 'closed':
      return `run ${plan.id} is ${record.state}`;
  }
}

function titleOf(plan: Plan, lane: string, id: string): string {
  const steps = lane === AFTER ? plan.after : (plan.lanes.find((one) => one.id === lane)?.steps ?? []);
  return steps.find((step) => step.id === id)?.title ?? id;
}

type Fields = { readonly [key: string]: unknown };

function fieldsOf(value: Json | undefined): Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map((one) => fieldsOf(one as Json)) : [];
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
