// What the hosts show of the slot map, against what the directory says: changes first, then what nobody could tell.
import { formatIso } from '../../lib/clock.js';
import type { Discovery, Unclear } from '../../slot/discover.js';
import type { SlotMapDiff } from '../../slot/slot-map.js';
import type { Column } from '../columns/column.js';
import type { Line } from '../line.js';
import { type ImportRow, importRows } from './slots-import.js';

/** What the screen shows. */
export interface DiscoverScreen {
  readonly diff: SlotMapDiff;
  readonly discovery: Discovery;
  readonly silent: readonly { readonly host: string; readonly message: string }[];
  readonly hostsAsked: number;
  readonly outcome: 'done' | 'planned';
  readonly dryRun: boolean;
  /** The changes were shown before the question: not again. */
  readonly wasShown: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A row of tsv: what becomes of a slot, or why nothing does. */
export type DiscoverRow =
  | ImportRow
  | { readonly action: 'unclear'; readonly slot: string; readonly what: string };

/** Rows of all slots. */
export function discoverRows(diff: SlotMapDiff, { unclear }: Discovery): readonly DiscoverRow[] {
  const doubted = new Set(unclear.map(({ slot }) => slot));
  return [
    ...importRows(diff)
      .filter(({ action, slot }) => action !== 'left' || !doubted.has(slot))
      .map((row) =>
        row.action === 'left' ? { ...row, what: 'not seen on the hosts that were asked' } : row,
      ),
    ...unclear.map((one) => ({ action: 'unclear' as const, slot: one.slot ?? '-', what: whyOf(one) })),
  ];
}

/** For tsv and ndjson. */
export const discoverColumns: readonly Column<DiscoverRow>[] = [
  { key: 'slot', header: 'SLOT', value: (row) => row.slot },
  { key: 'action', header: 'ACTION', value: (row) => row.action },
  { key: 'what', header: 'WHAT', value: (row) => row.what },
];

/** The screen, also what is shown before the question. */
export function discoverScreen(shown: DiscoverScreen): readonly Line[] {
  const { diff, discovery, silent, hostsAsked, outcome, dryRun, wasShown, now } = shown;
  const rows = discoverRows(diff, discovery);
  const same = rows.filter((row) => row.action === 'same').length;
  const heading = `DISCOVERED on ${hostsAsked - silent.length} of ${hostsAsked} hosts: ${discovery.entries.length} slots, ${same} as the directory says  ${formatIso(now).slice(11)}`;
  const width = Math.min(40, Math.max(0, ...rows.map((row) => row.slot.length)));
  const line = (row: DiscoverRow): Line => [
    { text: row.action.padEnd(9), tone: TONES[row.action] },
    `${row.slot.padEnd(width)}  ${row.what}`,
  ];
  const changes = rows.filter((row) => row.action !== 'same');
  const lines: Line[] = [heading, ...(wasShown ? [] : changes.map(line))];
  for (const { host, message } of silent)
    lines.push([
      { text: 'silent   ', tone: 'bad' },
      message.startsWith(host) ? message : `${host}: ${message}`,
    ]);
  if (dryRun) lines.push('dry run: nothing was changed; it is no promise');
  else if (outcome === 'done') lines.push('next  mailctl slots list');
  return lines;
}

const TONES = {
  removed: 'bad',
  changed: 'warn',
  added: 'good',
  left: undefined,
  same: undefined,
  unclear: 'bad',
} as const;

function whyOf({ host, why }: Unclear): string {
  return host === null || why.startsWith(host) ? why : `${host}: ${why}`;
}
