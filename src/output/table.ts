// A table for people: no borders, two blanks between columns, headings in capitals, made to fit the screen by
// cutting the widest free-text column. cli-table3 lays it out; it is loaded with this file, so load this file by
// `await import`. Every cell is escaped here.
import Table from 'cli-table3';
import { type Column, cellText } from './columns/column.js';
import { escapeText } from './escape.js';
import { type Line, paint, type Rendered, renderLine } from './line.js';
import { cutText, displayWidth } from './width.js';

/** How a table is drawn. */
export interface TableOptions<T> {
  /** Lines that follow a row, such as the reason for a refusal. */
  below?(row: T): readonly Line[];
  /** True: no heading line. */
  readonly headless?: boolean;
}

const GAP = 2;
/** A free-text column is not cut below this many columns. */
const LEAST = 8;

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(GAP),
};

/** The rows as finished lines, the heading first. No rows: no lines. */
export function renderTable<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  options: TableOptions<T> & { readonly width: number; readonly color: boolean },
): readonly Rendered[] {
  const shown = columns.filter((column) => column.inTable !== false);
  if (rows.length === 0 || shown.length === 0) return [];
  const texts = rows.map((row) => shown.map((column) => escapeText(cellText(column, row))));
  const heads = options.headless === true ? shown.map(() => '') : shown.map((column) => column.header);
  const widths = fitWidths(
    shown.map((column, at) => ({
      natural: Math.max(
        displayWidth(heads[at] ?? ''),
        ...texts.map((cells) => displayWidth(cells[at] ?? '')),
      ),
      least: column.mayCut === true ? Math.max(LEAST, displayWidth(heads[at] ?? '')) : undefined,
    })),
    options.width,
  );
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colAligns: shown.map((column) => column.align ?? 'left'),
  });
  if (options.headless !== true) table.push(heads);
  rows.forEach((row, index) => {
    const cells = texts[index] ?? [];
    table.push(
      shown.map((column, at) =>
        paint(cutText(cells[at] ?? '', widths[at] ?? 0), column.tone?.(row), options.color),
      ),
    );
  });
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  const head = options.headless === true ? [] : lines.slice(0, 1);
  return [
    ...head.map((rendered) => ({ rendered })),
    ...rows.flatMap((row, index) => [
      { rendered: lines[index + head.length] ?? '' },
      ...(options.below?.(row) ?? []).map((line) => ({ rendered: renderLine(line, options.color) })),
    ]),
  ];
}

/**
 * Widths that fit: the widest column that may be cut gives way, column by column, down to its least. What still
 * does not fit is left to the terminal to wrap, since a cut name or figure would be a wrong one.
 */
export function fitWidths(
  columns: readonly { readonly natural: number; readonly least: number | undefined }[],
  width: number,
): readonly number[] {
  const widths = columns.map((column) => column.natural);
  let over = widths.reduce((sum, one) => sum + one, 0) + GAP * (widths.length - 1) - width;
  while (over > 0) {
    let widest = -1;
    columns.forEach((column, at) => {
      const mine = widths[at] ?? 0;
      if (column.least !== undefined && mine > column.least && mine > (widths[widest] ?? 0)) widest = at;
    });
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    over -= 1;
  }
  return widths;
}
