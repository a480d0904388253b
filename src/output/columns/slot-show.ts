// Columns of `slots show`: one row a slot and host, with what was seen of the instance there.
import { formatIso } from '../../lib/clock.js';
import type { InstanceDetail, SlotDetail } from '../screens/slot-show.js';
import type { Column } from './column.js';

/** An instance beside its slot. */
export interface SlotShowRow {
  readonly detail: SlotDetail;
  readonly one: InstanceDetail;
}

/** Rows of all slots, the master by the directory first. */
export function slotShowRows(details: readonly SlotDetail[]): readonly SlotShowRow[] {
  return details.flatMap((detail) => detail.instances.map((one) => ({ detail, one })));
}

/** The replica as judged; undefined for the master. */
function replicaOf({ detail, one }: SlotShowRow) {
  return detail.view.replicas.find((replica) => replica.host === one.instance.host);
}

/** For tsv and ndjson. */
export const slotShowColumns: readonly Column<SlotShowRow>[] = [
  { key: 'slot', header: 'SLOT', value: ({ detail }) => detail.slot.slot },
  { key: 'verdict', header: 'VERDICT', value: ({ detail }) => detail.view.verdict },
  { key: 'host', header: 'HOST', value: ({ one }) => one.instance.host },
  { key: 'directory_role', header: 'DIRECTORY', value: ({ one }) => one.directoryRole },
  { key: 'reachable', header: 'REACHABLE', value: ({ one }) => one.state !== null },
  { key: 'running', header: 'RUNNING', value: ({ one }) => one.state?.running ?? null },
  { key: 'started', header: 'STARTED', value: ({ one }) => one.state?.started ?? null },
  { key: 'role', header: 'RUNS AS', value: ({ one }) => one.state?.role ?? null },
  { key: 'configured_role', header: 'BOOTS AS', value: ({ one }) => one.state?.configuredRole ?? null },
  { key: 'instance', header: 'INSTANCE', value: ({ one }) => one.instance.instance },
  { key: 'address', header: 'ADDRESS', value: ({ one }) => one.address },
  { key: 'freshness', header: 'FRESHNESS', value: (row) => replicaOf(row)?.freshness ?? null },
  { key: 'lag_s', header: 'LAG', value: (row) => replicaOf(row)?.lagS ?? null },
  { key: 'pending_events', header: 'PENDING', value: (row) => replicaOf(row)?.pendingEvents ?? null },
  {
    key: 'observed_at',
    header: 'OBSERVED',
    value: (row) => {
      const at = replicaOf(row)?.observedAt ?? null;
      return at === null ? null : formatIso(at * 1000);
    },
  },
  {
    key: 'quarantined_events',
    header: 'QUARANTINED',
    value: ({ one }) => one.state?.quarantined.events ?? null,
  },
  { key: 'lease_run', header: 'LEASE', value: ({ one }) => one.state?.lease?.run ?? null },
  {
    key: 'lease_expires_in_s',
    header: 'EXPIRES IN',
    value: ({ one }) => {
      const lease = one.state?.lease;
      return one.state === null || lease?.run === undefined ? null : lease.expires - one.state.at;
    },
  },
  { key: 'free_bytes', header: 'FREE', value: ({ one }) => one.state?.freeBytes ?? null },
  { key: 'problem', header: 'PROBLEM', value: ({ one }) => one.error ?? one.state?.problem ?? null },
  { key: 'owed', header: 'OWED', value: ({ detail }) => detail.view.owed.join('; ') },
  { key: 'why', header: 'WHY', value: ({ detail }) => detail.view.why },
];
