// A PostgreSQL server of a test's own: a private cluster in a temporary folder, on a socket there and on a port of
// the loopback interface. The machine's own service is never touched. The server refuses to run as root, so as root
// it runs as the user postgres.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { appendFile, chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const isRoot = process.getuid?.() === 0;

const programs = '/usr/lib/postgresql';
const bin = existsSync(programs)
  ? readdirSync(programs)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(programs, version, 'bin'))
      .find((folder) => existsSync(join(folder, 'initdb')))
  : undefined;

/** Why no server can be had here; undefined: one can. */
export const noPostgres =
  bin === undefined
    ? 'it needs the Debian package postgresql'
    : isRoot && !existsSync('/usr/bin/setpriv')
      ? 'it needs setpriv(1)'
      : undefined;

/** A running server. */
export interface TestPostgres {
  /** The superuser's way in, over the socket, without a password. */
  readonly url: (database?: string) => string;
  readonly folder: string;
  readonly port: number;
  /** Runs SQL as the superuser; rows come back as lines. */
  psql(sql: string, database?: string): Promise<string>;
  /** A new, empty database; gives its url. */
  freshDatabase(): Promise<string>;
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  /** The process id of the server. */
  pid(): Promise<number>;
  /** Stops it and removes everything. */
  dispose(): Promise<void>;
}

/** Starts one. `from`: stream from that server, as its standby. */
export async function startPostgres(options: { readonly from?: TestPostgres } = {}): Promise<TestPostgres> {
  const owner = isRoot ? ownerOf('postgres') : undefined;
  // A socket's path is short: 107 characters with its name.
  const folder = await mkdtemp('/tmp/mailctl-pg-');
  await chmod(folder, 0o755);
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const port = await freePort();
  const socket = encodeURIComponent(folder);
  const as = (program: string, ...args: string[]) => {
    const words = [join(bin ?? '', program), ...args];
    const before = isRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
    const [file = '', ...rest] = [...before, ...words];
    return execute(file, rest, {
      cwd: folder,
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', HOME: folder },
    });
  };
  if (options.from === undefined) {
    await as(
      'initdb',
      '-D',
      data,
      '-U',
      'super',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--no-sync',
      '--no-instructions',
    );
    await writeFile(
      join(data, 'pg_hba.conf'),
      [
        'local all all trust',
        'host all super 127.0.0.1/32 trust',
        'host all all 127.0.0.1/32 scram-sha-256',
        'local replication all trust',
        '',
      ].join('\n'),
    );
  } else {
    const { folder: host, port: its } = options.from;
    await as(
      'pg_basebackup',
      '-h',
      host,
      '-p',
      String(its),
      '-U',
      'super',
      '-D',
      data,
      '-R',
      '-c',
      'fast',
      '--no-sync',
    );
  }
  await appendFile(
    join(data, 'postgresql.conf'),
    `\nport = ${port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '${folder}'\nfsync = off\nmax_connections = 60\nmax_wal_senders = 4\nshared_buffers = 16MB\nlog_min_messages = panic\n`,
  );
  const start = async () => {
    // -l, or the server keeps the pipe of its starter open.
    await as('pg_ctl', '-D', data, '-w', '-t', '60', '-l', join(folder, 'log'), 'start');
  };
  const stop = async (mode: 'fast' | 'immediate' = 'fast') => {
    await as('pg_ctl', '-D', data, '-w', '-m', mode, 'stop');
  };
  const url = (database = 'postgres') => `postgres://super@/${database}?host=${socket}&port=${port}`;
  const psql = async (sql: string, database = 'postgres') => {
    const args = [
      '-h',
      folder,
      '-p',
      String(port),
      '-U',
      'super',
      '-d',
      database,
      '-XAtq',
      '-v',
      'ON_ERROR_STOP=1',
    ];
    return (await as('psql', ...args, '-c', sql)).stdout.trim();
  };
  let databases = 0;
  await start();
  return {
    url,
    folder,
    port,
    psql,
    start,
    stop,
    async freshDatabase() {
      const name = `fresh${databases++}`;
      await psql(`CREATE DATABASE ${name}`);
      return url(name);
    },
    async pid() {
      return Number(
        (await as('head', '-1', join(data, 'postmaster.pid')).catch(() => ({ stdout: '' }))).stdout,
      );
    },
    async dispose() {
      await stop('immediate').catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function ownerOf(user: string): { readonly uid: number; readonly gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
