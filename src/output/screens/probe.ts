// The screen of `probe`: a matrix of uplinks and destinations, a line of verdict for each uplink, below it what was
// seen of the bad ones, what they cost and what may be done. Destinations that do not fit are counted, bad ones first.
import { formatIso } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import type { UplinkCost } from '../../probe/cost.js';
import type { CellVerdict, DestinationVerdict, Judgement, UplinkVerdict } from '../../probe/judge.js';
import { severity } from '../../probe/verdict.js';
import type { Column } from '../columns/column.js';
import { folded } from '../fold.js';
import type { Line, Span, Tone } from '../line.js';
import type { Canvas } from '../output.js';

/** What was found behind a bad uplink. */
interface Hop {
  readonly finding:
    | {
        readonly hop: {
          readonly ttl: number;
          readonly address: string;
          readonly name: string | null;
          readonly evidence: string;
        };
      }
    | { readonly hop: null; readonly why: string };
}

/** What it shows. */
export interface ProbeScreen {
  readonly at: number;
  readonly tookMs: number;
  readonly hosts: readonly string[];
  readonly destinations: readonly string[];
  readonly judgement: Judgement;
  readonly located: ReadonlyMap<UplinkVerdict, Hop>;
  readonly costs: readonly UplinkCost[];
  readonly next: readonly { readonly text: string }[];
  readonly notes: readonly string[];
  readonly problems: readonly { readonly message: string; readonly hint?: string | undefined }[];
  readonly light: boolean;
  readonly rcpt: boolean;
}

/** Columns of a screen that destinations leave to the verdict. */
const VERDICT_WIDTH = 24;
const INDENT = '        ';

/** The lines. */
export function probeScreen(screen: ProbeScreen, canvas: Canvas): readonly Line[] {
  const { judgement, tookMs } = screen;
  const { uplinks, cells, destinations } = judgement;
  const names = [...new Set(uplinks.map(({ uplink }) => uplink))];
  const families = [...new Set(uplinks.map(({ family }) => family))].sort();
  const lines: Line[] = [
    [
      { text: 'PROBE ', tone: 'strong' },
      `${screen.hosts.join(', ')}: ${count(names.length, 'uplink')} x ${count(screen.destinations.length, 'destination')}, ` +
        `${families.map((family) => `v${family}`).join(' ')}    ${(tookMs / 1000).toFixed(1)}s   ${formatIso(screen.at).slice(11)}   ` +
        `no mail was sent${screen.light ? ', light' : ''}`,
    ],
  ];
  const labels = Math.max(...uplinks.map((one) => labelOf(one).length), 6);
  const shown = fitting(destinations, cells, canvas.width - labels - VERDICT_WIDTH);
  lines.push(...matrix(uplinks, cells, shown, canvas));
  lines.push(...hiddenLines(destinations, shown));
  for (const verdict of uplinks) lines.push(...evidenceLines(verdict, screen.located.get(verdict)));
  for (const one of destinations.filter(({ verdict }) => verdict === 'remote' || verdict === 'unknown'))
    lines.push(...folded([`${one.destination}  `], `${one.verdict}: ${one.evidence}`, INDENT));
  for (const cost of screen.costs.filter(({ sockets }) => sockets > 0))
    lines.push(...folded([{ text: 'COST    ', tone: 'strong' }], costText(cost), INDENT));
  for (const { text } of screen.next)
    lines.push(...folded([{ text: 'NEXT    ', tone: 'strong' }], text, INDENT));
  for (const { message, hint } of screen.problems) {
    lines.push(...folded([{ text: '! ', tone: 'bad' }], message, '  '));
    if (hint !== undefined) lines.push(...folded(['  hint: '], hint, '  '));
  }
  for (const note of screen.notes) lines.push(...folded([{ text: 'note ', tone: 'dim' }], note, '     '));
  return lines;
}

const labelOf = ({ uplink, family }: { readonly uplink: string; readonly family: number }) =>
  `${uplink} v${family}`;

const count = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;

function cellOf(cells: readonly CellVerdict[], row: UplinkVerdict, destination: string) {
  return cells.find(
    (cell) => cell.uplink === row.uplink && cell.family === row.family && cell.destination === destination,
  );
}

/** A cell in a few letters. */
export function cellText(cell: CellVerdict | undefined, family: number): string {
  if (cell === undefined) return family === 6 ? 'no AAAA' : 'no A';
  const { verdict, phase, code, connectMs } = cell;
  const ms =
    connectMs === null
      ? ''
      : ` ${connectMs < 10 ? Math.round(connectMs * 10) / 10 : Math.round(connectMs)}ms`;
  const at = phase === null ? '' : ` ${phase}`;
  switch (verdict) {
    case 'ok':
      return `ok${ms}`;
    case 'slow':
      return `SLOW${ms}`;
    case 'refused':
      return code === null ? `REFUSED${at}` : String(code);
    case 'remote':
      return code === null ? `remote${at}` : `remote ${code}`;
    case 'unknown':
      return '?';
    case 'unreachable':
      return 'NO CONNECT';
    default:
      return `${verdict === 'intercepted' ? 'OTHER' : verdict.toUpperCase()}${at}`;
  }
}

function toneOf(verdict: string | undefined): Tone | undefined {
  if (verdict === undefined) return 'dim';
  if (verdict === 'ok') return 'good';
  return verdict === 'remote' || verdict === 'slow' || verdict === 'unknown' ? 'warn' : 'bad';
}

/** As many as fit, those that are bad from somewhere first, in the order that was asked for. */
function fitting(
  destinations: readonly DestinationVerdict[],
  cells: readonly CellVerdict[],
  width: number,
): readonly string[] {
  const badness = (name: string) =>
    Math.max(
      0,
      ...cells.filter(({ destination }) => destination === name).map(({ verdict }) => severity(verdict)),
    );
  const names = destinations
    .map(({ destination }) => destination)
    .filter((name) => cells.some(({ destination }) => destination === name));
  const chosen = new Set<string>();
  let left = width;
  for (const name of [...names].sort((a, b) => badness(b) - badness(a))) {
    const needed = 2 + Math.max(name.length, 11);
    if (needed > left && chosen.size > 0) break;
    left -= needed;
    chosen.add(name);
  }
  return names.filter((name) => chosen.has(name));
}

function matrix(
  uplinks: readonly UplinkVerdict[],
  cells: readonly CellVerdict[],
  shown: readonly string[],
  canvas: Canvas,
): readonly Line[] {
  const columns: Column<UplinkVerdict>[] = [
    { key: 'uplink', header: '', value: labelOf },
    ...shown.map(
      (destination): Column<UplinkVerdict> => ({
        key: destination,
        header: destination,
        value: (row) =>
          row.verdict === 'unknown' && cellOf(cells, row, destination) === undefined
            ? '?'
            : cellText(cellOf(cells, row, destination), row.family),
        tone: (row) => toneOf(cellOf(cells, row, destination)?.verdict),
      }),
    ),
    {
      key: 'verdict',
      header: 'VERDICT',
      value: (row) => verdictText(row, cells),
      tone: ({ verdict }) => toneOf(verdict),
      mayCut: true,
    },
  ];
  return canvas.table(uplinks, columns);
}

/** The verdict of a row in a few words. */
export function verdictText(row: UplinkVerdict, cells: readonly CellVerdict[]): string {
  const { verdict, facts } = row;
  switch (verdict) {
    case 'ok': {
      const odd = cells.filter(
        (cell) => cell.uplink === row.uplink && cell.family === row.family && cell.verdict !== 'ok',
      );
      const own = odd.filter((cell) => cell.verdict !== 'remote');
      const [first] = own;
      if (first === undefined) return 'ok';
      const what = first.verdict === 'refused' ? 'refuses this IP' : first.verdict;
      return `ok; ${first.destination} ${what}${own.length > 1 ? `, ${own.length - 1} more` : ''}`;
    }
    case 'hangs':
      return facts.flowsDeadTwice > 0 && facts.sessionsStalled === 0
        ? `${facts.flowsDeadTwice} of ${facts.flows} flows DEAD`
        : 'HANGS after connect';
    case 'mtu':
      return 'MTU black hole';
    case 'lossy':
      return facts.pingsSent > 0 && facts.pingsLost > 0
        ? `LOSES ${Math.round((1000 * facts.pingsLost) / facts.pingsSent) / 10} %`
        : 'LOSES packets';
    case 'slow':
      return 'SLOW';
    case 'unreachable':
      return 'UNREACHABLE';
    case 'refused':
      return 'REFUSED everywhere';
    case 'intercepted':
      return 'INTERCEPTED';
    case 'remote':
      return 'remote';
    case 'unknown':
      return 'UNKNOWN';
  }
}

function hiddenLines(destinations: readonly DestinationVerdict[], shown: readonly string[]): readonly Line[] {
  const hidden = destinations.filter(({ destination }) => !shown.includes(destination));
  if (hidden.length === 0) return [];
  const words = new Map<string, number>();
  for (const { verdict } of hidden) words.set(verdict, (words.get(verdict) ?? 0) + 1);
  const counts = [...words].map(([verdict, number]) => `${number} ${verdict}`).join(', ');
  return [` + ${count(hidden.length, 'more destination')}: ${counts} (-o tsv has all)`];
}

function evidenceLines(row: UplinkVerdict, hop: Hop | undefined): readonly Line[] {
  if (row.verdict === 'ok') return [];
  const label = labelOf(row);
  const head: readonly (string | Span)[] = [{ text: label.padEnd(INDENT.length - 1), tone: 'strong' }, ' '];
  const evidence = row.evidence.filter((line) => line !== row.summary);
  return [
    ...folded(head, row.summary, INDENT),
    ...evidence.flatMap((line) => folded([INDENT], line, INDENT)),
    ...(hop === undefined ? [] : folded([INDENT], hopText(hop), INDENT)),
  ];
}

function hopText({ finding }: Hop): string {
  if (finding.hop === null) return `hop not found: ${finding.why}`;
  const { ttl, address, name, evidence } = finding.hop;
  return `last good hop ${ttl} ${name === null ? '' : `${name} `}${address}: ${evidence}`;
}

function costText({ uplink, host, sockets, grownBy, quiet, runsOut, fullest }: UplinkCost): string {
  const held = `${count(sockets, 'connection')} of ${host} on ${uplink}${quiet > 0 ? `, ${quiet} of them silent for 30 s` : ''}${
    grownBy > 0 ? `, ${grownBy} more than when this began` : ''
  }`;
  if (runsOut !== null)
    return `${held}; descriptors of ${nameOf(runsOut)} run out in about ${formatDuration(Math.max(1, runsOut.inSeconds) * 1000)} (${runsOut.used} of ${runsOut.limit})`;
  return fullest === null
    ? `${held}; descriptors cannot be seen`
    : `${held}; descriptors do not run out now: ${nameOf(fullest)} has ${fullest.used} of ${fullest.limit}`;
}

const nameOf = ({ name, pid }: { readonly name: string; readonly pid: number | null }) =>
  pid === null ? name : `${name} (pid ${pid})`;
