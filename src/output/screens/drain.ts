// The screens of a drain: its plan, its figures while it runs, its end. Names of destinations, reasons and the words of
// a host are hostile: they are lines' text and escaped when they are rendered.

import type { DestinationSight, DrainCounts } from '../../drain/controller.js';
import { type GuardSight, guardValue } from '../../drain/guards.js';
import { roomText } from '../../drain/headroom.js';
import { type DrainLaneStatus, type DrainStatus, NO_COUNTS } from '../../drain/status.js';
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { grouped as group } from '../../lib/count-text.js';
import { formatDuration } from '../../lib/duration.js';
import { formatRate } from '../../lib/rate.js';
import { drainColumns } from '../columns/drain.js';
import { escapeText } from '../escape.js';
import { folded, SCREEN_COLUMNS } from '../fold.js';
import type { Line, Tone } from '../line.js';
import type { Canvas } from '../output.js';

const UNDER = '        ';
const MOST_DESTINATIONS = 8;
const BAR = 20;

/** What a plan says. */
export interface DrainPlanScreen {
  readonly run: string;
  readonly queues: readonly { readonly queue: string; readonly messages: number }[];
  readonly destinations: readonly PlannedDestination[];
  /** The hosts count connections themselves, so that no place of a limit is kept free. */
  readonly isCounted: boolean;
  /** Messages that were asked for and are held by somebody already. */
  readonly already: number;
  /** How many go before others, whatever their age, and after them. */
  readonly order: { readonly first: number; readonly last: number };
  readonly expiring: { readonly messages: number; readonly withinS: number } | null;
  readonly perSecond: number | null;
  /** A message in flight has one connection at most, on every server of it. */
  readonly isOneEach: boolean;
  readonly onDeath: string;
  readonly deadAfterS: number;
  readonly reason: string | undefined;
  readonly guards: readonly { readonly host: string; readonly sights: readonly GuardSight[] }[];
  readonly notes: readonly { readonly word: string; readonly text: string; readonly isBad?: boolean }[];
  readonly now: number;
}

/** One destination of a plan. */
export interface PlannedDestination {
  readonly destination: string;
  readonly messages: number;
  readonly window: number;
  readonly connections: number;
  readonly perSecond: number | null;
  readonly source: string;
  /** Seconds if a message takes a tenth of a second, and if it takes a whole one. */
  readonly leastS: number;
  readonly mostS: number;
}

/** The plan. */
export function drainPlanScreen(plan: DrainPlanScreen, canvas: Canvas): readonly Line[] {
  const total = plan.queues.reduce((sum, { messages }) => sum + messages, 0);
  const lines: Line[] = [
    [
      { text: 'DRAIN', tone: 'strong' },
      ` ${count(total, 'message')} of ${count(plan.queues.length, 'queue')}    plan ${plan.run}  ${formatIso(plan.now).slice(11)}`,
    ],
  ];
  const shown = plan.queues.slice(0, 8).map(({ queue, messages }) => `${queue} ${group(messages)}`);
  const more = plan.queues.length > 8 ? `  + ${plan.queues.length - 8} queues` : '';
  lines.push(...folded(['queues  '], `${shown.join('  ')}${more}`, UNDER));
  const top = plan.destinations.slice(0, MOST_DESTINATIONS);
  lines.push(...canvas.table(top, planColumns));
  const rest = plan.destinations.slice(MOST_DESTINATIONS);
  if (rest.length > 0)
    lines.push(
      ` + ${count(rest.length, 'destination')} with ${count(
        rest.reduce((sum, { messages }) => sum + messages, 0),
        'message',
      )}`,
    );
  const least = Math.max(0, ...plan.destinations.map(({ leastS }) => leastS));
  const most = Math.max(0, ...plan.destinations.map(({ mostS }) => mostS));
  lines.push(
    ...folded(
      ['takes   '],
      `${formatDuration(least * 1000)} if a message takes 0.1 s there, ${formatDuration(most * 1000)} if it takes 1 s${
        plan.perSecond === null ? '' : `; together at most ${formatRate(plan.perSecond)}`
      }. ${plan.isOneEach ? 'A message in flight has one connection at most; the window stays below each limit' : 'How many connections its sender makes of them is its own affair: those that are open are counted, and the window shrinks when they are too many'}`,
      UNDER,
    ),
  );
  lines.push(
    ...folded(
      ['first   '],
      `all of it is parked (held): other mail is free at once. Then the oldest are released first, so many at a time as each destination takes, ${
        plan.isCounted ? 'by the count of connections on the host' : 'a fifth below its limit'
      }`,
      UNDER,
    ),
  );
  const { first: before, last: after } = plan.order;
  if (before + after > 0) {
    const parts = [
      ...(before === 0
        ? []
        : [`${count(before, 'message')} of senders in queue.drain_first before the others`]),
      ...(after === 0 ? [] : [`${count(after, 'message')} of those in queue.drain_last after them`]),
    ];
    lines.push(...folded(['order   '], `within each destination ${parts.join(', ')}`, UNDER));
  }
  if (plan.expiring !== null)
    lines.push(
      ...folded(
        [{ text: 'expires ', tone: 'warn' }],
        `${count(plan.expiring.messages, 'message')} reach${plan.expiring.messages === 1 ? 'es' : ''} the end of their time within ${formatDuration(plan.expiring.withinS * 1000)} and would be returned at their next failed try: they go first; parked mail is not returned`,
        UNDER,
      ),
    );
  for (const { host, sights } of plan.guards)
    if (sights.length > 0) lines.push(...guardLines(`guards  ${host}  `, sights));
  lines.push(
    ...folded(
      ['dead man'],
      ` no sign of life for ${formatDuration(plan.deadAfterS * 1000)}: ${
        plan.onDeath === 'hold' ? 'the rest stays held' : 'the host gives the rest back to its server'
      } (--on-death)`,
      UNDER,
    ),
  );
  if (plan.already > 0)
    lines.push(
      `left    ${count(plan.already, 'message')} that were asked for are held already: --state hold drains those too`,
    );
  if (plan.reason !== undefined) lines.push(...folded(['reason  '], plan.reason, UNDER));
  for (const { word, text, isBad } of plan.notes)
    lines.push(...folded([{ text: word.padEnd(8), tone: isBad === true ? 'bad' : undefined }], text, UNDER));
  return lines;
}

const planColumns = [
  {
    key: 'destination',
    header: 'DESTINATION',
    value: (row: PlannedDestination) => row.destination || '(no domain)',
    mayCut: true,
  },
  {
    key: 'messages',
    header: 'MSGS',
    value: (row: PlannedDestination) => row.messages,
    text: (row: PlannedDestination) => group(row.messages),
    align: 'right' as const,
  },
  {
    key: 'window',
    header: 'WINDOW',
    value: (row: PlannedDestination) => row.window,
    align: 'right' as const,
  },
  {
    key: 'limit',
    header: 'LIMIT',
    value: (row: PlannedDestination) => row.connections,
    text: (row: PlannedDestination) =>
      `${row.connections}${row.perSecond === null ? '' : `, ${formatRate(row.perSecond)}`}`,
    align: 'right' as const,
  },
  { key: 'from', header: 'FROM', value: (row: PlannedDestination) => row.source },
  {
    key: 'takes',
    header: 'TAKES',
    value: (row: PlannedDestination) => row.mostS,
    text: (row: PlannedDestination) =>
      `${formatDuration(row.leastS * 1000)} to ${formatDuration(row.mostS * 1000)}`,
    align: 'right' as const,
  },
];

/** The figures of a run, for a live block or a look. `isAlive`: its process runs. */
export function drainScreen(
  status: DrainStatus,
  canvas: Pick<Canvas, 'table'>,
  { now, where, keys }: { readonly now: number; readonly where: string; readonly keys?: string | undefined },
): readonly Line[] {
  const counts = sumCounts(status.lanes.map((lane) => lane.counts));
  const done = counts.total - counts.held - counts.inFlight;
  const left = counts.held + counts.inFlight;
  const rate = status.lanes.reduce((sum, lane) => sum + lane.perSecond, 0);
  const speed = speedOf(status);
  const state = stateOf(status);
  const isTrouble = state === 'dead';
  const share = counts.total === 0 ? 1 : done / counts.total;
  const filled = Math.floor(share * BAR);
  const names = status.lanes.map(({ queue }) => queue);
  const on = names.length > 3 ? `${names.slice(0, 3).join(' ')} +${names.length - 3}` : names.join(' ');
  const lines: Line[] = [
    [
      { text: 'DRAIN', tone: isTrouble ? 'bad' : 'strong' },
      ` ${status.run} on ${on}  ${'#'.repeat(filled)}${'.'.repeat(BAR - filled)} ${Math.floor(share * 100)}%  ${formatIso(now).slice(11)}  `,
      { text: state.toUpperCase(), tone: STATE_TONES[state] },
      where === '' ? '' : `  ${where}`,
    ],
    ...folded(
      [`done ${group(done)}, left ${group(left)},`],
      ` ${Math.round(rate * 10) / 10}/s${speed < 1 ? ` at ${percent(speed)} speed` : ''}, ${etaText(status, now)}, pushed back ${percent(counts.tries === 0 ? 0 : counts.pushedBack / counts.tries)}${counts.bounced > 0 ? `, bounced ${group(counts.bounced)}` : ''}${counts.deferred > 0 ? `, left deferred ${group(counts.deferred)}` : ''}`,
      UNDER,
    ),
  ];
  for (const { queue, doing, state: laneState } of status.lanes)
    if (doing !== '' && laneState !== 'done') lines.push(...folded([`${queue}: `], doing, UNDER));
  const rows = mergeDestinations(status.lanes);
  lines.push(...canvas.table(rows.slice(0, MOST_DESTINATIONS), drainColumns));
  if (rows.length > MOST_DESTINATIONS)
    lines.push(
      ` + ${count(rows.length - MOST_DESTINATIONS, 'destination')} with ${group(
        rows.slice(MOST_DESTINATIONS).reduce((sum, { left: one }) => sum + one, 0),
      )}`,
    );
  for (const lane of status.lanes) {
    if (lane.guards.length > 0)
      lines.push(...guardLines(`GUARDS  ${status.lanes.length > 1 ? `${lane.host}  ` : ''}`, lane.guards));
    if (lane.room != null)
      lines.push(
        ...folded(
          [{ text: 'ROOM    ', tone: 'warn' }],
          `${lane.host}: ${roomText(lane.room)}: less than the limits allow`,
          UNDER,
        ),
      );
    const { now: other, before } = lane.otherMail;
    if (other !== null)
      lines.push(
        `OTHER MAIL  ${status.lanes.length > 1 ? `${lane.host}  ` : ''}oldest waits ${formatDuration(other * 1000)} (${before === null ? '?' : formatDuration(before * 1000)} before the drain)`,
      );
    if (lane.logMissing !== null)
      lines.push(
        ...folded(
          [{ text: 'LOG     ', tone: 'warn' }],
          `${lane.queue}: ${lane.logMissing}: by the queue's own counts, bounced counts as delivered`,
          UNDER,
        ),
      );
  }
  for (const { at, text } of status.changes.slice(-4))
    lines.push(...folded([{ text: `${at.slice(11, 19)} `, tone: 'dim' }], text, UNDER));
  if (state !== 'done' && state !== 'stopped')
    lines.push(
      `DEAD MAN  no heartbeat for ${formatDuration(status.deadAfterS * 1000)}: ${
        status.onDeath === 'hold' ? 'the rest stays held' : 'the host gives the rest back'
      } (--on-death)`,
    );
  if (keys !== undefined)
    lines.push([
      keys === ''
        ? { text: keyNames(status.isPausedByHand === true), tone: 'dim' }
        : { text: keys, tone: 'strong' },
    ]);
  return lines;
}

const keyNames = (isPaused: boolean): string =>
  `p ${isPaused ? 'go on' : 'pause'}  + - rate  s stop, rest stays held  q leave it running  ? help`;

/** What of the limits is used by the operator's word; a version before knew no such word. */
export function speedOf({ lanes }: DrainStatus): number {
  return Math.min(1, ...lanes.map(({ speed }) => (typeof speed === 'number' ? speed : 1)));
}

const STATE_TONES: Readonly<Record<DrainLaneStatus['state'], Tone | undefined>> = {
  running: undefined,
  paused: 'warn',
  stopped: 'warn',
  dead: 'bad',
  done: 'good',
};

/** The end, or how a run stands that is not running. */
export function drainEndScreen(
  status: DrainStatus,
  end: {
    readonly now: number;
    readonly tookMs: number;
    readonly exit: number;
    readonly failures: readonly { readonly queue: string; readonly message: string }[];
    readonly next: readonly (readonly string[])[];
  },
): readonly Line[] {
  const counts = sumCounts(status.lanes.map((lane) => lane.counts));
  const state = stateOf(status);
  const word = state === 'done' ? 'DONE' : state.toUpperCase();
  const lines: Line[] = [
    [
      { text: word, tone: state === 'done' ? 'good' : 'bad' },
      `  ${group(counts.delivered)} of ${count(counts.total, 'message')} delivered  in ${formatDuration(end.tookMs)}  run ${status.run}  exit ${end.exit}`,
    ],
  ];
  const rest: string[] = [];
  if (counts.bounced > 0) rest.push(`${group(counts.bounced)} bounced`);
  if (counts.deferred > 0) rest.push(`${group(counts.deferred)} deferred, left to the server's own back-off`);
  if (counts.givenBack > 0) rest.push(`${group(counts.givenBack)} given back to the server`);
  if (counts.lost > 0)
    rest.push(`${group(counts.lost)} were gone without a delivery of ours: delivered before, or deleted`);
  if (counts.inFlight > 0) rest.push(`${group(counts.inFlight)} being delivered`);
  if (rest.length > 0) lines.push(...folded(['rest    '], rest.join(', '), UNDER));
  if (counts.tries > 0)
    lines.push(
      `tries   ${group(counts.tries)}, pushed back ${group(counts.pushedBack)} (${percent(counts.pushedBack / counts.tries)})`,
    );
  if (counts.held > 0)
    lines.push([
      { text: 'held    ', tone: 'bad' },
      `${count(counts.held, 'message')} ${counts.held === 1 ? 'stays' : 'stay'} held until somebody goes on or gives them back`,
    ]);
  for (const { queue, message } of end.failures)
    lines.push(...folded([{ text: 'failed  ', tone: 'bad' }], `${queue}: ${message}`, UNDER));
  for (const lane of status.lanes)
    if (lane.logMissing !== null)
      lines.push(
        ...folded(['log     '], `${lane.queue}: ${lane.logMissing}: bounced counts as delivered`, UNDER),
      );
  for (const words of end.next) lines.push(`next    ${formatCommand(words)}`);
  return lines;
}

/** The state of all queues in one word: the worst that is not over. */
export function stateOf({ lanes }: DrainStatus): DrainLaneStatus['state'] {
  for (const state of ['dead', 'running', 'paused', 'stopped'] as const)
    if (lanes.some((lane) => lane.state === state)) return state;
  return 'done';
}

/** One line for a log. */
export function drainLine(status: DrainStatus, now: number): string {
  const counts = sumCounts(status.lanes.map((lane) => lane.counts));
  const rate = status.lanes.reduce((sum, lane) => sum + lane.perSecond, 0);
  const guards = status.lanes.flatMap((lane) => lane.guards).filter(({ state }) => state !== 'ok');
  return `drain ${status.run}: done ${group(counts.total - counts.held - counts.inFlight)} of ${group(counts.total)}, ${Math.round(rate * 10) / 10}/s, ${etaText(status, now)}, pushed back ${percent(counts.tries === 0 ? 0 : counts.pushedBack / counts.tries)}, ${stateOf(status)}${guards.length > 0 ? `, ${guards.map(({ guard, state }) => `${guard} ${state}`).join(', ')}` : ''}`;
}

/** The sum. */
export function sumCounts(all: readonly DrainCounts[]): DrainCounts {
  const sum = { ...NO_COUNTS } as { -readonly [K in keyof DrainCounts]: number };
  for (const one of all) for (const key of Object.keys(sum) as (keyof DrainCounts)[]) sum[key] += one[key];
  return sum;
}

function mergeDestinations(lanes: readonly DrainLaneStatus[]): readonly DestinationSight[] {
  const merged = new Map<string, DestinationSight>();
  for (const { destinations } of lanes)
    for (const one of destinations) {
      const before = merged.get(one.destination);
      merged.set(
        one.destination,
        before === undefined
          ? one
          : {
              ...one,
              left: before.left + one.left,
              window: before.window + one.window,
              inFlight: before.inFlight + one.inFlight,
              open: before.open === null ? one.open : before.open + (one.open ?? 0),
            },
      );
    }
  return [...merged.values()].sort((a, b) => b.left - a.left || (a.destination < b.destination ? -1 : 1));
}

function etaText(status: DrainStatus, now: number): string {
  const running = status.lanes.filter(({ state }) => state === 'running' || state === 'paused');
  if (running.length === 0) return 'ends -';
  const etas = running.map(({ eta }) => eta);
  if (etas.some((eta) => eta === null)) return 'ends ?';
  const least = Math.max(0, ...etas.map((eta) => eta?.least ?? 0));
  const most = Math.max(0, ...etas.map((eta) => eta?.most ?? 0));
  const clock = (seconds: number) => formatIso(now + seconds * 1000).slice(11, most < 600 ? 19 : 16);
  return clock(least) === clock(most) ? `ends ${clock(most)}` : `ends ${clock(least)}-${clock(most)}`;
}

/** What is not well comes first; as many lines as it takes. */
function guardLines(head: string, sights: readonly GuardSight[]): readonly Line[] {
  const isFine = sights.every(({ state }) => state === 'ok');
  const worst = [...sights].sort((a, b) => Number(a.state === 'ok') - Number(b.state === 'ok'));
  const words = worst.map(({ guard, value, limit, unit, state, about }) => ({
    text: `${guard} ${guardValue(value, unit)} of ${guardValue(limit, unit)}${
      state === 'ok' ? '' : ` ${state.toUpperCase()}${about === '' ? '' : ` (${about})`}`
    }`,
    tone: state === 'ok' ? undefined : state === 'slow' ? ('warn' as const) : ('bad' as const),
  }));
  if (isFine) words.push({ text: 'ok', tone: undefined });
  const lines: { text: string; tone?: Tone | undefined }[][] = [[{ text: head }]];
  let width = head.length;
  for (const [index, word] of words.entries()) {
    const shown = escapeText(word.text).length;
    if (index > 0 && width + 2 + shown > SCREEN_COLUMNS) {
      lines.push([{ text: UNDER }]);
      width = UNDER.length;
    } else if (index > 0) {
      lines.at(-1)?.push({ text: '  ' });
      width += 2;
    }
    lines.at(-1)?.push(isFine && index === words.length - 1 ? { ...word, tone: 'good' } : word);
    width += shown;
  }
  return lines;
}

const percent = (share: number): string => `${Math.round(share * 1000) / 10}%`;

function count(value: number, noun: string): string {
  return `${group(value)} ${noun}${value === 1 ? '' : 's'}`;
}
