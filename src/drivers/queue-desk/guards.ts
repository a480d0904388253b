// Reads what guards-script.ts printed. A figure that is missing or that is no number is not known, and never 0. Pure,
// but for the one call.
import { CommandError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { DrainSide, HostGuards } from '../../queue/drain-way.js';
import type { Transport } from '../../transport/transport.js';
import { guardsScript } from './guards-script.js';

const READ_MS = 20_000;
/** What a control group without a limit says, or more: no machine has so much. */
const NO_LIMIT = 2 ** 60;

/** Asks a host, inside of the server's container where it is in one. @throws TransportError, CommandError */
export async function readGuards(
  transport: Transport,
  host: Host,
  side: DrainSide,
  signal?: AbortSignal,
): Promise<HostGuards> {
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: 'queue.guards',
      script: guardsScript(side.locate),
      args: side.args,
      readOnly: true,
      privileged: true,
      within: side.within,
      timeoutMs: READ_MS,
    },
    { signal },
  );
  const guards = parseGuards(stdout, side);
  if (guards.at === 0) throw new CommandError(host.name, 'looking at what the host has left', status, stderr);
  return guards;
}

interface Process {
  readonly isMain: boolean;
  readonly startedAt: number;
  readonly addressBytes: number;
  readonly residentBytes: number;
  readonly name: string;
}

/** Reads the script's answer; lines that are none are skipped. `at` 0: it did not even begin. */
export function parseGuards(
  stdout: string,
  { isShortLived }: Pick<DrainSide, 'isShortLived'> = {},
): HostGuards {
  const single = new Map<string, readonly number[]>();
  const memory = new Map<string, number>();
  const sockets = new Map<string, number>();
  const groups: { limit: number; used: number; oomKills: number | null; path: string }[] = [];
  const tasks: { tasks: number; most: number; group: string }[] = [];
  const processes = new Map<number, Process>();
  const perProcess = {
    fds: new Map<number, number>(),
    nofile: new Map<number, number>(),
    as: new Map<number, number>(),
  };
  let isWhole = false;
  for (const line of stdout.split('\n')) {
    const [word = '', ...rest] = line.split('\t');
    const numbers = rest.map(numberOf);
    const [first, second] = numbers;
    if (word === 'end') isWhole = true;
    else if (word === 'mem' && second != null) memory.set(rest[0] ?? '', second * 1024);
    else if (word === 'sock' && second != null)
      sockets.set(rest[0] ?? '', (sockets.get(rest[0] ?? '') ?? 0) + second);
    else if (word === 'proc') {
      const [pid, isMain, startedAt, addressBytes, residentBytes] = numbers;
      if (pid == null || startedAt == null || addressBytes == null || residentBytes == null) continue;
      const name = rest.slice(5).join(' ');
      processes.set(pid, { isMain: isMain === 1, startedAt, addressBytes, residentBytes, name });
    } else if (word === 'fds' || word === 'nofile' || word === 'as') {
      if (first != null && second != null) perProcess[word].set(first, second);
    } else if (word === 'tasks') {
      if (first != null && second != null && first > 0 && first < NO_LIMIT)
        tasks.push({ tasks: second, most: first, group: rest.slice(2).join(' ').slice(0, 200) });
    } else if (word === 'group') {
      const [limit, usage, inactive, oomKills] = numbers;
      const path = rest.slice(4).join(' ').slice(0, 200);
      const used = Math.max(0, (usage ?? 0) - (inactive ?? 0));
      groups.push({ limit: limit ?? Number.POSITIVE_INFINITY, used, oomKills: oomKills ?? null, path });
    } else if (numbers.length > 0 && numbers.every((one) => one !== null))
      single.set(word, numbers as number[]);
  }
  const at = single.get('at')?.[0] ?? 0;
  const total = memory.get('MemTotal:');
  const limited = groups.filter(({ limit }) => limit > 0 && limit < Math.min(total ?? NO_LIMIT, NO_LIMIT));
  const memories = memoriesOf(total, memory.get('MemAvailable:'), limited);
  const known = isWhole ? processes : new Map<number, Process>();
  const oomOfHost = single.get('oom')?.[0] ?? null;
  return {
    at,
    memory: memories.reduce<HostGuards['memory']>(
      (best, one) =>
        best === null || one.availableBytes / one.totalBytes < best.availableBytes / best.totalBytes
          ? one
          : best,
      null,
    ),
    memories,
    ...(tasks.length === 0 ? {} : { tasks }),
    oomKills: limited.length > 0 ? (groups[0]?.oomKills ?? oomOfHost) : oomOfHost,
    sockets: socketsOf(sockets, single),
    files: nearest(
      known,
      (pid) => [perProcess.fds.get(pid), perProcess.nofile.get(pid)],
      (process, open, limit) => ({
        process,
        open,
        limit,
      }),
    ),
    addressSpace: nearest(
      known,
      (pid, { addressBytes }) => [addressBytes, perProcess.as.get(pid)],
      (process, bytes, limit) => ({ process, bytes, limit }),
    ),
    server: serverOf(known, isShortLived === true),
    tracked: trackedOf(single),
    load: loadOf(single),
    disk: diskOf(single),
  };
}

/** A whole number, or one with a fraction as loads have it; null: it is none. */
function numberOf(text: string): number | null {
  return /^\d{1,19}(\.\d{1,6})?$/.test(text) ? Number(text) : null;
}

function memoriesOf(
  total: number | undefined,
  available: number | undefined,
  groups: readonly { readonly limit: number; readonly used: number; readonly path: string }[],
): readonly NonNullable<HostGuards['memory']>[] {
  const host =
    total === undefined || available === undefined || total === 0
      ? []
      : [{ availableBytes: available, totalBytes: total }];
  const ofGroups = groups.map(({ limit, used, path }) => ({
    availableBytes: Math.max(0, limit - used),
    totalBytes: limit,
    group: path,
  }));
  return [...host, ...ofGroups];
}

function socketsOf(
  sockets: ReadonlyMap<string, number>,
  single: ReadonlyMap<string, readonly number[]>,
): HostGuards['sockets'] {
  const inUse = sockets.get('inuse');
  if (inUse === undefined) return null;
  const [from, to] = single.get('ip_local_port_range') ?? [];
  return {
    inUse,
    orphans: sockets.get('orphan') ?? 0,
    mostOrphans: single.get('tcp_max_orphans')?.[0] ?? null,
    timeWait: sockets.get('tw') ?? 0,
    ports: from === undefined || to === undefined || to < from ? null : to - from + 1,
    memoryPages: sockets.get('mem') ?? 0,
    mostMemoryPages: single.get('tcp_mem')?.[2] ?? null,
  };
}

/** The process that is nearest to a limit of its own. */
function nearest<T>(
  processes: ReadonlyMap<number, Process>,
  figures: (pid: number, process: Process) => readonly [used: number | undefined, limit: number | undefined],
  make: (process: string, used: number, limit: number) => T,
): T | null {
  let best: { readonly share: number; readonly made: T } | null = null;
  for (const [pid, one] of processes) {
    const [used, limit] = figures(pid, one);
    if (used === undefined || limit === undefined || limit === 0 || limit >= NO_LIMIT) continue;
    const share = used / limit;
    if (best === null || share > best.share)
      best = { share, made: make(`${one.name} (pid ${pid})`, used, limit) };
  }
  return best?.made ?? null;
}

function serverOf(
  processes: ReadonlyMap<number, Process>,
  isShortLived: boolean,
): Exclude<HostGuards['server'], undefined> {
  const main = [...processes].filter(([, { isMain }]) => isMain);
  const [oldest] = main.sort(([a, one], [b, other]) => one.startedAt - other.startedAt || a - b);
  if (oldest === undefined) return null;
  const [pid, { name, startedAt }] = oldest;
  const residentBytes = [...processes.values()].reduce((sum, one) => sum + one.residentBytes, 0);
  const server = { process: name, pid, startedAt, processes: processes.size, residentBytes };
  return isShortLived ? { ...server, isShortLived } : server;
}

function trackedOf(
  single: ReadonlyMap<string, readonly number[]>,
): Exclude<HostGuards['tracked'], undefined> {
  const connections = single.get('nf_conntrack_count')?.[0];
  const most = single.get('nf_conntrack_max')?.[0];
  return connections === undefined || most === undefined || most === 0 ? null : { connections, most };
}

function loadOf(single: ReadonlyMap<string, readonly number[]>): HostGuards['load'] {
  const one = single.get('load')?.[0];
  const cpus = single.get('cpus')?.[0];
  return one === undefined || cpus === undefined || cpus === 0 ? null : { one, cpus };
}

function diskOf(single: ReadonlyMap<string, readonly number[]>): HostGuards['disk'] {
  const [total, free] = single.get('disk') ?? [];
  if (total === undefined || free === undefined || total === 0) return null;
  // A file system without a fixed number of inodes says 0.
  const [inodes = 0, freeInodes = 0] = single.get('inodes') ?? [];
  return {
    totalBytes: total * 1024,
    freeBytes: free * 1024,
    totalInodes: inodes === 0 ? null : inodes,
    freeInodes: inodes === 0 ? null : freeInodes,
  };
}
