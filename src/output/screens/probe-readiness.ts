// The screen of `probe readiness`: who would not take mail from the new place, those first, and how many would.
import { formatCommand } from '../../lib/command-text.js';
import { type ReadinessRow, type ReadinessSeen, readinessColumns } from '../columns/probe-readiness.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';

const MOST = 40;

/** The lines. */
export function readinessScreen(seen: ReadinessSeen, canvas: Canvas): readonly Line[] {
  const { rows, from, usual } = seen;
  const not = rows.filter(({ verdict }) => verdict !== 'ready');
  const compared = usual.length === 0 ? 'compared with nothing' : `compared with ${usual.join(', ')}`;
  const lines: Line[] = [
    [
      { text: 'READINESS ', tone: 'strong' },
      `of ${from.join(', ')}: ${rows.length} ${rows.length === 1 ? 'receiver' : 'receivers'}, ${compared}  ${(seen.tookMs / 1000).toFixed(1)}s  no mail was sent`,
    ],
  ];
  if (not.length > 0)
    lines.push(...canvas.table([...not].sort(byWeight).slice(0, MOST), readinessColumns, { below: said }));
  if (not.length > MOST) lines.push(` + ${not.length - MOST} more (-o tsv has all)`);
  const ready = rows.length - not.length;
  if (ready > 0)
    lines.push([{ text: 'READY   ', tone: 'good' }, `${ready} of ${rows.length} would take mail from there`]);
  const deferred = not.filter(({ verdict }) => verdict === 'deferred').length;
  if (deferred > 0) {
    const text = `${deferred} put off a first contact, perhaps by greylisting: ask again in some minutes`;
    lines.push(...folded([{ text: 'NEXT    ', tone: 'strong' }], text, '        '));
  }
  const refused = not.filter(({ verdict }) => verdict === 'refused').length;
  if (refused > 0) {
    const text = `${refused} would refuse our mail when ${from.join(', ')} takes over: have them let its addresses in now`;
    lines.push(...folded([{ text: 'NEXT    ', tone: 'strong' }], text, '        '));
  }
  const lost = not.find(({ verdict }) => ['unreachable', 'hangs', 'broken'].includes(verdict));
  if (lost !== undefined) {
    const words = ['mailctl', 'probe', lost.server ?? lost.receiver.domain, '--from', from[0] ?? ''];
    const text = `where it ends, and whose fault it is: ${formatCommand(words)}`;
    lines.push(...folded([{ text: 'NEXT    ', tone: 'strong' }], text, '        '));
  }
  for (const { message, hint } of seen.missing) {
    lines.push(...folded([{ text: '! ', tone: 'bad' }], message, '  '));
    if (hint !== undefined) lines.push(...folded(['  hint: '], hint, '  '));
  }
  return lines;
}

/** In whose words, below the row. */
function said({ worst }: ReadinessRow): readonly Line[] {
  const text = worst?.acceptance.text ?? '';
  return text === '' ? [] : folded(['    '], text.slice(0, 300), '    ');
}

const WEIGHTS = ['refused', 'unreachable', 'hangs', 'broken', 'unknown', 'deferred', 'nowhere', 'ready'];

function byWeight(a: ReadinessRow, b: ReadinessRow): number {
  return WEIGHTS.indexOf(a.verdict) - WEIGHTS.indexOf(b.verdict);
}
