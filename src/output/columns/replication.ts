// Columns of `replication status`: one row a slot and replica, so that every figure has a cell of its own.
import { formatIso } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import type { ReplicaReplication, SlotReplication } from '../../slot/replication.js';
import type { Column } from './column.js';

/** A slot beside one of its replicas; `replica` is undefined for a slot that has none. */
export interface ReplicationRow {
  readonly slot: SlotReplication;
  readonly replica: ReplicaReplication | undefined;
}

/** Rows of all slots. */
export function replicationRows(slots: readonly SlotReplication[]): readonly ReplicationRow[] {
  return slots.flatMap((slot): readonly ReplicationRow[] =>
    slot.replicas.length === 0
      ? [{ slot, replica: undefined }]
      : slot.replicas.map((replica) => ({ slot, replica })),
  );
}

const quarantinedEvents = (slot: SlotReplication) =>
  slot.quarantined.reduce((sum, file) => sum + file.events, 0);

/** For tsv and ndjson. */
export const replicationColumns: readonly Column<ReplicationRow>[] = [
  { key: 'slot', header: 'SLOT', value: ({ slot }) => slot.slot },
  { key: 'level', header: 'LEVEL', value: ({ slot }) => slot.level },
  { key: 'master', header: 'MASTER', value: ({ slot }) => slot.master },
  { key: 'replica', header: 'REPLICA', value: ({ replica }) => replica?.host ?? null },
  { key: 'freshness', header: 'FRESHNESS', value: ({ replica }) => replica?.freshness ?? null },
  { key: 'lag_s', header: 'LAG', value: ({ replica }) => replica?.lagS ?? null },
  { key: 'lag_by', header: 'BY', value: ({ replica }) => replica?.lagBy ?? null },
  { key: 'pending_events', header: 'PENDING', value: ({ replica }) => replica?.events ?? null },
  {
    key: 'pending_users',
    header: 'USERS',
    value: ({ replica }) =>
      replica?.waiting == null ? null : replica.waiting.users.length + replica.waiting.moreUsers,
  },
  { key: 'quarantined_events', header: 'QUARANTINED', value: ({ slot }) => quarantinedEvents(slot) },
  { key: 'sender', header: 'SENDER', value: ({ replica }) => replica?.motion ?? null },
  { key: 'compared_at', header: 'COMPARED', value: ({ replica }) => comparedAt(replica) },
  {
    key: 'differing',
    header: 'DIFFERING',
    value: ({ replica }) => replica?.compared?.differing ?? null,
  },
  {
    key: 'since',
    header: 'SINCE',
    value: ({ slot }) => (slot.since === null ? null : formatIso(slot.since * 1000)),
  },
  { key: 'why', header: 'WHY', value: ({ slot }) => slot.reasons.join('; ') },
];

/** ISO time of the last comparison of content. */
export function comparedAt(replica: ReplicaReplication | undefined): string | null {
  const at = replica?.compared?.at ?? null;
  return at === null ? null : formatIso(at);
}

/** `imap22 2d14h`, `imap26 3s@04:19`, `imap21 ?`. */
export function lagCell(replica: ReplicaReplication): string {
  if (replica.lagS === null) return `${replica.host} ?`;
  const lag = formatDuration(replica.lagS * 1000);
  if (replica.freshness !== 'unknown' || replica.observedAt === null) return `${replica.host} ${lag}`;
  return `${replica.host} ${lag}@${formatIso(replica.observedAt * 1000).slice(11, 16)}`;
}
