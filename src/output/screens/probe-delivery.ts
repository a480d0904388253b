// The screen of `probe delivery`: a row per mailbox, below it the hops of the message with their times, and what could
// not be cleaned up.
import { type DeliveryRow, deliveryColumns } from '../columns/probe-delivery.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';

/** The lines. */
export function deliveryScreen(rows: readonly DeliveryRow[], canvas: Canvas): readonly Line[] {
  const good = rows.filter(({ verdict }) => verdict === 'delivered').length;
  const lines: Line[] = [
    [{ text: 'DELIVERY ', tone: 'strong' }, `${good} of ${rows.length} arrived in their mailbox`],
    ...canvas.table(rows, deliveryColumns, { below }),
  ];
  for (const { name, messageId, found, handed, verdict } of rows) {
    if (found?.cleanedWhy != null)
      lines.push(...folded([{ text: 'LEFT    ', tone: 'warn' }], `${name}: ${found.cleanedWhy}`, '        '));
    // It may still arrive: somebody should know its name.
    if (handed !== null && (handed.ok || handed.isOpen) && found === null && verdict !== 'delivered')
      lines.push(
        ...folded(
          [{ text: 'LEFT    ', tone: 'warn' }],
          `${name}: ${messageId ?? ''} is on its way, or lost`,
          '        ',
        ),
      );
  }
  return lines;
}

function below({ why, handed, found }: DeliveryRow): readonly Line[] {
  const lines: Line[] = [];
  if (why !== null) {
    const where = handed === null || handed.ok || handed.isOpen ? '' : `at ${handed.phase}: `;
    lines.push(
      ...folded(
        ['    '],
        `${where}${handed?.ok === false && handed.code !== null ? `${handed.code} ` : ''}${why}`,
        '    ',
      ),
    );
  }
  if (found !== null && found.folder !== 'INBOX')
    lines.push(...folded(['    '], `it lies in ${found.folder}`, '    '));
  for (const { by, at, seconds } of found?.hops ?? [])
    lines.push(
      `    ${(seconds === null ? '?' : `${seconds < 0 ? '' : '+'}${seconds}s`).padStart(6)}  ${by ?? 'somebody'}${at === null ? '' : `  ${at}`}`,
    );
  return lines;
}
