// JSON as it is printed: one document, indented by two, a newline at its end; or one object a line. Characters
// that could steer a terminal (C1 controls, bidi overrides) are written as \u escapes, which parse to the same.
import type { CellValue, Column } from './columns/column.js';

const UNFIT = /[\u007f-\u009f\p{Cf}\u2028\u2029]/gu;

function escapeUnits(text: string): string {
  return Array.from(
    { length: text.length },
    (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}

/** One document, with its newline. */
export function jsonDocument(document: object): string {
  return `${JSON.stringify(document, null, 2).replace(UNFIT, escapeUnits)}\n`;
}

/** One object on one line, with its newline. */
export function jsonLine(value: object): string {
  return `${JSON.stringify(value).replace(UNFIT, escapeUnits)}\n`;
}

/** A row as an object of its columns. */
export function rowObject<T>(columns: readonly Column<T>[], row: T): Record<string, CellValue> {
  return Object.fromEntries(columns.map((column) => [column.key, column.value(row)]));
}
