// What INT, TERM and HUP mean. While a command only reads or asks, any of them stops it. Once a run is
// confirmed, the first INT or TERM asks it to finish the step in hand and the second stops it now; HUP is ignored, for
// a lost terminal does not end a failover. The journal is true in each case.
import { setMaxListeners } from 'node:events';

/** The part of `process` that is needed. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

/** What the operator's signals ask for. */
export interface Interruption {
  /** Aborted by the first signal: end after the step in hand. */
  readonly finish: AbortSignal;
  /** Aborted by the second one, and by the first unless a run was confirmed: stop now. Reads take this one. */
  readonly abort: AbortSignal;
  /** From here on a run is under way. `onFinish` is called at the first INT or TERM, to say what happens now. */
  beginRun(onFinish?: () => void): void;
  /** The run is over, and the command goes on with looking. */
  endRun(): void;
  /** Is a run under way? */
  isRunning(): boolean;
  /** Stops listening. */
  dispose(): void;
}

/** The reason that the signals are aborted with. */
export class Interrupted extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.name = 'Interrupted';
  }
}

/** Listens until it is disposed of. */
export function watchSignals(source: SignalSource): Interruption {
  const finish = new AbortController();
  const abort = new AbortController();
  // A question to each of many hosts listens: more than ten at once is no leak.
  setMaxListeners(0, finish.signal, abort.signal);
  let running = false;
  let announce: (() => void) | undefined;
  const onStop = (signal: NodeJS.Signals) => {
    const isFirst = !finish.signal.aborted;
    if (isFirst) finish.abort(new Interrupted(signal));
    if (!isFirst || !running) abort.abort(new Interrupted(signal));
    else announce?.();
  };
  const onInt = () => onStop('SIGINT');
  const onTerm = () => onStop('SIGTERM');
  const onHup = () => {
    if (!running) onStop('SIGHUP');
  };
  source.on('SIGINT', onInt);
  source.on('SIGTERM', onTerm);
  source.on('SIGHUP', onHup);
  return {
    finish: finish.signal,
    abort: abort.signal,
    beginRun: (onFinish) => {
      running = true;
      announce = onFinish;
    },
    endRun: () => {
      running = false;
      announce = undefined;
    },
    isRunning: () => running,
    dispose: () => {
      source.off('SIGINT', onInt);
      source.off('SIGTERM', onTerm);
      source.off('SIGHUP', onHup);
    },
  };
}
