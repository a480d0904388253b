// Connections side by side per destination: what is open now, what the configuration allows, and what the sender
// believes. A sender that believes in connections which are not there sends nothing: that is its own fault. Pure.
import { OPEN_STATES, type Socket } from './socket.js';

/** What one host gave. */
export interface HostConnections {
  readonly host: string;
  readonly sockets: readonly Socket[];
  /** By the sender's own names of destinations; null: it cannot be known. */
  readonly believed: ReadonlyMap<string, number> | null;
  /** Messages that wait, by destination. */
  readonly waiting: ReadonlyMap<string, number>;
}

/** `over-limit`: more are open than allowed. `sender`: it believes in some, none is open, and mail waits. */
export type ConnectionVerdict = 'ok' | 'drift' | 'over-limit' | 'sender';

/** A figure per host, or in total. */
export interface ConnectionCount {
  readonly open: number;
  /** Null: it cannot be known. */
  readonly believed: number | null;
  /** Believed less open; null: it cannot be known. */
  readonly drift: number | null;
  readonly waiting: number;
}

/** One destination. */
export interface ConnectionRow extends ConnectionCount {
  readonly destination: string;
  /** Null: none is configured. */
  readonly limit: number | null;
  readonly states: readonly {
    readonly state: string;
    readonly count: number;
    /** Longest time without a byte either way; null: not known. */
    readonly quietMs: number | null;
  }[];
  readonly ipv4: number;
  readonly ipv6: number;
  readonly hosts: readonly (ConnectionCount & { readonly host: string })[];
  readonly verdict: ConnectionVerdict;
}

/** What names things. */
export interface ConnectionNames {
  /** The destination of a peer's address. */
  ofAddress(address: string): string;
  /** The destination of a name that a sender uses: a domain, or a destination already. */
  ofName(name: string): string;
  /** Connections that the configuration allows. */
  limitOf(destination: string): number | null;
}

interface Draft {
  readonly states: Map<string, { count: number; quietMs: number | null }>;
  ipv4: number;
  ipv6: number;
  readonly hosts: Map<string, { open: number; believed: number | null; waiting: number }>;
}

/** Joins the hosts: what is wrong first, then the most connections. */
export function joinConnections(
  all: readonly HostConnections[],
  names: ConnectionNames,
): readonly ConnectionRow[] {
  const drafts = new Map<string, Draft>();
  const draftOf = (destination: string): Draft => {
    let draft = drafts.get(destination);
    if (draft === undefined) {
      draft = { states: new Map(), ipv4: 0, ipv6: 0, hosts: new Map() };
      drafts.set(destination, draft);
    }
    return draft;
  };
  for (const { host, sockets, believed, waiting } of all) {
    const hostOf = (draft: Draft) => {
      let one = draft.hosts.get(host);
      if (one === undefined) {
        one = { open: 0, believed: believed === null ? null : 0, waiting: 0 };
        draft.hosts.set(host, one);
      }
      return one;
    };
    for (const { peer, state, quietMs } of sockets) {
      const draft = draftOf(names.ofAddress(peer));
      const seen = draft.states.get(state) ?? { count: 0, quietMs: null };
      seen.count += 1;
      if (quietMs !== null) seen.quietMs = Math.max(seen.quietMs ?? 0, quietMs);
      draft.states.set(state, seen);
      if (!OPEN_STATES.has(state)) continue;
      if (peer.includes(':')) draft.ipv6 += 1;
      else draft.ipv4 += 1;
      hostOf(draft).open += 1;
    }
    for (const [destination, messages] of waiting) hostOf(draftOf(destination)).waiting += messages;
    for (const [name, count] of believed ?? []) {
      const one = hostOf(draftOf(names.ofName(name)));
      one.believed = (one.believed ?? 0) + count;
    }
  }
  return [...drafts]
    .map(([destination, draft]) => rowOf(destination, draft, names.limitOf(destination)))
    .sort(
      (a, b) =>
        WORST.indexOf(a.verdict) - WORST.indexOf(b.verdict) ||
        b.open - a.open ||
        b.waiting - a.waiting ||
        (a.destination < b.destination ? -1 : 1),
    );
}

const WORST: readonly ConnectionVerdict[] = ['sender', 'over-limit', 'drift', 'ok'];

function rowOf(destination: string, draft: Draft, limit: number | null): ConnectionRow {
  const hosts = [...draft.hosts].map(([host, count]) => ({ host, ...withDrift(count) }));
  const believed = hosts.some((one) => one.believed !== null)
    ? hosts.reduce((sum, one) => sum + (one.believed ?? 0), 0)
    : null;
  const total = withDrift({
    open: hosts.reduce((sum, { open }) => sum + open, 0),
    believed,
    waiting: hosts.reduce((sum, { waiting }) => sum + waiting, 0),
  });
  // Where one host's sender cannot be asked, its connections are no drift of the others.
  const drift = believed === null ? null : hosts.reduce((sum, one) => sum + (one.drift ?? 0), 0);
  return {
    destination,
    ...total,
    drift,
    limit,
    states: [...draft.states]
      .map(([state, seen]) => ({ state, ...seen }))
      .sort((a, b) => b.count - a.count || (a.state < b.state ? -1 : 1)),
    ipv4: draft.ipv4,
    ipv6: draft.ipv6,
    hosts,
    verdict: verdictOf(hosts, total, limit),
  };
}

const withDrift = (count: { open: number; believed: number | null; waiting: number }): ConnectionCount => ({
  ...count,
  drift: count.believed === null ? null : count.believed - count.open,
});

function verdictOf(
  hosts: readonly ConnectionCount[],
  { open }: ConnectionCount,
  limit: number | null,
): ConnectionVerdict {
  const isFault = (one: ConnectionCount) => (one.believed ?? 0) > 0 && one.open === 0 && one.waiting > 0;
  if (hosts.some(isFault)) return 'sender';
  if (limit !== null && open > limit) return 'over-limit';
  // Both are looked at a moment apart, and a cached session is no delivery: a few are no drift.
  return hosts.some((one) => Math.abs(one.drift ?? 0) > Math.max(2, one.open / 5)) ? 'drift' : 'ok';
}
