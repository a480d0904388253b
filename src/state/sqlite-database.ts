// One open database file (SQLite). A transaction which reads before it writes holds the write lock from its
// beginning (twenty processes at once broke everything less), and a lock held elsewhere is waited for without
// stopping this process's timers: SQLite itself waits shortly only (libsql is synchronous), the rest of the patience
// is ours.
import type { Kysely } from 'kysely';
import type { Clock } from '../lib/clock.js';
import type { Queries, StateDatabase } from './database.js';
import type { Schema } from './schema.js';
import { isBusy, toStateError } from './state-error.js';

/** A connection, and how to see that what it reads has changed under it. */
export interface Connection {
  readonly db: Kysely<Schema>;
  /** Runs statements that give no rows and leaves none of them pending. */
  readonly exec: (statements: string) => void;
  /** A log beside the file (WAL): a commit without a sync may be lost then, but the file stays whole. */
  readonly isWal: boolean;
  /** Only where SQLite itself cannot see changes (an immutable open): has the file changed since? */
  readonly hasChanged: (() => boolean) | undefined;
}

/** How often a read over a file that changes meanwhile is done again. */
const MOST_REREADS = 5;

export class SqliteStateDatabase implements StateDatabase {
  /** The file; how messages name it. */
  readonly path: string;
  readonly mode: 'read' | 'write';
  readonly #connect: () => Promise<Connection>;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  #connection: Promise<Connection> | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly path: string;
    readonly mode: 'read' | 'write';
    readonly connect: () => Promise<Connection>;
    readonly clock: Clock;
    readonly patienceMs: number;
  }) {
    this.path = options.path;
    this.mode = options.mode;
    this.#connect = options.connect;
    this.#clock = options.clock;
    this.#patienceMs = options.patienceMs;
  }

  async run<T>(doing: string, work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#patiently(doing, async () => {
      for (let rereads = 0; ; rereads++) {
        const { db, hasChanged } = await this.#open();
        const outcome = await work(db).then(
          (value) => ({ ok: true as const, value }),
          (error: unknown) => ({ ok: false as const, error }),
        );
        if (hasChanged?.() && rereads < MOST_REREADS) {
          // What was read may be half of the old and half of the new: look again.
          await this.#drop();
          continue;
        }
        if (outcome.ok) return outcome.value;
        await this.#dropIfBusy(outcome.error);
        throw outcome.error;
      }
    });
  }

  async write<T>(
    doing: string,
    work: (queries: Queries) => Promise<T>,
    options: { readonly durable: boolean } = { durable: true },
  ): Promise<T> {
    return this.#patiently(doing, async () => {
      const { db, exec, isWal } = await this.#open();
      exec(`PRAGMA synchronous = ${options.durable || !isWal ? 'FULL' : 'NORMAL'}`);
      exec('BEGIN IMMEDIATE');
      try {
        const result = await work(db);
        exec('COMMIT');
        return result;
      } catch (error) {
        try {
          exec('ROLLBACK');
        } catch {
          // After some errors (disk full) SQLite has rolled back by itself.
        }
        await this.#dropIfBusy(error);
        throw error;
      }
    });
  }

  /** Closes the file, with all that was written in the file itself. A later call opens it again. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      const open = this.#connection;
      if (open === undefined) return;
      try {
        // libsql 0.5 really closes when its statements are collected, so the log would stay till the process ends.
        if (this.mode === 'write') (await open).exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } catch {
        // A reader elsewhere holds it: the log stays, and nothing is lost.
      }
      await this.#drop();
    });
  }

  /**
   * libsql 0.5 has no way to reset a statement that met a lock; pending as it is, it would keep the next
   * transaction of its connection from ending. Another connection has none.
   */
  async #dropIfBusy(error: unknown): Promise<void> {
    if (isBusy(error)) await this.#drop();
  }

  async #drop(): Promise<void> {
    const open = this.#connection;
    this.#connection = undefined;
    try {
      await (await open)?.db.destroy();
    } catch {
      // It did not open: nothing is held.
    }
  }

  #open(): Promise<Connection> {
    this.#connection ??= this.#connect().catch((error) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  async #patiently<T>(doing: string, attempt: () => Promise<T>): Promise<T> {
    const end = this.#clock.monotonic() + this.#patienceMs;
    for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
      try {
        return await this.#inTurn(attempt);
      } catch (error) {
        if (!isBusy(error) || this.#clock.monotonic() >= end) throw toStateError(error, this.path, doing);
      }
      // Jitter, so that twenty that were refused together do not come back together.
      await this.#clock.sleep(pause * (0.5 + Math.random()));
    }
  }

  /** One at a time: there is one connection, and a transaction must not take in the queries of another caller. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  }
}
