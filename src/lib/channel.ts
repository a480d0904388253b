// From callbacks to a loop: what is pushed comes out of `for await`, in order. It holds what is not taken yet, so the
// one who pushes should not run far ahead.

/** A way for values with one reader. */
export class Channel<T> implements AsyncIterable<T> {
  #values: T[] = [];
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  readonly #onStop: (() => void) | undefined;

  /** `onStop` is called when the reader leaves before the end. */
  constructor(onStop?: () => void) {
    this.#onStop = onStop;
  }

  push(value: T): void {
    this.#values.push(value);
    this.#wake?.();
  }

  /** Nothing more comes; with an error the reader gets it thrown. */
  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    let isWhole = false;
    try {
      for (;;) {
        const values = this.#values;
        this.#values = [];
        for (const value of values) yield value;
        if (this.#values.length > 0) continue;
        if (this.#ended) {
          isWhole = true;
          if (this.#error !== undefined) throw this.#error;
          return;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      if (!isWhole) this.#onStop?.();
    }
  }
}
