// The trend's parts of the screen of `queue stats`: columns beside the groups, the line of what flows, and sentences
// about what nobody would see in a figure: what expires before its turn, a sender that is stuck, a host that is away.
import { grouped } from '../../lib/count-text.js';
import { formatDuration } from '../../lib/duration.js';
import type { StatCount, StatGroup } from '../../queue/stats.js';
import type { GroupTrend } from '../../queue/trend.js';
import type { Column } from '../columns/column.js';
import { connectionsOf, type LastKnown, type TrendView, trendOfGroup } from '../columns/queue-trend.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';
import { short } from './queue-stats.js';

/** A row of the table; null: what is not shown by name. */
export interface TrendRow {
  readonly group: StatGroup | null;
}

/** From here on the screen has room for ranges. */
const WIDE = 110;
const MOST_SENTENCES = 3;
const LONG_S = 3600;

/** Columns behind those of the plain table. */
export function trendScreenColumns<T extends TrendRow>(view: TrendView, width: number): readonly Column<T>[] {
  const of = (text: (trend: GroupTrend, group: StatGroup) => string) => (row: T) =>
    row.group === null ? '' : text(trendOfGroup(view, row.group), row.group);
  return [
    {
      key: 'out',
      header: 'OUT/m',
      value: of(({ out }) => (out === null ? '?' : rateText(out.perMin))),
      align: 'right',
    },
    ...(view.connections === null
      ? []
      : [
          {
            key: 'open',
            header: 'OPEN/LIM',
            value: of((_, group) => {
              const found = connectionsOf(view, group);
              return `${found?.open ?? 0}/${found?.limit ?? '-'}`;
            }),
            tone: (row: T) => {
              const verdict = row.group === null ? undefined : connectionsOf(view, row.group)?.verdict;
              return verdict === 'sender' || verdict === 'over-limit' ? ('bad' as const) : undefined;
            },
            align: 'right' as const,
          },
        ]),
    {
      key: 'empty',
      header: 'EMPTY IN',
      value: of(emptyText),
      tone: (row) =>
        row.group !== null && (trendOfGroup(view, row.group).expiring ?? 0) > 0 ? 'bad' : undefined,
      align: 'right',
    },
    ...(width < WIDE
      ? []
      : [{ key: 'range', header: 'RANGE', value: of(rangeText), align: 'right' as const }]),
  ];
}

/** `2h41m`, `10d!` when some of it expires first, `never`, `?`. */
function emptyText({ empty, waiting, expiring }: GroupTrend): string {
  if (empty === null) return '?';
  if (waiting === 0) return '-';
  if (empty.seconds === null) return 'never';
  return `${formatDuration(empty.seconds * 1000)}${(expiring ?? 0) > 0 ? '!' : ''}`;
}

function rangeText({ empty, waiting }: GroupTrend): string {
  if (empty === null || waiting === 0) return '';
  const text = (seconds: number | null) => (seconds === null ? 'never' : formatDuration(seconds * 1000));
  return `${text(empty.lowSeconds)} to ${text(empty.highSeconds)}`;
}

/** `41`, `0.4`: what goes by the minute, with a digit more where it is little. */
function rateText(perMin: number): string {
  return perMin > 0 && perMin < 9.95 ? perMin.toFixed(1).replace(/\.0$/, '') : short(Math.round(perMin));
}

/** `+1,240/min`, `steady`; empty: not known. */
export function growthText({ trend }: TrendView): string {
  const { growthPerMin } = trend.total;
  if (growthPerMin === null) return '';
  if (Math.abs(growthPerMin) < 0.05) return 'steady';
  const whole = Math.abs(growthPerMin) >= 9.95;
  const size = whole
    ? grouped(Math.round(Math.abs(growthPerMin)))
    : Math.abs(growthPerMin).toFixed(1).replace(/\.0$/, '');
  return `${growthPerMin < 0 ? '-' : '+'}${size}/min`;
}

/** What comes and goes, and where the figures are from. */
export function flowLine(view: TrendView): readonly Line[] {
  const { trend, senders } = view;
  const { total } = trend;
  const head = { text: 'FLOW', tone: 'strong' } as const;
  if (total.out === null && total.growthPerMin === null) {
    return folded(
      [head],
      '  no rates yet: they need an earlier look (the next of a watch, a second call, or the timer that runs queue sample)',
      '       ',
    );
  }
  const parts = [
    ...(total.inPerMin === null ? [] : [`${rateText(total.inPerMin)}/min in`]),
    ...(total.out === null ? [] : [`${rateText(total.out.perMin)}/min out`]),
    ...(total.inPerMin === null && total.growthPerMin !== null ? [`${growthText(view)} in all`] : []),
  ];
  const window = trend.windowS ?? trend.growthWindowS;
  const whence =
    { log: 'by the log', listings: 'by looks', both: 'by logs and looks', none: 'by looks' }[
      trend.source ?? 'none'
    ] ?? '';
  const share = (count: number) => `${Math.round((count / Math.max(1, senders?.messages ?? 0)) * 100)}%`;
  const empty =
    total.empty === null || total.waiting === 0 ? '' : `; empty in ${emptyText(total)} (${rangeText(total)})`;
  const who =
    senders === null || senders.messages === 0
      ? ''
      : `; null sender ${share(senders.ofNull)}${senders.top === null ? '' : `, top sender ${share(senders.top.messages)}`}`;
  const time = window === null ? '' : `${formatDuration(window * 1000)}, `;
  return folded([head], `  ${parts.join(', ')} (${time}${whence})${empty}${who}`, '       ');
}

/** `active 20,000 FULL`. */
export function isFull({ activeLimit }: TrendView, { states }: StatCount): boolean {
  return activeLimit !== null && (states.get('active') ?? 0) >= activeLimit;
}

/** Sentences below the table. `now`: epoch seconds. */
export function trendSentences(
  view: TrendView,
  total: StatCount,
  groups: readonly StatGroup[],
  now: number,
): readonly Line[] {
  const bad = (text: string) => folded([{ text: '!', tone: 'bad' }], ` ${text}`, '  ');
  const lines: Line[] = [];
  for (const [name, row] of view.connections ?? [])
    if (row.verdict === 'sender')
      lines.push(
        ...bad(
          `${name}: ${grouped(row.waiting)} wait, 0 connections open, sender believes ${row.believed}: sender's fault`,
        ),
      );
  // That nothing left in five minutes says little of mail that has just been put off.
  const losing = groups.filter((group) => {
    const { expiring, out } = trendOfGroup(view, group);
    const age = group.oldestAt === null ? 0 : now - group.oldestAt;
    return (expiring ?? 0) > 0 && ((out?.perMin ?? 0) > 0 || age >= LONG_S);
  });
  const life = view.lifetimeS === null ? '' : ` (${formatDuration(view.lifetimeS * 1000)})`;
  for (const group of losing.slice(0, MOST_SENTENCES)) {
    const { expiring, waiting, out } = trendOfGroup(view, group);
    const name = String(group.key[0] ?? '?') || '(none)';
    const text =
      (out?.perMin ?? 0) > 0
        ? `at this rate at least ${grouped(expiring ?? 0)} of ${grouped(waiting)} expire before their turn${life}`
        : `nothing leaves; if that goes on all ${grouped(waiting)} expire${life}`;
    lines.push(...bad(`${name}: ${text}`));
  }
  if (isFull(view, total))
    lines.push(
      ...bad(
        `active is full (${grouped(view.activeLimit ?? 0)}): new mail waits in incoming, hold a backlog to let it pass`,
      ),
    );
  for (const one of view.incomplete) lines.push(...folded(['-'], ` ${one}`, '  '));
  return lines;
}

/** `had 88,000 at 04:31`; empty: nothing is known of it. */
export function hadText(known: readonly LastKnown[], now: number): string {
  if (known.length === 0) return '';
  const at = Math.min(...known.map((one) => one.at));
  const messages = known.reduce((sum, one) => sum + one.messages, 0);
  const clock = new Date(at).toISOString();
  const isToday = now - at < 20 * 3_600_000;
  return `; had ${grouped(messages)} at ${isToday ? clock.slice(11, 16) : clock.slice(0, 16).replace('T', ' ')}Z`;
}
