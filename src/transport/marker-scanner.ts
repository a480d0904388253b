// Finds the wrapper's marker lines (script.ts) in a stream of bytes and hands on everything else unchanged, however
// the chunks are cut. A marker need not begin a line: a script's last line may lack its newline. What only looks
// like a marker, or carries another nonce, is data. Cost without a record separator in the data: one memchr.
import { MAX_MARKER_BYTES } from './limits.js';

/** A marker line: `word` and, where it has one, its number. */
export interface Marker {
  readonly word: string;
  readonly value: number | undefined;
}

const RECORD_SEPARATOR = 0x1e;
const NEWLINE = 0x0a;

export class MarkerScanner {
  readonly #pattern: RegExp;
  readonly #onData: (data: Buffer) => void;
  readonly #onMarker: (marker: Marker) => void;
  #held: Buffer | undefined;

  constructor(nonce: string, onData: (data: Buffer) => void, onMarker: (marker: Marker) => void) {
    this.#pattern = new RegExp(`^\\x1e([a-z]+) ${nonce}(?: (\\d{1,10}))?$`);
    this.#onData = onData;
    this.#onMarker = onMarker;
  }

  push(chunk: Buffer): void {
    const data = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    let from = 0;
    let at = data.indexOf(RECORD_SEPARATOR);
    while (at !== -1) {
      const window = data.subarray(at, at + MAX_MARKER_BYTES);
      const newline = window.indexOf(NEWLINE);
      if (newline === -1 && window.length < MAX_MARKER_BYTES) {
        this.#give(data.subarray(from, at));
        this.#held = Buffer.from(window);
        return;
      }
      const match = newline === -1 ? null : this.#pattern.exec(window.toString('latin1', 0, newline));
      if (match === null) {
        at = data.indexOf(RECORD_SEPARATOR, at + 1);
        continue;
      }
      this.#give(data.subarray(from, at));
      this.#onMarker({ word: match[1] ?? '', value: match[2] === undefined ? undefined : Number(match[2]) });
      from = at + newline + 1;
      at = data.indexOf(RECORD_SEPARATOR, from);
    }
    this.#give(data.subarray(from));
  }

  /** The stream has ended: what was held back was no marker. */
  end(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#give(held);
  }

  #give(data: Buffer): void {
    if (data.length > 0) this.#onData(data);
  }
}
