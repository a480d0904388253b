// Opens a database file: private when we make it, and left as the administrator has it when it exists (mode,
// owner, journal mode). Loads the database libraries, so reach it by `await import()`.
import { accessSync, constants, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Kysely, type SqliteDatabase, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { systemClock } from '../lib/clock.js';
import { type OpenOptions, PATIENCE_MS, type StateDatabase } from './database.js';
import type { Schema } from './schema.js';
import { type Connection, SqliteStateDatabase } from './sqlite-database.js';
import { errno, missingError, readOnlyError, sqliteCode, stateError, toStateError } from './state-error.js';

/** SQLite's own wait, in ms: short, since it stops the whole process. */
const NATIVE_BUSY_MS = 100;

/** The database in the file `path`. `write` makes the file, if there is none. */
export function sqliteDatabase(path: string, options: OpenOptions): StateDatabase {
  const { mode, clock = systemClock, patienceMs = PATIENCE_MS } = options;
  const connect = async () => (mode === 'write' ? connectToWrite(path) : connectToRead(path));
  if (mode === 'write') makeFile(path);
  return new SqliteStateDatabase({ path, mode, connect, clock, patienceMs });
}

async function connectToWrite(path: string): Promise<Connection> {
  if (!exists(path)) throw missingError(path);
  if (isDirectory(path)) throw stateError('state.not-a-database', path, 'this is a directory');
  mustBeWritable(path);
  const raw = openRaw(path, 'mode=rw');
  try {
    // An empty file is ours to choose for. The journal mode of a database that exists is the administrator's
    // choice: programs of the site that may only read cannot always read a WAL database (see connectToFrozen).
    if (isEmpty(raw)) raw.exec('PRAGMA journal_mode = WAL');
  } catch (error) {
    raw.close();
    throw error;
  }
  return toConnection(raw, undefined);
}

/** Makes the file, readable by its owner alone, if there is none. */
function makeFile(path: string): void {
  if (exists(path)) return;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    // Another process was first: its file is as good.
    if (errno(error) === 'EEXIST') return;
    if (errno(error) === 'EROFS') throw readOnlyError(path, { cause: error, detail: message(error) });
    throw toStateError(error, path, 'making it');
  }
}

/**
 * Without this look SQLite would open it for reading only, and fail at the first write. Nothing here opens the
 * file itself: to close it again would drop the locks that SQLite holds on it in this process (POSIX), and with
 * them the database.
 */
function mustBeWritable(path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    const code = errno(error);
    if (code === 'EROFS' || ((code === 'EACCES' || code === 'EPERM') && isReadable(path))) {
      throw readOnlyError(path, { cause: error, detail: message(error) });
    }
    throw toStateError(error, path, 'opening it');
  }
}

async function connectToRead(path: string): Promise<Connection> {
  if (!exists(path)) throw missingError(path);
  if (isDirectory(path)) throw stateError('state.not-a-database', path, 'this is a directory');
  let raw: Database.Database | undefined;
  try {
    raw = openRaw(path, 'mode=ro');
    isEmpty(raw);
    return toConnection(raw, undefined);
  } catch (error) {
    raw?.close();
    if (!/^SQLITE_(CANTOPEN|READONLY)/.test(sqliteCode(error)) || !isReadable(path)) throw error;
    return connectToFrozen(path, error);
  }
}

/**
 * A WAL database in a place where SQLite cannot make its -shm file. With no -wal file beside it all is in the
 * file itself, and it is read as one that does not change; `hasChanged` tells when it did.
 */
async function connectToFrozen(path: string, cause: unknown): Promise<Connection> {
  if (walBytes(path) > 0 || bytesOf(`${path}-journal`) > 0) {
    throw stateError(
      'state.unreadable',
      path,
      'its newest changes are in a log beside it that cannot be read here',
      {
        detail: 'what the file itself holds may be out of date, so it is not shown',
        hint: `run mailctl once as the owner of ${path}, where it can be written`,
        cause,
      },
    );
  }
  const before = fingerprint(path);
  const raw = openRaw(path, 'immutable=1');
  isEmpty(raw);
  return toConnection(raw, () => fingerprint(path) !== before);
}

function fingerprint(path: string): string {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs} ${walBytes(path)}`;
}

/** Busy timeout first: every statement after it may meet another process. */
function openRaw(path: string, parameter: string): Database.Database {
  const raw = new Database(`file:${path.split('/').map(encodeURIComponent).join('/')}?${parameter}`);
  raw.exec(`PRAGMA busy_timeout = ${NATIVE_BUSY_MS}`);
  return raw;
}

/** The first look into the file: what cannot be read throws here. */
function isEmpty(raw: Database.Database): boolean {
  return raw.prepare('SELECT 1 FROM sqlite_master LIMIT 1').all().length === 0;
}

function toConnection(raw: Database.Database, hasChanged: Connection['hasChanged']): Connection {
  const db = new Kysely<Schema>({
    dialect: new SqliteDialect({ database: raw as unknown as SqliteDatabase }),
  });
  const isWal = JSON.stringify(raw.prepare('PRAGMA journal_mode').all()).includes('wal');
  return { db, exec: (statements) => void raw.exec(statements), isWal, hasChanged };
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return false;
    throw toStateError(error, path, 'looking for it');
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function walBytes(path: string): number {
  return bytesOf(`${path}-wal`);
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
