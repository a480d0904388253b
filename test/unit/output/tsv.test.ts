import { expect, test } from 'vitest';
import type { Column } from '../../../src/output/columns/column.js';
import { tsvHeader, tsvRow } from '../../../src/output/tsv.js';

interface Row {
  readonly name: string;
  readonly lag: number | null;
  readonly up: boolean;
}

const columns: readonly Column<Row>[] = [
  { key: 'name', header: 'NAME', value: (row) => row.name, text: () => 'for people', mayCut: true },
  { key: 'lag_s', header: 'LAG', value: (row) => row.lag, align: 'right' },
  { key: 'up', header: 'UP', value: (row) => row.up, inTable: false },
];

test('the header has the keys, and a row its raw values, null as nothing', () => {
  expect(tsvHeader(columns)).toBe('name\tlag_s\tup');
  expect(tsvRow(columns, { name: 'store1', lag: 41.5, up: true })).toBe('store1\t41.5\ttrue');
  expect(tsvRow(columns, { name: 'store1', lag: null, up: false })).toBe('store1\t\tfalse');
});

test('a value cannot break its field or its line, or steer a terminal', () => {
  const line = tsvRow(columns, { name: 'a\tb\nc\r\x1b[2J', lag: 0, up: true });
  expect(line).toBe('a\\tb\\nc\\r\\x1b[2J\t0\ttrue');
  expect(line.split('\t')).toHaveLength(3);
});

test('a long value is not cut', () => {
  expect(tsvRow(columns, { name: 'x'.repeat(5000), lag: 0, up: true })).toHaveLength(5007);
});
