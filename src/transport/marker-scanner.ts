// Finds the wrapper's marker lines (script.ts) in a stream of bytes and hands on everything else unchanged, however
// the chunks are cut. A marker need not begin a line: a script's last line may lack its newline. What only looks
// like a marker, or carries another nonce, is data. It looks for the nonce, which is rare, and never at bytes one by
// one: hostile output must not cost more than any other.
import { MAX_MARKER_BYTES } from './limits.js';

/** A marker line: `word` and, where it has one, its number. */
export interface Marker {
  readonly word: string;
  readonly value: number | undefined;
}

const RECORD_SEPARATOR = 0x1e;
const NEWLINE = 0x0a;

export class MarkerScanner {
  readonly #nonce: Buffer;
  readonly #pattern: RegExp;
  readonly #onData: (data: Buffer) => void;
  readonly #onMarker: (marker: Marker) => void;
  #held: Buffer | undefined;

  constructor(nonce: string, onData: (data: Buffer) => void, onMarker: (marker: Marker) => void) {
    this.#nonce = Buffer.from(nonce, 'latin1');
    this.#pattern = new RegExp(`^\\x1e([a-z]+) ${nonce}(?: (\\d{1,10}))?$`);
    this.#onData = onData;
    this.#onMarker = onMarker;
  }

  push(chunk: Buffer): void {
    const data = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    let from = 0;
    for (let at = data.indexOf(this.#nonce); at !== -1; at = data.indexOf(this.#nonce, at + 1)) {
      const begin = data.lastIndexOf(RECORD_SEPARATOR, at);
      if (begin < from || at - begin > MAX_MARKER_BYTES) continue;
      const line = data.subarray(begin, begin + MAX_MARKER_BYTES);
      const newline = line.indexOf(NEWLINE);
      const match = newline === -1 ? null : this.#pattern.exec(line.toString('latin1', 0, newline));
      if (match === null) continue;
      this.#give(data.subarray(from, begin));
      this.#onMarker({ word: match[1] ?? '', value: match[2] === undefined ? undefined : Number(match[2]) });
      from = begin + newline + 1;
    }
    const cut = this.#unfinished(data, from);
    this.#give(data.subarray(from, cut));
    if (cut < data.length) this.#held = Buffer.from(data.subarray(cut));
  }

  /** Where something begins at the end of the data that the next chunk may make a marker of. */
  #unfinished(data: Buffer, from: number): number {
    const window = Math.max(from, data.length - MAX_MARKER_BYTES);
    const tail = data.subarray(Math.max(window, data.lastIndexOf(NEWLINE) + 1));
    const begin = tail.indexOf(RECORD_SEPARATOR);
    return begin === -1 ? data.length : data.length - tail.length + begin;
  }

  /** Whether something is held back that the next chunk may make a marker of. */
  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  /** The stream has ended, or nothing came for long: what was held back was no marker. */
  end(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#give(held);
  }

  #give(data: Buffer): void {
    if (data.length > 0) this.#onData(data);
  }
}
