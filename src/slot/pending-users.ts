// Whose changes wait in a master's log, kept beside its samples: when the master dies, the sample says how much a
// replica lacks, and this says whose. Types, and how a near look becomes a record. Pure.
import { channelTowards } from './freshness.js';
import type { ReplicationLook } from './replication-look.js';
import { type FleetSight, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** Lines about one user. */
export interface PendingUser {
  readonly user: string;
  readonly events: number;
}

/** What waited for one replica at one moment. */
export interface PendingRecord {
  readonly slot: string;
  /** The master that was looked at. */
  readonly host: string;
  readonly replica: string;
  /** By the host's own clock, seconds since 1970. */
  readonly at: number;
  /** By the observer's clock, milliseconds since 1970. */
  readonly seenAt: number;
  readonly events: number;
  /** Birth of the oldest log; null: not known. */
  readonly oldestBirth: number | null;
  /** The most events first; a bounded list. */
  readonly users: readonly PendingUser[];
  /** Users beyond the list. */
  readonly moreUsers: number;
  /** Lines that name nobody: about shared mailboxes, or not read. */
  readonly nameless: number;
}

/** Keeps the last record of each slot and replica. Every call may throw a MailctlError (state.*). */
export interface PendingStore {
  store(records: readonly PendingRecord[]): Promise<void>;
  latest(slots: readonly string[]): Promise<readonly PendingRecord[]>;
}

/** What a near look says of each replica of a slot; quarantined events wait for all of them. */
export function pendingRecords(
  slot: Slot,
  look: ReplicationLook,
  sight: FleetSight,
  seenAt: number,
): readonly PendingRecord[] {
  const master = stateOf(sight, slot.slot, look.host);
  if (master === undefined) return [];
  return slot.instances.flatMap((instance): PendingRecord[] => {
    if (instance.host === look.host) return [];
    const channel = channelTowards(master, instance, sight.get(instance.host)?.host, slot);
    const own = look.channels.find((one) => one.channel === channel?.channel);
    if (channel === undefined || own === undefined) return [];
    const parts = [own, ...look.quarantined];
    const births = [own.oldestBirth, ...look.quarantined.map(({ birth }) => birth)].filter(
      (birth) => birth !== null,
    );
    const events = new Map<string, number>();
    for (const { pending } of parts)
      for (const one of pending.users) events.set(one.user, (events.get(one.user) ?? 0) + one.events);
    return [
      {
        slot: slot.slot,
        host: look.host,
        replica: instance.host,
        at: look.at,
        seenAt,
        events: parts.reduce((sum, part) => sum + part.events, 0),
        oldestBirth: births.length === 0 ? null : Math.min(...births),
        users: mostFirst(events),
        moreUsers: Math.max(0, ...parts.map(({ pending }) => pending.moreUsers)),
        nameless: parts.reduce((sum, { pending }) => sum + pending.shared + pending.unread, 0),
      },
    ];
  });
}

function mostFirst(events: ReadonlyMap<string, number>): readonly PendingUser[] {
  return [...events]
    .map(([user, count]) => ({ user, events: count }))
    .sort((a, b) => b.events - a.events || (a.user < b.user ? -1 : 1));
}
