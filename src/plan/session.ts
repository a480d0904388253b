// What the lanes of one execution of a run share: the journal and where it stands, the operator's stop, the
// events. Everything that a lane awaits goes through here, so that a stop or a journal that cannot be written
// ends a lane at the same places in every case.
import type { Journal } from '../journal/journal.js';
import type { JournalRecord, NewRecord } from '../journal/record.js';
import type { Clock } from '../lib/clock.js';
import type { Action, ActionContext, ActionTable } from './action.js';
import { applyRecord, foldJournal, type LaneProgress, laneOf, type RunProgress } from './progress.js';
import type { Step } from './step.js';

/** What the operator asked for. */
export interface RunSignals {
  /** Finish the step in hand of each lane, then stop. */
  readonly finish: AbortSignal;
  /** Leave now; the journal is true whatever was in hand. */
  readonly abort: AbortSignal;
}

/** What a step is being given just now; for the live screen. */
export type Doing = 'check' | 'act' | 'verify' | 'undo';

/** What happens, as it happens. `record`: it is on disk. */
export type RunEvent =
  | { readonly kind: 'record'; readonly record: JournalRecord; readonly progress: RunProgress }
  | { readonly kind: 'doing'; readonly lane: string; readonly step: string; readonly doing: Doing }
  | { readonly kind: 'note'; readonly lane: string; readonly step: string; readonly text: string };

/** Why an execution ends before its time. */
export type StopCode = 'run.stopped' | 'run.aborted' | 'journal.write';

/** Thrown through a lane to end it where it stands. Never leaves the runner. */
export class Stopped {
  readonly code: StopCode;
  readonly reason: string;

  constructor(code: StopCode, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}

/** What the runner needs of a journal. */
export type RunJournal = Pick<Journal, 'file' | 'records' | 'failure' | 'append'>;

/** What an execution is made of. */
export interface SessionParts {
  readonly journal: RunJournal;
  readonly actions: ActionTable;
  readonly clock: Clock;
  readonly signals: RunSignals;
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
}

/** One execution of a run. */
export class Session {
  readonly clock: Clock;
  readonly actions: ActionTable;
  readonly #journal: RunJournal;
  readonly #signals: RunSignals;
  readonly #onEvent: (event: RunEvent) => void;
  readonly #aborted: Promise<never>;
  #progress: RunProgress;

  constructor(parts: SessionParts) {
    this.clock = parts.clock;
    this.actions = parts.actions;
    this.#journal = parts.journal;
    this.#signals = parts.signals;
    this.#onEvent = parts.onEvent ?? (() => {});
    this.#progress = foldJournal(parts.journal.records, parts.journal.file);
    const { abort } = parts.signals;
    this.#aborted = new Promise((_, reject) => {
      const leave = (): void => reject(new Stopped('run.aborted', 'the operator left at once'));
      if (abort.aborted) leave();
      else abort.addEventListener('abort', leave, { once: true });
    });
    this.#aborted.catch(() => {});
  }

  /** Aborted when the operator leaves at once. */
  get signal(): AbortSignal {
    return this.#signals.abort;
  }

  get progress(): RunProgress {
    return this.#progress;
  }

  /** The lane as it stands now. */
  lane(id: string): LaneProgress {
    const lane = laneOf(this.#progress, id);
    if (lane === undefined) throw new Error(`no lane ${id} in the plan`);
    return lane;
  }

  /** The code of a step; the runner has made sure that it is there. */
  action(step: Step): Action {
    const action = this.actions.get(step.action);
    if (action === undefined) throw new Error(`no action ${step.action}`);
    return action;
  }

  context(lane: string, step: Step): ActionContext {
    return {
      run: this.#progress.plan.id,
      lane,
      signal: this.#signals.abort,
      note: (text) => this.emit({ kind: 'note', lane, step: step.id, text }),
    };
  }

  /** Writes a record and folds it; it is on disk when this returns. @throws Stopped */
  async record(record: NewRecord): Promise<void> {
    let written: JournalRecord;
    try {
      written = await this.orAbort(this.#journal.append(record));
    } catch (error) {
      if (error instanceof Stopped) throw error;
      throw this.#journalFailed();
    }
    this.#progress = applyRecord(this.#progress, written, this.#journal.file);
    this.emit({ kind: 'record', record: written, progress: this.#progress });
  }

  /** Before a step: has the operator asked to stop? @throws Stopped */
  mayGoOn(): void {
    this.mayAct();
    if (this.#signals.finish.aborted) throw new Stopped('run.stopped', 'the operator stopped the run');
  }

  /** Before an act or an undo: without a journal nothing is done. @throws Stopped */
  mayAct(): void {
    if (this.#signals.abort.aborted) throw new Stopped('run.aborted', 'the operator left at once');
    if (this.#journal.failure !== undefined) throw this.#journalFailed();
  }

  /** Waits for a promise, or for the operator to leave. @throws Stopped; what the promise throws */
  orAbort<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#aborted]);
  }

  doing(lane: string, step: Step, doing: Doing): void {
    this.emit({ kind: 'doing', lane, step: step.id, doing });
  }

  emit(event: RunEvent): void {
    try {
      this.#onEvent(event);
    } catch {
      // A screen that fails must not cost a slot its master.
    }
  }

  #journalFailed(): Stopped {
    return new Stopped(
      'journal.write',
      this.#journal.failure?.message ?? `the journal ${this.#journal.file} failed`,
    );
  }
}
