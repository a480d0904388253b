// Opens the database that a url names, and sees to its schema: made at a first start, brought up to date only with
// `migrate`, never by a command that acts. Each kind's library is loaded when it is the one.
import { sql } from 'kysely';
import { isPostgresUrl } from '../lib/database-url.js';
import type { OpenOptions, StateDatabase } from './database.js';
import { CURRENT_VERSION, OLDEST_USABLE_VERSION, statementsFrom, VERSION_TABLE } from './migrations/list.js';
import { forPostgres } from './migrations/postgres.js';
import { schemaFault } from './schema-version.js';
import { databasePath } from './url.js';

/**
 * Opens the database that `location` names (a url or an absolute path, see url.ts). `write` makes the file, with
 * its schema, if there is none; a server must have the database already.
 * @throws ConfigError for a url that we cannot use.
 * @throws MailctlError `state.*`: missing, away, login, read-only, permission, corrupt, busy, schema-new, ...
 */
export async function openState(location: string, options: OpenOptions): Promise<StateDatabase> {
  const isServer = isPostgresUrl(location);
  const state = isServer
    ? (await import('./postgres.js')).postgresDatabase(location, options)
    : (await import('./sqlite.js')).sqliteDatabase(databasePath(location), options);
  const { mode, migrate = false } = options;
  try {
    const version = await readVersion(state, isServer, migrate);
    const isFirstStart = version === 0;
    if (mode === 'write' && (isFirstStart || (migrate && version < CURRENT_VERSION)))
      await ensureSchema(state, isServer);
  } catch (error) {
    await state.close();
    throw error;
  }
  return state;
}

/** Brings the schema up to this program's version; twenty at once do it once. */
export async function ensureSchema(
  state: StateDatabase,
  isServer = isPostgresUrl(state.path),
): Promise<{ readonly from: number; readonly to: number }> {
  const text = (statement: string) => sql.raw(isServer ? forPostgres(statement) : statement);
  return state.write('bringing the schema up to date', async (queries) => {
    await text(VERSION_TABLE).execute(queries);
    const row = await queries.selectFrom('mailctl_schema').select('version').executeTakeFirst();
    const from = row?.version ?? 0;
    for (const statement of statementsFrom(from)) await text(statement).execute(queries);
    return { from, to: Math.max(from, CURRENT_VERSION) };
  });
}

/** The schema's version; 0: none of ours yet. Refuses what this program must not touch. */
function readVersion(state: StateDatabase, isServer: boolean, migrate: boolean): Promise<number> {
  return state.run('reading its schema', async (queries) => {
    // Selecting from a table that is missing throws; the catalogues are always there.
    const { rows } = await (isServer
      ? sql`SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass('mailctl_schema')`
      : sql`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'mailctl_schema'`
    ).execute(queries);
    if (rows.length === 0) return 0;
    const row = await queries.selectFrom('mailctl_schema').selectAll().executeTakeFirst();
    if (row === undefined) return 0;
    const fault = schemaFault(state.path, row, {
      mode: state.mode,
      current: CURRENT_VERSION,
      oldestUsable: migrate ? 1 : OLDEST_USABLE_VERSION,
    });
    if (fault !== undefined) throw fault;
    return row.version;
  });
}
