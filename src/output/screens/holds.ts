// The screen of `queue holds`.
import { formatCommand } from '../../lib/command-text.js';
import { type HoldRow, holdColumns, isPassed } from '../columns/holds.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';

/** Records, what has passed, and what goes on. */
export function holdsScreen(rows: readonly HoldRow[], canvas: Canvas): readonly Line[] {
  if (rows.length === 0) return ['nothing is held by a run, and nothing that was deleted is kept'];
  const passed = rows.filter(isPassed);
  const lines: Line[] = [...canvas.table(rows, holdColumns)];
  if (passed.length > 0)
    lines.push([
      { text: 'PASSED', tone: 'bad' },
      `  ${passed.length} ${passed.length === 1 ? 'hold has' : 'holds have'} ended and ${passed.length === 1 ? 'its' : 'their'} mail was not released`,
    ]);
  const next = new Map(passed.map(({ record }) => [record.key, record]));
  for (const { key } of [...next.values()].slice(0, 5))
    lines.push(`next  ${formatCommand(['mailctl', 'queue', 'release', '--run', key])}`);
  if (passed.length > 0)
    lines.push('next  mailctl queue tend   or, by a timer once a minute, mailctl queue sample --do-owed');
  return lines;
}
