// The screen of `replication verify`: copies that differ first, with whom and in what, then what could not be told,
// then all that is equal in one line.
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatDuration } from '../../lib/duration.js';
import { ownerLabel } from '../../slot/content.js';
import type { CopyVerdict } from '../../slot/verify.js';
import type { Line, Span, Tone } from '../line.js';

/** What the screen shows. */
export interface VerifyScreen {
  readonly copies: readonly CopyVerdict[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly tookMs: number;
}

type State = CopyVerdict['state'];
const ORDER: readonly State[] = ['differs', 'unknown', 'partial', 'equal'];
const WORDS: { readonly [state in State]: string } = {
  differs: 'DIFFERS',
  unknown: 'UNKNOWN',
  partial: 'partial',
  equal: 'equal',
};
const TONES: { readonly [state in State]: Tone } = {
  differs: 'bad',
  unknown: 'warn',
  partial: 'warn',
  equal: 'good',
};
/** Owners that are named of one copy. */
const MOST_OWNERS = 10;

/** The screen. */
export function verifyScreen({ copies, now, tookMs }: VerifyScreen): readonly Line[] {
  const of = (state: State) => copies.filter((copy) => copy.state === state);
  const counts = ORDER.filter((state) => of(state).length > 0).flatMap((state): (string | Span)[] => [
    '  ',
    { text: `${of(state).length} ${WORDS[state]}`, tone: TONES[state] },
  ]);
  const lines: Line[] = [
    [
      `VERIFY ${copies.length} ${copies.length === 1 ? 'copy' : 'copies'}:`,
      ...counts,
      `    ${formatIso(now).slice(11)}  ${(tookMs / 1000).toFixed(1)}s`,
    ],
  ];
  const bad = ORDER.slice(0, -1).flatMap(of);
  const width = Math.min(30, Math.max(0, ...bad.map(({ slot }) => slot.length)));
  for (const copy of bad) lines.push(...copyLines(copy, width));
  const equal = of('equal');
  if (equal.length > 0) lines.push(equalLine(equal, now));
  if (copies.length === 0) lines.push('no slot has a replica to compare');
  const differing = [...new Set(of('differs').map(({ slot }) => slot))];
  if (differing.length > 0)
    lines.push(
      `next  ${formatCommand(['mailctl', 'replication', 'verify', ...differing.slice(0, 5), '--repair'])}`,
    );
  else if (of('partial').length > 0) lines.push('next  the same again goes on with those whose turn it is');
  return lines;
}

function copyLines(copy: CopyVerdict, width: number): readonly Line[] {
  const { comparison, reason } = copy;
  const lines: Line[] = [
    [
      `${copy.slot.padEnd(width)}  ${copy.master} -> ${copy.replica}  `,
      { text: WORDS[copy.state], tone: TONES[copy.state] },
      `  ${reason ?? ''}`,
    ],
  ];
  if (comparison === null) return lines;
  for (const { owner, differences } of comparison.differing.slice(0, MOST_OWNERS)) {
    const [first] = differences;
    const more = differences.length > 1 ? ` (and ${differences.length - 1} more)` : '';
    const where = first === undefined || first.mailbox === '' ? '' : `${first.mailbox}: `;
    lines.push(`  ${ownerLabel(owner)}  ${where}${first?.detail ?? ''}${more}`);
  }
  const others = comparison.differing.length - MOST_OWNERS;
  if (others > 0) lines.push(`  + ${others} others who differ (-o json lists them)`);
  const open = comparison.waiting.length + comparison.unknown.length;
  if (copy.state === 'differs' && open > 0) lines.push(`  + ${open} who could not be compared`);
  if (comparison.left.length > 0) lines.push(`  + ${comparison.left.length} not compared this time`);
  return lines;
}

function equalLine(equal: readonly CopyVerdict[], now: number): Line {
  const owners = equal.reduce((sum, { comparison }) => sum + (comparison?.compared.length ?? 0), 0);
  const left = equal.reduce((sum, { comparison }) => sum + (comparison?.left.length ?? 0), 0);
  const oldest = Math.min(...equal.map(({ last }) => last?.oldestAt ?? now));
  const rest =
    left === 0
      ? ''
      : `; ${left} were left for the next time, the oldest compared ${formatDuration(now - oldest)} ago`;
  return ` + ${equal.length} equal: ${owners} users and shared mailboxes${rest}`;
}
