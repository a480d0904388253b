// A listing from a file or standard input as a source of messages: read in pieces of a megabyte, however long its
// lines are, and never kept.
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { listingFormats } from '../../drivers/queues.js';
import { UsageError } from '../../errors.js';
import type { Clock } from '../../lib/clock.js';
import { LISTING_FORMATS } from '../../queue/listing-format.js';
import { mailctlFormat } from '../../queue/mailctl-format.js';
import type { MessageSource } from '../../queue/read-all.js';
import { ListingReader, mustBeText } from '../../queue/read-listing.js';
import { MAX_LINE_BYTES } from '../../transport/limits.js';
import { LineSplitter } from '../../transport/line-splitter.js';

const PIECE_BYTES = 1 << 20;

/** What is read. */
export interface ListingInput {
  /** `-`: standard input. */
  readonly file: string;
  /** undefined: found by its first lines. */
  readonly format: (typeof LISTING_FORMATS)[number] | undefined;
  readonly clock: Clock;
}

/** The source. Its one queue is called by the file's name. */
export function listingSource({ file, format, clock }: ListingInput): MessageSource {
  const name = file === '-' ? 'stdin' : basename(file);
  return {
    async read(onMessage, { signal } = {}) {
      const begunAt = clock.monotonic();
      const reader = new ListingReader({
        name,
        formats: await formatsFor(format),
        now: Math.floor(clock.now() / 1000),
        onMessage,
      });
      const splitter = new LineSplitter((line) => reader.line(line));
      let isFirst = true;
      const stream =
        file === '-'
          ? createReadStream('', { fd: 0, autoClose: false, highWaterMark: PIECE_BYTES })
          : createReadStream(file, { highWaterMark: PIECE_BYTES });
      try {
        for await (const piece of stream as AsyncIterable<Buffer>) {
          if (isFirst) mustBeText(name, piece);
          isFirst = false;
          splitter.push(piece);
          if (splitter.pendingBytes > MAX_LINE_BYTES) throw tooLong(name);
          if (signal?.aborted) break;
        }
      } catch (error) {
        throw readError(name, error);
      }
      splitter.end();
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
