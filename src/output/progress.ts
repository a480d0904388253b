// Progress on stderr. On a terminal a block of live rows is redrawn in place, at most ten times a second; it
// never scrolls and is cut to the screen. Elsewhere there are timestamped lines, and with --quiet nothing.
// Nothing is shown in the first second: what is done by then needs no progress.
import { type Clock, formatIso } from '../lib/clock.js';
import { type Line, renderLine } from './line.js';
import { cutRendered, displayWidth } from './width.js';

/** What shows how far things are. */
export interface Progress {
  /** The whole block of live rows; replaces the one before. Elsewhere than on a terminal it is ignored. */
  update(lines: readonly Line[]): void;
  /** A permanent line: above the live rows, or with its time where there are none. */
  line(text: Line): void;
  /** Takes the live rows away (or leaves them as they are) and gives the cursor back. May be called again. */
  end(options?: { readonly keep?: boolean }): void;
  /** True: live rows are drawn, so that it is worth making them. */
  readonly isLive: boolean;
}

/** Where progress is drawn. */
export interface ProgressTarget {
  write(text: string): void;
  readonly isTty: boolean;
  readonly color: boolean;
  columns(): number;
  rows(): number;
  readonly quiet: boolean;
  readonly clock: Clock;
  /** How long nothing is shown, in ms; 1000. */
  readonly delayMs?: number | undefined;
}

const FRAME_MS = 100;
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_BELOW = '\x1b[0J';

/** Starts the second; nothing is written yet. */
export function createProgress(target: ProgressTarget): Progress {
  const { clock } = target;
  if (target.quiet) return { update: () => {}, line: () => {}, end: () => {}, isLive: false };
  if (!target.isTty) {
    return {
      isLive: false,
      update: () => {},
      line: (text) => target.write(`${formatIso(clock.now())} ${renderLine(text, false)}\n`),
      end: () => {},
    };
  }

  const startedAt = clock.monotonic();
  const delayMs = target.delayMs ?? 1000;
  let wanted: readonly Line[] = [];
  let drawn: readonly string[] = [];
  let drawnAt = Number.NEGATIVE_INFINITY;
  let cancelTimer: (() => void) | undefined;

  /** Back to the first live row. Rows that the terminal has re-wrapped since (a resize) count as what they take now. */
  const rewind = (): string => {
    if (drawn.length === 0) return '';
    const columns = Math.max(1, target.columns());
    const up = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
    return `\r\x1b[${up}A${CLEAR_BELOW}`;
  };
  const draw = () => {
    cancelTimer?.();
    cancelTimer = undefined;
    const columns = Math.max(1, target.columns() - 1);
    const most = Math.max(1, target.rows() - 1);
    const fitting =
      wanted.length > most ? [...wanted.slice(0, most - 1), `+ ${wanted.length - most + 1} more`] : wanted;
    const next = fitting.map((line) => cutRendered(renderLine(line, target.color), columns));
    const first = drawn.length === 0 ? HIDE_CURSOR : '';
    target.write(`${first}${rewind()}${next.map((line) => `${line}\n`).join('')}`);
    drawn = next;
    drawnAt = clock.monotonic();
  };
  const schedule = () => {
    if (cancelTimer !== undefined) return;
    const now = clock.monotonic();
    const wait = Math.max(startedAt + delayMs - now, drawnAt + FRAME_MS - now, 0);
    if (wait === 0) draw();
    else cancelTimer = clock.timer(wait, draw, false);
  };

  return {
    isLive: true,
    update(lines) {
      wanted = lines;
      schedule();
    },
    line(text) {
      const shown = renderLine(text, target.color);
      target.write(`${rewind()}${shown}\n${drawn.map((line) => `${line}\n`).join('')}`);
    },
    end(options) {
      cancelTimer?.();
      cancelTimer = undefined;
      if (drawn.length === 0) return;
      if (options?.keep === true) draw();
      target.write(`${options?.keep === true ? '' : rewind()}${SHOW_CURSOR}`);
      drawn = [];
      wanted = [];
    },
  };
}
