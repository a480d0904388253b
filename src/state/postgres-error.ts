// What went wrong with a database server, in the operator's words. What the driver throws never reaches an operator
// as it is: one function turns it into a MailctlError with a code `state.*` that says what to do next.

import { MailctlError } from '../errors.js';
import type { PostgresUrl } from '../lib/postgres-url.js';
import { errno, stateError } from './state-error.js';

/** Messages of pg 8 that carry no code. */
const LOST =
  /Connection terminated|timeout exceeded when trying to connect|timeout expired|server closed the connection|Client has encountered a connection error|Client was closed/i;
const SLOW = /Query read timeout/i;
const NO_TLS = /does not support SSL/i;

/** PostgreSQL's five characters; '' for what is no error of a server. */
export function sqlState(error: unknown): string {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === 'string' && severity !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}

/** Another transaction was in the way: the same call may succeed a moment later. */
export function isInTheWay(error: unknown): boolean {
  return ['40001', '40P01', '55P03'].includes(sqlState(error));
}

/** The server cannot be talked to, or said goodbye: nothing more comes over this connection. */
export function isAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== '') return /^(08|57P0)/.test(state) || state === '53300' || state === '25P03';
  if (isTls(error)) return false;
  return errno(error) !== '' || LOST.test(messageOf(error));
}

/** No answer in time: the connection is of no more use, since an answer may still come. */
export function isSlow(error: unknown): boolean {
  return SLOW.test(messageOf(error));
}

/** The server has no TLS at all. */
export function hasNoTls(error: unknown): boolean {
  return sqlState(error) === '' && NO_TLS.test(messageOf(error));
}

/** Turns what the driver threw while doing `doing` into an error for the operator; a MailctlError stays as it is. */
export function toPostgresError(error: unknown, url: PostgresUrl, doing: string): unknown {
  if (error instanceof MailctlError) return error;
  const { name } = url;
  const state = sqlState(error);
  const said = state === '' ? messageOf(error) : `${messageOf(error)} (SQLSTATE ${state})`;
  const extra = { detail: `while ${doing}: ${said}`, cause: error };
  const [first] = url.hosts;
  const isReady = `pg_isready -h ${first?.host} -p ${first?.port}`;
  if (isAway(error)) {
    const hint =
      state === '53300' ? 'too many programs are connected to it' : `see whether it is up: ${isReady}`;
    return stateError('state.away', name, 'the database server does not answer', { ...extra, hint });
  }
  if (isSlow(error) || state === '57014') {
    return stateError('state.slow', name, 'the database server did not answer in time', {
      ...extra,
      hint: `see what it does: psql -c 'select pid, state, query from pg_stat_activity' ${quoted(name)}`,
    });
  }
  if (isTls(error)) {
    return stateError('state.tls', name, 'no TLS connection to the database server can be made', {
      ...extra,
      hint: 'sslmode and sslrootcert in its url say what is expected of the server',
    });
  }
  if (/^28/.test(state) || /^SASL|password must be a string/i.test(said)) {
    return stateError('state.login', name, 'the database server refuses the login', {
      ...extra,
      hint: 'the password comes from password_file beside the url, or from ~/.pgpass; pg_hba.conf says who may',
    });
  }
  if (state === '3D000') {
    return stateError('state.missing', name, 'there is no such database on the server', {
      ...extra,
      hint: `make it there: createdb -O ${quoted(url.user ?? 'mailctl')} ${quoted(url.database ?? 'mailctl')}`,
    });
  }
  if (state === '25006') return standbyError(url, extra);
  if (state === '42501') {
    return stateError('state.permission', name, 'this user may not do that in the database', {
      ...extra,
      hint: `its owner grants it: GRANT ALL ON SCHEMA public TO "${url.user ?? 'mailctl'}"`,
    });
  }
  if (['42P01', '42703', '3F000'].includes(state)) {
    return stateError('state.empty', name, 'this database has no tables of mailctl, or not all of them', {
      ...extra,
      hint: 'mailctl slots import FILE',
    });
  }
  if (/^53/.test(state)) {
    return stateError('state.full', name, 'the database server has no room left, nothing was written', extra);
  }
  if (/^XX00[12]$/.test(state)) return stateError('state.corrupt', name, 'the database is damaged', extra);
  if (/^58/.test(state)) return stateError('state.io', name, 'the disk does not read or write', extra);
  if (isInTheWay(error)) {
    return stateError('state.busy', name, 'the database is locked by another process', {
      ...extra,
      hint: `see who holds it: psql -c 'select pid, application_name, state from pg_stat_activity' ${quoted(name)}`,
    });
  }
  // Not of the server: an error of our own, which must not be dressed up.
  return state === '' ? error : stateError('state.failed', name, 'the database cannot be used', extra);
}

/** A server that takes no writes: a standby, or one that was told so. */
export function standbyError(
  { name, hosts }: PostgresUrl,
  extra: { readonly detail?: string; readonly cause?: unknown } = {},
): MailctlError {
  const hint =
    hosts.length > 1
      ? 'none of the hosts in its url takes writes: promote one, or add the primary'
      : 'name the primary in its url, or both: postgres://user@db1,db2/database';
  return stateError('state.read-only', name, 'the database can be read but not written: a standby?', {
    ...extra,
    hint,
  });
}

function isTls(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (sqlState(error) !== '') return false;
  return (
    hasNoTls(error) ||
    (typeof code === 'string' &&
      /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|ERR_OSSL)/.test(code))
  );
}

function messageOf(error: unknown): string {
  // Of several addresses of one name the first tells.
  const { errors } = (error ?? {}) as { readonly errors?: readonly unknown[] };
  if (error instanceof AggregateError && errors?.[0] !== undefined) return messageOf(errors[0]);
  return error instanceof Error ? error.message : String(error);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
