// At most N holders at once, in the order in which they asked.

export class Semaphore {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Waits for a place; call the returned function once to give it back. Rejects when aborted while waiting. */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#held < this.#limit) this.#held += 1;
    else await this.#wait(signal);
    return this.#leave();
  }

  /** One more, whether there is a place or not; those above the limit must leave before anybody else comes in. */
  force(): () => void {
    this.#held += 1;
    return this.#leave();
  }

  #leave(): () => void {
    let given = false;
    return () => {
      if (given) return;
      given = true;
      // The place passes straight on, so that nobody who comes now overtakes who waits.
      const next = this.#held > this.#limit ? undefined : this.#waiting.shift();
      if (next === undefined) this.#held -= 1;
      else next();
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal?.reason);
      };
      const go = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      this.#waiting.push(go);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
