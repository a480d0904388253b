// The end of the time of one connection's look. It begins when the connection has its place (limits.ts), so that no
// verdict rests on our own queue, and it can be drawn nearer when the answer is already there.
import type { Clock } from '../lib/clock.js';
import type { Vantage } from './vantage.js';

/** Why a look was cut off. */
export class NoTimeLeft extends Error {}

/** One end. */
export class Deadline {
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly signal: AbortSignal;
  #ms: number;
  #begunAt: number | null = null;
  #cancel = () => {};

  constructor(clock: Clock, ms: number, signal?: AbortSignal) {
    this.#clock = clock;
    this.#ms = ms;
    this.signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** The clock runs from now on; it begins once. */
  begin(): void {
    if (this.#begunAt !== null) return;
    this.#begunAt = this.#clock.monotonic();
    this.#arm();
  }

  /** No later than `ms` after its beginning. */
  shorten(ms: number): void {
    if (ms >= this.#ms) return;
    this.#ms = ms;
    if (this.#begunAt !== null) this.#arm();
  }

  /** Nothing is to be cut off any more. */
  clear(): void {
    this.#cancel();
  }

  /** The same vantage; the first connection that gets a place there begins this time. */
  over(vantage: Vantage): Vantage {
    return {
      ...vantage,
      connect: async (options, signal) => {
        const onPlace = () => this.begin();
        try {
          return await vantage.connect({ ...options, onPlace }, signal);
        } finally {
          this.begin();
        }
      },
      secure: (flow, name, signal) => vantage.secure(flow, name, signal),
    };
  }

  #arm(): void {
    this.#cancel();
    const left = (this.#begunAt ?? 0) + this.#ms - this.#clock.monotonic();
    const end = () => this.#stop.abort(new NoTimeLeft(`not known within ${(this.#ms / 1000).toFixed(1)} s`));
    this.#cancel = this.#clock.timer(Math.max(0, left), end);
  }
}
