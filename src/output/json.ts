// JSON as it is printed: one document, indented by two, a newline at its end; or one object a line. Characters
// that could steer a terminal (C1 controls, bidi overrides) are written as \u escapes, which parse to the same.
import type { CellValue, Column } from './columns/column.js';

/** Fit as it is, and most documents are; the expression of what is not is made by the first one, since that takes time. */
const PLAIN = /^[\n -~]*$/;

function escapeUnits(text: string): string {
  return Array.from(
    { length: text.length },
    (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}

function safe(json: string): string {
  return PLAIN.test(json) ? json : json.replace(/[\u007f-\u009f\p{Cf}\u2028\u2029]/gu, escapeUnits);
}

/** One document, with its newline. */
export function jsonDocument(document: object): string {
  return `${safe(JSON.stringify(document, null, 2))}\n`;
}

/** Elements of a list that are put together before they are written. */
const ELEMENTS_AT_ONCE = 100;

/**
 * A document in parts, for one that is too long to hold. A member that is iterable and no array becomes a list,
 * element by element; one that is a function is asked when its turn comes.
 */
export async function* jsonParts(document: object): AsyncGenerator<string> {
  const members = Object.entries(document);
  const isPlain = members.every(([, member]) => typeof member !== 'function' && !isStream(member));
  if (isPlain) {
    yield jsonDocument(document);
    return;
  }
  let text = '{';
  let isFirst = true;
  for (const [key, member] of members) {
    const value: unknown = typeof member === 'function' ? member() : member;
    if (value === undefined) continue;
    text += `${isFirst ? '' : ','}\n  ${JSON.stringify(key)}: `;
    isFirst = false;
    if (!isStream(value)) {
      text += indented(value, '  ');
      continue;
    }
    let count = 0;
    for await (const element of value) {
      text += `${count === 0 ? '[' : ','}\n    ${indented(element, '    ')}`;
      count += 1;
      if (count % ELEMENTS_AT_ONCE !== 0) continue;
      yield text;
      text = '';
    }
    text += count === 0 ? '[]' : '\n  ]';
  }
  yield `${text}\n}\n`;
}

type Stream = AsyncIterable<unknown> | Iterable<unknown>;

function isStream(value: unknown): value is Stream {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    (Symbol.iterator in value || Symbol.asyncIterator in value)
  );
}

function indented(value: unknown, indent: string): string {
  return safe(JSON.stringify(value, null, 2)).replaceAll('\n', `\n${indent}`);
}

/** One object on one line, with its newline. */
export function jsonLine(value: object): string {
  return `${safe(JSON.stringify(value))}\n`;
}

/** A row as an object of its columns. */
export function rowObject<T>(columns: readonly Column<T>[], row: T): Record<string, CellValue> {
  return Object.fromEntries(columns.map((column) => [column.key, column.value(row)]));
}
