// A listing from a file or standard input as a source of messages: read piece by piece, however long its lines are,
// and never kept.
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { listingFormats } from '../../drivers/queues.js';
import { UsageError } from '../../errors.js';
import type { Clock } from '../../lib/clock.js';
import { LISTING_FORMATS } from '../../queue/listing-format.js';
import { mailctlFormat } from '../../queue/mailctl-format.js';
import type { MessageSource } from '../../queue/read-all.js';
import { ListingReader, mustBeText } from '../../queue/read-listing.js';
import { MAX_LINE_BYTES } from '../../transport/limits.js';
import { readLines } from './read-lines.js';

/** What is read. */
export interface ListingInput {
  /** `-`: standard input. */
  readonly file: string;
  /** undefined: found by its first lines. */
  readonly format: (typeof LISTING_FORMATS)[number] | undefined;
  readonly clock: Clock;
  /** The whole command as it was given. */
  readonly commandLine: readonly string[];
}

/** The source. Its one queue is called by the file's name. */
export function listingSource({ file, format, clock, commandLine }: ListingInput): MessageSource {
  const name = file === '-' ? 'stdin' : basename(file);
  const path = file === '-' ? undefined : file;
  const asked = { name, path, fromStdin: fromStdin(commandLine, file) };
  return {
    async read(onMessage, { signal, glance } = {}) {
      const begunAt = clock.monotonic();
      const reader = new ListingReader({
        name,
        formats: await formatsFor(format),
        now: Math.floor(clock.now() / 1000),
        glance,
        onMessage,
      });
      try {
        const handle = file === '-' ? undefined : await open(file);
        try {
          await readLines(handle?.fd ?? 0, {
            onFirst: (bytes) => mustBeText(asked, bytes),
            onLine: (line) => reader.line(line),
            mostBytes: MAX_LINE_BYTES,
            onTooLong: () => tooLong(name),
            signal,
          });
        } finally {
          await handle?.close();
        }
      } catch (error) {
        throw readError(name, error);
      }
      const { malformed, named } = reader.end();
      return {
        queues: [
          {
            host: name,
            queue: name,
            tookMs: Math.round(clock.monotonic() - begunAt),
            malformed,
            named,
            warning: null,
            isDown: false,
            isListing: true,
          },
        ],
        failures: [],
        without: [],
      };
    },
  };
}

/** The same command of what comes on standard input. */
function fromStdin(words: readonly string[], file: string): readonly string[] {
  return words.map((word, at) => {
    if (word === `--input=${file}`) return '--input=-';
    return word === file && words[at - 1] === '--input' ? '-' : word;
  });
}

async function formatsFor(name: ListingInput['format']) {
  if (name === 'mailctl') return [mailctlFormat];
  const formats = await listingFormats(name);
  if (name !== undefined) return formats;
  return [...formats, mailctlFormat].sort(
    (a, b) => LISTING_FORMATS.indexOf(a.name) - LISTING_FORMATS.indexOf(b.name),
  );
}

function tooLong(name: string): UsageError {
  return new UsageError(`${name} has a line of more than ${MAX_LINE_BYTES / 1024 / 1024} MiB`, {
    code: 'usage.listing',
    detail: 'no message of a queue is that long',
  });
}

function readError(name: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (!(error instanceof Error) || typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) return error;
  const why: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EISDIR: 'it is a directory',
    EACCES: 'this user may not read it',
  };
  return new UsageError(`cannot read ${name}: ${why[code] ?? error.message}`, {
    code: 'usage.file',
    cause: error,
  });
}
