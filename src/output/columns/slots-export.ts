// Columns of `slots export`: one row a slot and host, the master's first.
import type { Instance, Slot } from '../../slot/slot.js';
import type { Column } from './column.js';

/** A slot on one of its hosts, by the directory. */
export interface ExportRow {
  readonly slot: Slot;
  readonly instance: Instance;
}

/** Rows of all slots. */
export function exportRows(slots: readonly Slot[]): readonly ExportRow[] {
  return slots.flatMap((slot) => slot.instances.map((instance) => ({ slot, instance })));
}

/** For tsv and ndjson. */
export const exportColumns: readonly Column<ExportRow>[] = [
  { key: 'slot', header: 'SLOT', value: ({ slot }) => slot.slot },
  { key: 'host', header: 'HOST', value: ({ instance }) => instance.host },
  {
    key: 'role',
    header: 'ROLE',
    value: ({ slot, instance }) => (instance.host === slot.master ? 'master' : 'replica'),
  },
  { key: 'instance', header: 'INSTANCE', value: ({ instance }) => instance.instance },
  { key: 'address', header: 'ADDRESS', value: ({ instance }) => instance.address ?? null },
  { key: 'state', header: 'STATE', value: ({ slot }) => slot.state },
];
