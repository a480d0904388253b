// One look at a queue as it is kept: how much waited, for which domains, when. Rates come from two of them, and what a
// host had that is away now. Only whole queues are kept, never what a selector left of one. Pure, and types.
import type { QueueCount, QueueStats } from './stats.js';

/** Domains that are kept of a look. */
const KEPT_DOMAINS = 100;
/** A longer name is no domain. */
const LONGEST_DOMAIN = 253;

/** What one look saw. */
export interface QueueLook {
  readonly queue: string;
  readonly host: string;
  /** When it was begun, milliseconds since 1970 by our clock. */
  readonly at: number;
  readonly messages: number;
  readonly recipients: number;
  readonly sizeBytes: number;
  /** Epoch seconds; null: of none it is known. */
  readonly oldestAt: number | null;
  /** Messages that are held or corrupt, and wait for somebody instead of a try. */
  readonly held: number;
  /** Messages by recipient domain, those with the most first. */
  readonly domains: ReadonlyMap<string, number>;
  /** All domains are among them. */
  readonly isWhole: boolean;
}

/** Where looks are kept. */
export interface LookStore {
  store(looks: readonly QueueLook[]): Promise<void>;
  /** Looks since then, ms since 1970, oldest first. */
  since(at: number): Promise<readonly QueueLook[]>;
  /** The last look at each queue, however old. */
  latest(): Promise<readonly QueueLook[]>;
}

/**
 * Says which of these queues a message is in: the one of its name, or the one that its own is within, as Mailman's
 * directories are (`lists1:out` is in `lists1`).
 */
export function ownerAmong(queues: readonly string[]): (queue: string) => string {
  const known = new Map(queues.map((queue) => [queue, queue]));
  return (queue) => {
    const owner =
      known.get(queue) ??
      queues
        .filter((one) => queue.startsWith(`${one}:`))
        .reduce((longest, one) => (one.length > longest.length ? one : longest), '');
    known.set(queue, owner === '' ? queue : owner);
    return known.get(queue) ?? queue;
  };
}

/**
 * What the statistics of a read come to, for each of these queues. They are grouped by queue and domain, or their
 * domains are not asked for, as of looks that nobody keeps.
 */
export function looksOf(
  stats: QueueStats,
  queues: readonly { readonly queue: string; readonly host: string }[],
  at: number,
  { withDomains = true } = {},
): readonly QueueLook[] {
  const ownerOf = ownerAmong(queues.map(({ queue }) => queue));
  const counts = new Map<string, QueueCount[]>();
  for (const count of stats.totals().queues) {
    const place = `${count.host}\n${ownerOf(count.queue)}`;
    counts.set(place, [...(counts.get(place) ?? []), count]);
  }
  const domains = new Map<string, Map<string, number>>();
  for (const { key, messages } of withDomains ? stats.groups() : []) {
    const [queue, domain] = [ownerOf(String(key[0])), String(key[1] ?? '')];
    const all = domains.get(queue) ?? new Map<string, number>();
    domains.set(queue, all);
    all.set(domain, (all.get(domain) ?? 0) + messages);
  }
  return queues.map(({ queue, host }): QueueLook => {
    const all = counts.get(`${host}\n${queue}`) ?? [];
    const sum = (of: (count: QueueCount) => number) => all.reduce((total, count) => total + of(count), 0);
    const ages = all.map(({ oldestAt }) => oldestAt).filter((at) => at !== null);
    const ofDomains = [...(domains.get(queue) ?? [])].sort(([, a], [, b]) => b - a);
    const kept = ofDomains.filter(([domain]) => domain.length <= LONGEST_DOMAIN).slice(0, KEPT_DOMAINS);
    return {
      queue,
      host,
      at,
      messages: sum(({ messages }) => messages),
      recipients: sum(({ recipients }) => recipients),
      sizeBytes: sum(({ sizeBytes }) => sizeBytes),
      oldestAt: ages.length === 0 ? null : ages.reduce((oldest, age) => Math.min(oldest, age)),
      held: sum(({ states }) => (states.get('hold') ?? 0) + (states.get('corrupt') ?? 0)),
      domains: new Map(kept),
      isWhole: withDomains && kept.length === ofDomains.length,
    };
  });
}
