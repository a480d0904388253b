// All schema versions in order. A migration is never edited once released: the next one corrects it. Columns
// are added, never renamed or dropped, so that the version before can still read (design 2.4). Written in SQLite's
// words; postgres.ts translates the few that differ.
import { canaries } from './canaries.js';
import { comparisons } from './comparisons.js';
import { pendingUsers } from './pending-users.js';
import { queueLooks } from './queue-looks.js';
import { slotsAndSamples } from './slots-and-samples.js';

/** One step from the version before. */
export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
  /** The oldest schema version whose programs can still read, and write, what this one leaves. */
  readonly oldestReader: number;
  readonly oldestWriter: number;
}

const migrations: readonly Migration[] = [
  { version: 1, statements: slotsAndSamples, oldestReader: 1, oldestWriter: 1 },
  { version: 2, statements: comparisons, oldestReader: 1, oldestWriter: 1 },
  { version: 3, statements: canaries, oldestReader: 1, oldestWriter: 1 },
  { version: 4, statements: pendingUsers, oldestReader: 1, oldestWriter: 1 },
  { version: 5, statements: queueLooks, oldestReader: 1, oldestWriter: 1 },
];

/** The version that this program makes. */
export const CURRENT_VERSION = migrations.length;

/** The oldest version that this program's queries work with, unmigrated. */
export const OLDEST_USABLE_VERSION = 1;

/** Where the version is kept; in a table, since a site may use SQLite's own `user_version` for itself. */
export const VERSION_TABLE = `CREATE TABLE IF NOT EXISTS mailctl_schema (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL,
  oldest_reader INTEGER NOT NULL,
  oldest_writer INTEGER NOT NULL
)`;

/** The statements that lead from a version (0: none) to the current one; they belong into one transaction. */
export function statementsFrom(from: number): readonly string[] {
  return migrations
    .filter(({ version }) => version > from)
    .flatMap(({ version, statements, oldestReader, oldestWriter }) => [
      ...statements,
      `INSERT INTO mailctl_schema (id, version, oldest_reader, oldest_writer)
       VALUES (1, ${version}, ${oldestReader}, ${oldestWriter})
       ON CONFLICT (id) DO UPDATE SET version = excluded.version,
         oldest_reader = excluded.oldest_reader, oldest_writer = excluded.oldest_writer`,
    ]);
}
