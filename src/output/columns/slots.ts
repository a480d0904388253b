// Columns of `slots list`: one row a slot and replica, so that every figure has a cell of its own.

import { formatIso } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import type { ReplicaView, SlotView } from '../../slot/analysis.js';
import type { Column } from './column.js';

/** A slot beside one of its replicas; `replica` is undefined for a slot that has none. */
export interface SlotRow {
  readonly view: SlotView;
  readonly replica: ReplicaView | undefined;
}

/** Rows of all slots. */
export function slotRows(views: readonly SlotView[]): readonly SlotRow[] {
  return views.flatMap((view): SlotRow[] =>
    view.replicas.length === 0
      ? [{ view, replica: undefined }]
      : view.replicas.map((replica) => ({ view, replica })),
  );
}

/** For tsv and ndjson. */
export const slotColumns: readonly Column<SlotRow>[] = [
  { key: 'slot', header: 'SLOT', value: ({ view }) => view.slot },
  { key: 'verdict', header: 'VERDICT', value: ({ view }) => view.verdict },
  { key: 'master', header: 'MASTER', value: ({ view }) => view.master.host },
  { key: 'master_reachable', header: 'REACHABLE', value: ({ view }) => view.master.reachable },
  { key: 'master_running', header: 'RUNNING', value: ({ view }) => view.master.running },
  { key: 'master_role', header: 'ROLE', value: ({ view }) => view.master.role },
  { key: 'replica', header: 'REPLICA', value: ({ replica }) => replica?.host ?? null },
  { key: 'replica_reachable', header: 'REACHABLE', value: ({ replica }) => replica?.reachable ?? null },
  { key: 'replica_running', header: 'RUNNING', value: ({ replica }) => replica?.running ?? null },
  { key: 'replica_role', header: 'ROLE', value: ({ replica }) => replica?.role ?? null },
  { key: 'freshness', header: 'FRESHNESS', value: ({ replica }) => replica?.freshness ?? null },
  { key: 'lag_s', header: 'LAG', value: ({ replica }) => replica?.lagS ?? null },
  { key: 'pending_events', header: 'PENDING', value: ({ replica }) => replica?.pendingEvents ?? null },
  { key: 'observed_at', header: 'OBSERVED', value: ({ replica }) => observedAt(replica) },
  { key: 'owed', header: 'OWED', value: ({ view }) => view.owed.join('; ') },
  { key: 'why', header: 'WHY', value: ({ view }) => view.why },
];

/** ISO time of a replica's observation. */
export function observedAt(replica: ReplicaView | undefined): string | null {
  const at = replica?.observedAt ?? null;
  return at === null ? null : formatIso(at * 1000);
}

/** `imap22 2d14h`, `imap26 3s@04:19`, `imap21 ?`, `imap24 owed`. */
export function replicaCell(replica: ReplicaView): string {
  if (replica.owes) return `${replica.host} owed`;
  const at = observedAt(replica);
  if (replica.freshness !== 'unknown')
    return `${replica.host} ${replica.lagS === null ? '?' : formatDuration(replica.lagS * 1000)}`;
  if (replica.lagS === null || at === null || !replica.reachable) return `${replica.host} ?`;
  return `${replica.host} ${formatDuration(replica.lagS * 1000)}@${at.slice(11, 16)}`;
}
