// The document of `replication status`, as scripts rely on it (mailctl/replication-status/v1). Fields are only added.
import { formatIso } from '../../lib/clock.js';
import { comparedAt } from '../../output/columns/replication.js';
import { type SlotReplication, usersAtRisk, type Waiting } from '../../slot/replication.js';

/** Users of a slot that are named; the rest is a number. */
const MOST_USERS = 2000;

/** The fields beside `schema` and `errors`. `now` in ms. */
export function replicationDocument(slots: readonly SlotReplication[], now: number): object {
  return { at: formatIso(now), slots: slots.map(slotJson) };
}

function slotJson(slot: SlotReplication): object {
  const risk = usersAtRisk(slot);
  return {
    slot: slot.slot,
    level: slot.level,
    reasons: slot.reasons,
    since: isoOf(slot.since),
    master: { host: slot.master, seen: slot.masterSeen, version: slot.version, lacks: slot.lacks },
    stuck: slot.isStuck,
    replicas: slot.replicas.map((replica) => ({
      host: replica.host,
      freshness: replica.freshness,
      lag_s: replica.lagS,
      lag_by: replica.lagBy,
      observed_at: isoOf(replica.observedAt),
      reason: replica.reason,
      channel: replica.channel,
      pending_events: replica.events,
      pending: replica.waiting === null ? null : waitingJson(replica.waiting),
      sender: replica.motion,
      complaint: replica.complaint,
      stuck_at: replica.stuckAt,
      compared:
        replica.compared === null
          ? null
          : {
              at: comparedAt(replica),
              users: replica.compared.compared,
              of: replica.compared.total,
              differing: replica.compared.differing,
            },
    })),
    quarantined: slot.quarantined.map((file) => ({
      file: file.file,
      events: file.events,
      oldest_at: isoOf(file.birth),
      pending: waitingJson(file.waiting),
    })),
    skipped: slot.skipped,
    users_at_risk: {
      count: risk.users.length + risk.beyond,
      users: risk.users.slice(0, MOST_USERS),
    },
    moving: slot.moving,
    only_moves: slot.onlyMoves,
  };
}

function waitingJson(waiting: Waiting): object {
  return {
    users: waiting.users.length + waiting.moreUsers,
    top: waiting.users.slice(0, 20),
    shared_events: waiting.shared,
    unreadable_events: waiting.unread,
    partly_read: waiting.isPartial,
    torn_line: waiting.torn,
  };
}

/** Epoch seconds of a host, which may be anything, as ISO 8601 UTC. */
function isoOf(seconds: number | null): string | null {
  if (seconds === null || !Number.isFinite(seconds) || Math.abs(seconds) > 8.64e12) return null;
  return formatIso(seconds * 1000);
}
