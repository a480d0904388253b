// What an import of the slot map does, or would do: a row a slot, and the screen. What touches a slot that is
// there already is listed in full and comes first; what is only added may be many, and is cut.
import { formatIso } from '../../lib/clock.js';
import { compareNames } from '../../lib/natural.js';
import type { SlotMapDiff, SlotMapEntry } from '../../slot/slot-map.js';
import type { Column } from '../columns/column.js';
import type { Line, Span, Tone } from '../line.js';

/** What becomes of a slot. `left`: in the directory, not in the file, and not touched. */
export type ImportAction = 'removed' | 'changed' | 'added' | 'left' | 'same';

/** One slot of an import. */
export interface ImportRow {
  readonly action: ImportAction;
  readonly slot: string;
  /** For people: `master imap21 -> imap22; imap23 added`. */
  readonly what: string;
}

/** Rows of a diff, those that touch what is there first. */
export function importRows(diff: SlotMapDiff): readonly ImportRow[] {
  const rows: readonly ImportRow[] = [
    ...diff.remove.map((slot) => ({
      action: 'removed' as const,
      slot: slot.slot,
      what: `was ${placesOf(slot)}`,
    })),
    ...diff.change.map(({ after, what }) => ({
      action: 'changed' as const,
      slot: after.slot,
      what: what.join('; '),
    })),
    ...diff.add.map((entry) => ({ action: 'added' as const, slot: entry.slot, what: placesOf(entry) })),
    ...diff.unlisted.map((slot) => ({ action: 'left' as const, slot: slot.slot, what: 'not in the file' })),
    ...diff.same.map((slot) => ({ action: 'same' as const, slot, what: '' })),
  ];
  const order = (row: ImportRow) => ACTIONS.indexOf(row.action);
  return [...rows].sort((a, b) => order(a) - order(b) || compareNames(a.slot, b.slot));
}

/** For tsv and ndjson. */
export const importColumns: readonly Column<ImportRow>[] = [
  { key: 'slot', header: 'SLOT', value: (row) => row.slot },
  { key: 'action', header: 'ACTION', value: (row) => row.action },
  { key: 'what', header: 'WHAT', value: (row) => row.what },
];

const NEXT = 'next  mailctl slots list';
const ACTIONS: readonly ImportAction[] = ['removed', 'changed', 'added', 'left', 'same'];
const TONES: { readonly [action in ImportAction]?: Tone } = {
  removed: 'bad',
  changed: 'warn',
  added: 'good',
};

/** Added slots that are named one by one. */
const MOST_ADDED = 10;

/** What the screen shows. */
export interface ImportScreen {
  readonly file: string;
  readonly diff: SlotMapDiff;
  /** `planned`: nothing is changed (yet). */
  readonly outcome: 'done' | 'planned';
  readonly dryRun: boolean;
  /** The diff was shown before the question: not again. */
  readonly wasShown?: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The screen, also what is shown before the question. */
export function importScreen({ file, diff, outcome, dryRun, wasShown, now }: ImportScreen): readonly Line[] {
  const rows = importRows(diff);
  if (wasShown === true) return [heading(file, rows, outcome, now), NEXT];
  const of = (action: ImportAction) => rows.filter((row) => row.action === action);
  const width = Math.max(0, ...rows.filter((row) => row.action !== 'same').map((row) => row.slot.length));
  const line = (row: ImportRow): Line => [
    { text: row.action.padEnd(9), tone: TONES[row.action] },
    `${row.slot.padEnd(Math.min(width, 40))}  ${row.what}`,
  ];
  const added = of('added');
  const left = of('left');
  const lines: Line[] = [
    heading(file, rows, outcome, now),
    ...of('removed').map(line),
    ...of('changed').map(line),
    ...added.slice(0, MOST_ADDED).map(line),
  ];
  if (added.length > MOST_ADDED) lines.push(` + ${added.length - MOST_ADDED} more added`);
  if (left.length > 0) {
    lines.push(`left     ${cutNames(left)}: in the directory, not in the file (--prune removes)`);
  }
  if (diff.change.some((change) => change.changesMaster)) {
    lines.push([
      { text: '! ', tone: 'warn' },
      'a master is only renamed here: no host is asked, nothing is stopped or started',
    ]);
  }
  if (dryRun) lines.push('dry run: nothing was changed; it is no promise');
  else if (outcome === 'done') lines.push(NEXT);
  return lines;
}

function heading(
  file: string,
  rows: readonly ImportRow[],
  outcome: ImportScreen['outcome'],
  now: number,
): Line {
  const parts: (string | Span)[] = [`IMPORT ${file}:`];
  for (const action of ACTIONS) {
    const count = rows.filter((row) => row.action === action).length;
    if (count > 0)
      parts.push(
        ' ',
        { text: `${count} ${outcome === 'planned' ? PLANNED[action] : action}`, tone: TONES[action] },
        ' ',
      );
  }
  if (rows.length === 0) parts.push(' no slots ');
  parts.push(`  ${formatIso(now).slice(11)}`);
  return parts;
}

const PLANNED: { readonly [action in ImportAction]: string } = {
  removed: 'to remove',
  changed: 'to change',
  added: 'to add',
  left: 'left',
  same: 'same',
};

/** `store1, store2, store3 +12`. */
function cutNames(rows: readonly ImportRow[]): string {
  const names = rows.slice(0, 3).map((row) => row.slot);
  return `${names.join(', ')}${rows.length > 3 ? ` +${rows.length - 3}` : ''}`;
}

/** `on imap21, replicas imap22, imap23`. */
function placesOf(slot: Pick<SlotMapEntry, 'master' | 'instances'>): string {
  const replicas = slot.instances.map(({ host }) => host).filter((host) => host !== slot.master);
  if (replicas.length === 0) return `on ${slot.master}, no replica`;
  return `on ${slot.master}, ${replicas.length === 1 ? 'replica' : 'replicas'} ${replicas.join(', ')}`;
}
