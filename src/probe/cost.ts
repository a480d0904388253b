// What a broken uplink costs: connections of the mail host that hang on it, and when the descriptors of whoever holds
// them run out, by two looks at the host. Pure. A rate from two looks a few seconds apart is a rough one, and a
// process that does not grow never runs out.

/** A connection outwards, as the host's kernel lists it. */
export interface HeldSocket {
  readonly local: string;
  readonly state: string;
  /** Milliseconds since a byte came or went; null: not known. */
  readonly quietMs: number | null;
}

/** Descriptors in use, of a process or of the whole machine. */
export interface DescriptorUse {
  readonly name: string;
  readonly pid: number | null;
  readonly used: number;
  readonly limit: number;
}

/** One look at a host. */
export interface HostSockets {
  readonly sockets: readonly HeldSocket[];
  /** Those that hold the most connections; empty: they cannot be seen. */
  readonly processes: readonly DescriptorUse[];
  readonly machine: DescriptorUse | null;
}

/** What one uplink costs. */
export interface UplinkCost {
  readonly uplink: string;
  readonly host: string;
  /** Connections on its addresses now, and how many more than at the first look. */
  readonly sockets: number;
  readonly grownBy: number;
  /** Without a byte for longer than any healthy session is. */
  readonly quiet: number;
  /** Who runs out first; null: nobody grows, or it cannot be seen. */
  readonly runsOut: (DescriptorUse & { readonly inSeconds: number }) | null;
  /** The fullest of those that can be seen. */
  readonly fullest: DescriptorUse | null;
}

/** No healthy session is silent for as long. */
const QUIET_MS = 30_000;
/** What is over holds no descriptor. */
const WITHOUT_DESCRIPTOR: ReadonlySet<string> = new Set(['time-wait', 'fin-wait-2', 'closed', 'last-ack']);

/** Compares two looks, `elapsedMs` apart; `sources` are the uplink's own addresses. */
export function costOf(
  uplink: string,
  host: string,
  sources: readonly string[],
  looks: { readonly before: HostSockets; readonly after: HostSockets; readonly elapsedMs: number },
): UplinkCost | null {
  const { before, after, elapsedMs } = looks;
  if (sources.length === 0) return null;
  const own = (look: HostSockets) =>
    look.sockets.filter(({ local, state }) => sources.includes(local) && !WITHOUT_DESCRIPTOR.has(state));
  const now = own(after);
  const uses = (look: HostSockets) => [...look.processes, ...(look.machine === null ? [] : [look.machine])];
  const growing = uses(after)
    .flatMap((use) => {
      const earlier = uses(before).find(({ pid, name }) => pid === use.pid && name === use.name);
      const grown = earlier === undefined ? 0 : use.used - earlier.used;
      if (grown <= 0 || elapsedMs <= 0 || use.limit <= 0) return [];
      return [{ ...use, inSeconds: Math.max(0, ((use.limit - use.used) * elapsedMs) / grown / 1000) }];
    })
    .sort((a, b) => a.inSeconds - b.inSeconds);
  const fullest = [...uses(after)].sort((a, b) => b.used / b.limit - a.used / a.limit)[0] ?? null;
  return {
    uplink,
    host,
    sockets: now.length,
    grownBy: now.length - own(before).length,
    quiet: now.filter(({ quietMs }) => quietMs !== null && quietMs >= QUIET_MS).length,
    runsOut: now.length > 0 ? (growing[0] ?? null) : null,
    fullest,
  };
}
