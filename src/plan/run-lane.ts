// One lane, from where its records say it stands to its end: forward step by step, or back. The rules:
//   began is on disk before the act (*); an error decides nothing, looking does (*); prepare goes back, commit
//   goes back only if it was seen not to have happened, settle never goes back (*).
// Every decision is read off the journal's fold, so that a crash between any two lines is just a resume.
// It knows nothing of other lanes, and nothing of what the actions do.
import { EXIT, MailctlError } from '../errors.js';
import type { Action } from './action.js';
import { codeOf, hasEnded, isAway, type Look, lookFirst, lookUntilDone, reasonOf } from './look.js';
import {
  AFTER,
  isCommitted,
  type LaneProgress,
  nextStep,
  type StepFailure,
  type StepProgress,
  type StepState,
  toUndo,
} from './progress.js';
import { type Session, Stopped } from './session.js';
import type { Step } from './step.js';

/** After this many rewinds the lane is reverted: a host that comes and goes must not keep it for ever. */
export const MAX_REWINDS = 3;

/** ms after which a host that was lost under an act of prepare is taken for away. */
const GONE_MS = 12_000;

/**
 * ms after which what was seen before an act is looked at again: a journal on a sick disk, or a process that stood
 * still, may have kept it waiting for minutes while the hosts came back.
 */
const STALE_MS = 10_000;

/** Where an execution left a lane. */
export type LaneEnd =
  | { readonly kind: 'closed' }
  /** Nothing more can be done now; a resume goes on. */
  | { readonly kind: 'stopped'; readonly failure: StepFailure };

/** Why a lane is not to go on, and what becomes of it: see ResumeOptions in runner.ts. */
export type Refusal = { readonly reason: string; readonly code: string } & (
  | { readonly way: 'back' | 'leave' }
  | { readonly way: 'close'; readonly state: 'done' | 'reverted' }
);

/** How one step went. */
type StepEnd =
  | { readonly kind: 'on' }
  | { readonly kind: 'rewind'; readonly to: string; readonly reason: string }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      readonly code: string | undefined;
      /** What was seen last. */
      readonly last: Look['state'];
      /** Another run has what this lane needs. */
      readonly busy: boolean;
    };

const on: StepEnd = { kind: 'on' };

/** Runs a lane until it is closed or stops. */
export async function runLane(session: Session, id: string, refusal?: Refusal): Promise<LaneEnd> {
  const lane = new LaneRun(session, id);
  try {
    return await lane.run(refusal);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    const at = nextStep(session.lane(id))?.step.id ?? '';
    return { kind: 'stopped', failure: { step: at, reason: error.reason, code: error.code } };
  }
}

class LaneRun {
  readonly #session: Session;
  readonly #id: string;
  /** Steps whose undo was found owed in this execution: not tried again in it. */
  readonly #undoOwed = new Set<string>();
  #hasLookedBack = false;

  constructor(session: Session, id: string) {
    this.#session = session;
    this.#id = id;
  }

  get #lane(): LaneProgress {
    return this.#session.lane(this.#id);
  }

  async run(refusal: Refusal | undefined): Promise<LaneEnd> {
    if (this.#lane.closed !== undefined) return { kind: 'closed' };
    if (refusal?.way === 'leave') return this.#stop(refusal.reason, refusal.code);
    if (refusal?.way === 'close') return this.#closeAsFound(refusal.reason, refusal.state);
    const end =
      (await this.#holdWhatLapses()) ?? (refusal === undefined ? undefined : await this.#turnBack(refusal));
    if (end !== undefined) return end;
    for (;;) {
      const end = this.#lane.reverting === undefined ? await this.#forward() : await this.#back();
      if (end !== undefined) return end;
    }
  }

  /** Writes down that the lane has been ended by somebody else; nothing of it is done or undone here. */
  async #closeAsFound(text: string, state: 'done' | 'reverted'): Promise<LaneEnd> {
    await this.#session.record({ kind: 'note', lane: this.#id, text });
    await this.#session.record({ kind: 'lane-closed', lane: this.#id, state });
    return { kind: 'closed' };
  }

  /** Sends the lane back for good, if its commit has not happened. */
  async #turnBack({ reason }: Refusal): Promise<LaneEnd | undefined> {
    const { reverting, steps } = this.#lane;
    if (reverting !== undefined && reverting.to === undefined) return undefined;
    const commit = steps.find(({ step, began }) => step.phase === 'commit' && began)?.step;
    if (commit !== undefined && !isCommitted(this.#lane)) {
      // In the balance since a crash. Its outcome is written down before anything is decided on it.
      const seen = await this.#look(commit, false);
      if (seen.state === 'done') await this.#session.record({ kind: 'did', lane: this.#id, step: commit.id });
      else if (!(await this.#commitNeverHappened(commit, seen.state))) {
        return this.#stop(`cannot tell whether ${commit.title} happened`, 'plan.commit-unknown');
      }
    }
    if (isCommitted(this.#lane)) {
      return this.#stop('its point of no return is passed: the way back is a new plan', 'plan.committed');
    }
    this.#session.mayGoOn();
    await this.#session.record({ kind: 'reverting', lane: this.#id, reason });
    return undefined;
  }

  #stop(reason: string, code: string): LaneEnd {
    return { kind: 'stopped', failure: { step: nextStep(this.#lane)?.step.id ?? '', reason, code } };
  }

  // Forward

  /** One step forward. undefined: there is more to do. */
  async #forward(): Promise<LaneEnd | undefined> {
    if (!this.#hasLookedBack) {
      this.#hasLookedBack = true;
      await this.#lookBack();
      return undefined;
    }
    const next = nextStep(this.#lane);
    if (next === undefined) {
      if (this.#id !== AFTER)
        await this.#session.record({ kind: 'lane-closed', lane: this.#id, state: 'done' });
      return { kind: 'closed' };
    }
    this.#session.mayGoOn();
    if (this.#session.action(next.step).lapses !== true) await this.#inherit();
    return this.#settleEnd(next.step, await this.#execute(next.step));
  }

  /** What an earlier run began is ours from here on. */
  async #inherit(): Promise<void> {
    for (const { step, state } of this.#lane.steps) {
      if (step.inherited === true && state === 'todo')
        await this.#session.record({ kind: 'began', lane: this.#id, step: step.id });
    }
  }

  /**
   * A lease lapses while nobody renews it, and another run may hold it by now: made sure of before anything
   * else, unless it is the only thing left to give back.
   */
  async #holdWhatLapses(): Promise<LaneEnd | undefined> {
    const { steps, reverting } = this.#lane;
    const lapses = ({ step }: StepProgress): boolean => this.#session.action(step).lapses === true;
    const more =
      reverting === undefined
        ? nextStep(this.#lane) !== undefined
        : toUndo(this.#lane).some((s) => !lapses(s));
    if (!more) return undefined;
    for (const { step, began, state } of steps) {
      if (!began || state === 'undone' || this.#session.action(step).lapses !== true) continue;
      this.#session.mayGoOn();
      const end = await this.#settleEnd(step, await this.#execute(step));
      if (end !== undefined || this.#lane.reverting !== reverting) return end;
    }
    return undefined;
  }

  /**
   * What was done before a pause may be so no longer (a host has booted), and what was owed may be possible now.
   * So every execution that takes a lane up before its commit looks at all of it again. What is not so any more,
   * or can be asked again (then its mail can be drained after all), is where the lane goes back to; what cannot
   * be seen any more is owed where it may be, since unknown is never done (its host may have run meanwhile, and
   * taken mail). After the commit only what is owed and marked in the plan is tried, and what fails stays owed.
   */
  async #lookBack(): Promise<void> {
    // A lane that only needs closing has given its lease back: what it owes is for others to do.
    if (nextStep(this.#lane) === undefined) return;
    // What was to be done before a step that this lane still has before it, and its host is back.
    for (const { step, state } of this.#lane.steps) {
      if (state !== 'owed' || step.phase !== 'settle' || step.retryAfterCommit !== true) continue;
      this.#session.mayGoOn();
      await this.#settleEnd(step, await this.#execute(step));
    }
    const committed = isCommitted(this.#lane);
    // A commit in the balance is decided first; its own check looks at what may no longer be so.
    if (!committed && this.#lane.steps.some(({ step, began }) => step.phase === 'commit' && began)) return;
    const behind = this.#lane.steps.filter(
      ({ step, state }) =>
        step.phase === 'prepare' &&
        (state === 'owed' || (!committed && (state === 'did' || state === 'skipped'))) &&
        this.#session.action(step).lapses !== true &&
        (!committed || step.retryAfterCommit === true),
    );
    if (behind.length === 0) return;
    this.#session.mayGoOn();
    if (committed) {
      for (const { step } of behind) await this.#settleEnd(step, await this.#execute(step));
      return;
    }
    // All at once: a dead host must not cost its timeout once for each of its steps.
    const looks = await Promise.all(behind.map(async ({ step }) => this.#look(step, true)));
    const at = behind.findIndex(({ state }, index) => isOver(state, looks[index]));
    const first = behind[at];
    if (first === undefined) {
      for (const [index, { step, state }] of behind.entries()) {
        const seen = looks[index];
        if (state !== 'owed' && seen?.state === 'away' && step.mayBeOwed === true)
          await this.#owe(step, seen.reason);
      }
      return;
    }
    const why = first.state === 'owed' ? 'can be done after all' : 'is so no longer';
    await this.#rewind(first.step, first.step.id, `${first.step.title}: ${why}`);
  }

  /** check, began, act, verify, did. Writes every record except `failed`. */
  async #execute(step: Step): Promise<StepEnd> {
    const lane = this.#id;
    const action = this.#session.action(step);
    const began = this.#lane.steps.find((each) => each.step.id === step.id)?.began === true;
    const begunAt = this.#session.clock.monotonic();
    const first = await this.#look(step, step.mayBeOwed === true);
    switch (first.state) {
      case 'done':
        // What lapses is ours if it is there: its token says so.
        if (!began && action.lapses === true)
          await this.#session.record({ kind: 'began', lane, step: step.id });
        await this.#session.record({
          kind: began || action.lapses === true ? 'did' : 'skipped',
          lane,
          step: step.id,
          ...(first.note === undefined ? {} : { note: first.note }),
        });
        return on;
      case 'rewind':
        return { kind: 'rewind', to: first.to, reason: first.reason };
      case 'away':
        if (step.mayBeOwed !== true) return failed(first, `${first.reason}; nothing was done`, undefined);
        await this.#owe(step, first.reason);
        return on;
      case 'blocked':
      case 'unseen':
        return failed(first, first.reason, undefined);
      case 'todo':
        return this.#act(step, action, begunAt);
    }
  }

  /** `begunAt`: when the look before it began. */
  async #act(step: Step, action: Action, begunAt: number): Promise<StepEnd> {
    const session = this.#session;
    const lane = this.#id;
    const context = session.context(lane, step);
    // On disk before the act: else a revert would not know that there is something to take back.
    await session.record({ kind: 'began', lane, step: step.id });
    session.mayAct();
    if (session.clock.monotonic() - begunAt > STALE_MS) {
      const again = await this.#stillToDo(step);
      if (again !== undefined) return again;
    }
    session.doing(lane, step, 'act');
    const error = await this.#attempt(() => action.act(step, context));
    session.doing(lane, step, 'verify');
    const seen = await session.orAbort(
      lookUntilDone(() => action.check(step, context), {
        deadlineMs: action.deadlineMs(step),
        ended: error !== undefined && hasEnded(error.thrown),
        awayCounts: step.mayBeOwed === true,
        // Users wait while a slot is stopped: where the way back can be owed, a host that died is not waited for.
        awayMs: step.phase === 'prepare' && step.undoMayBeOwed === true ? GONE_MS : undefined,
        rewindCounts: step.phase === 'prepare',
        clock: session.clock,
        signal: session.signal,
      }),
    );
    switch (seen.state) {
      case 'done':
        await session.record({
          kind: 'did',
          lane,
          step: step.id,
          ...(seen.note === undefined ? {} : { note: seen.note }),
        });
        return on;
      case 'rewind':
        return step.phase === 'prepare'
          ? { kind: 'rewind', to: seen.to, reason: seen.reason }
          : failed(seen, seen.reason, error?.thrown);
      case 'away':
        if (step.mayBeOwed !== true) return failed(seen, seen.reason, error?.thrown);
        await this.#owe(step, seen.reason);
        return on;
      case 'todo': {
        // An act that said no is believed at once: then there is no deadline to speak of.
        if (error !== undefined && hasEnded(error.thrown)) return failed(seen, seen.note ?? '', error.thrown);
        const within = `not seen done within ${action.deadlineMs(step) / 1000} s`;
        return failed(seen, seen.note === undefined ? within : `${within}: ${seen.note}`, error?.thrown);
      }
      case 'blocked':
      case 'unseen':
        return failed(seen, seen.reason, error?.thrown);
    }
  }

  /** The look before an act is old by now: is it still to be done? undefined: it is. */
  async #stillToDo(step: Step): Promise<StepEnd | undefined> {
    const seen = await this.#look(step, step.mayBeOwed === true);
    switch (seen.state) {
      case 'todo':
        return undefined;
      case 'done':
        await this.#session.record({ kind: 'did', lane: this.#id, step: step.id });
        return on;
      case 'rewind':
        return step.phase === 'settle'
          ? failed(seen, seen.reason, undefined)
          : { kind: 'rewind', to: seen.to, reason: seen.reason };
      case 'away':
        if (step.mayBeOwed !== true) return failed(seen, seen.reason, undefined);
        await this.#owe(step, seen.reason);
        return on;
      case 'blocked':
      case 'unseen':
        return failed(seen, seen.reason, undefined);
    }
  }

  /** What the end of a step means for the lane. */
  async #settleEnd(step: Step, end: StepEnd): Promise<LaneEnd | undefined> {
    if (end.kind === 'on') return undefined;
    if (end.kind === 'rewind') return this.#rewind(step, end.to, end.reason);
    return this.#fail(step, end);
  }

  async #fail(step: Step, end: Extract<StepEnd, { readonly kind: 'failed' }>): Promise<LaneEnd | undefined> {
    const lane = this.#id;
    // Past the commit a step of prepare is only tried for being owed, and must not hold up what follows.
    const isRetried = step.phase === 'settle' && step.retryAfterCommit === true;
    if ((isRetried || (isCommitted(this.#lane) && step.phase === 'prepare')) && step.mayBeOwed === true) {
      await this.#owe(step, end.reason);
      return undefined;
    }
    const failure: StepFailure = { step: step.id, reason: end.reason, code: end.code };
    await this.#session.record({ kind: 'failed', lane, ...textOf(failure) });
    const stopped: LaneEnd = { kind: 'stopped', failure };
    const lapses = this.#session.action(step).lapses === true;
    const others = this.#lane.steps.some(
      (each) => each.began && each.step.id !== step.id && this.#session.action(each.step).lapses !== true,
    );
    if (step.phase === 'settle' || isCommitted(this.#lane)) return stopped;
    if (lapses && end.last === 'away' && this.#mayGoBackWithout()) {
      if (this.#lane.reverting === undefined)
        await this.#session.record({ kind: 'reverting', lane, reason: end.reason });
      return undefined;
    }
    // Without the lease nothing of ours may be taken back either: whoever has it now goes on from what is there.
    if (others && (lapses || end.busy)) return stopped;
    if (step.phase === 'commit' && !(await this.#commitNeverHappened(step, end.last))) return stopped;
    if (this.#lane.reverting === undefined) {
      await this.#session.record({ kind: 'reverting', lane, reason: end.reason });
    }
    return undefined;
  }

  /**
   * The host of a lease has died: nobody acts there now, and the way back on the other hosts stands on their own
   * leases. What is to be undone on it is owed. Not with a commit in the balance: only its host can decide that.
   */
  #mayGoBackWithout(): boolean {
    const { steps } = this.#lane;
    const others = steps.some(({ began, step }) => began && this.#session.action(step).lapses !== true);
    return others && !steps.some(({ began, step }) => began && step.phase === 'commit');
  }

  /**
   * May the lane go back over its commit? Only if it was seen that nothing of it happened. If it had begun, the
   * `undone` is written first: then a lane that goes back never has a commit in the balance.
   */
  async #commitNeverHappened(step: Step, last: Look['state'] | undefined): Promise<boolean> {
    const began = this.#lane.steps.some((each) => each.step.id === step.id && each.began);
    if (!began) return true;
    const action = this.#session.action(step);
    const context = this.#session.context(this.#id, step);
    if (action.checkUndone === undefined) {
      const seen = last ?? (await this.#look(step, false)).state;
      if (seen !== 'todo') return false;
    } else {
      const checkUndone = action.checkUndone.bind(action);
      const seen = await this.#session.orAbort(
        lookFirst(() => checkUndone(step, context), false, this.#session),
      );
      if (seen.state !== 'done') return false;
    }
    await this.#session.record({ kind: 'undone', lane: this.#id, step: step.id });
    return true;
  }

  // Back

  /** Goes back to just before `to`, to go on from there anew. */
  async #rewind(step: Step, to: string, reason: string): Promise<LaneEnd | undefined> {
    const { steps, rewinds } = this.#lane;
    const target = steps.findIndex((each) => each.step.id === to);
    const current = steps.findIndex((each) => each.step.id === step.id);
    const fail = (why: string, code: string): Promise<LaneEnd | undefined> =>
      this.#fail(step, { kind: 'failed', reason: why, code, last: 'rewind', busy: false });
    const isBad = steps[target]?.step.phase !== 'prepare' || target > current || step.phase === 'settle';
    if (isBad || isCommitted(this.#lane)) {
      return fail(`${step.id} wants to go back to ${to}, which is no step before it`, 'plan.bad-rewind');
    }
    if (rewinds >= MAX_REWINDS)
      return fail(`went back ${rewinds} times, and again: ${reason}`, 'plan.rewinds');
    // A commit that may have happened is not gone back over, whatever its check wishes.
    const commit = steps.find((each) => each.step.phase === 'commit' && each.began)?.step;
    if (commit !== undefined && !(await this.#commitNeverHappened(commit, undefined))) {
      return fail(`${reason}, but ${commit.title} may have happened already`, 'plan.commit-unknown');
    }
    await this.#session.record({ kind: 'reverting', lane: this.#id, to, reason });
    return undefined;
  }

  /** One step back. undefined: there is more to do. */
  async #back(): Promise<LaneEnd | undefined> {
    const lane = this.#lane;
    const begun = toUndo(lane);
    if (begun.length === 0) {
      const state = this.#hasChanged(lane) ? 'reverted' : 'failed';
      await this.#session.record({ kind: 'lane-closed', lane: this.#id, state });
      return { kind: 'closed' };
    }
    // The lease is given back last, and not while an undo is owed: it says that the lane is not finished.
    const lasting = begun.filter(({ step }) => this.#session.action(step).lapses !== true);
    const inOrder = lasting.toSorted(
      (a, b) => Number(a.step.undoLast === true) - Number(b.step.undoLast === true),
    );
    const next = (lasting.length > 0 ? inOrder : begun).find(({ step }) => !this.#undoOwed.has(step.id));
    if (next === undefined) return this.#stoppedAtOwedUndo(begun);
    this.#session.mayGoOn();
    return this.#undo(next.step);
  }

  /**
   * Was anything begun besides what lapses? A lane that had a lease and nothing more says nothing of how its slot is:
   * another run may have left it half way meanwhile, and none of that was taken back here.
   */
  #hasChanged({ steps, rewinds }: LaneProgress): boolean {
    const isOfSlot = ({ step }: StepProgress) => this.#session.action(step).lapses !== true;
    return rewinds > 0 || steps.some((each) => each.happened !== undefined && isOfSlot(each));
  }

  #stoppedAtOwedUndo(begun: readonly StepProgress[]): LaneEnd {
    const owed = begun.find(({ step }) => this.#undoOwed.has(step.id)) ?? begun[0];
    const reason = `going back from ${owed?.step.title} is owed: ${owed?.reason ?? 'its host is away'}`;
    return { kind: 'stopped', failure: { step: owed?.step.id ?? '', reason, code: 'run.undo-owed' } };
  }

  async #undo(step: Step): Promise<LaneEnd | undefined> {
    const session = this.#session;
    const lane = this.#id;
    const action = session.action(step);
    const context = session.context(lane, step);
    const undone = async (): Promise<undefined> => {
      await session.record({ kind: 'undone', lane, step: step.id });
      return undefined;
    };
    if (step.phase === 'commit') {
      if (await this.#commitNeverHappened(step, undefined)) return undefined;
      return this.#undoFailed(step, `cannot tell whether ${step.title} happened`, 'plan.commit-unknown');
    }
    session.doing(lane, step, 'undo');
    const { undo, checkUndone } = action;
    if (undo === undefined) return undone();
    const look = checkUndone === undefined ? undefined : () => checkUndone.call(action, step, context);
    if (look !== undefined) {
      const first = await session.orAbort(lookFirst(look, step.undoMayBeOwed === true, session));
      if (first.state === 'done') return undone();
      if (first.state === 'away') return this.#undoAway(step, first.reason);
      if (first.state === 'blocked' || first.state === 'unseen') {
        return this.#undoFailed(step, first.reason, first.code);
      }
    }
    session.mayAct();
    const error = await this.#attempt(() => undo.call(action, step, context));
    if (look === undefined) {
      if (error === undefined) return undone();
      if (isAway(error.thrown)) return this.#undoAway(step, reasonOf(error.thrown));
      return this.#undoFailed(step, reasonOf(error.thrown), codeOf(error.thrown));
    }
    const seen = await session.orAbort(
      lookUntilDone(look, {
        deadlineMs: action.deadlineMs(step),
        ended: error !== undefined && hasEnded(error.thrown),
        awayCounts: step.undoMayBeOwed === true,
        rewindCounts: false,
        clock: session.clock,
        signal: session.signal,
      }),
    );
    if (seen.state === 'done') return undone();
    if (seen.state === 'away') return this.#undoAway(step, seen.reason);
    const what = 'reason' in seen ? seen.reason : (seen.note ?? 'not seen undone');
    return this.#undoFailed(
      step,
      error === undefined ? what : `${reasonOf(error.thrown)}; ${what}`,
      codeOf(error?.thrown),
    );
  }

  async #undoAway(step: Step, reason: string): Promise<LaneEnd | undefined> {
    if (step.undoMayBeOwed !== true) return this.#undoFailed(step, reason, 'run.undo-away');
    const lane = this.#id;
    // Going on from a half-way place needs it whole: with a host gone on the way, the lane goes back for good.
    if (this.#lane.reverting?.to !== undefined)
      await this.#session.record({ kind: 'reverting', lane, reason });
    this.#undoOwed.add(step.id);
    await this.#owe(step, reason);
    return undefined;
  }

  /** An undo that failed stops the lane: the undos before it were written for a world in which it has happened. */
  async #undoFailed(step: Step, why: string, code: string | undefined): Promise<LaneEnd> {
    const failure: StepFailure = {
      step: step.id,
      reason: `cannot be undone: ${why}`,
      code: code ?? 'run.undo',
    };
    await this.#session.record({ kind: 'failed', lane: this.#id, ...textOf(failure) });
    return { kind: 'stopped', failure };
  }

  // Both ways

  async #look(step: Step, brief: boolean): Promise<Look> {
    const session = this.#session;
    const action = session.action(step);
    session.doing(this.#id, step, 'check');
    const context = session.context(this.#id, step);
    return session.orAbort(lookFirst(() => action.check(step, context), brief, session));
  }

  /** Waits for an act; gives what it threw, which decides nothing. */
  async #attempt(act: () => Promise<void>): Promise<{ readonly thrown: unknown } | undefined> {
    try {
      // Inside an async function: an act that throws before its promise is caught as well.
      await this.#session.orAbort((async () => act())());
      return undefined;
    } catch (thrown) {
      if (thrown instanceof Stopped) throw thrown;
      return { thrown };
    }
  }

  async #owe(step: Step, reason: string): Promise<void> {
    await this.#session.record({ kind: 'owed', lane: this.#id, step: step.id, reason });
  }
}

/** Does a look say that a step must be done (again)? One that sees nothing says nothing. */
function isOver(state: StepState, seen: Look | undefined): boolean {
  if (seen === undefined || seen.state === 'away' || seen.state === 'unseen') return false;
  return state === 'owed' || seen.state === 'todo' || seen.state === 'rewind';
}

/** Another run has what the act needs: held it all along, or has taken it over meanwhile. */
function isBusy(thrown: unknown): boolean {
  return thrown instanceof MailctlError && thrown.exitCode === EXIT.busy;
}

/** The failure of a step: what the act said, if anything, and what was seen after it. */
function failed(seen: Look, reason: string, thrown: unknown): StepEnd {
  const said = thrown === undefined ? [reason] : [reasonOf(thrown), reason];
  return {
    kind: 'failed',
    // A check that remembers why its act failed says the same once more.
    reason: [...new Set(said)].filter((text) => text !== '').join('; '),
    code: codeOf(thrown) ?? ('code' in seen ? seen.code : undefined) ?? `step.${seen.state}`,
    last: seen.state,
    busy: isBusy(thrown) || ('code' in seen && seen.code === 'busy'),
  };
}

function textOf(failure: StepFailure): { step: string; reason: string; code?: string } {
  const { step, reason, code } = failure;
  return code === undefined ? { step, reason } : { step, reason, code };
}
