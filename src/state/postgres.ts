// An open database on a PostgreSQL server: one connection, made at the first call and made again when the server
// has been away. It promises what a file does, and no longer waits: to connect, to get a lock and to get an answer
// each have an end. A password comes from the url, the given file or ~/.pgpass, and goes into no message.
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { ConnectionOptions } from 'node:tls';
import {
  Kysely,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawNode,
} from 'kysely';
import { Client, types } from 'pg';
import { ConfigError } from '../errors.js';
import { type Clock, systemClock } from '../lib/clock.js';
import { type PostgresUrl, parsePostgresUrl } from '../lib/postgres-url.js';
import { type OpenOptions, PATIENCE_MS, type Queries, type StateDatabase } from './database.js';
import { readPgpass } from './pgpass.js';
import { hasNoTls, isAway, isInTheWay, isSlow, standbyError, toPostgresError } from './postgres-error.js';
import type { Schema } from './schema.js';

/** ms to connect, for each host of the url. */
const CONNECT_MS = 5_000;
/** What the server itself ends: a statement, and a transaction of ours that says nothing more. */
const STATEMENT_MS = 10_000;
/** What we wait for an answer: longer than the server's own limit, so that it normally tells. */
const ANSWER_MS = 13_000;
const FAREWELL_MS = 1_000;
/** The key of the advisory lock that keeps writers apart: "mailctl" as a number. */
const WRITERS = 0x6d61696c;

interface Connection {
  readonly client: Client;
  readonly db: Queries;
  /** The server has closed it, or it broke. */
  isBroken: boolean;
}

/** The database that `location` names. Nothing is asked yet. @throws ConfigError for a url that cannot be used */
export function postgresDatabase(location: string, options: OpenOptions): StateDatabase {
  const url = parsePostgresUrl(location);
  if (typeof url === 'string') {
    throw new ConfigError(`the database url ${url}`, {
      code: 'config.database-url',
      hint: 'url: "postgres://mailctl@db1/mailctl"',
    });
  }
  return new PostgresStateDatabase(url, options);
}

class PostgresStateDatabase implements StateDatabase {
  readonly path: string;
  readonly mode: 'read' | 'write';
  readonly #url: PostgresUrl;
  readonly #password: (() => string) | undefined;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  #connection: Connection | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(url: PostgresUrl, { mode, clock, patienceMs, password }: OpenOptions) {
    this.path = url.name;
    this.mode = mode;
    this.#url = url;
    this.#password = password;
    this.#clock = clock ?? systemClock;
    this.#patienceMs = patienceMs ?? PATIENCE_MS;
  }

  run<T>(doing: string, work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#patiently(doing, ({ db }) => work(db));
  }

  write<T>(
    doing: string,
    work: (queries: Queries) => Promise<T>,
    options: { readonly durable: boolean } = { durable: true },
  ): Promise<T> {
    return this.#patiently(doing, async ({ client, db }) => {
      await client.query('BEGIN');
      try {
        // Whoever reads before it writes sees what no other writer is about to change; the lock ends with the
        // transaction, also when this process dies.
        if (options.durable) await client.query('SELECT pg_advisory_xact_lock($1)', [WRITERS]);
        else await client.query('SET LOCAL synchronous_commit TO off');
        const result = await work(db);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {});
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#drop());
  }

  #patiently<T>(doing: string, work: (connection: Connection) => Promise<T>): Promise<T> {
    const end = this.#clock.monotonic() + this.#patienceMs;
    const attempt = async (): Promise<T> => {
      const wasOpen = this.#connection !== undefined && !this.#connection.isBroken;
      const connection = await this.#open();
      let isBegun = false;
      try {
        // An idle connection may have died unseen: that is found out before anything is asked of it.
        if (wasOpen) await connection.client.query('SELECT 1');
        isBegun = true;
        return await work(connection);
      } catch (error) {
        if (isAway(error) || isSlow(error)) {
          connection.isBroken = true;
          await this.#drop();
          if (!isBegun) return work(await this.#open());
        }
        throw error;
      }
    };
    return (async () => {
      for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
        try {
          return await this.#inTurn(attempt);
        } catch (error) {
          if (!isInTheWay(error) || this.#clock.monotonic() >= end) {
            throw toPostgresError(error, this.#url, doing);
          }
        }
        // Jitter, so that those that were refused together do not come back together.
        await this.#clock.sleep(pause * (0.5 + Math.random()));
      }
    })();
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

  async #open(): Promise<Connection> {
    if (this.#connection?.isBroken === false) return this.#connection;
    await this.#drop();
    this.#connection = await this.#connect();
    return this.#connection;
  }

  /** The first host that answers; to write, the first that takes writes. */
  async #connect(): Promise<Connection> {
    let standby: unknown;
    let lastError: unknown;
    for (const at of this.#url.hosts) {
      let connection: Connection;
      try {
        connection = await this.#connectTo(at);
      } catch (error) {
        if (!isAway(error)) throw error;
        lastError = error;
        continue;
      }
      if (this.mode === 'read') return connection;
      try {
        const { rows } = await connection.client.query(
          "SELECT current_setting('transaction_read_only') AS is",
        );
        if ((rows[0] as { is?: unknown } | undefined)?.is !== 'on') return connection;
        standby = standbyError(this.#url, { detail: `${at.host} answers and takes no writes` });
      } catch (error) {
        lastError = error;
      }
      await end(connection, this.#clock);
    }
    throw standby ?? lastError;
  }

  async #connectTo({ host, port }: PostgresUrl['hosts'][number]): Promise<Connection> {
    const { user, database, tls, connectTimeoutMs = CONNECT_MS } = this.#url;
    // Asked for when the server does.
    const password = async () =>
      (this.#url.password ??
        this.#password?.() ??
        process.env.PGPASSWORD ??
        readPgpass({
          host,
          port,
          database: database ?? user ?? '',
          user: user ?? process.env.PGUSER ?? userInfo().username,
        })) as string;
    const base = {
      host,
      port,
      ...(user === undefined ? {} : { user }),
      ...(database === undefined ? {} : { database }),
      password,
      application_name: 'mailctl',
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: STATEMENT_MS,
      idle_in_transaction_session_timeout: STATEMENT_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      types: { getTypeParser: numbersAsNumbers },
      ...(this.mode === 'read' ? { options: '-c default_transaction_read_only=on' } : {}),
    };
    const isLocal = host.startsWith('/') || tls === 'disable';
    try {
      return await opened(new Client({ ...base, ssl: isLocal ? false : tlsOptions(this.#url, host) }));
    } catch (error) {
      if (tls !== 'prefer' || !hasNoTls(error)) throw error;
      return opened(new Client({ ...base, ssl: false }));
    }
  }

  async #drop(): Promise<void> {
    const open = this.#connection;
    this.#connection = undefined;
    if (open !== undefined) await end(open, this.#clock);
  }
}

async function opened(client: Client): Promise<Connection> {
  const connection: Connection = { client, db: queriesOn(client), isBroken: false };
  // Also while nobody waits for an answer: an error that nobody hears would end the process.
  client.on('error', () => {
    connection.isBroken = true;
  });
  client.on('end', () => {
    connection.isBroken = true;
  });
  try {
    await client.connect();
    return connection;
  } catch (error) {
    void client.end().catch(() => {});
    throw error;
  }
}

/** A farewell is waited for shortly; to a server that is gone it would take as long as TCP believes in it. */
async function end(connection: Connection, clock: Clock): Promise<void> {
  const wasBroken = connection.isBroken;
  connection.isBroken = true;
  const { client } = connection;
  const ended = client.end().catch(() => {});
  const cut = () => {
    (
      client as unknown as { connection?: { stream?: { destroy?: () => void } } }
    ).connection?.stream?.destroy?.();
  };
  if (wasBroken) {
    cut();
    return;
  }
  const cancel = clock.timer(FAREWELL_MS, cut);
  await ended;
  cancel();
}

function tlsOptions({ tls, rootCert, cert, key }: PostgresUrl, host: string): ConnectionOptions {
  const verifies = tls === 'verify-ca' || tls === 'verify-full';
  const read = (what: string, file: string | undefined) => {
    try {
      return file === undefined ? {} : { [what]: readFileSync(file) };
    } catch (error) {
      throw new ConfigError(`the database url names a file that cannot be read: ${file}`, {
        code: 'config.database-url',
        hint: `ls -l ${file}`,
        cause: error,
      });
    }
  };
  return {
    // As libpq: what is not to be verified is encrypted all the same.
    rejectUnauthorized: verifies,
    ...(tls === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...read('ca', rootCert),
    ...read('cert', cert),
    ...read('key', key),
  };
}

/** The query builder over one client, whose turns are kept elsewhere. */
function queriesOn(client: Client): Queries {
  const connection = {
    // PostgreSQL's text holds no NUL, and what a host says may.
    query: (text: string, values: readonly unknown[] = []) =>
      client.query(
        text,
        values.map((value) => (typeof value === 'string' ? value.replaceAll('\0', '\uFFFD') : value)),
      ),
    release: () => {},
  };
  const pool = { connect: async () => connection, end: async () => {} };
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new PostgresDriver({ pool: pool as never }),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new Compiler(),
    },
  });
}

/** Text is selected as bytes for SQLite's sake (`textOf`); here it is text, in the server's care. */
class Compiler extends PostgresQueryCompiler {
  protected override visitRaw(node: RawNode): void {
    const sqlFragments = node.sqlFragments.map((part) => part.replace(/^ as blob\)/, ' as text)'));
    super.visitRaw({ ...node, sqlFragments } as RawNode);
  }
}

/** 64-bit numbers as numbers: ours are times in ms at the most. */
function numbersAsNumbers(oid: number, format?: 'text' | 'binary') {
  if (oid === 20 && format !== 'binary') return Number;
  return types.getTypeParser(oid, format as 'text');
}
