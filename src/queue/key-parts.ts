// Which messages an act is for, as text: one JSON array a line (`["4jX28t1RZxzD00t",1795288814,"a@x.example"]`), in
// parts of so many. A million keys are 60 MB of bytes and no million objects. Pure.
import { ParseError } from '../errors.js';
import type { MessageKey } from './message.js';

/** Messages of one part: a server takes so many in one call in seconds, and so many are done again after a crash. */
const PART_SIZE = 10_000;

/** One key as a line, without its newline. */
export function keyLine({ id, arrivedAt, sender }: MessageKey): string {
  return JSON.stringify([id, arrivedAt, sender]);
}

/** Reads lines of keys. @throws ParseError: a key that cannot be read is never guessed at */
export function parseKeys(text: string, where: string): readonly MessageKey[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => parseKey(line, `${where}:${index + 1}`));
}

function parseKey(line: string, where: string): MessageKey {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ParseError(where, 'not a key of a message');
  }
  const [id, arrivedAt, sender] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  const isKey =
    typeof id === 'string' &&
    id !== '' &&
    (arrivedAt === null || (typeof arrivedAt === 'number' && Number.isFinite(arrivedAt))) &&
    (sender === null || typeof sender === 'string');
  if (!isKey) throw new ParseError(where, 'not a key of a message');
  return { id, arrivedAt, sender } as MessageKey;
}

/** Collects lines in parts. */
export class LineParts {
  readonly #size: number;
  readonly #parts: { readonly bytes: Buffer; readonly count: number }[] = [];
  #lines: string[] = [];
  #count = 0;

  constructor(size = PART_SIZE) {
    this.#size = size;
  }

  get count(): number {
    return this.#count;
  }

  /** One line, without its newline. */
  addLine(line: string): void {
    this.#lines.push(line);
    this.#count += 1;
    if (this.#lines.length >= this.#size) this.#close();
  }

  /** All parts, in order. */
  parts(): readonly { readonly bytes: Buffer; readonly count: number }[] {
    this.#close();
    return this.#parts;
  }

  #close(): void {
    if (this.#lines.length === 0) return;
    const bytes = Buffer.from(`${this.#lines.join('\n')}\n`);
    this.#parts.push({ bytes, count: this.#lines.length });
    this.#lines = [];
  }
}

/** Collects keys in parts. */
export class KeyParts extends LineParts {
  add(key: MessageKey): void {
    this.addLine(keyLine(key));
  }
}
