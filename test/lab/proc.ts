/** Reads /proc: which processes belong to a host, what they are, whether they are stopped. */
import fs from 'node:fs';

export interface Process {
  readonly pid: number;
  /** The pid inside its own pid namespace. */
  readonly innerPid: number;
  /** Its process group, as the machine numbers it. */
  readonly group: number;
  readonly comm: string;
  /** R, S, D, T (stopped), Z ... */
  readonly state: string;
  readonly argv: readonly string[];
}

function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

/** All pids of the machine, as its own pid namespace numbers them. */
export function allPids(): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The arguments of a process; empty for one that is gone or a zombie. */
export function argvOf(pid: number): string[] {
  const line = read(`/proc/${pid}/cmdline`);
  return line ? line.replace(/\0$/, '').split('\0') : [];
}

/** Looks at one process; undefined when it is gone. */
export function processAt(pid: number): Process | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const status = read(`/proc/${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  const close = stat.lastIndexOf(')');
  const inner = /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.trim().split(/\s+/).at(-1);
  return {
    pid,
    innerPid: Number(inner ?? pid),
    group: Number(stat.slice(close + 2).split(' ')[2]),
    comm: stat.slice(stat.indexOf('(') + 1, close),
    state: stat.slice(close + 2, close + 3),
    argv: argvOf(pid),
  };
}

/** Has a process ended? A zombie has: whether anybody reaps it is up to the machine's first process. */
export function hasEnded(pid: number): boolean {
  const state = processAt(pid)?.state;
  return state === undefined || state === 'Z' || state === 'X';
}

/** The processes of the pid namespace whose first process is `init`, without zombies and without `init`. */
export function processesOf(init: number): Process[] {
  const namespace = linkOf(init);
  if (namespace === undefined) return [];
  const found: Process[] = [];
  for (const pid of allPids()) {
    if (pid === init || linkOf(pid) !== namespace) continue;
    const process = processAt(pid);
    if (process && process.state !== 'Z' && process.state !== 'X') found.push(process);
  }
  return found;
}

function linkOf(pid: number): string | undefined {
  try {
    return fs.readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

/** Sends a signal to one process by its pid; a process that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  // Never 0, 1 or a negative number: those mean groups or everybody.
  if (!Number.isInteger(pid) || pid <= 1) throw new Error(`refusing to signal pid ${pid}`);
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The TCP sockets that listen in the network namespace of a process, as `address:port` (IPv4). */
export function listeningIn(pid: number): Set<string> {
  const found = new Set<string>();
  for (const line of (read(`/proc/${pid}/net/tcp`) ?? '').split('\n').slice(1)) {
    const [, local, , state] = line.trim().split(/\s+/);
    if (local === undefined || state !== '0A') continue;
    const [address = '', port = ''] = local.split(':');
    const bytes = address.match(/../g)?.map((hex) => Number.parseInt(hex, 16)) ?? [];
    found.add(`${bytes.reverse().join('.')}:${Number.parseInt(port, 16)}`);
  }
  return found;
}
