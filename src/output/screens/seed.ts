// The plan and the end of a seed. Pure: what was judged comes in, lines go out; under 80 columns, refusals with what
// would open them, and the next command last.
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatSize } from '../../lib/size.js';
import type { Column } from '../columns/column.js';
import { foldText } from '../fold.js';
import type { Line } from '../line.js';

/** One slot of a seed. */
export interface SeedRow {
  readonly slot: string;
  readonly from: string;
  readonly to: string;
  readonly outcome: 'planned' | 'done' | 'refused' | 'failed' | 'incomplete';
  readonly gate: string | null;
  readonly reason: string | null;
  /** What would open the gate, whole lines. */
  readonly next: readonly string[];
  readonly sizeBytes: number | null;
  readonly freeBytes: number | null;
}

/** For tsv and ndjson. */
export const seedColumns: readonly Column<SeedRow>[] = [
  { key: 'slot', header: 'SLOT', value: ({ slot }) => slot },
  { key: 'from', header: 'FROM', value: ({ from }) => from },
  { key: 'to', header: 'TO', value: ({ to }) => to },
  { key: 'outcome', header: 'OUTCOME', value: ({ outcome }) => outcome },
  { key: 'gate', header: 'GATE', value: ({ gate }) => gate },
  { key: 'reason', header: 'REASON', value: ({ reason }) => reason },
  { key: 'size_bytes', header: 'SIZE', value: ({ sizeBytes }) => sizeBytes },
  { key: 'free_bytes', header: 'FREE', value: ({ freeBytes }) => freeBytes },
];

const size = (bytes: number | null) => (bytes === null ? 'size not known' : formatSize(bytes));

/** The plan. */
export function seedPlan(screen: {
  readonly to: string;
  readonly run: string;
  readonly rows: readonly SeedRow[];
  readonly now: number;
  readonly replace: string | undefined;
}): readonly Line[] {
  const go = screen.rows.filter((row) => row.gate === null);
  const refused = screen.rows.filter((row) => row.gate !== null);
  const parts = [
    ...(go.length > 0 ? [`${go.length} to fill`] : []),
    ...(refused.length > 0 ? [`${refused.length} refused`] : []),
  ];
  const left = `SEED ${screen.to}: ${parts.join(', ')}`;
  const right = `plan ${screen.run}  ${formatIso(screen.now).slice(11)}`;
  const lines: Line[] = [
    [
      { text: left, tone: refused.length > 0 ? 'bad' : 'strong' },
      ' '.repeat(Math.max(2, 79 - left.length - right.length)),
      right,
    ],
  ];
  for (const row of go) {
    const for_ = screen.replace === undefined ? '' : `, instead of ${screen.replace}`;
    lines.push(
      `${row.slot}  ${size(row.sizeBytes)} from ${row.from}, ${size(row.freeBytes)} free there${for_}`,
    );
  }
  for (const row of refused) {
    const [first = '', ...rest] = foldText(`${row.gate}: ${row.reason}`, 70 - row.slot.length);
    lines.push([{ text: `${row.slot} REFUSED`, tone: 'bad' }, ` ${first}`]);
    for (const line of rest) lines.push(`  ${line}`);
    for (const line of row.next) lines.push(`    ${line}`);
  }
  return lines;
}

/** The end. */
export function seedEnd(screen: {
  readonly rows: readonly SeedRow[];
  readonly run: string | null;
  readonly outcome: string;
  readonly tookMs: number;
  readonly exit: number;
}): readonly Line[] {
  const done = screen.rows.filter((row) => row.outcome === 'done');
  const hosts = [...new Set(screen.rows.map((row) => row.to))].join(', ');
  const word = screen.outcome.toUpperCase();
  const left = `  ${done.length} of ${screen.rows.length} replicas on ${hosts}`;
  const right = `run ${screen.run}  ${(screen.tookMs / 1000).toFixed(1)}s  exit ${screen.exit}`;
  const lines: Line[] = [
    [
      { text: word, tone: screen.outcome === 'done' ? 'good' : 'bad' },
      left,
      ' '.repeat(Math.max(2, 79 - word.length - left.length - right.length)),
      right,
    ],
  ];
  for (const row of done) lines.push(`${row.slot}  has all of ${row.from}: lists equal, nothing waits`);
  for (const row of screen.rows.filter((one) => one.outcome !== 'done'))
    lines.push([{ text: `${row.slot}  ${row.outcome}`, tone: 'bad' }, `  ${row.reason ?? ''}`]);
  const commands = [
    ...(screen.outcome === 'incomplete' && screen.run !== null ? [`mailctl runs resume ${screen.run}`] : []),
    ...(done.length > 0
      ? [
          `${formatCommand(['mailctl', 'replication', 'verify', ...done.map((row) => row.slot)])}   compares the content`,
        ]
      : []),
  ];
  for (const [index, command] of commands.entries()) lines.push(` ${index + 1}  ${command}`);
  return lines;
}

/** Words in lines of at most so many columns. */
