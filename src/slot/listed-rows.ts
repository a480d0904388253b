// Rows of a list that a site prints, in the forms that sites have at hand: JSON, an object a line, or lines with
// tabs. Pure. Knows no list in particular; what cannot be wholly understood is a ParseError with its place.
import { ParseError } from '../errors.js';

/** The parts of a row by their names. */
export type Fields = Readonly<Record<string, unknown>>;

/** A row, and where it stands. */
export interface ListedRow {
  readonly value: string | Fields;
  readonly at: string;
}

/**
 * The rows of a list in any of the forms that sites have at hand: JSON (a list, or `{NAME: [...]}`), an object a
 * line, or lines of `columns` with tabs between them, with or without a first line that names them. undefined:
 * there is not a word in it.
 */
export function readRows(
  output: string,
  where: string,
  columns: readonly string[],
  name: string,
): readonly ListedRow[] | undefined {
  const text = output.replace(/^\uFEFF/, '');
  const first = /\S/.exec(text);
  if (first === null) return undefined;
  if (first[0] === '[' || first[0] === '{') {
    const whole = parseJson(text);
    if (whole.ok) return jsonRows(whole.value, where, name);
    if (first[0] === '[') throw new ParseError(where, `no valid JSON: ${whole.what}`);
  }
  const lines = text.split(/\r?\n/);
  if (first[0] === '{') {
    return lines.flatMap((line, index) => {
      if (line.trim() === '') return [];
      const at = `${where}: line ${index + 1}`;
      const one = parseJson(line);
      if (!one.ok) throw new ParseError(at, `no valid JSON: ${one.what}`);
      if (!isObject(one.value)) throw new ParseError(at, `expected {${columns.join(', ')}}`);
      return [{ value: one.value, at }];
    });
  }
  return tabbedRows(lines, where, columns);
}

function jsonRows(value: unknown, where: string, name: string): readonly ListedRow[] {
  const list = isObject(value) && Array.isArray(value[name]) ? value[name] : value;
  // A single object is the only line of JSON lines.
  const items = Array.isArray(list) ? list : [list];
  return items.map((item: unknown, index) => {
    const at = `${where}: entry ${index + 1}`;
    if (typeof item === 'string' || isObject(item)) return { value: item, at };
    throw new ParseError(at, 'expected text or an object');
  });
}

function tabbedRows(
  lines: readonly string[],
  where: string,
  columns: readonly string[],
): readonly ListedRow[] {
  let names = columns;
  let isFirst = true;
  return lines.flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const at = `${where}: line ${index + 1}`;
    const parts = line.split('\t').map((part) => part.trim());
    if (isFirst) {
      isFirst = false;
      if (isHeader(parts, columns)) {
        names = parts;
        return [];
      }
    }
    if (parts.length > names.length) throw new ParseError(at, `expected ${columns.join(' TAB ')}`);
    const named = names.map((column, position) => [column, parts[position]] as const);
    return [{ value: Object.fromEntries(named.filter(([, part]) => part !== undefined && part !== '')), at }];
  });
}

/** A first line of nothing but names of columns, the first of them among it. */
function isHeader(parts: readonly string[], columns: readonly string[]): boolean {
  const known = columns.flatMap((column) => [column, ...(ALIASES[column] ?? [])]);
  return parts.length > 1 && parts.every((part) => known.includes(part));
}

/** Other names of the columns, as databases have them: `user` is a reserved word in most. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  user: ['user_name'],
  from: ['from_slot'],
  to: ['to_slot'],
};

/** A field by its name or one of its other names. */
export function fieldOf(row: Fields, name: string): unknown {
  return [name, ...(ALIASES[name] ?? [])].map((key) => row[key]).find((value) => value !== undefined);
}

/** What is wrong with the name of a user, to follow it in a sentence; undefined: nothing. */
export function userNameFault(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u.test(name)) return 'holds a control character';
  if (/\s/u.test(name)) return 'must not hold blanks';
  // It becomes a word of a command, and a part of a path.
  if (name.startsWith('-')) return 'must not begin with "-"';
  if (name.includes('/')) return 'must not hold a "/"';
  return name.length > 255 ? 'is longer than 255 characters' : undefined;
}

/** A name; whole numbers are names too. */
export function wordOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly what: string };

function parseJson(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    // V8 quotes the text it stumbles on: no line breaks or escapes of it may come through.
    const what = error instanceof Error ? error.message : String(error);
    return { ok: false, what: what.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 200) };
  }
}
