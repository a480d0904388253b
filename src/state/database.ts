// An open state database, whatever is behind it: a file (SQLite) or a server (PostgreSQL). The tables, the queries
// and what a call promises are the same: it has its effect or throws a MailctlError (state.*). Types only.
import type { Kysely } from 'kysely';
import type { Clock } from '../lib/clock.js';
import type { Schema } from './schema.js';

/** Queries on the tables. */
export type Queries = Kysely<Schema>;

/** One database. Calls of one process take turns; processes are kept apart by the database. */
export interface StateDatabase {
  /** How messages name it: the file, or the server without its password. */
  readonly path: string;
  readonly mode: 'read' | 'write';
  /** Runs queries that only read, or one statement that writes. `doing` completes "while ..." in errors. */
  run<T>(doing: string, work: (queries: Queries) => Promise<T>): Promise<T>;
  /**
   * Runs a transaction that keeps other writers out from its beginning; all of `work` happens or nothing. `work`
   * may be called again when another process was in the way, so it must do nothing but query. With `durable`
   * false a power cut may take back the newest of such transactions (never half of one): they cost no sync, and
   * they must not write what depends on what they read.
   */
  write<T>(
    doing: string,
    work: (queries: Queries) => Promise<T>,
    options?: { readonly durable: boolean },
  ): Promise<T>;
  /** Lets go of it. A later call opens it again. */
  close(): Promise<void>;
}

/** How a database is opened. */
export interface OpenOptions {
  /** `read` changes nothing and makes nothing; it works on what cannot be written: a full disk, a standby. */
  readonly mode: 'read' | 'write';
  readonly clock?: Clock | undefined;
  /** How long a lock of another process is waited for, in ms. */
  readonly patienceMs?: number | undefined;
  /** Bring an older schema up to date: for `slots import`, the sampling timer, `config` and `doctor`. */
  readonly migrate?: boolean | undefined;
  /** The password, where the url has none; asked for when it is needed. */
  readonly password?: (() => string) | undefined;
}

/** Twenty processes that write at once on a busy machine are done in less. */
export const PATIENCE_MS = 10_000;
