// A plan for people: every step, its host, the commands it would run, and where it stands. Pure. The texts may
// hold what a host or a site's file said: escape them before a terminal.
import type { ActionTable } from './action.js';
import type { Look } from './look.js';
import type { Plan } from './plan.js';
import { AFTER, laneOf, type RunProgress, type StepProgress } from './progress.js';
import type { Phase, Step } from './step.js';

/** One step, described. */
export interface DescribedStep {
  readonly id: string;
  readonly phase: Phase;
  /** Empty for steps about no host. */
  readonly host: string;
  readonly title: string;
  /** What act would run, one a line; empty for a wait, or an action that this mailctl does not know. */
  readonly commands: readonly string[];
  /** `done already`, `to do`, `not yet: ...`; undefined where nothing is said. */
  readonly where: string | undefined;
}

/** One lane, described; `lane` is empty for the steps of the whole run. */
export interface DescribedLane {
  readonly lane: string;
  readonly steps: readonly DescribedStep[];
}

/** Where a step stands, in words. */
export type Standing = (lane: string, step: Step) => string | undefined;

/** Describes all lanes in the plan's order, then the steps of the whole run if there are any. */
export function describePlan(plan: Plan, actions: ActionTable, where: Standing): readonly DescribedLane[] {
  const all = [...plan.lanes, ...(plan.after.length > 0 ? [{ id: AFTER, steps: plan.after }] : [])];
  return all.map(({ id, steps }) => ({
    lane: id,
    steps: steps.map((step) => ({
      id: step.id,
      phase: step.phase,
      host: step.host,
      title: step.title,
      commands: actions.get(step.action)?.preview(step) ?? [],
      where: where(id, step),
    })),
  }));
}

/** For `--dry-run`: where a step stands by a look at it now. */
export function standingByLook(looks: ReadonlyMap<string, ReadonlyMap<string, Look>>): Standing {
  return (lane, step) => {
    const look = looks.get(lane)?.get(step.id);
    return look === undefined ? undefined : describeLook(look, step);
  };
}

/** For `runs show`: where a step stands by the journal. */
export function standingByProgress(progress: RunProgress): Standing {
  return (lane, step) => {
    const found = laneOf(progress, lane)?.steps.find((each) => each.step.id === step.id);
    return found === undefined ? undefined : describeProgress(found);
  };
}

/** `done already`, or why not yet: an earlier step of the plan will often clear that. */
export function describeLook(look: Look, step: Step): string {
  switch (look.state) {
    case 'done':
      return withNote('done already', look.note);
    case 'todo':
      return withNote('to do', look.note);
    case 'blocked':
      return `not yet: ${look.reason}`;
    case 'rewind':
      return `not yet, first again from ${look.to}: ${look.reason}`;
    case 'away':
      return `${step.mayBeOwed === true ? 'would be owed' : 'cannot be done'}: ${look.reason}`;
    case 'unseen':
      return `not known: ${look.reason}`;
  }
}

function describeProgress({ state, reason, undoOwed, endedAt, startedAt }: StepProgress): string {
  if (undoOwed) return withNote('taking it back is owed', reason);
  switch (state) {
    case 'todo':
      return 'to do';
    case 'began':
      return `begun ${startedAt}, its outcome is not recorded`;
    case 'did':
      return withNote(`done ${endedAt}`, reason);
    case 'skipped':
      return withNote('was done already', reason);
    case 'owed':
      return withNote('owed', reason);
    case 'failed':
      return withNote(`failed ${endedAt}`, reason);
    case 'undone':
      return `taken back ${endedAt}`;
  }
}

const withNote = (text: string, note: string | undefined): string =>
  note === undefined || note === '' ? text : `${text}: ${note}`;

/** The description as lines of text: a heading per lane, a line per step, its commands below it. */
export function describeLines(lanes: readonly DescribedLane[]): readonly string[] {
  return lanes.flatMap(({ lane, steps }, index) => [
    ...(index > 0 ? [''] : []),
    lane === AFTER ? 'after all slots' : lane,
    ...steps.flatMap(({ title, phase, where, commands }, at) => [
      `${String(at + 1).padStart(3)}  ${phase === 'commit' ? `${title}  (no way back from here)` : title}${
        where === undefined ? '' : `  [${where}]`
      }`,
      ...commands.map((command) => `       ${command}`),
    ]),
  ]);
}
