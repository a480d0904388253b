// Columns of `replication verify`: a row a copy.
import { formatIso } from '../../lib/clock.js';
import { ownerLabel } from '../../slot/content.js';
import type { CopyVerdict } from '../../slot/verify.js';
import type { Column } from './column.js';

/** For tsv and ndjson. */
export const copyColumns: readonly Column<CopyVerdict>[] = [
  { key: 'slot', header: 'SLOT', value: (copy) => copy.slot },
  { key: 'master', header: 'MASTER', value: (copy) => copy.master },
  { key: 'replica', header: 'REPLICA', value: (copy) => copy.replica },
  { key: 'state', header: 'STATE', value: (copy) => copy.state },
  { key: 'owners', header: 'OWNERS', value: ({ comparison }) => comparison?.total ?? null },
  { key: 'compared', header: 'COMPARED', value: ({ comparison }) => comparison?.compared.length ?? null },
  { key: 'differing', header: 'DIFFERING', value: ({ comparison }) => comparison?.differing.length ?? null },
  { key: 'left', header: 'LEFT', value: ({ comparison }) => comparison?.left.length ?? null },
  { key: 'oldest_at', header: 'OLDEST', value: ({ last }) => oldestAt(last?.oldestAt) },
  {
    key: 'who',
    header: 'WHO',
    value: ({ comparison }) => (comparison?.differing ?? []).map(({ owner }) => ownerLabel(owner)).join(' '),
  },
  { key: 'reason', header: 'REASON', value: (copy) => copy.reason },
];

function oldestAt(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : formatIso(ms);
}
