// Takes an interrupted run up again: opens its journal (and so its lock), looks at its slots, judges the lanes that
// have not committed anew, and lets the runner go on or back.

import { DRAIN_KIND } from '../../drain/plan-drain.js';
import { EXIT, MailctlError } from '../../errors.js';
import { readJournal } from '../../journal/read-journal.js';
import { findRun } from '../../journal/store.js';
import { cutOffLines, endScreen } from '../../output/screens/failover.js';
import type { Plan } from '../../plan/plan.js';
import { foldJournal, isCommitted, type RunProgress } from '../../plan/progress.js';
import type { Refusal } from '../../plan/run-lane.js';
import { CHANGE_KINDS } from '../../queue/plan-change.js';
import type { Decision, FailoverWishes } from '../../slot/decide.js';
import { decisionOfLane } from '../../slot/failover.js';
import { storeSamples } from '../../slot/list.js';
import { laneOutcome, overallOutcome } from '../../slot/outcome.js';
import { exitOf } from '../../slot/overall.js';
import { prepareFailover } from '../../slot/prepare-failover.js';
import type { Slot } from '../../slot/slot.js';
import { refusalsOf } from '../../slot/take-up.js';
import { TENDING_KINDS } from '../../slot/tend.js';
import type { Context } from '../context.js';
import { FAILOVER_SCHEMA } from '../failover.js';
import { failoverColumns, failoverDocument } from '../failover-json.js';
import { endOfRun } from '../slots/end-of-run.js';
import { exitAfter, lookAgain, runSlots } from '../slots/run-slots.js';
import { sightErrors } from '../slots/sight-errors.js';
import { surroundingsOf } from '../slots/surroundings.js';
import { waitingDesk } from '../slots/waiting-desk.js';
import { askTakeUp, reopenRun } from './open-run.js';

/** What is asked. */
export interface TakeUpRequest {
  readonly run: string;
  readonly yes: boolean;
  readonly how: 'resume' | 'undo';
  /** Of a run that takes it back. */
  readonly reason?: string | undefined;
}

/** Goes on or back; undefined: an undo of a run that has nothing left to revert (the caller moves back). */
export async function takeUpRun(request: TakeUpRequest, context: Context): Promise<number | undefined> {
  const stateDir = await context.stateDir();
  const { run, file } = await findRun(stateDir, request.run);
  const startedAt = context.clock.monotonic();
  const { records } = await readJournal(file);
  const before = foldJournal(records, file);
  if (CHANGE_KINDS.has(before.plan.kind)) {
    const { takeUpChange } = await import('./take-up-change.js');
    return takeUpChange({ ...request, run, file, before }, context);
  }
  if (before.plan.kind === DRAIN_KIND) {
    if (request.how === 'resume') {
      const { resumeDrain } = await import('../drain/resume-session.js');
      return resumeDrain({ run, yes: request.yes }, context);
    }
    const { stopDrain } = await import('../drain/stop-session.js');
    return stopDrain({ run, releaseRest: true, yes: request.yes }, context);
  }
  const isOpen = before.closed === undefined;
  if (!isOpen && request.how === 'undo') return undefined;
  if (!isOpen) return reportClosed(context, before);
  if (
    request.how === 'undo' &&
    before.lanes.every((lane) => lane.closed !== undefined || isCommitted(lane))
  ) {
    throw new MailctlError(
      `run ${run} is not finished, and what is left of it is past its point of no return`,
      {
        code: 'plan.committed',
        exitCode: EXIT.failed,
        hint: `mailctl runs resume ${run}   first, then undo it`,
      },
    );
  }
  if (before.plan.kind === 'rejoin') {
    const { resumeRejoin } = await import('./resume-rejoin.js');
    return resumeRejoin({ run, file, before, yes: request.yes, how: request.how }, context);
  }
  if (before.plan.kind === 'seed') {
    const { resumeSeed } = await import('../replication/seed-session.js');
    return resumeSeed({ run, file, before, yes: request.yes, how: request.how }, context);
  }
  if (TENDING_KINDS.has(before.plan.kind)) {
    const { resumeTending } = await import('../replication/tend.js');
    return resumeTending(request, file, before.plan, context);
  }
  // An undo that was interrupted is gone on with, and does what was asked.
  const isUndo =
    request.how === 'undo' || records.some((one) => one.kind === 'resumed' && one.how === 'undo');
  // Before any host is asked; a run that is closed asks nothing.
  if (!request.yes) (await context.prompt()).requireTerminal();

  const config = await context.config();
  const directory = await context.directory();
  const around = await surroundingsOf(context);
  const samples = await context.samples();
  const wishes = wishesOf(before.plan);
  // Slots that the directory no longer knows are left to the steps, which say so.
  const known = new Set((await directory.list()).map((slot) => slot.slot));
  const open = before.lanes.filter((lane) => lane.closed === undefined && known.has(lane.lane));
  const prepared = await prepareFailover(
    open.map((lane) => lane.lane),
    wishes,
    { directory, samples, around, clock: context.clock },
  );
  await storeSamples(samples, prepared.slots, prepared.sight, context.clock);

  const ended = refusalsOf(before, prepared, request.how);
  const refused = isUndo && request.how === 'resume' ? new Map([...goingBack(before), ...ended]) : ended;
  for (const line of summary(request, before, refused)) context.note(line);
  const left = await askTakeUp(context, { run, how: request.how, yes: request.yes }, `take run ${run} back?`);
  if (left !== null) return left;

  const desk = await waitingDesk(context, around);
  const { journal, by } = await reopenRun(context, file);
  try {
    const result = await runSlots(
      context,
      {
        plan: before.plan,
        journal,
        around,
        directory,
        takeOver: [...wishes.takeOver],
        slots: prepared.slots,
        sight: prepared.sight,
        targets: before.plan.target.split(' '),
        refused: 0,
        waiting: desk,
      },
      { how: request.how, by, refused },
    );
    const slots = await directory.list().catch((): readonly Slot[] => prepared.slots);
    const decisions = result.lanes.map((lane): Decision => {
      const slot = slots.find((one) => one.slot === lane.lane) ?? {
        slot: lane.lane,
        master: '',
        state: 'normal',
        version: undefined,
        instances: [],
      };
      return decisionOfLane(
        slot,
        before.plan.lanes.find((one) => one.id === lane.lane),
      );
    });
    const results = decisions.map((decision, index) =>
      laneOutcome(decision, result.lanes[index] as (typeof result.lanes)[number], isUndo),
    );
    const sight = await lookAgain(
      decisions.map((decision) => decision.slot),
      prepared.sight,
      around,
    );
    const isBack =
      isUndo && result.closed !== undefined && results.every((one) => one.outcome === 'reverted');
    const ended = await endOfRun(context, {
      results,
      sight,
      maxLagS: wishes.maxLagS,
      result,
      desk,
      around,
    });
    const outcome = isBack
      ? 'done'
      : result.after?.failure !== undefined || result.stopped !== undefined
        ? 'incomplete'
        : overallOutcome(results, false);
    const exit = exitAfter(context, isBack ? EXIT.done : exitOf(outcome, results));
    const tookMs = context.clock.monotonic() - startedAt - (desk?.spentMs ?? 0);
    await context.output.print({
      schema: FAILOVER_SCHEMA,
      document: () =>
        failoverDocument({
          run,
          outcome,
          tookMs,
          results,
          errors: sightErrors(sight),
          ...ended,
        }),
      rows: results,
      columns: failoverColumns,
      screen: () =>
        isBack
          ? [
              `run ${run} was taken back: ${results.length} ${results.length === 1 ? 'slot is' : 'slots are'} as before`,
              ...cutOffLines(ended.cutOff),
            ]
          : endScreen({
              targets: before.plan.target.split(' '),
              run,
              outcome,
              results,
              tookMs,
              exit,
              interrupted: context.interruption.finish.aborted,
              hasTestAccount: config.stores.testAccount !== undefined,
              ...ended,
              now: context.clock.now(),
            }),
    });
    return exit;
  } finally {
    await journal.close().catch(() => {});
  }
}

/** Lanes of an undo that was interrupted go back, all of them that can; what is past its commit goes on. */
function goingBack({ lanes }: RunProgress): ReadonlyMap<string, Refusal> {
  const back: Refusal = { way: 'back', reason: 'the run was to be taken back', code: 'run.undone' };
  const open = lanes.filter((lane) => lane.closed === undefined && !isCommitted(lane));
  return new Map(open.map(({ lane }) => [lane, back]));
}

async function reportClosed(context: Context, progress: RunProgress): Promise<number> {
  const { id } = progress.plan;
  await context.output.print({
    schema: FAILOVER_SCHEMA,
    document: () => ({
      run: id,
      outcome: 'done',
      took_ms: 0,
      slots: [],
      to_demote: [],
      safe_to_leave: false,
      reasons: [`run ${id} is closed (${progress.closed}); nothing was looked at`],
      errors: [],
      waiting: null,
      roads: [],
      watched: null,
      last_look_at: null,
      cut_off: [],
      unverified_logins: [],
    }),
    rows: [],
    columns: failoverColumns,
    screen: () => [`run ${id} is closed (${progress.closed}): nothing to do`],
  });
  return EXIT.done;
}

function summary(
  request: TakeUpRequest,
  progress: RunProgress,
  refused: ReadonlyMap<string, Refusal>,
): readonly string[] {
  const open = progress.lanes.filter((lane) => lane.closed === undefined);
  const committed = open.filter(isCommitted).length;
  const lines = [
    `run ${progress.plan.id} of ${progress.operator}, ${progress.startedAt}: ${open.length} of ${progress.lanes.length} lanes open, ${committed} of them past the point of no return`,
  ];
  for (const [slot, { way, reason }] of refused)
    lines.push(`${slot}: ${{ back: 'goes back', leave: 'is left alone', close: 'is over' }[way]}: ${reason}`);
  if (request.how === 'undo' && committed > 0)
    lines.push(`${committed} lanes are past the point of no return and are left as they are`);
  return lines;
}

/** What the operator said when the run was begun, from its plan. */
function wishesOf(plan: Plan): FailoverWishes {
  const facts = plan.facts as {
    to?: string | null;
    maxLagS?: number;
    acceptLoss?: readonly string[];
    readOnly?: readonly string[];
    fenced?: string | null;
    overrides?: readonly string[];
    takeOver?: readonly string[];
  };
  const lanes = new Set(plan.lanes.map((lane) => lane.id));
  return {
    to: undefined,
    maxLagS: facts.maxLagS ?? 300,
    acceptLoss: new Set((facts.acceptLoss ?? []).filter((slot) => lanes.has(slot))),
    readOnly: new Set((facts.readOnly ?? []).filter((slot) => lanes.has(slot))),
    fenced: facts.fenced ?? undefined,
    // Only for lanes that will see it done: another one's host was dead when it was planned.
    fence: new Set(
      plan.lanes
        .filter((lane) => lane.steps.some((step) => step.action === 'host.fence'))
        .map((lane) => lane.id),
    ),
    overrides: new Set(
      (facts.overrides ?? []).filter((word) => lanes.has(word.slice(word.indexOf(':') + 1))),
    ),
    takeOver: new Set([...(facts.takeOver ?? []), plan.id]),
  };
}
