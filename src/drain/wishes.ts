// What operators ask of a drain while it runs: requests are notes beside its journal, from this terminal and from others.
import type { RunNotes } from '../journal/run-notes.js';
import type { Clock } from '../lib/clock.js';

const HEAR_MS = 500;

/** What the wishes are heard with. */
export interface Hearing {
  readonly notes: RunNotes;
  readonly clock: Clock;
  /** Aborted: the operator stops it from his keyboard. */
  readonly finish: AbortSignal;
  /** Multiplies the drain's speed and gives what it was and is, in parts of what the limits allow. */
  scale(factor: number): { readonly before: number; readonly speed: number };
  onChange(text: string): void;
  /** Some request was taken in. */
  onHeard(): Promise<void>;
}

/** What stands, as it was asked for last. */
export class Wishes {
  readonly #hearing: Hearing;
  #turn = Promise.resolve();
  #isPaused: boolean;
  #isStopped = false;
  #releasesRest = false;

  constructor(hearing: Hearing, isPaused: boolean) {
    this.#hearing = hearing;
    this.#isPaused = isPaused;
  }

  /** By hand. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Stopped, and what is still held goes back to its server. */
  get releasesRest(): boolean {
    return this.#releasesRest;
  }

  /** Hears again and again, until it is aborted. */
  listen(): AbortController {
    const controller = new AbortController();
    const turn = async () => {
      while (!controller.signal.aborted) {
        await this.hear();
        try {
          await this.#hearing.clock.sleep(HEAR_MS, controller.signal);
        } catch {
          return;
        }
      }
    };
    turn().catch(() => {});
    return controller;
  }

  /** What was asked since the last time; one after the other, since each request is heard once. */
  hear(): Promise<void> {
    const { notes, finish, onChange, onHeard } = this.#hearing;
    const heard = this.#turn.then(async () => {
      const requests = await notes.requests();
      for (const request of requests) this.#take(request);
      if (requests.length > 0) await onHeard();
      if (finish.aborted && !this.#isStopped) {
        this.#isStopped = true;
        onChange('the operator stops it: the rest stays held');
      }
    });
    // What cannot be told does not keep the next request from being heard.
    this.#turn = heard.catch(() => {});
    return this.#turn;
  }

  #take(request: Readonly<Record<string, unknown>>): void {
    const { scale, onChange } = this.#hearing;
    const by = typeof request.by === 'string' ? ` by ${request.by}` : '';
    switch (request.ask) {
      case 'pause':
        if (!this.#isPaused) onChange(`paused${by}`);
        this.#isPaused = true;
        return;
      case 'resume':
        if (this.#isPaused) onChange(`goes on${by}`);
        this.#isPaused = false;
        return;
      case 'stop':
        this.#isStopped = true;
        this.#releasesRest = request.releaseRest === true;
        onChange(`stopped${by}: the rest ${this.#releasesRest ? 'is given back' : 'stays held'}`);
        return;
      case 'rate':
        if (typeof request.factor === 'number' && request.factor > 0 && request.factor <= 2) {
          const { before, speed } = scale(request.factor);
          if (speed !== before)
            onChange(
              `${speed > before ? 'faster' : 'slower'}${by}: ${Math.round(speed * 100)}% of what the limits allow`,
            );
        }
    }
  }
}
