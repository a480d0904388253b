import { expect, test } from 'vitest';
import { escapeLine, escapeLines, escapeText } from '../../../src/output/escape.js';

test('an escape sequence from outside becomes visible text', () => {
  expect(escapeText('\x1b[31mred\x1b]0;title\x07')).toBe('\\x1b[31mred\\x1b]0;title\\x07');
});

test('a C1 control, which some terminals obey in UTF-8 as well, becomes visible', () => {
  expect(escapeText('\u009b31m\u0085')).toBe('\\x9b31m\\x85');
});

test('bidi overrides, zero widths, separators and tag characters become visible', () => {
  expect(escapeText('a\u202eb\u200bc\ufeffd\u2028e\u{e0041}f')).toBe(
    'a\\u202eb\\u200bc\\ufeffd\\u2028e\\u{e0041}f',
  );
});

test('half of a surrogate pair becomes visible, a whole pair stays', () => {
  expect(escapeText('\ud83d|😀|\ude00')).toBe('\\ud83d|😀|\\ude00');
});

test('newline, carriage return, tab, NUL and DEL become visible', () => {
  expect(escapeText('a\nb\rc\td\0e\x7f')).toBe('a\\nb\\rc\\td\\x00e\\x7f');
});

test('a line keeps its tabs and a text its lines, but no carriage return that would hide what stands before it', () => {
  expect(escapeLine('a\tb\n')).toBe('a\tb\\n');
  expect(escapeLines('safe\r\nb\x1b')).toBe('safe\\r\nb\\x1b');
});

test('letters of every script, combining marks and emoji are left as they are', () => {
  const text = 'Zoë Ωμέγα 日本語 e\u0301 👍🏽 “…”';
  expect(escapeText(text)).toBe(text);
});

test('ten megabytes are escaped in a moment', () => {
  expect(escapeText('\x1b'.repeat(1_000_000)).length).toBe(4_000_000);
  expect(escapeText('a'.repeat(10_000_000)).length).toBe(10_000_000);
});
