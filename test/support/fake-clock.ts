// A clock for tests. By itself it stands still and moves when told (`advance`); with `auto` it jumps to the next
// timer as soon as the event loop has nothing else to do, so that minutes of waiting cost nothing and the order
// of timers is kept.
import type { Clock } from '../../src/lib/clock.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A clock whose time the test owns. */
export interface FakeClock extends Clock {
  /** Moves on by `ms`, firing what is due on the way; waits for what that sets in motion. */
  advance(ms: number): Promise<void>;
  /** How many sleeps and timers are waiting. */
  pending(): number;
  /** Time ends: whoever still waits waits for ever, and `auto` turns no more for them. */
  stop(): void;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a clock is like. */
export interface FakeClockOptions {
  /** The wall clock's reading at the beginning of time. */
  readonly start?: number | string;
  /** It moves on by itself whenever everybody waits. */
  readonly auto?: boolean;
  /** ms that have passed already. */
  readonly elapsed?: number;
}

/** A clock that stands still, or moves on by itself. */
export function fakeClock(options: FakeClockOptions = {}): FakeClock {
  const start =
    options.start === undefined ? Date.parse('2026-03-12T04:28:00Z') : new Date(options.start).getTime();
  let elapsed = options.elapsed ?? 0;
  let order = 0;
  const timers = new Set<Timer>();
  let pumping = false;
  let isStopped = false;

  const next = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (
        first === undefined ||
        timer.at < first.at ||
        (timer.at === first.at && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    return first;
  };
  const fire = (timer: Timer): void => {
    timers.delete(timer);
    elapsed = Math.max(elapsed, timer.at);
    timer.fn();
  };
  const pump = (): void => {
    pumping = false;
    const timer = isStopped ? undefined : next();
    if (timer === undefined) return;
    fire(timer);
    startPump();
  };
  const startPump = (): void => {
    if (options.auto !== true || pumping || isStopped || timers.size === 0) return;
    pumping = true;
    setImmediate(pump);
  };
  const set = (ms: number, fn: () => void): (() => void) => {
    order += 1;
    const timer = { at: elapsed + Math.max(0, ms), order, fn };
    timers.add(timer);
    startPump();
    return () => timers.delete(timer);
  };

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    timer: (ms, fn) => set(ms, fn),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const onAbort = (): void => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = set(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    async advance(ms) {
      const until = elapsed + ms;
      await turn();
      for (let timer = next(); timer !== undefined && timer.at <= until; timer = next()) {
        fire(timer);
        await turn();
      }
      elapsed = until;
      await turn();
    },
    pending: () => timers.size,
    stop() {
      isStopped = true;
      timers.clear();
    },
  };
}
