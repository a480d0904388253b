// Reads a journal, also while another process writes it. A last line without its newline is torn (a crash or
// a full disk in the middle of an append, whose caller was never told that it is there) and is ignored;
// anything else that cannot be read stops the reader with a ParseError that names file:line.
import { type FileHandle, open } from 'node:fs/promises';
import { MailctlError, ParseError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import { parseRecord } from './parse-record.js';
import type { JournalRecord } from './record.js';

/** A longer line is no record of ours: a plan of 100 slots takes some 200 kB. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const NEWLINE = 0x0a;
const CHUNK_BYTES = 64 * 1024;

/** What a journal holds. */
export interface JournalContent {
  readonly records: readonly JournalRecord[];
  /** Length in bytes of the whole lines; what follows is torn. */
  readonly wholeBytes: number;
  readonly tornBytes: number;
}

/** Reads on from where it was: each call of `next` gives the whole records that have come since. */
class RecordReader {
  readonly #file: string;
  readonly #handle: FileHandle;
  /** Bytes of whole lines read so far. */
  wholeBytes = 0;
  tornBytes = 0;
  #seq = 0;

  constructor(file: string, handle: FileHandle) {
    this.#file = file;
    this.#handle = handle;
  }

  async next(): Promise<JournalRecord[]> {
    const records: JournalRecord[] = [];
    let tail: Buffer[] = [];
    let tailBytes = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const at = this.wholeBytes + tailBytes;
      const { bytesRead } = await this.#handle.read(chunk, 0, CHUNK_BYTES, at);
      if (bytesRead === 0) break;
      let start = 0;
      for (;;) {
        const end = chunk.subarray(0, bytesRead).indexOf(NEWLINE, start);
        if (end === -1) break;
        const line = Buffer.concat([...tail, chunk.subarray(start, end)]);
        records.push(this.#parse(line));
        this.wholeBytes += line.length + 1;
        tail = [];
        tailBytes = 0;
        start = end + 1;
      }
      tail.push(chunk.subarray(start, bytesRead));
      tailBytes += bytesRead - start;
      if (tailBytes > MAX_LINE_BYTES) {
        throw new ParseError(
          `${this.#file}:${this.#seq + 1}`,
          `a line of more than ${MAX_LINE_BYTES} bytes`,
          {},
        );
      }
    }
    this.tornBytes = tailBytes;
    return records;
  }

  #parse(line: Buffer): JournalRecord {
    this.#seq += 1;
    const where = `${this.#file}:${this.#seq}`;
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(line);
    } catch {
      throw new ParseError(where, 'not UTF-8');
    }
    return parseRecord(text, where, this.#seq);
  }
}

async function openForReading(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (error) {
    throw new MailctlError(`cannot read the journal ${file}: ${(error as Error).message}`, {
      code: 'journal.read',
      exitCode: 1,
      cause: error,
    });
  }
}

/**
 * Reads a whole journal.
 * @throws ParseError when a line other than a torn last one cannot be read, or when there
 * is no first record: such a run had begun nothing. MailctlError `journal.read` when the file cannot be opened.
 */
export async function readJournal(file: string): Promise<JournalContent> {
  const handle = await openForReading(file);
  try {
    const reader = new RecordReader(file, handle);
    const records = await reader.next();
    if (records.length === 0) {
      throw new ParseError(`${file}:1`, 'it ends before its first record, so this run had begun nothing', {
        hint: `rm ${file}`,
      });
    }
    return { records, wholeBytes: reader.wholeBytes, tornBytes: reader.tornBytes };
  } finally {
    await handle.close();
  }
}

/** How `followJournal` waits. */
export interface FollowOptions {
  readonly clock: Clock;
  /** Does the process that writes it live? (lock.ts, `isHeld`) */
  readonly isAlive: () => Promise<boolean>;
  /** Between two looks; a record is shown at most this late. */
  readonly pollMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields a journal's records, those that are there and then each as it is appended, until its writer is gone
 * and everything that it wrote has been given. Ends quietly when the signal is aborted.
 * @throws as readJournal
 */
export async function* followJournal(file: string, options: FollowOptions): AsyncGenerator<JournalRecord> {
  const handle = await openForReading(file);
  try {
    const reader = new RecordReader(file, handle);
    while (options.signal?.aborted !== true) {
      // Asked before reading: what was written before the writer ended is then certainly read.
      const alive = await options.isAlive();
      yield* await reader.next();
      if (!alive) return;
      try {
        await options.clock.sleep(options.pollMs ?? 150, options.signal);
      } catch {
        return;
      }
    }
  } finally {
    await handle.close();
  }
}
