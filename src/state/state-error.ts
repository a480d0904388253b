// What went wrong with a database file, in the operator's words. Driver errors never reach an operator as they
// are: one function turns them into a MailctlError with a code `state.*`.
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EXIT, MailctlError } from '../errors.js';

/** Codes, listed in mailctl(1). */
export type StateErrorCode =
  | 'state.missing'
  | 'state.empty'
  | 'state.read-only'
  | 'state.permission'
  | 'state.not-a-database'
  | 'state.corrupt'
  | 'state.full'
  | 'state.away'
  | 'state.slow'
  | 'state.login'
  | 'state.tls'
  | 'state.busy'
  | 'state.io'
  | 'state.schema-new'
  | 'state.schema-old'
  | 'state.unreadable'
  | 'state.failed';

/** An error about the database file `path`. */
export function stateError(
  code: StateErrorCode,
  path: string,
  what: string,
  extra: {
    readonly detail?: string | undefined;
    readonly hint?: string | undefined;
    readonly cause?: unknown;
  } = {},
): MailctlError {
  return new MailctlError(`${path}: ${what}`, { code, exitCode: EXIT.failed, ...extra });
}

/** The database is locked by another process: the same call may succeed a moment later. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error));
}

/** SQLite's primary result codes, the low byte of the extended ones, as far as they mean something here. */
const PRIMARY_CODES: { readonly [number: number]: string } = {
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  26: 'SQLITE_NOTADB',
};

/** SQLite's symbolic result code, e.g. `SQLITE_BUSY`; '' for what is no error of SQLite. */
export function sqliteCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && code.startsWith('SQLITE_')) return code;
  // libsql 0.5 knows some extended codes by their number only, such as 1544, a directory that cannot be written.
  const number = /^UNKNOWN_SQLITE_ERROR_(\d+)$/.exec(typeof code === 'string' ? code : '')?.[1];
  if (number !== undefined) return PRIMARY_CODES[Number(number) & 0xff] ?? 'SQLITE_ERROR';
  // libsql 0.5 reports a failed open as a plain error that ends with the number.
  return error instanceof Error && /^ConnectionFailed\(.*: 14"\)$/.test(error.message)
    ? 'SQLITE_CANTOPEN'
    : '';
}

/** Turns what the driver threw while doing `doing` into an error for the operator; a MailctlError stays as it is. */
export function toStateError(error: unknown, path: string, doing: string): unknown {
  if (error instanceof MailctlError) return error;
  const code = sqliteCode(error);
  const message = error instanceof Error ? error.message : String(error);
  const extra = { detail: `while ${doing}: ${message}`, cause: error };
  if (isBusy(error)) {
    return stateError('state.busy', path, 'the database is locked by another process', {
      ...extra,
      hint: `see who holds it: fuser -v ${path}`,
    });
  }
  if (code.startsWith('SQLITE_READONLY')) return readOnlyError(path, extra);
  if (code === 'SQLITE_NOTADB') {
    return stateError('state.not-a-database', path, 'this file is not an SQLite database', {
      ...extra,
      hint: 'check directory.url and state.url in the configuration',
    });
  }
  if (code.startsWith('SQLITE_CORRUPT')) {
    return stateError('state.corrupt', path, 'the database is damaged', {
      ...extra,
      hint: `save what can be read: sqlite3 ${path} .recover`,
    });
  }
  if (code === 'SQLITE_FULL' || errno(error) === 'ENOSPC' || errno(error) === 'EDQUOT') {
    return stateError('state.full', path, 'the disk is full, nothing was written', {
      ...extra,
      hint: `make room on it: df -h ${dirname(path)}`,
    });
  }
  if (code.startsWith('SQLITE_IOERR') || errno(error) === 'EIO') {
    return stateError('state.io', path, 'the disk does not read or write', extra);
  }
  if (code === 'SQLITE_CANTOPEN') return cannotOpenError(path, extra);
  if (/^no such (table|column)/.test(message)) {
    return stateError('state.empty', path, 'this database has no tables of mailctl, or not all of them', {
      ...extra,
      hint: 'mailctl slots import FILE',
    });
  }
  const fs = errno(error);
  if (fs === 'EROFS') return readOnlyError(path, extra);
  if (fs === 'EACCES' || fs === 'EPERM') return permissionError(path, extra);
  if (fs !== '') return stateError('state.failed', path, 'the database cannot be used', extra);
  // Neither SQLite nor the file system: an error of our own, which must not be dressed up.
  return code === '' ? error : stateError('state.failed', path, 'the database cannot be used', extra);
}

/** The file, or its file system, cannot be written. */
export function readOnlyError(
  path: string,
  extra: { readonly detail?: string; readonly cause?: unknown } = {},
): MailctlError {
  return stateError('state.read-only', path, 'the database can be read but not written', {
    ...extra,
    hint: `see why: findmnt -T ${path}; ls -ld ${dirname(path)} ${path}; lsattr ${path}`,
  });
}

/** The file or a directory on the way cannot be entered or read by this user. */
function permissionError(
  path: string,
  extra: { readonly detail?: string; readonly cause?: unknown } = {},
): MailctlError {
  return stateError('state.permission', path, 'this user may not open the database', {
    ...extra,
    hint: `see who may: namei -l ${path}`,
  });
}

function cannotOpenError(
  path: string,
  extra: { readonly detail: string; readonly cause: unknown },
): MailctlError {
  try {
    if (!statSync(path).isFile())
      return stateError('state.not-a-database', path, 'this is not a file', extra);
    accessSync(path, constants.R_OK);
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return missingError(path, extra);
    return permissionError(path, extra);
  }
  return stateError('state.unreadable', path, 'the database cannot be opened by this user', {
    ...extra,
    hint: `its -wal and -shm files must be readable, its directory writable: ls -la ${dirname(path)}`,
  });
}

/** There is no such database yet. */
export function missingError(
  path: string,
  extra: { readonly detail?: string; readonly cause?: unknown } = {},
): MailctlError {
  return stateError('state.missing', path, 'there is no such database yet', {
    ...extra,
    hint: 'mailctl slots import FILE',
  });
}

/** `ENOENT` and the like; '' for anything else. */
export function errno(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : '';
}
