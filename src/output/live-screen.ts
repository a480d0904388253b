// One screen on stdout that is drawn anew in its place, for what is watched. What stood on the terminal before is scrolled
// up and not lost; the last screen stays when it ends. Every draw begins at the top left, so that a resize, or what
// another program wrote over it, is gone with the next one.
import { type Line, renderLine } from './line.js';
import type { Canvas } from './output.js';
import { renderTable } from './table.js';
import { cutRendered } from './width.js';

/** What it is drawn on. */
export interface LiveTarget {
  write(text: string): Promise<void>;
  readonly color: boolean;
  columns(): number;
  rows(): number;
}

/** The screen. */
export interface LiveScreen {
  /** Draws what fits: lines are cut, and those too many are counted. */
  draw(screen: (canvas: Canvas) => readonly Line[]): Promise<void>;
  /** Whether the terminal has another size than the last draw was for. */
  isResized(): boolean;
  /** Gives the cursor back, below the last screen. May be called again. */
  end(): Promise<void>;
}

const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';

/** Nothing is written before the first draw. */
export function createLiveScreen(target: LiveTarget): LiveScreen {
  /** The terminal's size at the last draw, as it says it. */
  let drawn: { readonly columns: number; readonly rows: number } | undefined;
  return {
    async draw(screen) {
      const size = { columns: target.columns(), rows: target.rows() };
      const [columns, rows] = [Math.max(20, size.columns), Math.max(3, size.rows)];
      const { color } = target;
      const canvas: Canvas = {
        width: columns,
        color,
        table: (items, shown, options) => renderTable(items, shown, { width: columns, color, ...options }),
      };
      const all = screen(canvas).map((line) => cutRendered(renderLine(line, color), columns));
      // The last row is the cursor's, so that the terminal never scrolls.
      const most = rows - 1;
      const lines =
        all.length > most ? [...all.slice(0, most - 1), `+ ${all.length - most + 1} more lines`] : all;
      const begin = drawn === undefined ? `${HIDE_CURSOR}${'\n'.repeat(rows)}` : '';
      drawn = size;
      await target.write(
        `${begin}${HOME}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`,
      );
    },
    isResized: () =>
      drawn !== undefined && (drawn.columns !== target.columns() || drawn.rows !== target.rows()),
    async end() {
      if (drawn === undefined) return;
      drawn = undefined;
      await target.write(SHOW_CURSOR);
    },
  };
}
