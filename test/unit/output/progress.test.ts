import { expect, test } from 'vitest';
import { createProgress } from '../../../src/output/progress.js';
import { fakeClock } from '../../support/fake-clock.js';

interface Options {
  readonly isTty?: boolean;
  readonly quiet?: boolean;
  readonly size?: { columns: number; rows: number };
}

function start({ isTty = true, quiet = false, size = { columns: 40, rows: 10 } }: Options = {}) {
  const clock = fakeClock({ start: '2026-03-12T04:42:10Z' });
  const written: string[] = [];
  const progress = createProgress({
    write: (text) => {
      written.push(text);
    },
    isTty,
    color: false,
    columns: () => size.columns,
    rows: () => size.rows,
    quiet,
    clock,
  });
  return { clock, written, progress, size, screen: () => play(written.join(''), size.columns) };
}

/** What a terminal of this width shows after these bytes: enough of one for what progress sends. */
function play(bytes: string, columns: number): readonly string[] {
  const lines: string[] = [''];
  let row = 0;
  let column = 0;
  for (const [, up, clear, mode, newline, back, character] of bytes.matchAll(
    /\x1b\[(\d+)A|(\x1b\[0J)|(\x1b\[\?25[lh])|(\n)|(\r)|([\s\S])/gu,
  )) {
    if (up !== undefined) row = Math.max(0, row - Number(up));
    else if (clear !== undefined) lines.splice(row, lines.length, (lines[row] ?? '').slice(0, column));
    else if (newline !== undefined) {
      row += 1;
      column = 0;
      lines[row] ??= '';
    } else if (back !== undefined) column = 0;
    else if (mode === undefined && character !== undefined) {
      if (column === columns) {
        row += 1;
        column = 0;
      }
      lines[row] =
        (lines[row] ?? '').slice(0, column).padEnd(column) + character + (lines[row] ?? '').slice(column + 1);
      column += 1;
    }
  }
  return lines;
}

test('nothing is shown in the first second, then what is the newest', async () => {
  const { clock, progress, written, screen } = start();
  progress.update(['one']);
  await clock.advance(999);
  progress.update(['two']);
  expect(written).toEqual([]);
  await clock.advance(1);
  expect(screen()).toEqual(['two', '']);
});

test('what is over within a second leaves no trace', async () => {
  const { clock, progress, written } = start();
  progress.update(['one']);
  await clock.advance(500);
  progress.end();
  await clock.advance(5000);
  expect(written).toEqual([]);
});

test('rows are redrawn in place, and a block that shrinks leaves nothing behind', async () => {
  const { clock, progress, screen } = start();
  progress.update(['one', 'two', 'three']);
  await clock.advance(1000);
  progress.update(['four']);
  await clock.advance(100);
  expect(screen()).toEqual(['four', '']);
});

test('it is drawn at most ten times a second, whatever comes', async () => {
  const { clock, progress, written } = start();
  progress.update(['0']);
  await clock.advance(1000);
  const before = written.length;
  for (let at = 0; at < 200; at += 1) {
    progress.update([`${at}`]);
    await clock.advance(5);
  }
  await clock.advance(200);
  expect(written.length - before).toBeGreaterThanOrEqual(9);
  expect(written.length - before).toBeLessThanOrEqual(11);
  expect(written.at(-1)).toContain('199');
});

test('a line is cut to the screen, and more rows than it has become a count', async () => {
  const { clock, progress, screen, size } = start();
  progress.update(['x'.repeat(100), ...Array.from({ length: 20 }, (_, at) => `row ${at}`)]);
  await clock.advance(1000);
  const shown = screen();
  expect(shown).toHaveLength(size.rows);
  expect(shown[0]).toBe(`${'x'.repeat(38)}…`);
  expect(shown.at(-2)).toBe('+ 13 more');
});

test('a permanent line stands above the rows', async () => {
  const { clock, progress, screen } = start();
  progress.update(['rows']);
  await clock.advance(1000);
  progress.line('store1 served');
  expect(screen()).toEqual(['store1 served', 'rows', '']);
});

test('the end takes the rows away and gives the cursor back, once', async () => {
  const { clock, progress, written, screen } = start();
  progress.update(['rows']);
  await clock.advance(1000);
  progress.end();
  progress.end();
  expect(screen()).toEqual(['']);
  expect(written.join('').match(/\x1b\[\?25l/g)).toHaveLength(1);
  expect(written.join('').match(/\x1b\[\?25h/g)).toHaveLength(1);
  await clock.advance(1000);
  expect(screen()).toEqual(['']);
});

test('the end can leave the last state of the rows, also one that was never drawn', async () => {
  const { clock, progress, screen } = start();
  progress.update(['working']);
  await clock.advance(1000);
  progress.update(['done']);
  progress.end({ keep: true });
  expect(screen()).toEqual(['done', '']);
});

test('rows that a narrower window has wrapped are counted as what they take now', async () => {
  const { clock, progress, written, size } = start();
  progress.update(['x'.repeat(39), 'y']);
  await clock.advance(1000);
  size.columns = 20;
  progress.update(['z']);
  await clock.advance(100);
  // Two rows for the x, one for the y.
  expect(written.at(-1)).toContain('\x1b[3A');
});

test('text from outside cannot steer the terminal', async () => {
  const { clock, progress, written } = start();
  progress.update(['a\x1b[2Jb']);
  await clock.advance(1000);
  expect(written.join('')).toContain('a\\x1b[2Jb');
});

test('without a terminal there are lines with their time, and no rows', async () => {
  const { clock, progress, written } = start({ isTty: false });
  progress.update(['rows']);
  await clock.advance(2000);
  progress.line('store1 served\x1b');
  progress.end();
  expect(written).toEqual(['2026-03-12T04:42:12Z store1 served\\x1b\n']);
});

test('with --quiet there is nothing at all', async () => {
  const { clock, progress, written } = start({ quiet: true });
  progress.update(['rows']);
  progress.line('line');
  await clock.advance(5000);
  progress.end();
  expect(written).toEqual([]);
});
