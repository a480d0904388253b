// A listing from a file or a pipe, line by line, as a source of messages. Which format it has is found by its first
// lines unless it is said. Lines that are no message are counted, the first of them named, and never stop the rest.
import { UsageError } from '../errors.js';
import { formatCommand } from '../lib/command-text.js';
import type { ListingContext, ListingFormat, ListingParser } from './listing-format.js';
import type { QueueMessage } from './message.js';

/** Malformed lines that are named; the others are counted. */
const MOST_NAMED = 20;

/** A line that is no message. */
export interface BadLine {
  readonly line: number;
  readonly what: string;
}

/** What reading came to. */
export interface ListingResult {
  readonly format: string;
  readonly malformed: number;
  /** The first of them, at most MOST_NAMED. */
  readonly named: readonly BadLine[];
}

/** Lines that formats are told apart by. */
const FIRST_LINES = 20;

/** Reads lines into messages. */
export class ListingReader {
  readonly #name: string;
  readonly #formats: readonly ListingFormat[];
  readonly #context: ListingContext;
  readonly #onMessage: (message: QueueMessage) => void;
  readonly #named: BadLine[] = [];
  #malformed = 0;
  /** Lines before the format is known. */
  #first: string[] = [];
  #filled = 0;
  #format: ListingFormat | undefined;
  #parser: ListingParser | undefined;

  /** `name` is the file's, for messages. One format: it is that one, whatever the lines look like. */
  constructor(options: {
    readonly name: string;
    readonly formats: readonly ListingFormat[];
    readonly now: number;
    readonly glance?: boolean | undefined;
    readonly onMessage: (message: QueueMessage) => void;
  }) {
    this.#name = options.name;
    this.#formats = options.formats;
    const { name, now, glance } = options;
    this.#context = { queue: name, host: name, now, glance };
    this.#onMessage = options.onMessage;
    if (options.formats.length === 1) this.#open(options.formats[0] as ListingFormat);
  }

  line(text: string): void {
    if (this.#parser !== undefined) {
      this.#parser.line(text);
      return;
    }
    const line = this.#first.length === 0 && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    this.#first.push(line);
    if (line.trim() !== '') this.#filled += 1;
    if (this.#filled === FIRST_LINES) this.#detect();
  }

  /** @throws UsageError when the listing is none that anybody knows, or is empty */
  end(): ListingResult {
    if (this.#parser === undefined) this.#detect();
    this.#parser?.end();
    return { format: this.#format?.name ?? '', malformed: this.#malformed, named: this.#named };
  }

  #detect(): void {
    const filled = this.#first.filter((line) => line.trim() !== '');
    if (filled.length === 0) {
      throw new UsageError(`${this.#name} is empty`, {
        code: 'usage.listing',
        detail: 'an empty queue and a command that failed look the same here',
        hint: 'if it is the list of an empty queue, say what kind: --format postfix-json',
      });
    }
    const format = this.#formats.find((one) => one.looksLike(filled));
    if (format === undefined) {
      throw new UsageError(`${this.#name} is no listing that mailctl knows`, {
        code: 'usage.listing',
        detail: `its first line: ${(filled[0] ?? '').slice(0, 200)}`,
        hint: `one of these can be forced: --format ${this.#formats.map(({ name }) => name).join(', ')}`,
      });
    }
    this.#open(format);
    const lines = this.#first;
    this.#first = [];
    for (const line of lines) this.#parser?.line(line);
  }

  #open(format: ListingFormat): void {
    this.#format = format;
    const sink = {
      message: this.#onMessage,
      malformed: (line: number, what: string) => {
        this.#malformed += 1;
        if (this.#named.length < MOST_NAMED) this.#named.push({ line, what });
      },
    };
    this.#parser = format.open(sink, this.#context);
  }
}

/** What the first bytes of something that is no text begin with. */
const MAGIC: readonly (readonly [bytes: readonly number[], what: string, tool: string])[] = [
  [[0x1f, 0x8b], 'gzip', 'gzip -dc'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd', 'zstd -dc'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz', 'xz -dc'],
  [[0x42, 0x5a, 0x68], 'bzip2', 'bzip2 -dc'],
  [[0x50, 0x4b, 0x03, 0x04], 'zip', 'unzip -p'],
  [[0xff, 0xfe], 'UTF-16', 'iconv -f UTF-16 -t UTF-8'],
  [[0xfe, 0xff], 'UTF-16', 'iconv -f UTF-16 -t UTF-8'],
];

/** A listing as it was asked for. */
export interface AskedListing {
  /** The file's name, for messages. */
  readonly name: string;
  /** Its path; undefined: standard input. */
  readonly path: string | undefined;
  /** The command that asked, with standard input as its listing. */
  readonly fromStdin: readonly string[];
}

/** Refuses what is no text by its first bytes. @throws UsageError that says what it is and how it is turned into text */
export function mustBeText({ name, path, fromStdin }: AskedListing, first: Uint8Array): void {
  const found = MAGIC.find(([bytes]) => bytes.every((byte, at) => first[at] === byte));
  const utf16 = found === undefined && first.length >= 4 && (first[1] === 0 || first[0] === 0);
  if (found === undefined && !utf16) return;
  const [, what, tool] = found ?? [[], 'UTF-16 or no text at all', 'iconv -f UTF-16LE -t UTF-8'];
  // A path that begins with "-" would be an option.
  const from = path === undefined ? '' : ` ${formatCommand([path.startsWith('-') ? `./${path}` : path])}`;
  throw new UsageError(`${name} is ${what}`, {
    code: 'usage.listing',
    hint: `${tool}${from} | ${formatCommand(fromStdin)}`,
  });
}
