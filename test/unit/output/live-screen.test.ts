// A screen that is drawn anew in its place: what it writes, what it cuts, and that the cursor comes back.
import { expect, it } from 'vitest';
import { createLiveScreen } from '../../../src/output/live-screen.js';

it('draws from the top left, cuts what does not fit, sees a resize, and gives the cursor back', async () => {
  const size = { columns: 20, rows: 5 };
  let text = '';
  const screen = createLiveScreen({
    write: async (more) => {
      text += more;
    },
    color: false,
    columns: () => size.columns,
    rows: () => size.rows,
  });
  await screen.end();
  expect(text).toBe('');
  await screen.draw(() => ['one', `${'x'.repeat(40)}`, 'three \u001b[31m', 'four', 'five', 'six']);
  expect(text.startsWith('\x1b[?25l\n\n\n\n\n\x1b[H')).toBe(true);
  const lines = text.slice(text.indexOf('\x1b[H') + 3).split('\x1b[K\n');
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe('one');
  expect(lines[1]?.length).toBeLessThanOrEqual(20);
  expect(lines[2]).not.toContain('\u001b');
  expect(lines[3]).toBe('+ 3 more lines');
  expect(lines[4]).toBe('\x1b[J');
  expect(screen.isResized()).toBe(false);
  size.columns = 30;
  expect(screen.isResized()).toBe(true);
  text = '';
  await screen.draw((canvas) => [String(canvas.width)]);
  expect(text).toBe('\x1b[H30\x1b[K\n\x1b[J');
  await screen.end();
  await screen.end();
  expect(text.endsWith('\x1b[?25h')).toBe(true);
  expect(text.split('\x1b[?25h')).toHaveLength(2);
});

it('is drawn on a terminal that is smaller than it can be, and only a change of that is a resize', async () => {
  const size = { columns: 12, rows: 2 };
  const screen = createLiveScreen({
    write: async () => {},
    color: false,
    columns: () => size.columns,
    rows: () => size.rows,
  });
  await screen.draw(() => ['one']);
  expect(screen.isResized()).toBe(false);
  size.columns = 13;
  expect(screen.isResized()).toBe(true);
});
