import { expect, test } from 'vitest';
import type { OutputFormat } from '../../../src/output/choose.js';
import { createOutput, type View } from '../../../src/output/output.js';

interface Row {
  readonly slot: string;
}

function view(rows: View<Row>['rows']): View<Row> {
  return {
    schema: 'mailctl/test/v1',
    document: () => ({ slots: [{ slot: 'store1' }], errors: [] }),
    rows,
    columns: [{ key: 'slot', header: 'SLOT', value: (row) => row.slot }],
  };
}

function target(format: OutputFormat, closeAfter = Number.POSITIVE_INFINITY) {
  const written: string[] = [];
  return {
    written,
    output: createOutput({
      format,
      color: false,
      columns: () => 80,
      write: async (text) => {
        written.push(text);
      },
      isClosed: () => written.length >= closeAfter,
    }),
  };
}

const rows = [{ slot: 'store1' }, { slot: 'store2' }];

test.each([
  ['table', 'SLOT\nstore1\nstore2\n'],
  ['tsv', 'slot\nstore1\nstore2\n'],
  ['ndjson', '{"slot":"store1"}\n{"slot":"store2"}\n'],
  [
    'json',
    '{\n  "schema": "mailctl/test/v1",\n  "slots": [\n    {\n      "slot": "store1"\n    }\n  ],\n  "errors": []\n}\n',
  ],
] as const)('the same view as %s', async (format, expected) => {
  const { output, written } = target(format);
  await output.print(view(rows));
  expect(written.join('')).toBe(expected);
  expect(output.hasDocument()).toBe(format === 'json');
});

test('rows are written as they come', async () => {
  const { output, written } = target('ndjson');
  async function* slowly() {
    yield { slot: 'store1' };
    expect(written).toHaveLength(1);
    yield { slot: 'store2' };
  }
  await output.print(view(slowly()));
  expect(written).toHaveLength(2);
});

test('a reader that has gone away ends the rows: no more are asked for', async () => {
  const { output } = target('tsv', 3);
  let asked = 0;
  function* endless() {
    for (;;) {
      asked += 1;
      yield { slot: `store${asked}` };
    }
  }
  await output.print(view(endless()));
  expect(asked).toBe(3);
});

test('no rows: a table is empty, tsv has its header', async () => {
  const table = target('table');
  await table.output.print(view([]));
  expect(table.written.join('')).toBe('');
  const tsv = target('tsv');
  await tsv.output.print(view([]));
  expect(tsv.written.join('')).toBe('slot\n');
});

test('a screen draws with the width it is given, and its lines are escaped', async () => {
  const { output, written } = target('table');
  await output.print({
    ...view(rows),
    screen: (canvas) => [`SLOTS ${canvas.width}`, ...canvas.table(rows, view(rows).columns), 'a\x1bb'],
  });
  expect(written.join('')).toBe('SLOTS 80\nSLOT\nstore1\nstore2\na\\x1bb\n');
});

test('a line for people is printed in tables only', async () => {
  for (const format of ['table', 'tsv', 'json', 'ndjson'] as const) {
    const { output, written } = target(format);
    await output.line('hello');
    expect(written.join('')).toBe(format === 'table' ? 'hello\n' : '');
  }
});
