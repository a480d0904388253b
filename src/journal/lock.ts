// Who executes a run: a lock that dies with its process, so that no stale one is ever left. On Linux it is an
// abstract unix socket (unix(7)): no file, gone with the last descriptor, also after kill -9. It is known
// within one network namespace only, and any local user could take its name: it keeps two operators of one
// machine apart; what keeps mail safe is the lease on the hosts. Elsewhere a file with pid and start time
// stands in, which is untested.
import { createHash } from 'node:crypto';
import { link, readFile, realpath, rename, unlink, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { uptime } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { BusyError, MailctlError } from '../errors.js';
import type { Clock } from '../lib/clock.js';

/** Whoever holds a lock says this of itself. Shown to people; never trusted for more. */
export interface LockHolder {
  readonly pid: number;
  readonly operator: string;
  /** ISO 8601 UTC. */
  readonly since: string;
}

/** A lock that is held by this process. */
export interface RunLock {
  release(): Promise<void>;
}

/** How a lock is kept. */
export type LockKind = 'socket' | 'file';

const defaultKind: LockKind = process.platform === 'linux' ? 'socket' : 'file';

/** A holder that is stopped (Ctrl-Z) accepts in the kernel and never answers: it is held all the same. */
const ANSWER_TIMEOUT_MS = 500;
const MAX_ANSWER_BYTES = 4096;

/**
 * Takes the lock of a run, which the process holds until `release` or its end. Does not keep the process alive.
 * @throws BusyError naming the holder; MailctlError `journal.lock` when it cannot be taken for another reason
 */
export async function acquireLock(
  runFile: string,
  operator: string,
  clock: Clock,
  kind: LockKind = defaultKind,
): Promise<RunLock> {
  const me: LockHolder = { pid: process.pid, operator, since: new Date(clock.now()).toISOString() };
  return kind === 'socket' ? acquireSocket(runFile, me, clock) : acquireFile(runFile, me, clock);
}

/**
 * Who executes the run: `undefined` when nobody does; `'unknown'` when its lock is held and the holder does
 * not say who it is.
 */
export async function lockHolder(
  runFile: string,
  clock: Clock,
  kind: LockKind = defaultKind,
): Promise<LockHolder | 'unknown' | undefined> {
  if (kind === 'file') return fileHolder(lockFile(runFile), clock);
  return askSocket(await socketName(runFile), clock);
}

/** Does the process that executes the run live? */
export async function isHeld(runFile: string, clock: Clock, kind: LockKind = defaultKind): Promise<boolean> {
  return (await lockHolder(runFile, clock, kind)) !== undefined;
}

function busy(runFile: string, holder: LockHolder | 'unknown'): BusyError {
  const run = basename(runFile, '.ndjson');
  const who =
    holder === 'unknown'
      ? 'another process of this machine'
      : `${holder.operator} (process ${holder.pid}, since ${holder.since})`;
  return new BusyError(`run ${run} is being executed by ${who}`, { hint: `mailctl runs attach ${run}` });
}

// The abstract socket

async function socketName(runFile: string): Promise<string> {
  const directory = await realpath(dirname(runFile));
  const digest = createHash('sha256')
    .update(`${directory}/${basename(runFile)}`)
    .digest('hex')
    .slice(0, 40);
  return `\0mailctl-run-${digest}`;
}

async function acquireSocket(runFile: string, me: LockHolder, clock: Clock): Promise<RunLock> {
  const name = await socketName(runFile);
  // A holder that ends between our two looks leaves the name free: so it is tried again.
  for (let attempt = 0; ; attempt += 1) {
    const server = createServer((socket) => answer(socket, me));
    server.maxConnections = 32;
    const error = await listen(server, name);
    if (error === undefined) {
      server.unref();
      return { release: () => new Promise((resolve) => server.close(() => resolve())) };
    }
    if (error.code !== 'EADDRINUSE') {
      throw new MailctlError(`cannot lock run ${basename(runFile, '.ndjson')}: ${error.message}`, {
        code: 'journal.lock',
        exitCode: 1,
        cause: error,
      });
    }
    const holder = await askSocket(name, clock);
    if (holder !== undefined || attempt === 2) throw busy(runFile, holder ?? 'unknown');
  }
}

function listen(server: Server, name: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen(name, () => {
      server.off('error', resolve);
      // An accept that fails (too many open files) costs the asker its answer and us nothing.
      server.on('error', () => {});
      resolve(undefined);
    });
  });
}

function answer(socket: Socket, me: LockHolder): void {
  socket.on('error', () => {});
  socket.unref();
  socket.write(`${JSON.stringify(me)}\n`);
  socket.destroySoon();
}

function askSocket(name: string, clock: Clock): Promise<LockHolder | 'unknown' | undefined> {
  return new Promise((resolve) => {
    const socket = connect(name);
    let text = '';
    const finish = (holder: LockHolder | 'unknown' | undefined) => {
      cancel();
      socket.destroy();
      resolve(holder);
    };
    const cancel = clock.timer(ANSWER_TIMEOUT_MS, () => finish('unknown'));
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      text += part;
      if (text.length > MAX_ANSWER_BYTES) finish('unknown');
    });
    // Refused: nobody listens. Any other failure proves no absence.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish(error.code === 'ECONNREFUSED' ? undefined : 'unknown'),
    );
    socket.on('close', () => finish(parseHolder(text)));
  });
}

function parseHolder(text: string): LockHolder | 'unknown' {
  try {
    const value = JSON.parse(text) as Partial<LockHolder> | null;
    if (
      typeof value?.pid === 'number' &&
      Number.isInteger(value.pid) &&
      typeof value.operator === 'string' &&
      typeof value.since === 'string' &&
      !Number.isNaN(Date.parse(value.since))
    ) {
      // Another user may have taken the name: nothing that steers a terminal gets through.
      const operator = value.operator.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 64);
      return { pid: value.pid, operator, since: new Date(value.since).toISOString() };
    }
  } catch {
    // No JSON: held by something that does not speak our words.
  }
  return 'unknown';
}

// The file, where there are no abstract sockets

const lockFile = (runFile: string): string => join(dirname(runFile), `${basename(runFile, '.ndjson')}.lock`);

async function acquireFile(runFile: string, me: LockHolder, clock: Clock): Promise<RunLock> {
  const file = lockFile(runFile);
  const mine = `${file}.${process.pid}`;
  await writeFile(mine, JSON.stringify(me), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      try {
        await link(mine, file); // Fails if it is there: the one atomic step.
        return { release: () => unlink(file).catch(() => {}) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await fileHolder(file, clock);
      if (holder !== undefined) throw busy(runFile, holder);
      // Its process is gone. Moved away, then looked at once more: another may have replaced it meanwhile.
      const stale = `${mine}.stale`;
      await rename(file, stale).catch(() => {});
      if ((await fileHolder(stale, clock)) !== undefined) await link(stale, file).catch(() => {});
      await unlink(stale).catch(() => {});
    }
    throw busy(runFile, 'unknown');
  } finally {
    await unlink(mine).catch(() => {});
  }
}

async function fileHolder(file: string, clock: Clock): Promise<LockHolder | 'unknown' | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 'unknown';
  }
  const holder = parseHolder(text);
  if (holder === 'unknown') return holder;
  // A lock from before the last boot is nobody's, whoever has its pid now.
  if (Date.parse(holder.since) < clock.now() - uptime() * 1000) return undefined;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  return holder;
}
