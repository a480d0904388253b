// The screen of `queue stats`: how much waits and since when, the largest groups by age, the states, and what is
// missing from the figures. Grouped by something and age it is qshape's table: recipients by age.

import { formatIso } from '../../lib/clock.js';
import { grouped } from '../../lib/count-text.js';
import { formatDuration } from '../../lib/duration.js';
import { formatSize } from '../../lib/size.js';
import type { StatKey } from '../../queue/stat-keys.js';
import { AGE_STEPS, type KeyValue, type StatCount, type StatGroup } from '../../queue/stats.js';
import type { Column } from '../columns/column.js';
import { ageOf, keyText } from '../columns/queue-stats.js';
import type { Line, Span } from '../line.js';
import type { Canvas } from '../output.js';

/** What it shows. */
export interface QueueStatsScreen {
  readonly by: readonly StatKey[];
  readonly total: StatCount;
  /** The first groups, how many there are, and what is in the others. */
  readonly groups: readonly StatGroup[];
  readonly groupCount: number;
  readonly rest: StatCount | null;
  /** Queues that were read, of how many. */
  readonly read: number;
  readonly asked: number;
  /** What does not count in: `mx3 not counted: ssh timeout 5s`. */
  readonly missing: readonly string[];
  /** Lines that were no message. */
  readonly malformed: number;
  /** What else there is to say. */
  readonly notes: readonly Line[];
  /** With --trend. */
  readonly trend?: TrendParts | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Whole commands to go on with. */
  readonly next: readonly string[];
}

/** What the trend adds; made by screens/queue-trend.ts, which is loaded for it alone. */
export interface TrendParts {
  /** `+1,240/min`. */
  readonly growth: string;
  readonly isFull: boolean;
  readonly flow: readonly Line[];
  readonly sentences: readonly Line[];
  columns(width: number): readonly Column<StatRow>[];
}

/** The lines. */
export function queueStatsScreen(screen: QueueStatsScreen, canvas: Canvas): readonly Line[] {
  const { total, missing, malformed, notes, next, trend } = screen;
  const lines: Line[] = [heading(screen)];
  if (total.messages > 0) lines.push(...table(screen, canvas), stateLine(total, trend?.isFull === true));
  if (trend !== undefined) lines.push(...trend.flow, ...trend.sentences);
  for (const one of missing) lines.push([{ text: '!', tone: 'bad' }, ` ${one}`]);
  if (malformed > 0)
    lines.push([
      { text: '!', tone: 'bad' },
      ` ${grouped(malformed)} ${malformed === 1 ? 'line was' : 'lines were'} no message`,
    ]);
  lines.push(...notes);
  if (next.length > 0 && total.messages > 0) lines.push(`next  ${next.join('     ')}`);
  return lines;
}

function heading({ total, now, read, asked, by, trend }: QueueStatsScreen): Line {
  const parts: (string | Span)[] = [
    { text: 'QUEUE ', tone: 'strong' },
    `${grouped(total.messages)} ${total.messages === 1 ? 'msg' : 'msgs'}`,
  ];
  if (by.length === 2 && by.includes('age')) parts.push(`  ${grouped(total.recipients)} rcpts`);
  if (total.messages > 0) parts.push(`  ${formatSize(total.sizeBytes)}  oldest ${oldest(total, now)}`);
  if (trend !== undefined && trend.growth !== '') parts.push(`  ${trend.growth}`);
  parts.push(`    ${formatIso(now).slice(11)}  ${read} of ${asked} ${asked === 1 ? 'queue' : 'queues'}`);
  return parts;
}

function table(screen: QueueStatsScreen, canvas: Canvas): readonly Line[] {
  const { by } = screen;
  return by.length === 2 && by.includes('age') ? shapeTable(screen, canvas) : bandTable(screen, canvas);
}

/** A row of the table; `group` is null for what is not shown by name. */
export interface StatRow extends StatCount {
  readonly names: readonly string[];
  readonly group: StatGroup | null;
}

function rowsOf({ by, groups, groupCount, rest }: QueueStatsScreen): readonly StatRow[] {
  const rows = groups.map(
    (group): StatRow => ({
      ...group,
      names: by.map((key, at) => keyText(key, group.key[at] ?? null)),
      group,
    }),
  );
  if (rest !== null && groupCount > groups.length)
    rows.push({ ...rest, names: [` + ${grouped(groupCount - groups.length)} more`], group: null });
  return rows;
}

function bandTable(screen: QueueStatsScreen, canvas: Canvas): readonly Line[] {
  const now = Math.floor(screen.now / 1000);
  const rows = rowsOf(screen);
  const bands = ['<10m', '<1h', '<6h', '>6h'].map(
    (header, at): Column<StatRow> => ({
      key: header,
      header,
      value: (row) => short(row.bands[at] ?? 0),
      align: 'right',
    }),
  );
  return canvas.table(rows, [
    ...nameColumns(screen.by),
    { key: 'messages', header: 'MSGS', value: (row) => grouped(row.messages), align: 'right' },
    ...(screen.by.includes('age') ? [] : bands),
    {
      key: 'oldest',
      header: 'OLDEST',
      value: (row) => {
        const age = ageOf(row.oldestAt, now);
        return age === null ? '?' : formatDuration(age * 1000);
      },
      align: 'right',
    },
    // An ordinary terminal has no room for both.
    ...(screen.trend?.columns(canvas.width) ?? [
      {
        key: 'size',
        header: 'SIZE',
        value: (row: StatRow) => formatSize(row.sizeBytes),
        align: 'right' as const,
      },
    ]),
  ]);
}

/** qshape's own form: a row for all of it first, recipients by age. */
function shapeTable(screen: QueueStatsScreen, canvas: Canvas): readonly Line[] {
  const other = screen.by.find((key) => key !== 'age') ?? 'age';
  const at = screen.by.indexOf(other);
  const byKey = new Map<KeyValue, number[]>();
  for (const group of screen.groups) {
    const key = group.key[at] ?? null;
    const cells = byKey.get(key) ?? AGE_STEPS.concat(0).map(() => 0);
    group.ages.forEach(({ recipients }, step) => {
      cells[step] = (cells[step] ?? 0) + recipients;
    });
    byKey.set(key, cells);
  }
  const sum = (cells: readonly number[]) => cells.reduce((all, one) => all + one, 0);
  const rows = [...byKey].map(([key, cells]) => ({ name: keyText(other, key), cells }));
  rows.sort((a, b) => sum(b.cells) - sum(a.cells) || (a.name < b.name ? -1 : 1));
  const shown = rows.slice(0, SHAPE_ROWS);
  if (rows.length > shown.length) {
    const rest = rows.slice(SHAPE_ROWS);
    shown.push({
      name: ` + ${grouped(rest.length)} more`,
      cells: AGE_STEPS.concat(0).map((_, step) => rest.reduce((all, row) => all + (row.cells[step] ?? 0), 0)),
    });
  }
  const whole = { name: 'TOTAL', cells: screen.total.ages.map(({ recipients }) => recipients) };
  type Shape = (typeof rows)[number];
  return canvas.table<Shape>(
    [whole, ...shown],
    [
      { key: 'name', header: other.toUpperCase(), value: ({ name }) => name, mayCut: true },
      { key: 'total', header: 'T', value: ({ cells }) => sum(cells), align: 'right' },
      ...[...AGE_STEPS, null].map(
        (upTo, step): Column<Shape> => ({
          key: String(step),
          header: upTo === null ? `${(AGE_STEPS.at(-1) ?? 0) / 60}+` : String(upTo / 60),
          value: ({ cells }) => cells[step] ?? 0,
          align: 'right',
        }),
      ),
    ],
  );
}

const SHAPE_ROWS = 20;

function nameColumns(by: readonly StatKey[]): readonly Column<StatRow>[] {
  return by.map((key, at) => ({
    key,
    header: key.toUpperCase(),
    value: ({ names }: StatRow) => names[at] ?? '',
    mayCut: true,
  }));
}

function stateLine({ states }: StatCount, isFull: boolean): Line {
  const order = ['active', 'deferred', 'incoming', 'hold', 'corrupt'];
  const all = [...order, ...[...states.keys()].filter((state) => !order.includes(state))];
  return [
    { text: 'STATE', tone: 'strong' },
    ...all.flatMap((state): (string | Span)[] => [
      `  ${state} ${grouped(states.get(state) ?? 0)}`,
      ...(isFull && state === 'active' ? [{ text: ' FULL', tone: 'bad' } as const] : []),
    ]),
  ];
}

function oldest({ oldestAt }: StatCount, now: number): string {
  const age = ageOf(oldestAt, Math.floor(now / 1000));
  return age === null ? 'not known' : formatDuration(age * 1000);
}

/** Five characters at most: `8.2k`, `310k`, `1.2M`. */
export function short(count: number): string {
  if (count < 10_000) return grouped(count);
  for (const [unit, size] of [
    ['k', 1000],
    ['M', 1_000_000],
    ['G', 1_000_000_000],
  ] as const) {
    const value = count / size;
    if (value < 99.95) return `${value.toFixed(1)}${unit}`;
    if (value < 999.5) return `${value.toFixed(0)}${unit}`;
  }
  return String(count);
}
