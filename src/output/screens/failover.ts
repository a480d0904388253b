// The three screens of a failover: the plan, the way, the end. Pure: what was decided and seen comes in, lines go
// out; under 80 columns, what is bad first, what is fine in one line, and the next command last.

import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { counted } from '../../lib/count-text.js';
import { formatDuration } from '../../lib/duration.js';
import type { LaneProgress, RunProgress } from '../../plan/progress.js';
import type { CutOff } from '../../slot/cut-off.js';
import type { DeathVerdict } from '../../slot/death.js';
import { type Decision, type Gate, mayGo, OVERRIDABLE, refusal } from '../../slot/decide.js';
import type { SafeToLeave, SlotResult } from '../../slot/outcome.js';
import type { RunOutcome } from '../../slot/overall.js';
import type { RoadSight } from '../../slot/road.js';
import type { UnverifiedLogin } from '../../slot/unverified.js';
import type { WaitingRow } from '../../slot/waiting.js';
import type { Watch } from '../../slot/watch.js';
import type { Column } from '../columns/column.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';
import { cannotWrite } from './cannot-write.js';
import { lossSheetLines, thousands } from './loss-sheet.js';
import { compareNames, joinNames } from './slots.js';
import { roadLines, waitingLines, watchText } from './waiting.js';

/** What the plan's screen shows. */
export interface PlanScreen {
  /** Why it may be us who are cut off; absent or null: no sign of it. */
  readonly maybeUs?: string | null | undefined;
  /** MOVE for a planned move of living masters. */
  readonly verb?: 'FAILOVER' | 'MOVE' | undefined;
  readonly targets: readonly string[];
  readonly run: string;
  readonly decisions: readonly Decision[];
  readonly deaths: ReadonlyMap<string, DeathVerdict>;
  /** Hosts that did not answer and are no master here: name and why. */
  readonly silent: readonly { readonly host: string; readonly message: string }[];
  readonly maxLagS: number;
  readonly fenced: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly tookMs: number;
  /** All rows, none folded away. */
  readonly all: boolean;
}

/** Rows of slots that simply go, before the rest is folded into one line. */
const ROWS_SHOWN = 3;

/** The plan. */
export function planScreen(screen: PlanScreen, canvas: Canvas): readonly Line[] {
  const { decisions } = screen;
  const go = decisions.filter(mayGo).sort(worstFirst);
  const refused = decisions.filter((decision) => !mayGo(decision)).sort(byName);
  const lines: Line[] = [];
  if (screen.maybeUs !== undefined && screen.maybeUs !== null) {
    const isSeen = [...screen.deaths.values()].every((death) => death.gate === null);
    const then = isSeen ? 'hosts elsewhere see the same' : 'nobody elsewhere has seen all of them dead';
    lines.push(...folded([{ text: 'IS IT US?', tone: 'bad' }], ` ${screen.maybeUs}; ${then}`, '          '));
  }
  lines.push(headline(screen, go, refused));
  for (const [host, of] of byHost(decisions)) lines.push(...hostLines(host, of, screen));
  for (const { host, message } of screen.silent)
    lines.push([{ text: host, tone: 'warn' }, `  ${message.replace(`${host}: `, '')}`]);
  const worded = go.filter((decision) => decision.gates.length > 0);
  const plain = go.filter((decision) => decision.gates.length === 0);
  const shown = screen.all || plain.length <= ROWS_SHOWN + 2 ? plain : plain.slice(0, ROWS_SHOWN);
  const rows = [...worded, ...shown, ...refused];
  if (rows.length > 0) lines.push(...withNotes(canvas, rows, shown, plain, refused, screen.targets));
  return lines;
}

function headline(screen: PlanScreen, go: readonly Decision[], refused: readonly Decision[]): Line {
  const of = (kind: Decision['kind']) => go.filter((decision) => decision.kind === kind).length;
  const [demotes, reads, ends] = [of('demote'), of('readonly'), of('end-readonly')];
  const moves = go.length - demotes - reads - ends;
  const parts = [
    ...(moves > 0 ? [`${moves} ${moves === 1 ? 'slot moves' : 'slots move'}`] : []),
    ...(reads > 0 ? [`${reads} readable`] : []),
    ...(ends > 0 ? [`${ends} served again`] : []),
    ...(demotes > 0 ? [`${demotes} ${demotes === 1 ? 'stray' : 'strays'} to stop`] : []),
    ...(refused.length > 0 ? [`${refused.length} refused`] : []),
  ];
  const left = `${screen.verb ?? 'FAILOVER'} ${screen.targets.join(' ')}: ${parts.join(', ') || 'nothing to do'}`;
  const right = `plan ${screen.run}  ${formatIso(screen.now).slice(11)}  ${(screen.tookMs / 1000).toFixed(1)}s`;
  return [
    { text: left, tone: refused.length > 0 ? 'bad' : 'strong' },
    ' '.repeat(Math.max(2, 79 - left.length - right.length)),
    right,
  ];
}

function hostLines(host: string, decisions: readonly Decision[], screen: PlanScreen): readonly Line[] {
  const first = decisions[0] as Decision;
  if (decisions.every((decision) => decision.kind === 'demote')) {
    return [`${host} is back: its slots have moved; what still runs there is stopped`];
  }
  if (decisions.every((decision) => decision.kind === 'end-readonly')) {
    return [[{ text: host, tone: 'good' }, ' is back and serves: reading elsewhere is ended']];
  }
  if (decisions.every((decision) => decision.kind === 'readonly' && decision.fromReachable))
    return [[{ text: host, tone: 'warn' }, ' answers, and does not serve']];
  if (first.fromReachable)
    return [[{ text: host, tone: 'good' }, ' ALIVE  a planned move: stopped, drained, nothing is lost']];
  const death = screen.deaths.get(host);
  const indent = ' '.repeat(host.length + 7);
  const witnesses = ['here', ...(death?.witnesses ?? [])];
  const lines: Line[] = [];
  if (death?.gate === null) {
    lines.push([
      { text: `${host} DEAD`, tone: 'bad' },
      `  ${death.reason}: seen from ${joinNames(witnesses, 5)}`,
    ]);
  } else {
    lines.push(
      ...folded([{ text: `${host} SILENT`, tone: 'bad' }], `  ${death?.reason ?? 'not judged'}`, indent),
    );
  }
  const lastAlive = decisions
    .flatMap((decision) => decision.loss?.evidence ?? [])
    .filter((evidence) => evidence.kind === 'last-alive')
    .sort((a, b) => (a.at < b.at ? 1 : -1))[0];
  const life =
    lastAlive === undefined
      ? 'last alive: nobody knows'
      : `last alive ${clockTime(lastAlive.at, screen.now)} (${lastAlive.value})`;
  const isCut = decisions.some((one) =>
    one.gates.some((gate) => gate.word === '--fence' && gate.host === host),
  );
  const fence = isCut
    ? 'it is cut off first (--fence)'
    : screen.fenced === undefined
      ? 'not fenced: stopped on return'
      : `fenced: ${screen.fenced}`;
  lines.push(...folded([indent], `${life}; ${fence}`, indent));
  return lines;
}

const columns: readonly Column<Decision>[] = [
  { key: 'slot', header: 'SLOT', value: ({ slot }) => slot.slot },
  { key: 'to', header: 'TO', value: (decision) => (mayGo(decision) ? decision.to : '-') },
  {
    key: 'loss',
    header: 'LOSS<=',
    value: lossCell,
    tone: (decision) => (mayGo(decision) ? undefined : 'bad'),
    align: 'right',
  },
  { key: 'proof', header: 'PROVEN BY', value: proofCell, mayCut: true },
  {
    key: 'users',
    header: 'USERS',
    value: ({ users }) => (users === null || users === undefined ? '?' : thousands(users)),
    align: 'right',
  },
  { key: 'note', header: 'NOTE', value: noteCell, mayCut: true },
];

/** It moves nothing, so that nothing can be lost by it. */
const isAside = ({ kind }: Decision) => kind === 'demote' || kind === 'readonly' || kind === 'end-readonly';

function lossCell(decision: Decision): string {
  if (isAside(decision)) return '-';
  if (decision.fromReachable) return '0s';
  const loss = decision.loss?.possibleLossS ?? null;
  return loss === null ? '?' : formatDuration(loss * 1000, 'up');
}

function proofCell(decision: Decision): string {
  if (decision.kind === 'demote') return 'moved before';
  if (decision.kind === 'readonly') return 'read only: nothing diverges';
  if (decision.kind === 'end-readonly') return `${decision.from} serves it again`;
  if (decision.fromReachable) return 'drained before the move';
  const { loss } = decision;
  if (loss === null || loss.provenBy === null) return 'nothing';
  const kind = loss.provenBy;
  const evidence = loss.evidence.find((one) => one.kind === kind);
  if (evidence === undefined) return kind;
  const words = {
    canary: 'canary',
    sample: 'sample',
    'mx-lookup': 'MX log',
    'replica-files': 'replica files',
    record: 'earlier run',
  } as const;
  const short =
    kind === 'replica-files'
      ? 'not stuck'
      : kind === 'record' || kind === 'canary'
        ? ''
        : evidence.value
            .replace(/ pending, oldest from .*/, ' pending')
            .replace(/ of the last (\d+) deliver.*/, ' of $1 found');
  return `${words[kind]} ${evidence.at.slice(11, 19)}${short === '' ? '' : `, ${short}`}`;
}

function noteCell(decision: Decision): string {
  const gate = refusal(decision);
  if (gate !== undefined) {
    const news = (decision.sheet?.newUsers ?? []).length > 0 ? ', NEW USERS' : '';
    return `REFUSED ${gate.gate}${news}`;
  }
  const words = decision.gates.map((one) => (one.word ?? '').split(' ')[0]?.replace(/^--/, ''));
  if (decision.kind === 'readonly') words.unshift('mail waits');
  const moving = decision.moving?.length ?? 0;
  if (moving > 0) words.push(`${counted(moving, 'user')} moving`);
  if (words.length > 0) return [...new Set(words)].join(', ');
  if (decision.open !== null) return `goes on from run ${decision.open.run}`;
  return decision.because === '--to' ? '' : (decision.because ?? '');
}

function withNotes(
  canvas: Canvas,
  rows: readonly Decision[],
  shown: readonly Decision[],
  plain: readonly Decision[],
  refused: readonly Decision[],
  targets: readonly string[],
): readonly Line[] {
  const noted = rows.some((row) => noteCell(row) !== '');
  const counts = rows.some(({ users }) => typeof users === 'number');
  const shownColumns = columns.filter(({ key }) => (key === 'note' ? noted : key !== 'users' || counts));
  const table = canvas.table(rows, shownColumns);
  const lines: Line[] = [...table];
  const hidden = plain.length - shown.length;
  if (hidden > 0) {
    const rest = plain.slice(shown.length);
    const worst = Math.max(...rest.map((decision) => decision.loss?.possibleLossS ?? 0));
    const how = rest.every((decision) => decision.kind === 'demote')
      ? 'moved before'
      : rest.every((decision) => decision.fromReachable)
        ? 'drained before the move'
        : `all <= ${formatDuration(worst * 1000, 'up')}`;
    // The folded line stands where its rows would: before those that are refused.
    lines.splice(lines.length - refused.length, 0, [{ text: ` + ${hidden} more, ${how}`, tone: 'dim' }]);
  }
  for (const [reason, of] of grouped(refused)) lines.push(...refusalLines(reason, of, targets));
  return lines;
}

function grouped(refused: readonly Decision[]): ReadonlyMap<string, readonly Decision[]> {
  const groups = new Map<string, Decision[]>();
  for (const decision of refused) {
    const gate = refusal(decision);
    const key = `${gate?.gate}\n${gate?.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), decision]);
  }
  return groups;
}

function refusalLines(
  key: string,
  decisions: readonly Decision[],
  targets: readonly string[],
): readonly Line[] {
  const gate = refusal(decisions[0] as Decision) as Gate;
  const slots = decisions.map((decision) => decision.slot.slot);
  const lines: Line[] = [
    ...folded(
      [{ text: `  ${joinNames(slots)} REFUSED`, tone: 'bad' }],
      ` ${gate.gate}: ${key.slice(key.indexOf('\n') + 1)}`,
      '    ',
    ),
  ];
  for (const { sheet } of decisions) if (sheet !== undefined) lines.push(...lossSheetLines(sheet));
  for (const { slot, reading } of decisions) {
    if (!reading) continue;
    const since = reading.since === null ? '' : ` since ${reading.since}`;
    lines.push(`    ${slot.slot} can be read on ${reading.host}${since}, its new mail waits`);
  }
  for (const command of waysOn(gate, decisions, targets)) lines.push(`    ${command}`);
  return lines;
}

/** The whole commands that would go on, ready to paste; none where nothing answers the gate. */
export function waysOn(
  gate: Gate,
  decisions: readonly Decision[],
  targets: readonly string[],
): readonly string[] {
  const slots = decisions.map((decision) => decision.slot.slot).sort(compareNames);
  // Never more than was asked for: a host has slots that nobody spoke of.
  const command = (...words: string[]) =>
    formatCommand(['mailctl', 'failover', ...(slots.length === 1 ? slots : targets), ...words]);
  const perSlot = (option: string, value: (slot: string) => string) =>
    slots.slice(0, 8).flatMap((slot) => [option, value(slot)]);
  if (gate.gate === 'lag' || gate.gate === 'quarantine') {
    return slots.slice(0, 8).flatMap((slot) => {
      const loss = formatCommand(['mailctl', 'failover', slot, '--accept-loss', slot]);
      const reads = decisions.find((one) => one.slot.slot === slot)?.mayRead === true;
      if (!reads) return [loss];
      const read = formatCommand(['mailctl', 'failover', slot, '--read-only', slot]);
      const width = Math.max(read.length, loss.length);
      return [
        `${read.padEnd(width)}  readable now, mail waits`,
        `${loss.padEnd(width)}  writable, the rest missing`,
      ];
    });
  }
  if (gate.gate === 'still-serving' && decisions.every(({ kind }) => kind === 'readonly'))
    return decisions.every(({ fromReachable }) => fromReachable) ? [command()] : [];
  const fence =
    gate.canFence === true ? [`${command('--fence')}   cuts ${gate.host} off, and sees it off`] : [];
  if (gate.isMove === true)
    return [`${formatCommand(['mailctl', 'failover', ...slots])}   for a master that is dead`];
  if (gate.gate === 'not-proven-dead') return [...fence, command('--fenced', 'what your own eyes saw')];
  if (gate.gate === 'busy') {
    const run = /^run (\S+) /.exec(gate.reason)?.[1];
    return run === undefined ? [] : [`when that run is dead: ${command('--take-over', run)}`];
  }
  const override = command(...perSlot('--override', (slot) => `${gate.gate}:${slot}`));
  if (gate.gate === 'two-masters') {
    const stray = /^(\S+) runs it as master/.exec(gate.reason)?.[1];
    const stop =
      stray === undefined ? [] : [`${formatCommand(['mailctl', 'failover', stray])}   stops it there first`];
    return [...stop, override];
  }
  if (OVERRIDABLE.includes(gate.gate)) return [...fence, override];
  if (gate.gate === 'no-replica') {
    // A host that is failing is chosen by its name only.
    const failing =
      decisions[0]?.passedOver?.filter(({ why }) => why.startsWith('its host is failing')) ?? [];
    return failing.map(({ host }) => `${command('--to', host)}   if that host will do after all`);
  }
  return [];
}

const byName = (a: Decision, b: Decision) => compareNames(a.slot.slot, b.slot.slot);
const worstFirst = (a: Decision, b: Decision) =>
  (b.loss?.possibleLossS ?? 0) - (a.loss?.possibleLossS ?? 0) || byName(a, b);

function byHost(decisions: readonly Decision[]): ReadonlyMap<string, readonly Decision[]> {
  const hosts = new Map<string, Decision[]>();
  for (const decision of decisions) hosts.set(decision.from, [...(hosts.get(decision.from) ?? []), decision]);
  return hosts;
}

/** `04:29:07`, with its date when it is not of the last day. */
function clockTime(iso: string, now: number): string {
  return now - Date.parse(iso) < 86_400_000 ? `${iso.slice(11, 19)}Z` : iso;
}

/** Steps of a lane, under the headings of the way's screen. */
const HEADINGS: readonly (readonly [heading: string, ids: readonly string[]])[] = [
  ['LEASE', ['lease-']],
  ['STOP', ['stop-old', 'stop-new', 'late-stop']],
  ['DRAIN', ['drain']],
  ['ROLE', ['role-old', 'role-new', 'late-role', 'end-reading-']],
  ['DIR', ['directory', 'state']],
  ['START', ['start-new']],
  ['LOGIN', ['serve', 'seen-serving']],
];

const REJOIN_HEADINGS: typeof HEADINGS = [
  ['LEASE', ['lease-']],
  ['STOP', ['stop-']],
  ['ROLE', ['role-']],
  ['ASIDE', ['aside-']],
  ['REPLAY', ['replay-']],
  ['START', ['start-']],
  ['EQUAL', ['equal-']],
  ['FRESH', ['replicate-']],
];

interface LaneRow {
  readonly lane: LaneProgress;
  readonly to: string;
  readonly now: string;
}

/** What the live screen shows while a run goes on. */
export interface WayScreen {
  readonly targets: readonly string[];
  readonly progress: RunProgress;
  readonly elapsedMs: number;
  readonly refused: number;
  /** The step that each lane is at, with the time since it began (ms). */
  readonly doing: ReadonlyMap<string, { readonly text: string; readonly sinceMs: number }>;
  /** What the whole run is at, once its lanes have ended. */
  readonly after?: string | undefined;
  readonly rows: number;
}

/** The way. */
export function wayScreen(screen: WayScreen, canvas: Canvas): readonly Line[] {
  const { progress } = screen;
  const lanes = progress.lanes;
  const isRejoin = progress.plan.kind === 'rejoin';
  const served = lanes.filter((lane) => lane.closed === 'done' || isThrough(lane, 'serve')).length;
  const bad = lanes.filter((lane) => lane.reverting !== undefined || lane.failure !== undefined).length;
  const counts = [
    `${served} ${isRejoin ? 'back' : 'served'}`,
    `${lanes.length - served - bad} working`,
    ...(bad > 0 ? [`${bad} going back or stopped`] : []),
    ...(screen.refused > 0 ? [`${screen.refused} refused`] : []),
  ];
  const lines: Line[] = [
    [
      { text: `${isRejoin ? 'REJOIN' : 'FAILOVER'} ${screen.targets.join(' ')}`, tone: 'strong' },
      `  run ${progress.plan.id}  +${seconds(screen.elapsedMs)}   ${counts.join('  ')}`,
    ],
  ];
  const weight = (lane: LaneProgress) =>
    lane.failure !== undefined || lane.reverting !== undefined ? 0 : lane.closed === undefined ? 1 : 2;
  const sorted = [...lanes].sort((a, b) => weight(a) - weight(b) || compareNames(a.lane, b.lane));
  const room = Math.max(3, Math.min(screen.rows - 6, 16));
  const shown = sorted.slice(0, sorted.length <= room ? room : room - 1);
  const rows = shown.map((lane): LaneRow => {
    const facts = progress.plan.lanes.find((one) => one.id === lane.lane)?.facts as
      | { to?: unknown; kind?: unknown }
      | undefined;
    return {
      lane,
      to: typeof facts?.to === 'string' ? facts.to : '',
      now: nowCell(lane, screen.doing.get(lane.lane), facts?.kind === 'readonly'),
    };
  });
  lines.push(...canvas.table(rows, wayColumns(isRejoin ? REJOIN_HEADINGS : HEADINGS)));
  const hidden = sorted.slice(shown.length);
  if (hidden.length > 0) {
    const done = hidden.filter((lane) => lane.closed === 'done').length;
    lines.push(` + ${done} ${isRejoin ? 'back' : 'served'}, ${hidden.length - done} working`);
  }
  if (screen.after !== undefined) lines.push(screen.after);
  lines.push(`Ctrl-C finishes the steps in hand.  Screen lost? mailctl runs attach ${progress.plan.id}`);
  return lines;
}

const wayColumns = (headings: typeof HEADINGS): readonly Column<LaneRow>[] => [
  { key: 'slot', header: 'SLOT', value: ({ lane }) => lane.lane },
  { key: 'to', header: 'TO', value: ({ to }) => to },
  ...headings.map(
    ([heading, ids]): Column<LaneRow> => ({
      key: heading.toLowerCase(),
      header: heading,
      value: ({ lane }) => stateCell(lane, ids),
    }),
  ),
  { key: 'now', header: 'NOW', value: ({ now }) => now, mayCut: true },
];

function stateCell(lane: LaneProgress, ids: readonly string[]): string {
  const steps = lane.steps.filter(({ step }) =>
    ids.some((id) => step.id === id || (id.endsWith('-') && step.id.startsWith(id))),
  );
  if (steps.length === 0) return '-';
  if (steps.some(({ state }) => state === 'failed')) return 'FAIL';
  if (steps.some(({ state }) => state === 'began')) return '..';
  if (steps.every(({ state }) => state === 'did' || state === 'skipped')) return 'ok';
  if (steps.some(({ state }) => state === 'owed') && steps.every(({ state }) => state !== 'todo'))
    return 'owed';
  if (steps.some(({ state }) => state === 'did' || state === 'skipped')) return '..';
  return steps.some(({ state }) => state === 'undone') ? 'back' : '';
}

function nowCell(
  lane: LaneProgress,
  doing: { readonly text: string; readonly sinceMs: number } | undefined,
  isReading: boolean,
): string {
  if (lane.closed === 'done')
    return `${isReading ? 'readable' : 'served'}${lane.endedAt === undefined ? '' : ` ${lane.endedAt.slice(11, 19)}`}`;
  if (lane.closed !== undefined) return lane.closed;
  if (lane.failure !== undefined) return lane.failure.reason;
  if (lane.reverting !== undefined) return `going back: ${lane.reverting.reason}`;
  if (doing === undefined) return '';
  // The slot's name stands at the front of the row already.
  const text = doing.text
    .replace(` of ${lane.lane}`, '')
    .replace(`${lane.lane} `, '')
    .replace(`: ${lane.lane}`, ':');
  return doing.sinceMs < 1000 ? text : `${seconds(doing.sinceMs)}: ${text}`;
}

function isThrough(lane: LaneProgress, id: string): boolean {
  return lane.steps.some(({ step, state }) => step.id === id && (state === 'did' || state === 'skipped'));
}

function seconds(ms: number): string {
  const whole = Math.floor(ms / 1000);
  return `${String(Math.floor(whole / 60)).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
}

/** What the last screen shows. */
export interface EndScreen {
  readonly targets: readonly string[];
  /** null: no run was begun. */
  readonly run: string | null;
  readonly outcome: RunOutcome;
  readonly results: readonly SlotResult[];
  readonly safety: SafeToLeave;
  readonly tookMs: number;
  readonly exit: number;
  /** The run stopped because the operator said so. */
  readonly interrupted: boolean;
  readonly hasTestAccount: boolean;
  /** Failures of hooks of the whole run. */
  readonly after: string | null;
  /** Mail that waits on the MXs; null: nothing was looked at. */
  readonly waiting: readonly WaitingRow[] | null;
  /** The road of people and mail to each slot, as it was tried; empty: none is configured. */
  readonly roads: readonly RoadSight[];
  readonly watch: Watch;
  /** Hosts that the run has cut off. */
  readonly cutOff: readonly CutOff[];
  /** Logins that could not be tried, and why; absent: none. */
  readonly unverified?: readonly UnverifiedLogin[] | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The end: what the operator needs to decide whether to go back to bed. */
export function endScreen(screen: EndScreen): readonly Line[] {
  const { results, safety } = screen;
  const moved = results.filter((result) => result.outcome === 'moved');
  const refused = results.filter((result) => result.outcome === 'refused');
  const failed = results.filter((result) => result.outcome === 'failed');
  const incomplete = results.filter((result) => result.outcome === 'incomplete');
  const lines: Line[] = [endHeadline(screen, moved.length, refused)];
  if (moved.length > 0) {
    const unverified = screen.unverified ?? [];
    const isTried = screen.hasTestAccount && unverified.length < moved.length;
    const how = isTried
      ? `IMAP login and LMTP greeting tried on ${unverified.length > 0 ? 'the others' : 'each'}`
      : `IMAP and LMTP greetings tried on each, no ${screen.hasTestAccount ? 'login' : 'test account'}`;
    lines.push(
      `served   ${joinNames(slotsOf(moved), 6)} by ${joinNames([...new Set(moved.map((one) => one.decision.to ?? ''))], 4)}`,
      `         ${how}: ok`,
      ...unverifiedLines(unverified),
      ...roadLines(screen.roads).flatMap((text) => folded(['         '], text, '         ')),
    );
  }
  for (const { decision } of safety.readable) {
    const { slot } = decision;
    const where = safety.toEndReading.find((one) => one.slot === slot.slot)?.host ?? decision.to ?? '?';
    lines.push(
      ...folded(
        ['readable '],
        `${slot.slot} on ${where}: people read, nothing can be changed, new mail waits on the MXs`,
        '         ',
      ),
    );
  }
  for (const { decision } of results.filter((result) => result.outcome === 'ended'))
    lines.push(
      `ended    reading of ${decision.slot.slot} on ${decision.to}: ${decision.from} serves it again`,
    );
  for (const result of safety.down)
    lines.push(
      ...folded(['down     '], `${result.decision.slot.slot}: ${result.reason ?? 'not served'}`, '         '),
    );
  for (const result of [...failed, ...incomplete].filter((one) => !safety.down.includes(one))) {
    lines.push(
      ...folded(
        [`${result.outcome === 'failed' ? 'failed ' : 'stopped'}  `],
        `${result.decision.slot.slot}: ${result.reason ?? 'no reason known'}${result.outcome === 'failed' ? `; every change ${screen.cutOff.length > 0 ? 'to it ' : ''}was undone` : ''}`,
        '         ',
      ),
    );
  }
  for (const result of refused.filter(
    (one) => !safety.down.includes(one) && !safety.readable.includes(one),
  )) {
    lines.push(
      ...folded(
        ['refused  '],
        `${result.decision.slot.slot}: ${result.reason ?? ''}; ${stillServed(result.decision, screen.cutOff)}`,
        '         ',
      ),
    );
  }
  const exposed = moved.filter((one) => (one.decision.loss?.possibleLossS ?? 0) > 0);
  if (exposed.length > 0) {
    const worst = Math.max(...exposed.map((one) => one.decision.loss?.possibleLossS ?? 0));
    const hosts = joinNames([...new Set(exposed.map((one) => one.decision.from))]);
    lines.push(
      ...folded(
        ['exposed  '],
        `at most ${formatDuration(worst * 1000, 'up')} of changes on ${counted(exposed.length, 'slot')}; they are on ${hosts}'s disk`,
        '         ',
      ),
    );
  } else if (moved.some((one) => one.decision.kind === 'planned'))
    lines.push('exposed  nothing: each log was drained, the mailbox lists were compared');
  if (moved.some((one) => one.decision.kind !== 'demote')) {
    lines.push(
      ...waitingLines(screen.waiting).flatMap((text, index) =>
        folded([index === 0 ? 'waiting  ' : '         '], text, '         '),
      ),
    );
    const alone = safety.lonely.length;
    const second = moved.length - safety.lonely.filter((one) => moved.includes(one)).length;
    const have = `${counted(second, 'slot')} with a second running copy`;
    const lack = `${counted(alone, 'slot')} with NONE: one more death loses mail`;
    lines.push(
      ...folded(['copies   '], alone === 0 ? have : second === 0 ? lack : `${have}, ${lack}`, '         '),
    );
  }
  lines.push(...cutOffLines(screen.cutOff));
  const owing = [...new Set(safety.toDemote.map(({ host }) => host))];
  for (const host of owing) {
    const slots = safety.toDemote.filter((one) => one.host === host);
    const text = `${host} returns: ${counted(slots.length, 'slot')} to stop and swap there; ${watchText(screen.watch, screen.now)}`;
    lines.push(...folded(['owed     '], text, '         '));
  }
  for (const { slot } of safety.readable.map(({ decision }) => decision)) {
    const text = `${slot.master} returns: reading of ${slot.slot} ends, and it is served there again`;
    lines.push(...folded([owing.length > 0 ? '         ' : 'owed     '], text, '         '));
  }
  const rejoins = [...new Set(safety.toRejoin.map(({ host }) => host))];
  for (const host of rejoins) {
    const slots = safety.toRejoin.filter((one) => one.host === host);
    // A third never was the master: it may lack what OLD had for it.
    const wasMaster = results.some((one) => one.decision.from === host);
    const text = wasMaster
      ? `what ${host} had not replicated of ${counted(slots.length, 'slot')} stays on its disk until it is replayed`
      : `${host} may lack changes of ${counted(slots.length, 'slot')}: no copy until it has rejoined`;
    lines.push(...folded([owing.length > 0 ? '         ' : 'owed     '], text, '         '));
  }
  if (screen.after !== null) lines.push(...folded(['hooks    '], screen.after, '         '));
  lines.push(
    ...folded(
      ['SAFE TO LEAVE: ', safety.safe ? { text: 'yes', tone: 'good' } : { text: 'NO', tone: 'bad' }],
      ` - ${safety.safe ? `${counted(results.length, 'slot')} served, each with a second copy` : safety.reasons.join(', ')}`,
      '    ',
    ),
  );
  nextCommands(screen, refused, incomplete, owing).forEach(
    (command, index) => void lines.push(` ${index + 1}  ${command}`),
  );
  return lines;
}

/**
 * A host on which the lease or the lane's record cannot be written: a few kB are enough for them. Else OLD is taken for
 * dead once it is off, and another replica than a full NEW can be had.
 */
function waysPastFullDisk({ results, targets }: EndScreen): readonly string[] {
  const hit = results.filter(({ lane }) => lane?.failure?.code === 'slot.cannot-write');
  const [first] = hit;
  const full = cannotWrite(first?.reason);
  if (first === undefined || full === undefined) return [];
  const names = hit.length <= 3 ? slotsOf(hit) : targets;
  const failover = (...words: string[]) => formatCommand(['mailctl', 'failover', ...names, ...words]);
  const { from, to, slot } = first.decision;
  const other = slot.instances.find((one) => one.host !== from && one.host !== to)?.host;
  return [
    full.look,
    ...(first.outcome === 'failed' ? [`${failover()}   once they are`] : []),
    ...(full.host === from
      ? [`${failover('--fenced', 'switched off')}   once ${from} is off: as from a dead master`]
      : []),
    ...(full.host === to && other !== undefined ? [`${failover('--to', other)}   instead of ${to}`] : []),
  ];
}

/** Logins that nobody has tried, by reason, with what a person would try. */
function unverifiedLines(logins: readonly UnverifiedLogin[]): readonly Line[] {
  const indent = '         ';
  return [...new Set(logins.map(({ reason }) => reason))].flatMap((reason) => {
    const of = logins.filter((one) => one.reason === reason);
    const names = joinNames(
      of.map(({ slot }) => slot),
      4,
    );
    return folded(
      [indent, { text: `login of ${names} NOT tried`, tone: 'warn' }],
      `: ${reason}; log in once as a user would, or set stores.road.imap to a frontend`,
      indent,
    );
  });
}

/** What nothing of ours takes back: a host stays cut off, whatever became of its slots. */
export function cutOffLines(cutOff: readonly CutOff[]): readonly Line[] {
  return cutOff.flatMap(({ host, command, isSeenOff }) => {
    const what = isSeenOff ? `${host} was cut off by` : `${host} was not seen off after`;
    const stays = isSeenOff ? 'it stays off until you give it back' : 'it may be off, now or in a moment';
    const text = `${what} ${command}: ${stays}, by your own tools; then mailctl rejoin ${host}`;
    return folded(['cut off  '], text, '         ');
  });
}

function endHeadline(screen: EndScreen, moved: number, refused: readonly SlotResult[]): Line {
  const { results, outcome } = screen;
  const isDemotion = results.length > 0 && results.every((one) => one.decision.kind === 'demote');
  const masters = results.length === 1 ? 'its new master' : 'their new masters';
  const reads = results.filter((one) => one.outcome === 'readable').length;
  const ends = results.filter((one) => one.outcome === 'ended').length;
  const what = isDemotion
    ? `${moved} of ${counted(results.length, 'stray')} stopped and swapped`
    : reads + ends > 0 && moved === 0
      ? ends > 0
        ? `${ends} of ${counted(results.length, 'slot')} served by ${results.length === 1 ? 'its master' : 'their masters'} again`
        : `${reads} of ${counted(results.length, 'slot')} can be read again`
      : `${moved} of ${counted(results.length, 'slot')} served ${refused.length === 0 ? `by ${masters}` : 'again'}`;
  const run = screen.run === null ? '' : `run ${screen.run}  `;
  const right = `${run}${(screen.tookMs / 1000).toFixed(1)}s  exit ${screen.exit}`;
  const word = outcome.toUpperCase();
  const room = 79 - word.length - 2 - what.length - 3 - right.length;
  const named = `, ${joinNames(slotsOf(refused))} refused`;
  const not =
    refused.length === 0
      ? ''
      : refused.length === results.length
        ? screen.cutOff.length > 0
          ? ', no slot was changed'
          : ', nothing was changed'
        : named.length <= room
          ? named
          : `, ${refused.length} refused`;
  const read = reads > 0 && moved > 0 ? `, ${reads} readable` : '';
  const left = `${what}${not}${read}`;
  const tone = outcome === 'done' ? 'good' : 'bad';
  return [
    { text: word, tone },
    `  ${left}`,
    ' '.repeat(Math.max(3, 79 - word.length - 2 - left.length - right.length)),
    right,
  ];
}

function nextCommands(
  screen: EndScreen,
  refused: readonly SlotResult[],
  incomplete: readonly SlotResult[],
  owing: readonly string[],
): readonly string[] {
  const commands: string[] = [];
  if (screen.outcome === 'incomplete' && screen.run !== null)
    commands.push(`mailctl runs resume ${screen.run}`);
  // A resume waits for the host that the lane leads to; planning anew does not.
  const stuck = incomplete.filter(
    (one) => screen.safety.down.includes(one) && !one.lane?.failure?.code?.startsWith('run.'),
  );
  if (stuck.length > 0 && stuck.length <= 3)
    commands.push(`${formatCommand(['mailctl', 'failover', ...slotsOf(stuck)])}   if that host stays away`);
  // NEW may answer and never come up: its slot can be had elsewhere.
  for (const { decision } of stuck.length <= 3 ? stuck : []) {
    const { slot, from, to } = decision;
    const other = slot.instances.find(({ host }) => host !== to && host !== from)?.host ?? from;
    if (to === null) continue;
    const command = formatCommand(['mailctl', 'failover', slot.slot, '--to', other]);
    commands.push(`${command}   if ${to} cannot serve it`);
  }
  commands.push(...waysPastFullDisk(screen));
  const gates = new Map<string, SlotResult[]>();
  for (const result of refused) {
    const key = `${result.gate}\n${result.reason}`;
    gates.set(key, [...(gates.get(key) ?? []), result]);
  }
  for (const of of gates.values()) {
    const first = of[0] as SlotResult;
    if (first.gate === null) continue;
    const gate: Gate = { gate: first.gate, reason: first.reason ?? '', word: null };
    commands.push(
      ...waysOn(
        gate,
        of.map((one) => one.decision),
        screen.targets,
      ),
    );
  }
  const { toRejoin, lonely } = screen.safety;
  const rejoining = [...new Set(toRejoin.map(({ host }) => host))];
  for (const host of owing.filter((one) => !rejoining.includes(one)))
    commands.push(
      `${formatCommand(['mailctl', 'failover', host])}   when ${host} is back: stops what it starts`,
    );
  for (const host of rejoining) {
    const when = owing.includes(host) ? `   when ${host} is back: its mail, then a replica` : '';
    commands.push(`${formatCommand(['mailctl', 'rejoin', host])}${when}`);
  }
  const alone = lonely.find(({ decision }) => toRejoin.some(({ slot }) => slot === decision.slot.slot));
  if (alone !== undefined)
    commands.push(
      `${formatCommand(['mailctl', 'replication', 'seed', alone.decision.slot.slot])} --to HOST   disk gone? a new copy`,
    );
  if (owing.length > 0 && !screen.watch.isWatched)
    commands.push('mailctl slots sample --do-owed   once a minute, by a timer: watches for it');
  for (const { slot } of screen.safety.readable.map(({ decision }) => decision).slice(0, 2)) {
    const isOffered = commands.some((command) => command.includes(`--accept-loss ${slot.slot}`));
    if (isOffered) continue;
    const loss = formatCommand(['mailctl', 'failover', slot.slot, '--accept-loss', slot.slot]);
    commands.push(`${loss}   when ${slot.master}'s disk is lost`);
  }
  if (commands.length > 0 || !screen.safety.safe) commands.push('mailctl slots list');
  return commands.slice(0, 6);
}

// A slot whose stray is to be stopped has moved long ago.
const servedBy = ({ kind, from, to, slot }: SlotResult['decision']) =>
  kind === 'demote' ? (to ?? slot.master) : from;

const stillServed = (decision: SlotResult['decision'], cutOff: readonly CutOff[]) => {
  const host = servedBy(decision);
  return cutOff.some((one) => one.host === host)
    ? `${host}, its master, is cut off`
    : `still served by ${host}`;
};

const slotsOf = (results: readonly SlotResult[]) => results.map((result) => result.decision.slot.slot);
