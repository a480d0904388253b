// As much IMAP (RFC 3501, RFC 4315 for UIDPLUS, RFC 6154 for folders) as it takes to find one message in a mailbox, read
// its header and remove it: over any stream, bounded in every direction, since the server may be anybody's. One command
// at a time. Passwords go out in LOGIN only, and never into an error.
import type { Duplex } from 'node:stream';

const MAX_LINE_BYTES = 65_536;
const MAX_LITERAL_BYTES = 1024 * 1024;
/** Untagged answers of one command. */
const MAX_ANSWERS = 20_000;

/** An answer line; literals stand in `literals`, in their order. */
export interface ImapLine {
  readonly text: string;
  readonly literals: readonly Buffer[];
}

/** The server said NO or BAD, spoke no IMAP, or went away. */
export class ImapFault extends Error {
  /** `no`: a refusal in the server's words. */
  readonly kind: 'no' | 'protocol' | 'gone';

  constructor(kind: ImapFault['kind'], text: string) {
    super(text);
    this.kind = kind;
  }
}

/** One connection. */
export class ImapClient {
  readonly #stream: Duplex;
  #buffer: Buffer = Buffer.alloc(0);
  #text = '';
  #literals: Buffer[] = [];
  /** Bytes of a literal that are still to come. */
  #missing = 0;
  readonly #lines: ImapLine[] = [];
  #fault: Error | undefined;
  #wake: (() => void) | undefined;
  #last = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('close', this.#onEnd);
    stream.on('error', this.#onError);
  }

  /** The server's first line. @throws ImapFault */
  async greeting(): Promise<void> {
    const { text } = await this.#next();
    if (!/^\* (?:OK|PREAUTH)\b/i.test(text))
      throw new ImapFault('protocol', `no IMAP greeting: ${text.slice(0, 100)}`);
  }

  /** A command and its untagged answers. `shown` is what errors call it. @throws ImapFault */
  async command(words: string, shown = words.split(' ')[0] ?? ''): Promise<readonly ImapLine[]> {
    this.#last += 1;
    const tag = `m${this.#last}`;
    if (this.#fault !== undefined) throw this.#fault;
    this.#stream.write(`${tag} ${words}\r\n`);
    const answers: ImapLine[] = [];
    for (;;) {
      const line = await this.#next();
      if (line.text.startsWith(`${tag} `)) {
        const said = line.text.slice(tag.length + 1);
        if (/^OK\b/i.test(said)) return answers;
        throw new ImapFault('no', `${shown}: ${said.slice(0, 200)}`);
      }
      answers.push(line);
      if (answers.length > MAX_ANSWERS) throw new ImapFault('protocol', 'answers that never end');
    }
  }

  /** Gives the stream to another, for STARTTLS. */
  release(): void {
    this.#stream.pause();
    this.#stream.off('data', this.#onData);
    this.#stream.off('end', this.#onEnd);
    this.#stream.off('close', this.#onEnd);
    this.#stream.off('error', this.#onError);
  }

  async #next(): Promise<ImapLine> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#fault !== undefined) throw this.#fault;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  readonly #onEnd = () => this.#fail(this.#stream.errored ?? new ImapFault('gone', 'the server hung up'));
  readonly #onError = (error: Error) => this.#fail(error);

  readonly #onData = (chunk: Buffer) => {
    if (this.#fault !== undefined) return;
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    while (this.#take());
    if (this.#missing === 0 && this.#buffer.length > MAX_LINE_BYTES)
      this.#fail(new ImapFault('protocol', 'a line without an end'));
    this.#wake?.();
  };

  /** A literal or a line out of the buffer; false: there is not enough of it yet. */
  #take(): boolean {
    if (this.#missing > 0) {
      if (this.#buffer.length < this.#missing) return false;
      this.#literals.push(Buffer.from(this.#buffer.subarray(0, this.#missing)));
      this.#buffer = this.#buffer.subarray(this.#missing);
      this.#missing = 0;
      return true;
    }
    const end = this.#buffer.indexOf(10);
    if (end === -1 || end > MAX_LINE_BYTES) return false;
    const line = this.#buffer.toString('utf8', 0, end).replace(/\r$/, '');
    this.#buffer = this.#buffer.subarray(end + 1);
    const size = /\{(\d{1,10})\}$/.exec(line)?.[1];
    this.#text += line;
    if (size !== undefined) {
      this.#missing = Number(size);
      if (this.#missing > MAX_LITERAL_BYTES || this.#literals.length > 100) {
        this.#fail(new ImapFault('protocol', `a literal of ${size} bytes`));
        return false;
      }
      if (this.#missing === 0) this.#literals.push(Buffer.alloc(0));
      return true;
    }
    if (this.#lines.length <= MAX_ANSWERS) this.#lines.push({ text: this.#text, literals: this.#literals });
    this.#text = '';
    this.#literals = [];
    return true;
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    this.#stream.pause();
    this.#wake?.();
  }
}

/** A text in quotes. @throws ImapFault when no quotes can hold it */
export function imapQuote(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new ImapFault('protocol', 'a word with a line break or NUL');
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** UIDs of a SEARCH. */
export function uidsIn(lines: readonly ImapLine[]): readonly number[] {
  return lines.flatMap(({ text }) =>
    /^\* SEARCH\b/i.test(text) ? (text.match(/\d{1,10}/g) ?? []).map(Number) : [],
  );
}

/** The folder where junk goes, by its special use, else by a name that everybody knows; null: none. */
export function junkFolder(lines: readonly ImapLine[]): string | null {
  const folders = lines.flatMap(({ text, literals }) => {
    const match =
      /^\* (?:LIST|XLIST) \(([^)]*)\) (?:"(?:[^"\\]|\\.)*"|NIL) (?:"((?:[^"\\]|\\.)*)"|(\S+))$/i.exec(text);
    if (match === null) return [];
    const name = literals[0]?.toString('utf8') ?? match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '';
    return [{ uses: (match[1] ?? '').toLowerCase().split(' '), name }];
  });
  const byUse = folders.find(({ uses }) => uses.includes('\\junk') || uses.includes('\\spam'));
  const byName = folders.find(({ name }) => /^(?:INBOX[./])?(?:Junk|Spam|Junk E-?mail)$/i.test(name));
  return (byUse ?? byName)?.name ?? null;
}
