// The journal of one run: append-only lines of JSON, each on disk (fdatasync) before its append returns, so
// that what was begun is known whatever happens next. Appends that come together (lanes run in parallel) share
// one write and one sync. After a failed write nothing more is appended: an append that failed may be on the
// disk or not, and every reader can live with both. Opening a journal takes its run's lock.
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { EXIT, MailctlError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import { acquireLock, type RunLock } from './lock.js';
import { readJournal } from './read-journal.js';
import type { JournalRecord, NewRecord } from './record.js';

/** Where the lines go. `append` returns when the text is durable; tests pass one of their own. */
export interface JournalStorage {
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

interface Waiting {
  readonly record: JournalRecord;
  readonly resolve: (record: JournalRecord) => void;
  readonly reject: (error: MailctlError) => void;
}

/** One run's journal, open for appending. */
export class Journal {
  /** The run's id. */
  readonly run: string;
  readonly file: string;
  readonly #clock: Clock;
  readonly #storage: JournalStorage;
  readonly #records: JournalRecord[];
  #seq: number;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #failure: MailctlError | undefined;

  /** Use createJournal or openJournal; `records` are those that the storage holds already. */
  constructor(file: string, storage: JournalStorage, records: readonly JournalRecord[], clock: Clock) {
    this.run = basename(file, '.ndjson');
    this.file = file;
    this.#clock = clock;
    this.#storage = storage;
    this.#records = [...records];
    this.#seq = records.length;
  }

  /** All records that are on disk, in order. */
  get records(): readonly JournalRecord[] {
    return this.#records;
  }

  /** Set once a write has failed: nothing can be appended any more. */
  get failure(): MailctlError | undefined {
    return this.#failure;
  }

  /**
   * Appends a record; resolves when it is on disk.
   * @throws MailctlError `journal.write` when it is not known to be there, and at every call after that
   */
  append(record: NewRecord): Promise<JournalRecord> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#seq += 1;
    const whole = {
      seq: this.#seq,
      at: new Date(this.#clock.now()).toISOString(),
      ...record,
    } as JournalRecord;
    const done = new Promise<JournalRecord>((resolve, reject) => {
      this.#waiting.push({ record: whole, resolve, reject });
    });
    this.#flushing ??= this.#flush();
    return done;
  }

  /** Waits for what is being written, then gives up the file and the lock. */
  async close(): Promise<void> {
    await this.#flushing;
    this.#failure ??= new MailctlError(`the journal ${this.file} is closed`, {
      code: 'journal.closed',
      exitCode: EXIT.incomplete,
    });
    await this.#storage.close();
  }

  async #flush(): Promise<void> {
    // One turn of the event loop's microtasks: lanes that were woken together append together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#storage.append(batch.map(({ record }) => `${JSON.stringify(record)}\n`).join(''));
      } catch (error) {
        const failure = writeFailure(this.file, this.run, error);
        this.#failure = failure;
        for (const { reject } of [...batch, ...this.#waiting]) reject(failure);
        this.#waiting = [];
        break;
      }
      for (const { record, resolve } of batch) {
        this.#records.push(record);
        resolve(record);
      }
    }
    this.#flushing = undefined;
  }
}

function writeFailure(file: string, run: string, cause: unknown): MailctlError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const full = (cause as NodeJS.ErrnoException | null)?.code === 'ENOSPC';
  return new MailctlError(`cannot write the journal ${file}: ${why}`, {
    code: 'journal.write',
    exitCode: EXIT.incomplete,
    detail: 'nothing further is done without a journal',
    hint: `${full ? 'make room there, then' : 'repair that, then'}: mailctl runs resume ${run}`,
    cause,
  });
}

/** A journal's first record, before it has number and time. */
export type OpenedRecord = Extract<NewRecord, { readonly kind: 'opened' }>;

/** Who opens a journal: the operator is named to whoever finds it locked. */
export interface JournalOptions {
  readonly operator: string;
  readonly clock: Clock;
}

/**
 * Creates the journal of a new run (mode 0600) with its first record, under its lock.
 * @throws MailctlError `journal.exists` when the file is there; BusyError; `journal.write`
 */
export async function createJournal(
  file: string,
  opened: OpenedRecord,
  options: JournalOptions,
): Promise<Journal> {
  const lock = await acquireLock(file, options.operator, options.clock);
  try {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL;
    const handle = await openFile(file, flags);
    const journal = new Journal(file, onDisk(handle, lock), [], options.clock);
    try {
      await journal.append(opened);
      await syncDirectory(dirname(file));
    } catch (error) {
      await handle.close();
      // Without its first record it is no run, and would only be in the way.
      await rm(file, { force: true }).catch(() => {});
      throw error;
    }
    return journal;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * Opens the journal of a run that nobody executes, to go on with it: cuts off a torn last line.
 * @throws BusyError naming the holder; ParseError; MailctlError `journal.read`, `journal.write`
 */
export async function openJournal(file: string, options: JournalOptions): Promise<Journal> {
  const lock = await acquireLock(file, options.operator, options.clock);
  try {
    const content = await readJournal(file);
    const handle = await openFile(file, constants.O_WRONLY | constants.O_APPEND);
    try {
      if (content.tornBytes > 0) {
        await handle.truncate(content.wholeBytes);
        await handle.sync();
      }
    } catch (error) {
      await handle.close();
      throw writeFailure(file, basename(file, '.ndjson'), error);
    }
    return new Journal(file, onDisk(handle, lock), content.records, options.clock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openFile(file: string, flags: number): Promise<FileHandle> {
  try {
    return await open(file, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new MailctlError(`${file} is there already`, {
        code: 'journal.exists',
        exitCode: EXIT.failed,
        cause: error,
      });
    }
    throw writeFailure(file, basename(file, '.ndjson'), error);
  }
}

function onDisk(handle: FileHandle, lock: RunLock): JournalStorage {
  return {
    async append(text) {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, at);
        at += bytesWritten;
      }
      await handle.datasync();
    },
    async close() {
      await handle.close();
      await lock.release();
    },
  };
}

/** A new file's name is durable only when its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
