// The tables, as the query builder knows them. Other tools of a site read them, so names are fixed and columns
// are only ever added. Two traps of libsql 0.5 rule how they are used: a bound boolean or a TEXT value that is
// no valid UTF-8 ends the process, so booleans are written as 0 and 1, and text is read as a blob (`textOf`).
import { type Expression, type Generated, type RawBuilder, sql } from 'kysely';

/** One row: which schema the file has, and the oldest mailctl (by schema version) that may still use it. */
export interface SchemaTable {
  id: number;
  version: number;
  oldest_reader: number;
  oldest_writer: number;
}

/** What the directory says of a slot. */
export interface SlotsTable {
  slot: string;
  /** Host. */
  master: string;
  /** `normal` or `readonly:HOST`. */
  state: string;
  /** Raised by every change. */
  version: number;
}

/** Which hosts carry a slot. */
export interface InstancesTable {
  slot: string;
  host: string;
  /** Name there; null: the slot's. */
  instance: string | null;
  /** Address there; null: the host's. */
  address: string | null;
  /** Order among the slot's hosts, from 0. */
  position: number;
}

/** Observations; one per slot, host and channel each time. */
export interface SamplesTable {
  id: Generated<number>;
  slot: string;
  /** Host that was observed. */
  host: string;
  role: string | null;
  /** Replica that this observation of the master's log is about, or ''. */
  channel: string;
  /** The host's own clock, seconds since 1970. */
  at: number;
  /** The observer's clock, milliseconds since 1970. */
  seen_at: number;
  pending_events: number | null;
  /** Birth of the oldest log file by the host's clock, seconds since 1970. */
  oldest_birth: number | null;
  quarantined: number | null;
  running: number | null;
  replicating: number | null;
  problem: string | null;
}

/** The last content comparison of a slot's master with a replica; times in ms by the observer's clock. */
export interface ComparisonsTable {
  slot: string;
  replica: string;
  at: number;
  total: number;
  compared: number;
  differing: number;
  oldest_at: number | null;
}

/** When an owner (a user, or `shared mailbox NAME`) was compared last, and whether it differed. */
export interface ComparedOwnersTable {
  slot: string;
  replica: string;
  owner: string;
  at: number;
  differs: number;
}

/** The last canary of a slot and replica; `seen_at` in ms by the observer's clock, the others seconds by the master's. */
export interface CanariesTable {
  slot: string;
  replica: string;
  master: string;
  sent_at: number | null;
  found_at: number | null;
  seen_at: number;
}

/** Whose changes waited in a master's log when it was looked at last. */
export interface PendingUsersTable {
  slot: string;
  replica: string;
  host: string;
  at: number;
  seen_at: number;
  events: number;
  oldest_birth: number | null;
  /** JSON: `[[user, events], ...]`. */
  users: string;
  more_users: number;
  nameless: number;
}

/** Looks at queues; one per queue each time. */
export interface QueueLooksTable {
  id: Generated<number>;
  queue: string;
  host: string;
  /** The observer's clock, milliseconds since 1970. */
  at: number;
  messages: number;
  recipients: number;
  size_bytes: number;
  /** Arrival of the oldest message by the host's clock, seconds since 1970. */
  oldest_at: number | null;
  /** Messages that are held or corrupt. */
  held: number;
  /** JSON: `[[domain, messages], ...]`, those with the most messages. */
  domains: string;
  /** 1: all domains are in it. */
  is_whole: number;
}

export interface Schema {
  mailctl_schema: SchemaTable;
  slots: SlotsTable;
  instances: InstancesTable;
  samples: SamplesTable;
  comparisons: ComparisonsTable;
  compared_owners: ComparedOwnersTable;
  canaries: CanariesTable;
  pending_users: PendingUsersTable;
  queue_looks: QueueLooksTable;
}

/** A text column, selected as bytes; `fromBytes` makes text of them. */
export function textOf(column: Expression<string | null>): RawBuilder<Uint8Array | null> {
  return sql<Uint8Array | null>`cast(${column} as blob)`;
}

/** What `textOf` selected, as text; broken UTF-8 becomes U+FFFD instead of ending the process. */
export function fromBytes(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : Buffer.from(value as Uint8Array).toString('utf8');
}
