// SYNCGET's commands and answers (Cyrus 3.x, imap/sync_support.c): a command an owner, and for each an untagged line
// a mailbox, a quota root, a script, and the tagged line that ends it. Hostile text until parsed; what cannot be read
// makes its own owner unknown, and no other.
import type { MailboxContent, Owner, OwnerContent } from '../../slot/content.js';

/** The commands for these owners, in order, tagged by their number. */
export function contentCommands(owners: readonly Owner[]): string {
  const lines = owners.map(({ kind, name }, index) => {
    const word = quoted(name);
    return `u${index} SYNCGET ${kind === 'user' ? `USER ${word}` : `MAILBOXES (${word})`}`;
  });
  return `${lines.join('\n')}\nbye LOGOUT\n`;
}

/** Can this name be asked for? What holds a line's end can be no mailbox's, and would be a command of its own. */
export function isAskable(owner: Owner): boolean {
  return owner.name !== '' && !/[\x00-\x1f\x7f]/.test(owner.name);
}

function quoted(name: string): string {
  return `"${name.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Collects the answers line by line. */
export class ContentAnswers {
  readonly #owners: readonly Owner[];
  readonly #answers: (OwnerContent | undefined)[];
  readonly #onAnswer: (answered: number) => void;
  #lines: string[] = [];
  #pending: string | undefined;
  #wanted = 0;
  #count = 0;
  /** What the server said that was no answer: why a login was refused, or why it closed. */
  said = '';

  constructor(owners: readonly Owner[], onAnswer: (answered: number) => void = () => {}) {
    this.#owners = owners;
    this.#answers = owners.map(() => undefined);
    this.#onAnswer = onAnswer;
  }

  /** A line without its newline. */
  push(raw: string): void {
    let line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (this.#pending !== undefined) {
      line = `${this.#pending}\n${line}`;
      if (Buffer.byteLength(line) < this.#wanted) {
        this.#pending = line;
        return;
      }
      this.#pending = undefined;
    }
    const literal = /\{(\d{1,7})\+?\}$/.exec(line);
    if (literal !== null) {
      this.#pending = line;
      this.#wanted = Buffer.byteLength(line) + 1 + Number(literal[1]);
      return;
    }
    const tag = /^u(\d{1,7}) (OK|NO|BAD)\b ?(.*)$/s.exec(line);
    if (tag !== null) this.#end(Number(tag[1]), tag[2] === 'OK', tag[3] ?? '');
    else if (line.startsWith('* BYE') || /^login (NO|BAD)/.test(line)) this.said ||= line;
    else if (line.startsWith('* ')) this.#lines.push(line.slice(2));
  }

  #end(index: number, ok: boolean, text: string): void {
    const lines = this.#lines;
    this.#lines = [];
    const owner = this.#owners[index];
    if (owner === undefined || this.#answers[index] !== undefined) return;
    this.#answers[index] = ok ? readAnswer(lines) : { ok: false, reason: `it says: ${text.slice(0, 200)}` };
    this.#count += 1;
    this.#onAnswer(this.#count);
  }

  /** Was any owner answered? */
  get isAny(): boolean {
    return this.#count > 0;
  }

  /** Owner by owner, in their order; `why` is the reason of those that were not answered. */
  answers(why: string): readonly OwnerContent[] {
    return this.#answers.map((answer) => answer ?? { ok: false, reason: why });
  }
}

function readAnswer(lines: readonly string[]): OwnerContent {
  const mailboxes: MailboxContent[] = [];
  const settings: string[] = [];
  for (const line of lines) {
    const [kind = '', value] = readLine(line);
    if (kind === 'MAILBOX') {
      const mailbox = value instanceof Map ? toMailbox(value) : undefined;
      if (mailbox === undefined)
        return { ok: false, reason: `its answer cannot be read: ${line.slice(0, 100)}` };
      if (mailbox !== 'gone') mailboxes.push(mailbox);
    } else if (kind === 'QUOTA' || kind === 'LSUB' || kind === 'SIEVE') {
      if (value === undefined)
        return { ok: false, reason: `its answer cannot be read: ${line.slice(0, 100)}` };
      settings.push(...toSettings(kind, value));
    }
  }
  return { ok: true, mailboxes, settings };
}

// What is deleted waits for each side's own clean-up, so that it says nothing.
function toMailbox(map: ReadonlyMap<string, Value>): MailboxContent | 'gone' | undefined {
  const text = (key: string) => {
    const value = map.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const name = text('MBOXNAME');
  const uniqueId = text('UNIQUEID');
  if (name === undefined || name === '' || uniqueId === undefined) return undefined;
  if (/^(?:[^!]+!)?DELETED[./]/.test(name) || text('MBOXTYPE')?.includes('d')) return 'gone';
  const [crc, lastUid, uidValidity] = [text('SYNC_CRC'), text('LAST_UID'), text('UIDVALIDITY')];
  if (crc === undefined || lastUid === undefined || uidValidity === undefined) return undefined;
  return {
    name,
    uniqueId,
    crc,
    annotationCrc: text('SYNC_CRC_ANNOT') ?? '',
    lastUid,
    highestModseq: text('HIGHESTMODSEQ') ?? '',
    uidValidity,
    acl: text('ACL') ?? '',
  };
}

/** Without what each side counts for itself. */
const OWN_COUNTS = new Set(['MODSEQ', 'LAST_UPDATE']);

function toSettings(kind: string, value: Value): readonly string[] {
  if (Array.isArray(value)) return value.map((one) => `${kind} ${show(one)}`);
  if (typeof value === 'string') return [`${kind} ${value}`];
  const kept = [...(value as ReadonlyMap<string, Value>)].filter(([key]) => !OWN_COUNTS.has(key));
  return [`${kind} ${kept.map(([key, one]) => `${key} ${show(one)}`).join(' ')}`];
}

function show(value: Value): string {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? `(${value.map(show).join(' ')})` : '%(...)';
}

/** A dlist: atom, quoted text, literal, list, or map (imap/dlist.c). */
type Value = string | readonly Value[] | ReadonlyMap<string, Value>;

class Unreadable extends Error {}

/** `KIND value`; the value is undefined when it cannot be read. */
function readLine(line: string): readonly [string, Value | undefined] {
  const kind = /^[A-Z]+/.exec(line)?.[0] ?? '';
  const reader = { text: line, at: kind.length + 1, depth: 0 };
  try {
    const value = readValue(reader);
    return [kind, reader.at >= line.length ? value : undefined];
  } catch (error) {
    if (error instanceof Unreadable) return [kind, undefined];
    throw error;
  }
}

interface Reader {
  readonly text: string;
  at: number;
  depth: number;
}

const MAX_DEPTH = 20;

function readValue(reader: Reader): Value {
  const { text } = reader;
  const first = text[reader.at];
  if (first === '%' && text[reader.at + 1] === '(') {
    reader.at += 1;
    const flat = readList(reader);
    if (flat.length % 2 !== 0) throw new Unreadable();
    const map = new Map<string, Value>();
    for (let index = 0; index < flat.length; index += 2) {
      const key = flat[index];
      if (typeof key !== 'string') throw new Unreadable();
      map.set(key, flat[index + 1] as Value);
    }
    return map;
  }
  if (first === '(') return readList(reader);
  if (first === '"') return readQuoted(reader);
  if (first === '{') return readLiteral(reader);
  const atom = /[^ ()"]+/y;
  atom.lastIndex = reader.at;
  const word = atom.exec(text)?.[0];
  if (word === undefined) throw new Unreadable();
  reader.at += word.length;
  return word;
}

function readList(reader: Reader): Value[] {
  reader.depth += 1;
  if (reader.depth > MAX_DEPTH) throw new Unreadable();
  reader.at += 1;
  const values: Value[] = [];
  while (reader.text[reader.at] !== ')') {
    if (reader.at >= reader.text.length) throw new Unreadable();
    if (reader.text[reader.at] === ' ') reader.at += 1;
    else values.push(readValue(reader));
  }
  reader.at += 1;
  reader.depth -= 1;
  return values;
}

function readQuoted(reader: Reader): string {
  let value = '';
  for (reader.at += 1; reader.at < reader.text.length; reader.at += 1) {
    const letter = reader.text[reader.at];
    if (letter === '"') {
      reader.at += 1;
      return value;
    }
    if (letter === '\\') reader.at += 1;
    value += reader.text[reader.at] ?? '';
  }
  throw new Unreadable();
}

function readLiteral(reader: Reader): string {
  const head = /\{(\d{1,7})\+?\}\n/y;
  head.lastIndex = reader.at;
  const match = head.exec(reader.text);
  if (match === null) throw new Unreadable();
  reader.at += match[0].length;
  const rest = Buffer.from(reader.text.slice(reader.at));
  const value = rest.subarray(0, Number(match[1])).toString();
  reader.at += value.length;
  return value;
}
