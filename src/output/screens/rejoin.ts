// The plan and the end of a rejoin. Pure: what was judged and found comes in, lines go out; under 80 columns, what is
// bad first, what is fine in one line, and the next command last.

import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { countedGrouped } from '../../lib/count-text.js';
import type { RunOutcome } from '../../slot/overall.js';
import type { Return } from '../../slot/rejoin.js';
import type { ReturnResult } from '../../slot/rejoin-outcome.js';
import type { Stuck } from '../../slot/stuck.js';
import type { Column } from '../columns/column.js';
import { foldText, SCREEN_COLUMNS } from '../fold.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';
import { cannotWrite } from './cannot-write.js';
import { compareNames, joinNames } from './slots.js';

/** What the plan's screen shows. */
export interface RejoinPlanScreen {
  readonly targets: readonly string[];
  readonly run: string;
  readonly returns: readonly Return[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly tookMs: number;
  /** All rows, none folded away. */
  readonly all: boolean;
}

const ROWS_SHOWN = 5;

/** The plan. */
export function rejoinPlanScreen(screen: RejoinPlanScreen, canvas: Canvas): readonly Line[] {
  const sorted = screen.returns.toSorted((a, b) => compareNames(a.slot.slot, b.slot.slot));
  const go = sorted.filter(({ gate }) => gate === null);
  const refused = sorted.filter(({ gate }) => gate !== null);
  const closes = go.filter(({ how }) => how === 'close');
  const strays = go.filter(({ isStray }) => isStray);
  const parts = [
    ...(go.length > closes.length
      ? [`${countedGrouped(go.length - closes.length, 'slot')} to bring back`]
      : []),
    ...(closes.length > 0 ? [`${closes.length} given up`] : []),
    ...(refused.length > 0 ? [`${refused.length} refused`] : []),
  ];
  const left = `REJOIN ${screen.targets.join(' ')}: ${parts.join(', ')}`;
  const right = `plan ${screen.run}  ${formatIso(screen.now).slice(11)}  ${(screen.tookMs / 1000).toFixed(1)}s`;
  const lines: Line[] = [
    [
      { text: left, tone: refused.length > 0 ? 'bad' : 'strong' },
      ' '.repeat(Math.max(2, 79 - left.length - right.length)),
      right,
    ],
  ];
  for (const host of new Set(strays.map((one) => one.host))) {
    const own = strays.filter((one) => one.host === host);
    const beside = joinNames([...new Set(own.map(({ slot }) => slot.master))], 2);
    const [head = '', ...more] = foldedUnder(
      host,
      `runs ${countedGrouped(own.length, 'slot')} as master beside ${beside}: stopped first, its mail goes over`,
    );
    lines.push([{ text: host, tone: 'bad' }, head.slice(host.length)], ...more);
  }
  const shown = screen.all || go.length <= ROWS_SHOWN + 2 ? go : go.slice(0, ROWS_SHOWN);
  const rows = [...shown, ...refused];
  if (rows.length > 0) lines.push(...canvas.table(rows, planColumns));
  const hidden = go.slice(shown.length);
  if (hidden.length > 0) {
    const events = hidden.reduce((sum, { events: own }) => sum + (own ?? 0), 0);
    lines.push(` + ${hidden.length} more, ${events.toLocaleString('en')} events (l lists them)`);
  }
  for (const one of refused) lines.push(...refusedLines(one));
  return lines;
}

const planColumns: readonly Column<Return>[] = [
  { key: 'slot', header: 'SLOT', value: ({ slot }) => slot.slot },
  { key: 'host', header: 'COMES BACK', value: ({ host }) => host },
  { key: 'to', header: 'MASTER', value: ({ slot }) => slot.master },
  {
    key: 'events',
    header: 'EVENTS ON ITS DISK',
    align: 'right',
    value: ({ events }) => (events === null ? '?' : events.toLocaleString('en')),
  },
  {
    key: 'note',
    header: 'NOTE',
    value: ({ gate, how, acceptLoss }) =>
      gate !== null
        ? 'REFUSED'
        : how === 'end-reading'
          ? 'serves again: reading ends'
          : how === 'close'
            ? 'GIVEN UP'
            : acceptLoss
              ? 'accept-loss'
              : '',
    tone: ({ gate, how }) => (gate !== null || how === 'close' ? 'bad' : undefined),
  },
];

function refusedLines({ slot, host, gate }: Return): readonly Line[] {
  const lines: Line[] = [...foldedUnder(`  ${slot.slot}:`, gate?.reason ?? '')];
  if (gate?.gate === 'host-away')
    lines.push(
      `    disk gone for good?  ${formatCommand(['mailctl', 'rejoin', slot.slot, '--accept-loss', slot.slot])}`,
    );
  if (gate?.gate === 'busy') {
    const run = /^run (\S+) /.exec(gate.reason)?.[1];
    if (run !== undefined)
      lines.push(
        `    when that run is dead: ${formatCommand(['mailctl', 'rejoin', host, '--take-over', run])}`,
      );
  }
  if (gate?.gate === 'master-not-serving')
    lines.push(`    first  ${formatCommand(['mailctl', 'failover', slot.slot])}`);
  return lines;
}

/** What the last screen shows. */
export interface RejoinEndScreen {
  readonly targets: readonly string[];
  /** null: no run was begun. */
  readonly run: string | null;
  readonly outcome: RunOutcome;
  readonly results: readonly ReturnResult[];
  /** Slots with a second fresh copy now. */
  readonly healthy: readonly string[];
  /** Slots without one, or that owe something: name and why. */
  readonly unwell: readonly {
    readonly slot: string;
    readonly why: string;
    /** What holds its replication up: an event that cannot be sent, or what was set aside; null: nothing known. */
    readonly stuck: Stuck | null;
  }[];
  readonly tookMs: number;
  readonly exit: number;
}

/** Lines of each kind and slot before the rest is a number. */
const LINES_SHOWN = 8;
/** Names of each kind before the rest is a number. */
const NAMES_SHOWN = 6;

/** The end. */
export function rejoinEndScreen(screen: RejoinEndScreen): readonly Line[] {
  const { results } = screen;
  const of = (outcome: ReturnResult['outcome']) => results.filter((one) => one.outcome === outcome);
  const back = [...of('rejoined'), ...of('partial')];
  const closed = of('closed');
  const stopped = back.filter(({ found }) => (found?.conflicts.length ?? 0) > 0);
  const lines: Line[] = [headline(screen, back.length - stopped.length + of('ended').length, closed.length)];
  const line = (head: string, text: string) => void lines.push(...foldedUnder(head, text));
  const found = back.flatMap((one) => (one.found === null ? [] : [one.found]));
  const events = found.reduce((sum, one) => sum + one.events, 0);
  const users = found.reduce((sum, one) => sum + one.users.length, 0);
  const newUsers = found.flatMap((one) => one.newUsers);
  if (back.length > 0) {
    const births = found.flatMap((one) => (one.oldestBirth === null ? [] : [one.oldestBirth]));
    const since = births.length === 0 ? '' : ` since ${formatIso(Math.min(...births) * 1000)}`;
    line(
      'brought',
      `${countedGrouped(events, 'event')} of ${countedGrouped(users, 'user')}${since}${newUsers.length === 0 ? '' : `; new there: ${joinNames(newUsers, NAMES_SHOWN)}`}`,
    );
    const compared = found.reduce((sum, one) => sum + (one.compared ?? 0), 0);
    const repaired = found.flatMap((one) => one.repaired);
    line(
      'equal',
      `${countedGrouped(compared, 'user')} compared by content${repaired.length === 0 ? '' : `; sent whole: ${joinNames(repaired, NAMES_SHOWN)}`}`,
    );
  }
  for (const one of back) {
    for (const conflict of (one.found?.conflicts ?? []).slice(0, LINES_SHOWN))
      line(
        'CONFLICT',
        `${one.returned.slot.slot}: ${conflict.mailbox} is another mailbox on ${one.returned.host} (${conflict.oldId}) than on ${one.returned.slot.master} (${conflict.nextId}); ${one.returned.host} stays stopped`,
      );
    for (const { who, why } of (one.found?.notBrought ?? []).slice(0, LINES_SHOWN))
      line('NOT OVER', `${one.returned.slot.slot}: ${who}: ${why}`);
    for (const { mailbox, why, events: own } of (one.found?.dropped ?? []).slice(0, LINES_SHOWN))
      line('left out', `${one.returned.slot.slot}: ${mailbox}, ${countedGrouped(own, 'event')}: ${why}`);
    const more = ['conflicts', 'notBrought', 'dropped'] as const;
    const hidden = more.reduce(
      (sum, kind) => sum + Math.max(0, (one.found?.[kind].length ?? 0) - LINES_SHOWN),
      0,
    );
    if (hidden > 0) line('', `${one.returned.slot.slot}: ${hidden} more, by name in -o json`);
    if (one.found?.unreadable) {
      line(
        'torn',
        `${one.returned.slot.slot}: ${countedGrouped(one.found.unreadable, 'line')} of its log said nothing; its users were compared`,
      );
    }
    if (one.found?.keptIn) line('kept', `${one.returned.host}:${one.found.keptIn}`);
  }
  for (const { returned } of of('ended'))
    line('ended', `${returned.slot.slot} is served by ${returned.host} again; it was never anywhere else`);
  for (const one of closed)
    line(
      'given up',
      `${one.returned.slot.slot}: what only ${one.returned.host} had is lost; it owes nothing any more`,
    );
  for (const one of [...of('failed'), ...of('incomplete')])
    line('stopped', `${one.returned.slot.slot}: ${one.reason ?? 'no reason known'}`);
  for (const one of of('refused')) line('refused', `${one.returned.slot.slot}: ${one.reason ?? ''}`);
  const fresh = back
    .filter((one) => !stopped.includes(one))
    .flatMap(({ found: own }) => (own?.freshAfterS == null ? [] : [own.freshAfterS]));
  if (fresh.length > 0)
    line(
      'fresh',
      `${countedGrouped(fresh.length, 'copy', 'copies')}, at the latest ${Math.max(...fresh)} s after the start`,
    );
  const safe = screen.unwell.length === 0 && screen.outcome === 'done';
  const why = safe
    ? `${countedGrouped(screen.healthy.length, 'slot')} served, each with a second copy`
    : screen.unwell.length > 0
      ? screen.unwell
          .slice(0, 3)
          .map(({ slot, why: reason }) => `${slot}: ${reason}`)
          .join('; ')
      : 'not everything came over';
  const [verdict = '', ...whys] = foldedUnder(`SAFE TO LEAVE: ${safe ? 'yes' : 'NO'} -`, why);
  const said = safe ? 'yes' : 'NO';
  lines.push(
    ['SAFE TO LEAVE: ', { text: said, tone: safe ? 'good' : 'bad' }, verdict.slice(15 + said.length)],
    ...whys,
  );
  nextCommands(screen).forEach((command, index) => void lines.push(` ${index + 1}  ${command}`));
  return lines;
}

function headline(screen: RejoinEndScreen, back: number, closed: number): Line {
  const word = screen.outcome.toUpperCase();
  const wanted = screen.results.length - closed;
  const hosts = joinNames([...new Set(screen.results.map(({ returned }) => returned.host))], 3);
  const what = [
    ...(wanted > 0 ? [`${back} of ${countedGrouped(wanted, 'slot')} back on ${hosts}`] : []),
    ...(closed > 0 ? [`${countedGrouped(closed, 'slot')} of ${hosts} given up`] : []),
  ].join(', ');
  const right = `${screen.run === null ? '' : `run ${screen.run}  `}${(screen.tookMs / 1000).toFixed(1)}s  exit ${screen.exit}`;
  return [
    { text: word, tone: screen.outcome === 'done' ? 'good' : 'bad' },
    `  ${what}`,
    ' '.repeat(Math.max(3, 79 - word.length - 2 - what.length - right.length)),
    right,
  ];
}

function nextCommands(screen: RejoinEndScreen): readonly string[] {
  const commands: string[] = [];
  if (screen.outcome === 'incomplete' && screen.run !== null)
    commands.push(formatCommand(['mailctl', 'runs', 'resume', screen.run]));
  for (const { returned, found, reason } of screen.results) {
    const slot = returned.slot.slot;
    const full = cannotWrite(reason);
    if (full !== undefined)
      commands.push(
        full.look,
        ...(screen.outcome === 'incomplete'
          ? []
          : [`${formatCommand(['mailctl', 'rejoin', slot])}   once they are`]),
      );
    if ((found?.conflicts.length ?? 0) > 0) {
      const conflict = found?.conflicts[0];
      commands.push(
        `rename ${conflict?.mailbox} on ${returned.slot.master} (or sync_reset it on ${returned.host}), then  ${formatCommand(['mailctl', 'rejoin', slot])}`,
      );
    } else if ((found?.notBrought.length ?? 0) > 0)
      commands.push(`when repaired  ${formatCommand(['mailctl', 'rejoin', slot])}`);
    if (returned.gate?.gate === 'host-away')
      commands.push(
        `${formatCommand(['mailctl', 'rejoin', slot, '--accept-loss', slot])}   if its disk is gone for good`,
      );
  }
  for (const { returned, outcome } of screen.results) {
    const { slot, host } = returned;
    const isFormer = slot.instances.some((one) => one.host === host && one.former === true);
    // It runs and takes what comes, and nobody looks at it: another one has its place.
    if (isFormer && outcome === 'rejoined')
      commands.push(
        `${formatCommand(['mailctl', 'replication', 'seed', slot.slot, '--to', host])}   lists it as a replica again`,
      );
  }
  for (const { slot, stuck } of screen.unwell) {
    if (stuck === 'blocked') commands.push(formatCommand(['mailctl', 'replication', 'quarantine', slot]));
    else if (stuck === 'quarantined') commands.push(formatCommand(['mailctl', 'replication', 'retry', slot]));
  }
  if (commands.length > 0 || screen.unwell.length > 0) commands.push('mailctl slots list');
  return [...new Set(commands)].slice(0, 6);
}

/** A word in front, and a text behind it, folded. */
function foldedUnder(head: string, text: string): readonly string[] {
  const label = head.length < 9 ? head.padEnd(9) : `${head} `;
  const indent = ' '.repeat(9);
  const lines = foldText(text, SCREEN_COLUMNS - label.length, SCREEN_COLUMNS - indent.length);
  return lines.map((line, index) => `${index === 0 ? label : indent}${line}`);
}
