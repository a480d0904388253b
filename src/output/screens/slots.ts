// The screen of `slots list`: what is bad comes first and line by line, what is fine is one line.
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { type SlotView, VERDICTS, type Verdict } from '../../slot/analysis.js';
import type { Column } from '../columns/column.js';
import { replicaCell } from '../columns/slots.js';
import type { Line, Span, Tone } from '../line.js';
import type { Canvas } from '../output.js';

/** A host that gave no answer. */
export interface SilentHost {
  readonly host: string;
  readonly message: string;
}

/** What the screen shows. */
export interface SlotsScreen {
  readonly views: readonly SlotView[];
  readonly silent: readonly SilentHost[];
  readonly hostsAsked: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Show the slots that are fine as well. */
  readonly all: boolean;
}

type Level = 'CRIT' | 'WARN' | 'UNKN' | 'ok';

const TONES: { readonly [level in Level]: Tone } = { CRIT: 'bad', WARN: 'warn', UNKN: 'warn', ok: 'good' };

/** How bad a verdict is. A slot with another fresh copy is a warning where one without is critical. */
export function levelOf(view: SlotView): Level {
  const hasFresh = view.replicas.some((replica) => replica.freshness === 'fresh');
  const levels: { readonly [verdict in Verdict]: Level } = {
    'two-masters': 'CRIT',
    'no-master': 'CRIT',
    'master-unreachable': 'UNKN',
    'role-mismatch': 'WARN',
    'replica-stale': hasFresh ? 'WARN' : 'CRIT',
    'no-replica': 'CRIT',
    'replica-unknown': hasFresh ? 'WARN' : 'UNKN',
    'rejoin-owed': 'WARN',
    healthy: 'ok',
  };
  return levels[view.verdict];
}

const WORDS: { readonly [verdict in Verdict]: string } = {
  'two-masters': 'two masters',
  'no-master': 'no master',
  'master-unreachable': 'master not seen',
  'role-mismatch': 'role mismatch',
  'replica-stale': 'replica stale',
  'no-replica': 'no replica',
  'replica-unknown': 'replica not known',
  'rejoin-owed': 'rejoin owed',
  healthy: '',
};

const columns: readonly Column<SlotView>[] = [
  { key: 'slot', header: 'SLOT', value: (view) => view.slot },
  {
    key: 'master',
    header: 'MASTER',
    value: (view) =>
      `${view.master.host}${view.master.reachable && view.master.running === true ? '' : ' ?'}`,
  },
  {
    key: 'replicas',
    header: 'REPLICAS, LAG',
    value: (view) => view.replicas.map(replicaCell).join('  ') || '-',
    mayCut: true,
  },
  {
    key: 'verdict',
    header: 'VERDICT',
    value: (view) => `${levelOf(view)} ${WORDS[view.verdict]}`.trim(),
    tone: (view) => TONES[levelOf(view)],
  },
];

/** The screen. */
export function slotsScreen(screen: SlotsScreen, canvas: Canvas): readonly Line[] {
  const { views, silent, hostsAsked, now } = screen;
  const order = (view: SlotView) => VERDICTS.indexOf(view.verdict);
  const sorted = [...views].sort((a, b) => order(a) - order(b) || compareNames(a.slot, b.slot));
  const bad = sorted.filter((view) => levelOf(view) !== 'ok');
  const fine = sorted.filter((view) => levelOf(view) === 'ok');
  const lines: Line[] = [heading(views, hostsAsked, silent.length, now)];
  if (views.length === 0) {
    lines.push('the directory has no slots', 'next  mailctl slots import FILE');
    return lines;
  }
  const shown = screen.all || bad.length === 0 ? sorted : [...bad, ...fine.slice(0, 1)];
  const listed =
    !screen.all && bad.length === 0 && sorted.length > ALL_FINE_ROWS ? sorted.slice(0, ALL_FINE_ROWS) : shown;
  lines.push(...canvas.table(listed, columns));
  const hidden = views.length - listed.length;
  if (hidden > 0) lines.push(` + ${hidden} ok (--all)`);
  lines.push(...details(bad, silent));
  if (
    bad.some((view) => view.replicas.some((replica) => replica.freshness === 'unknown')) ||
    silent.length > 0
  ) {
    lines.push([{ text: '? = not seen, never counts as fresh', tone: 'dim' }]);
  }
  return lines;
}

/** More rows that say "ok" than these tell nobody anything. */
const ALL_FINE_ROWS = 20;

function heading(views: readonly SlotView[], asked: number, silent: number, now: number): Line {
  const count = (level: Level) => views.filter((view) => levelOf(view) === level).length;
  const parts: (string | Span)[] = [`SLOTS ${views.length}:`];
  const say = (level: Level, word: string) => {
    if (count(level) > 0) parts.push(' ', { text: `${count(level)} ${word}`, tone: TONES[level] }, ' ');
  };
  say('CRIT', 'critical');
  say('WARN', 'warning');
  say('UNKN', 'unknown');
  say('ok', 'ok');
  parts.push(`   ${formatIso(now).slice(11)}  ${asked - silent} of ${asked} hosts`);
  return parts;
}

/** Reasons once each, with the slots that share them, then silent hosts, then what to do. */
function details(bad: readonly SlotView[], silent: readonly SilentHost[]): readonly Line[] {
  const lines: Line[] = [];
  const silentNames = new Set(silent.map((host) => host.host));
  const byWhy = new Map<string, string[]>();
  for (const view of bad) {
    const isHosts = view.verdict === 'master-unreachable' && silentNames.has(view.master.host);
    if (isHosts && view.readable === null) continue;
    const key = isHosts ? view.why.slice(view.why.lastIndexOf('; ') + 2) : view.why;
    byWhy.set(key, [...(byWhy.get(key) ?? []), view.slot]);
  }
  for (const [why, slots] of [...byWhy].slice(0, 12)) {
    lines.push(`${joinNames(slots)}  ${why}`);
  }
  if (byWhy.size > 12) lines.push(` + ${byWhy.size - 12} more (--all, or slots show SLOT)`);
  for (const host of silent)
    lines.push([{ text: host.host, tone: 'bad' }, `  ${withoutPrefix(host.message, host.host)}`]);
  const dead = [
    ...new Set(bad.filter((view) => silentNames.has(view.master.host)).map((view) => view.master.host)),
  ];
  for (const host of dead) lines.push(`next  ${formatCommand(['mailctl', 'failover', host])}`);
  const owing = new Set(
    bad.flatMap((view) =>
      view.owed.filter((one) => !one.endsWith(': readonly-end')).map((one) => one.slice(0, one.indexOf(':'))),
    ),
  );
  const strays = new Set(bad.flatMap((view) => view.strays));
  for (const host of strays)
    lines.push(
      `next  ${formatCommand(['mailctl', 'rejoin', host])}   stops its strays, brings their mail over`,
    );
  for (const host of owing) {
    if (!strays.has(host) && !dead.includes(host))
      lines.push(
        `next  ${formatCommand(['mailctl', 'rejoin', host])}   it counts as no copy until it has rejoined`,
      );
  }
  for (const view of bad.filter(({ readable, master }) => readable !== null && master.role === 'master')) {
    const command = formatCommand(['mailctl', 'rejoin', view.slot]);
    lines.push(`next  ${command}   ends its reading: ${view.master.host} serves it again`);
  }
  const other = bad.find((view) => !silentNames.has(view.master.host) && view.owed.length === 0);
  if (other !== undefined && lines.length < 16)
    lines.push(`next  ${formatCommand(['mailctl', 'slots', 'show', other.slot])}`);
  return lines;
}

/** `store1, store2 +3`. */
export function joinNames(names: readonly string[], most = 3): string {
  const sorted = [...names].sort(compareNames);
  return sorted.length <= most
    ? sorted.join(', ')
    : `${sorted.slice(0, most).join(', ')} +${sorted.length - most}`;
}

/** store2 before store10. */
export function compareNames(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** A host's message without its own name in front, where the name stands there already. */
export function withoutPrefix(message: string, host: string): string {
  return message.startsWith(`${host}: `) ? message.slice(host.length + 2) : message;
}
