import { expect, test } from 'vitest';
import { jsonDocument, jsonLine, rowObject } from '../../../src/output/json.js';

test('a document is indented and ends with a newline, a line has no other', () => {
  expect(jsonDocument({ a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}\n');
  expect(jsonLine({ a: 'x\ny' })).toBe('{"a":"x\\ny"}\n');
});

test('what could steer a terminal is written as escapes, and reads back as it was', () => {
  const value = { text: '\x1b[31m\u009b\u202e\u200b\u2028\u{e0041}\x7f\ud800 é 日 😀' };
  for (const printed of [jsonDocument(value), jsonLine(value)]) {
    expect(printed.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
    expect(JSON.parse(printed)).toEqual(value);
  }
});

test('a row becomes an object of its columns, raw', () => {
  const columns = [
    { key: 'slot', header: 'SLOT', value: (row: { slot: string }) => row.slot },
    { key: 'lag_s', header: 'LAG', value: () => null, text: () => '-' },
  ];
  expect(rowObject(columns, { slot: 'store1' })).toEqual({ slot: 'store1', lag_s: null });
});
