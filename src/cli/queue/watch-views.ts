// A command that only looks, again and again: the next look begins when the one before is over and its picture is drawn.
// A terminal has one screen that is drawn anew; anything else gets an answer after the other.
import { EXIT } from '../../errors.js';
import { createLiveScreen } from '../../output/live-screen.js';
import type { View } from '../../output/output.js';
import type { Context } from '../context.js';

/** One look. */
export interface WatchedView<T> {
  readonly view: View<T>;
  readonly code: number;
  /** Says on stderr what a screen would have said. */
  told(): void;
}

/** Looks until it is interrupted, or nobody reads any more; gives the exit code of the last look. */
export async function watchViews<T>(
  context: Context,
  everyMs: number,
  look: () => Promise<WatchedView<T>>,
): Promise<number> {
  const { clock, terminal, output } = context;
  const { abort: signal } = context.interruption;
  const isLive = output.format === 'table' && terminal.stdoutIsTty && context.env.TERM !== 'dumb';
  const screen = createLiveScreen({
    write: output.text,
    color: terminal.stdoutColor,
    columns: terminal.columns,
    rows: terminal.stdoutRows,
  });
  let exit: number = EXIT.done;
  try {
    while (!signal.aborted && !output.isClosed()) {
      const begunAt = clock.monotonic();
      const { view, code, told } = await look();
      if (signal.aborted) break;
      exit = code;
      if (isLive) {
        const last = `watched every ${everyMs / 1000}s, Ctrl-C ends it`;
        await screen.draw((canvas) => [...(view.screen?.(canvas) ?? []), last]);
      } else {
        const stamp = new Date(clock.now()).toISOString().slice(0, 19);
        if (output.format === 'tsv' || output.format === 'table') await output.text(`# ${stamp}Z\n`);
        await output.print(view);
        if (output.format !== 'table') told();
      }
      const left = Math.max(0, begunAt + everyMs - clock.monotonic());
      await clock.sleep(left, signal).catch(() => {});
    }
  } finally {
    await screen.end();
  }
  return exit;
}
