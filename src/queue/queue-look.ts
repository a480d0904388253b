// One look at a queue as it is kept: how much waited, for which domains, when. Rates come from two of them, and what a
// host had that is away now. Only whole queues are kept, never what a selector left of one. Pure, and types.
import type { QueueStats } from './stats.js';

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
 * What the statistics of a read come to, for each of these queues. They are grouped by queue and domain, or their
 * domains are not asked for, as of looks that nobody keeps.
 */
export function looksOf(
  stats: QueueStats,
  queues: readonly { readonly queue: string; readonly host: string }[],
  at: number,
  { withDomains = true } = {},
): readonly QueueLook[] {
  const counts = new Map(stats.totals().queues.map((count) => [`${count.host}\n${count.queue}`, count]));
  const domains = new Map<string, [string, number][]>();
  for (const { key, messages } of withDomains ? stats.groups() : []) {
    const [queue, domain] = [String(key[0]), String(key[1] ?? '')];
    const all = domains.get(queue) ?? [];
    domains.set(queue, all);
    all.push([domain, messages]);
  }
  return queues.map(({ queue, host }): QueueLook => {
    const count = counts.get(`${host}\n${queue}`);
    const all = domains.get(queue) ?? [];
    const kept = all.filter(([domain]) => domain.length <= LONGEST_DOMAIN).slice(0, KEPT_DOMAINS);
    return {
      queue,
      host,
      at,
      messages: count?.messages ?? 0,
      recipients: count?.recipients ?? 0,
      sizeBytes: count?.sizeBytes ?? 0,
      oldestAt: count?.oldestAt ?? null,
      held: (count?.states.get('hold') ?? 0) + (count?.states.get('corrupt') ?? 0),
      domains: new Map(kept),
      isWhole: withDomains && kept.length === all.length,
    };
  });
}
