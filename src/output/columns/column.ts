// One list of columns feeds the table, tsv, ndjson and, later, metrics and the dashboard. Keys are an
// interface: documented in mailctl(1), columns only ever added at the end.
import type { Tone } from '../line.js';

/** A value as JSON and tsv carry it: ISO 8601 UTC for times, seconds for durations, bytes for sizes. */
export type CellValue = string | number | boolean | null;

/** One column of rows of T. */
export interface Column<T> {
  /** snake_case with its unit last: `lag_s`. */
  readonly key: string;
  /** The table's heading: `LAG`. */
  readonly header: string;
  /** The raw value. */
  value(row: T): CellValue;
  /** For people: `2d14h`; absent: the value as it is, `-` for null. Raw text, escaped when it is printed. */
  text?(row: T): string;
  /** Colour by meaning, for verdict words only. */
  tone?(row: T): Tone | undefined;
  readonly align?: 'left' | 'right';
  /** Free text: the widest of these is cut when the table is wider than the screen. */
  readonly mayCut?: boolean;
  /** False: in tsv and ndjson only. */
  readonly inTable?: boolean;
}

/** The text of a cell for people. */
export function cellText<T>(column: Column<T>, row: T): string {
  if (column.text !== undefined) return column.text(row);
  const value = column.value(row);
  return value === null ? '-' : String(value);
}
