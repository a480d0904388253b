// Tab-separated values: one header line of the column keys, one line a row, raw values, never truncated, never
// coloured. A value cannot break its line or its field: tab, newline and every control character are escaped.
import type { CellValue, Column } from './columns/column.js';
import { escapeText } from './escape.js';

/** The header line, without its newline. */
export function tsvHeader<T>(columns: readonly Column<T>[]): string {
  return columns.map((column) => escapeText(column.key)).join('\t');
}

/** One row, without its newline; null is empty. */
export function tsvRow<T>(columns: readonly Column<T>[], row: T): string {
  return columns.map((column) => tsvValue(column.value(row))).join('\t');
}

function tsvValue(value: CellValue): string {
  return value === null ? '' : escapeText(String(value));
}
