// Reads what Python's pprint prints of plain data: numbers, strings, None, True, False, lists, tuples, sets and
// dictionaries; anything else (`datetime.datetime(...)`) stays as its text. Pure, and bounded: the text comes from a
// host, so that nothing of it is run, and what is no literal is undefined.

/** A value; Python's tuples and sets are lists. */
export type PythonValue =
  | null
  | boolean
  | number
  | string
  | readonly PythonValue[]
  | ReadonlyMap<string, PythonValue>;

/** Deeper data is no metadata of a message. */
const DEEPEST = 20;

class NotLiteral extends Error {}

/** The value that the text is; undefined: it is none, or is cut off. */
export function parsePythonLiteral(text: string): PythonValue | undefined {
  const reader = new Reader(text);
  try {
    const value = reader.value(0);
    return reader.isAtEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof NotLiteral) return undefined;
    throw error;
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
]);
const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    this.#skipBlanks();
    return this.#at === this.#text.length;
  }

  value(depth: number): PythonValue {
    if (depth > DEEPEST) throw new NotLiteral();
    const next = this.#peek();
    if (next === '{') return this.#braces(depth);
    if (next === '[') return this.#list('[', ']', depth);
    if (next === '(') return this.#parentheses(depth);
    if (this.#startsString()) return this.#strings();
    return this.#word(depth);
  }

  #peek(): string {
    this.#skipBlanks();
    return this.#text[this.#at] ?? '';
  }

  #skipBlanks(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #takes(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string): void {
    if (!this.#takes(character)) throw new NotLiteral();
  }

  /** A dictionary or a set. */
  #braces(depth: number): PythonValue {
    this.#expect('{');
    const entries = new Map<string, PythonValue>();
    const members: PythonValue[] = [];
    while (!this.#takes('}')) {
      const key = this.value(depth + 1);
      if (this.#takes(':')) entries.set(textOf(key), this.value(depth + 1));
      else members.push(key);
      if (!this.#takes(',') && this.#peek() !== '}') throw new NotLiteral();
    }
    if (members.length > 0 && entries.size > 0) throw new NotLiteral();
    return members.length > 0 ? members : entries;
  }

  #list(open: string, close: string, depth: number): readonly PythonValue[] {
    this.#expect(open);
    const members: PythonValue[] = [];
    while (!this.#takes(close)) {
      members.push(this.value(depth + 1));
      if (!this.#takes(',') && this.#peek() !== close) throw new NotLiteral();
    }
    return members;
  }

  /** A tuple, or pprint's parentheses around a string that it broke. */
  #parentheses(depth: number): PythonValue {
    const begun = this.#at;
    const members = this.#list('(', ')', depth);
    const [only] = members;
    const isTuple = /,\s*\)$/.test(this.#text.slice(begun, this.#at).slice(-100));
    return members.length === 1 && only !== undefined && !isTuple ? only : members;
  }

  #startsString(): boolean {
    return /^[bBuU]?['"]/.test(this.#text.slice(this.#at, this.#at + 2));
  }

  /** Strings beside one another are one. */
  #strings(): string {
    const pieces: string[] = [];
    while (this.#peek() !== '' && this.#startsString()) pieces.push(this.#string());
    return pieces.join('');
  }

  #string(): string {
    if (/[bBuU]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    const quote = this.#text[this.#at] ?? '';
    this.#at += 1;
    const pieces: string[] = [];
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character === '\n') throw new NotLiteral();
      this.#at += 1;
      if (character === quote) return pieces.join('');
      pieces.push(character === '\\' ? this.#escape() : character);
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? '';
    this.#at += 1;
    const known = ESCAPES.get(letter);
    if (known !== undefined) return known;
    const digits = HEX_DIGITS.get(letter);
    if (digits === undefined) return `\\${letter}`;
    const code = Number.parseInt(this.#text.slice(this.#at, this.#at + digits), 16);
    this.#at += digits;
    if (!(code >= 0 && code <= 0x10ffff)) throw new NotLiteral();
    return String.fromCodePoint(code);
  }

  /** None, True, False, a number, or something that was called: its text. */
  #word(depth: number): PythonValue {
    const word = /^[\w.+-]+/.exec(this.#text.slice(this.#at, this.#at + 200))?.[0];
    if (word === undefined) throw new NotLiteral();
    const begun = this.#at;
    this.#at += word.length;
    if (word === 'None') return null;
    if (word === 'True' || word === 'False') return word === 'True';
    if (/^[+-]?[\d.][\d._e+-]*$/.test(word)) return Number(word.replaceAll('_', ''));
    if (!/^[A-Za-z_]/.test(word)) throw new NotLiteral();
    if (this.#peek() === '(') this.#arguments(depth + 1);
    return this.#text.slice(begun, this.#at).replace(/\s+/g, ' ');
  }

  #arguments(depth: number): void {
    this.#expect('(');
    while (!this.#takes(')')) {
      this.value(depth);
      if (this.#takes('=')) this.value(depth);
      if (!this.#takes(',') && this.#peek() !== ')') throw new NotLiteral();
    }
  }
}

function textOf(value: PythonValue): string {
  return typeof value === 'string' ? value : String(value);
}
