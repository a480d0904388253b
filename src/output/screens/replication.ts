// The screen of `replication status`: what is bad comes first and line by line with whose mail is at risk, what is
// fine is one line, and the next command ends it.
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatDuration } from '../../lib/duration.js';
import {
  names,
  REPLICATION_LEVELS,
  type ReplicationLevel,
  type SlotReplication,
  usersAtRisk,
} from '../../slot/replication.js';
import type { Column } from '../columns/column.js';
import { lagCell } from '../columns/replication.js';
import { foldText } from '../fold.js';
import type { Line, Span, Tone } from '../line.js';
import type { Canvas } from '../output.js';
import { cutText } from '../width.js';
import { compareNames, joinNames, type SilentHost, withoutPrefix } from './slots.js';

/** What the screen shows. */
export interface ReplicationScreen {
  readonly slots: readonly SlotReplication[];
  readonly silent: readonly SilentHost[];
  readonly hostsAsked: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Show the slots that are fine as well. */
  readonly all: boolean;
}

const WORDS: { readonly [level in ReplicationLevel]: string } = {
  critical: 'CRIT',
  warning: 'WARN',
  ok: 'ok',
};
const TONES: { readonly [level in ReplicationLevel]: Tone } = {
  critical: 'bad',
  warning: 'warn',
  ok: 'good',
};
/** Slots whose reasons are told; the rest is a number. */
const MOST_TOLD = 8;

function columnsAt(now: number): readonly Column<SlotReplication>[] {
  return [
    { key: 'slot', header: 'SLOT', value: (slot) => slot.slot },
    { key: 'master', header: 'MASTER', value: (slot) => `${slot.master}${slot.masterSeen ? '' : ' ?'}` },
    {
      key: 'replicas',
      header: 'REPLICAS, LAG',
      value: (slot) => slot.replicas.map(lagCell).join('  ') || '-',
      mayCut: true,
    },
    {
      key: 'waiting',
      header: 'EVENTS',
      value: (slot) => {
        const waiting = slot.replicas.map((replica) => replica.events ?? 0);
        return Math.max(0, ...waiting);
      },
      text: (slot) =>
        slot.replicas.some((replica) => replica.events !== null)
          ? Math.max(0, ...slot.replicas.map((replica) => replica.events ?? 0)).toLocaleString('en-US')
          : '?',
      align: 'right',
    },
    { key: 'sender', header: 'SENDER', value: senders },
    {
      key: 'level',
      header: 'LEVEL',
      value: (slot) => WORDS[slot.level],
      tone: (slot) => TONES[slot.level],
    },
    {
      key: 'since',
      header: 'SINCE',
      value: (slot) => (slot.since === null || slot.level === 'ok' ? null : now / 1000 - slot.since),
      text: (slot) =>
        slot.since === null || slot.level === 'ok'
          ? '-'
          : formatDuration(Math.max(0, now - slot.since * 1000)),
      align: 'right',
    },
  ];
}

/** The worst of its senders, or what they all do. */
function senders(slot: SlotReplication): string {
  const motions = slot.replicas.map((replica) => replica.motion ?? '?');
  const worst = (['looping', 'disabled', 'stopped', '?', 'waiting', 'busy', 'working'] as const).find((one) =>
    motions.includes(one),
  );
  return worst ?? motions[0] ?? '-';
}

/** The screen. */
export function replicationScreen(screen: ReplicationScreen, canvas: Canvas): readonly Line[] {
  const { slots, silent, now } = screen;
  const order = (slot: SlotReplication) => REPLICATION_LEVELS.indexOf(slot.level);
  const sorted = [...slots].sort(
    (a, b) =>
      order(a) - order(b) ||
      (a.since ?? Number.POSITIVE_INFINITY) - (b.since ?? Number.POSITIVE_INFINITY) ||
      compareNames(a.slot, b.slot),
  );
  const bad = sorted.filter((slot) => slot.level !== 'ok');
  const fine = sorted.filter((slot) => slot.level === 'ok');
  const lines: Line[] = [heading(screen)];
  if (slots.length === 0) {
    lines.push('the directory has no slots', 'next  mailctl slots import FILE');
    return lines;
  }
  const listed = screen.all ? sorted : bad;
  lines.push(...canvas.table(listed, columnsAt(now)));
  if (!screen.all && fine.length > 0) {
    const lags = fine.flatMap((slot) => slot.replicas.flatMap((replica) => replica.lagS ?? []));
    const most = lags.length === 0 ? '' : `, at most ${formatDuration(Math.max(...lags) * 1000)} behind`;
    lines.push([
      { text: ` ${bad.length > 0 ? '+ ' : ''}${fine.length} ok`, tone: 'good' },
      `${most} (--all)`,
    ]);
  }
  for (const slot of bad.slice(0, MOST_TOLD)) lines.push(...told(slot, canvas.width));
  if (bad.length > MOST_TOLD) lines.push(` + ${bad.length - MOST_TOLD} more: name them, or -o json`);
  for (const host of silent)
    lines.push([{ text: host.host, tone: 'bad' }, `  ${withoutPrefix(host.message, host.host)}`]);
  lines.push(...nextLines(bad, silent));
  const isDoubtful = listed.some((slot) =>
    slot.replicas.some((replica) => replica.freshness === 'unknown' || replica.motion === null),
  );
  if (isDoubtful || silent.length > 0)
    lines.push([{ text: '? = not seen, never counts as fresh', tone: 'dim' }]);
  return lines;
}

function heading({ slots, hostsAsked, silent, now }: ReplicationScreen): Line {
  const parts: (string | Span)[] = [`REPLICATION ${slots.length}:`];
  for (const level of REPLICATION_LEVELS) {
    const count = slots.filter((slot) => slot.level === level).length;
    if (count > 0) parts.push(' ', { text: `${count} ${level}`, tone: TONES[level] }, ' ');
  }
  parts.push(`   ${formatIso(now).slice(11)}  ${hostsAsked - silent.length} of ${hostsAsked} hosts`);
  return parts;
}

/** Lines of a slot's reasons and users, each wrapped behind the slot's name. */
function told(slot: SlotReplication, width: number): readonly Line[] {
  const texts = slot.reasons.slice(0, 5);
  const { users, beyond } = usersAtRisk(slot);
  if (users.length > 0) {
    const number = users.length + beyond;
    const waitings = [...slot.replicas, ...slot.quarantined].map(({ waiting }) => waiting);
    const least = waitings.some((waiting) => waiting?.isPartial === true) ? 'at least ' : '';
    const named = users.map(({ user, move }) => (move === null ? user : `${user} (moving)`));
    texts.push(
      `${least}${number.toLocaleString('en-US')} ${number === 1 ? 'user' : 'users'} at risk: ${names(named, 5, beyond)}`,
    );
  }
  const moving = slot.moving ?? [];
  if (moving.length > 0 && !slot.onlyMoves) {
    const named = moving.map((move) => `${move.user} ${move.from} -> ${move.to}`);
    texts.push(`on the way: ${names(named, 3)}`);
  }
  const indent = slot.slot.length + 2;
  return texts
    .flatMap((text) => shortened(text, Math.max(30, width - indent)))
    .map((text, index) => (index === 0 ? `${slot.slot}  ${text}` : ' '.repeat(indent) + text));
}

/** At most three lines of words; a word that is longer than a line is cut. */
// Three lines at the most: all of it is in the JSON.
function shortened(text: string, width: number): readonly string[] {
  const lines = foldText(text, width).map((line) => cutText(line, width));
  return lines.length <= 3 ? lines : [...lines.slice(0, 2), cutText(`${lines[2]} ...`, width)];
}

function nextLines(bad: readonly SlotReplication[], silent: readonly SilentHost[]): readonly Line[] {
  const next = (words: readonly string[], why = ''): Line =>
    `next  ${formatCommand(['mailctl', ...words])}${why === '' ? '' : `   ${why}`}`;
  const lines: Line[] = [];
  const stuck = bad.filter((slot) => slot.replicas.some(({ motion }) => motion === 'looping'));
  if (stuck[0] !== undefined)
    lines.push(
      next(
        ['replication', 'quarantine', stuck[0].slot],
        stuck.length > 1
          ? `then ${joinNames(stuck.slice(1).map((slot) => slot.slot))}`
          : 'sets aside what blocks',
      ),
    );
  const aside = bad.find((slot) => slot.quarantined.length > 0);
  if (aside !== undefined) lines.push(next(['replication', 'retry', aside.slot], 'sends what was set aside'));
  const differing = bad.find((slot) => slot.replicas.some(({ compared }) => (compared?.differing ?? 0) > 0));
  if (differing !== undefined) lines.push(next(['replication', 'verify', differing.slot]));
  const dead = new Set(silent.map((host) => host.host));
  const lost = bad.find((slot) => dead.has(slot.master));
  if (lost !== undefined) lines.push(next(['failover', lost.master], 'shows the plan, and asks'));
  const other = bad[0];
  if (lines.length === 0 && other !== undefined) lines.push(next(['slots', 'show', other.slot]));
  return lines.slice(0, 3);
}
