// The only place that reads a clock or sets a timer. Tests pass a clock of their own; the product reads no
// clock variable.

/** Wall clock, monotonic clock and timers. */
export interface Clock {
  /** Milliseconds since 1970, as Date.now. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go back; for durations. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` once after `ms`; the returned function cancels it. `hold` false lets the process end first. */
  timer(ms: number, fn: () => void, hold?: boolean): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // Not `performance`: its first use loads a dozen of node's modules, a twentieth of a bare start.
  monotonic: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        clearTimeout(handle);
        reject(signal?.reason);
      };
      const handle = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  timer: (ms, fn, hold = true) => {
    const handle = setTimeout(fn, ms);
    if (!hold) handle.unref();
    return () => clearTimeout(handle);
  },
};

/** ISO 8601 UTC with seconds, e.g. `2026-03-12T04:28:26Z`; takes milliseconds since 1970. */
export function formatIso(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Years that an ISO time of four digits can say. */
const MOST_TIME_S = 253_402_300_799;

/** ISO time of epoch seconds; null: not known, or no time that a calendar has. */
export function isoOf(seconds: number | null): string | null {
  return seconds === null || Math.abs(seconds) > MOST_TIME_S ? null : formatIso(seconds * 1000);
}
