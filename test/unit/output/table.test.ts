import { expect, test } from 'vitest';
import type { Column } from '../../../src/output/columns/column.js';
import { renderLine } from '../../../src/output/line.js';
import { fitWidths, renderTable } from '../../../src/output/table.js';
import { displayWidth } from '../../../src/output/width.js';

interface Row {
  readonly slot: string;
  readonly users: number;
  readonly verdict: string;
  readonly note: string;
}

const columns: readonly Column<Row>[] = [
  { key: 'slot', header: 'SLOT', value: (row) => row.slot },
  { key: 'users', header: 'USERS', value: (row) => row.users, align: 'right' },
  {
    key: 'verdict',
    header: 'VERDICT',
    value: (row) => row.verdict,
    tone: (row) => (row.verdict === 'ok' ? 'good' : 'bad'),
  },
  { key: 'note', header: 'NOTE', value: (row) => row.note, mayCut: true },
  { key: 'hidden', header: 'HIDDEN', value: () => 'never', inTable: false },
];

const rows: readonly Row[] = [
  { slot: 'store1', users: 1204, verdict: 'ok', note: '' },
  { slot: 'store15', users: 7, verdict: 'CRIT', note: 'stuck at user ben' },
];

function draw(some: readonly Row[], width = 80, color = false): readonly string[] {
  return renderTable(some, columns, { width, color }).map((line) => renderLine(line, color));
}

test('a table has headings, two blanks between columns, no borders and nothing at the line ends', () => {
  expect(draw(rows)).toEqual([
    'SLOT     USERS  VERDICT  NOTE',
    'store1    1204  ok',
    'store15      7  CRIT     stuck at user ben',
  ]);
});

test('no rows, no lines', () => {
  expect(draw([])).toEqual([]);
});

test('the free text is cut until the table fits, names and figures never', () => {
  const lines = draw(rows, 40);
  expect(lines[2]).toBe('store15      7  CRIT     stuck at user…');
  expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(40);
  expect(draw(rows, 20)[2]).toBe('store15      7  CRIT     stuck a…');
});

test('escapes from outside are shown, cannot colour, and cannot shift the columns', () => {
  const lines = draw([{ slot: 'a\x1b[2J\n', users: 1, verdict: 'ok', note: '日本' }, ...rows], 80);
  expect(lines[1]).toBe('a\\x1b[2J\\n      1  ok       日本');
  expect(lines.join('')).not.toMatch(/\p{Cc}/u);
});

test('only what has a tone is coloured, and only when colours are wanted', () => {
  const lines = draw(rows, 80, true);
  expect(lines[2]).toBe('store15      7  \x1b[31mCRIT\x1b[0m     stuck at user ben');
  expect(lines[0]).toBe('SLOT     USERS  VERDICT  NOTE');
  expect(lines.map((line) => line.replace(/\x1b\[\d*m/g, ''))).toEqual(draw(rows));
});

test('lines below a row stand below it', () => {
  const lines = renderTable(rows, columns, {
    width: 80,
    color: false,
    below: (row) => (row.slot === 'store15' ? ['  REFUSED 2d14h > 5m\x07'] : []),
  }).map((line) => renderLine(line, false));
  expect(lines).toHaveLength(4);
  expect(lines[3]).toBe('  REFUSED 2d14h > 5m\\x07');
});

test('a table without its heading line has its rows only', () => {
  const lines = renderTable(rows, columns, { width: 80, color: false, headless: true });
  expect(lines).toHaveLength(2);
});

test('widths give way from the widest cuttable column on, and no column that may not be cut does', () => {
  expect(
    fitWidths(
      [
        { natural: 10, least: undefined },
        { natural: 30, least: 8 },
        { natural: 20, least: 8 },
      ],
      44,
    ),
  ).toEqual([10, 15, 15]);
  expect(fitWidths([{ natural: 50, least: undefined }], 20)).toEqual([50]);
  expect(fitWidths([{ natural: 50, least: 8 }], 3)).toEqual([8]);
});
