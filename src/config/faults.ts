// What is wrong with a configuration file, as data: where, what, and what would be right. Values are shown
// shortened, escaped and without passwords.
import { maskUrlPasswords } from '../lib/redact.js';
import type { Section } from './config.js';

/** One fault. */
export interface Fault {
  /** The section it is in; `file`: the file as a whole cannot be trusted; `unknown`: a top-level key like no other. */
  readonly section: Section | 'file' | 'unknown';
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** `hosts.imap21.groups[0]`; empty: the whole file. */
  readonly path: string;
  readonly what: string;
  /** What would be right, or what to do. */
  readonly right: string | undefined;
}

/** `FILE:12:5: hosts.imap21: unknown key "locaton"; did you mean location?` */
export function formatFault(file: string, fault: Fault): string {
  const where = `${file}:${fault.line}:${fault.column}: `;
  return `${where}${fault.path === '' ? '' : `${fault.path}: `}${fault.what}${fault.right === undefined ? '' : `; ${fault.right}`}`;
}

/** Keys and indexes as a path that people read. */
export function formatPath(keys: readonly (string | number)[]): string {
  let text = '';
  for (const key of keys) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += (text === '' ? '' : '.') + (/^[\p{L}\p{N}_@+-]+$/u.test(key) ? key : showValue(key));
  }
  return text;
}

/** A value of the file for a message: one line, at most some 60 characters, no password, no control characters. */
export function showValue(value: unknown): string {
  const text = typeof value === 'string' ? maskUrlPasswords(value) : String(value);
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  const escaped = JSON.stringify(short).replace(
    /[\p{Cc}\p{Cf}]/gu,
    (char) => `\\u${char.codePointAt(0)?.toString(16).padStart(4, '0')}`,
  );
  return typeof value === 'string' ? escaped : escaped.slice(1, -1);
}

/** In the order of the file. */
export function sortFaults(faults: readonly Fault[]): readonly Fault[] {
  return [...faults].sort((a, b) => a.line - b.line || a.column - b.column);
}
