// Columns of `queue stats --trend`, behind those of the plain call, and its parts of the document.
import { formatIso } from '../../lib/clock.js';
import type { ConnectionRow } from '../../queue/connections.js';
import type { Rate } from '../../queue/rate.js';
import { groupName, type StatGroup } from '../../queue/stats.js';
import type { GroupTrend, Trend } from '../../queue/trend.js';
import type { Column } from './column.js';

/** What the trend shows beside the statistics. */
export interface TrendView {
  readonly trend: Trend;
  /** Connections by destination; null: they were not looked at. */
  readonly connections: ReadonlyMap<string, ConnectionRow> | null;
  /** Messages that may be active at once in all queues that were read; null: not known. */
  readonly activeLimit: number | null;
  /** Seconds after which the servers return what was not delivered, the shortest; null: of some it is not known. */
  readonly lifetimeS: number | null;
  readonly senders: Senders | null;
  /** What is known of queues that do not count in. */
  readonly lastKnown: readonly LastKnown[];
  /** What of a log could not be read. */
  readonly incomplete: readonly string[];
}

/** Who the messages are from. */
export interface Senders {
  readonly messages: number;
  readonly ofNull: number;
  readonly top: { readonly sender: string; readonly messages: number } | null;
}

/** The last look at a queue that is away. */
export interface LastKnown {
  readonly host: string;
  readonly queue: string;
  readonly messages: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** The trend of a group. */
export function trendOfGroup({ trend }: TrendView, { key }: StatGroup): GroupTrend {
  return trend.groupOf(groupName(key));
}

/** The connections of a group that is a destination. */
export function connectionsOf({ connections }: TrendView, { key }: StatGroup): ConnectionRow | undefined {
  return typeof key[0] === 'string' ? connections?.get(key[0]) : undefined;
}

const rounded = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Math.round(value * 100) / 100;

/** For tsv; behind the others. */
export function trendColumns(view: TrendView): readonly Column<StatGroup>[] {
  const of = (pick: (trend: GroupTrend) => number | null) => (group: StatGroup) =>
    pick(trendOfGroup(view, group));
  return [
    { key: 'out_per_min', header: 'OUT/m', value: of(({ out }) => rounded(out?.perMin)) },
    { key: 'in_per_min', header: 'IN/m', value: of(({ inPerMin }) => rounded(inPerMin)) },
    { key: 'growth_per_min', header: 'GROWTH/m', value: of(({ growthPerMin }) => rounded(growthPerMin)) },
    { key: 'empty_in_s', header: 'EMPTY IN', value: of(({ empty }) => empty?.seconds ?? null) },
    { key: 'empty_in_low_s', header: 'LOW', value: of(({ empty }) => empty?.lowSeconds ?? null) },
    { key: 'empty_in_high_s', header: 'HIGH', value: of(({ empty }) => empty?.highSeconds ?? null) },
    { key: 'expiring', header: 'EXPIRING', value: of(({ expiring }) => expiring) },
    { key: 'open', header: 'OPEN', value: (group) => connectionsOf(view, group)?.open ?? null },
    { key: 'limit', header: 'LIM', value: (group) => connectionsOf(view, group)?.limit ?? null },
  ];
}

/** A group's part of the document. */
export function groupTrendJson(view: TrendView, group: StatGroup): object {
  const connections = connectionsOf(view, group);
  return {
    ...flowJson(trendOfGroup(view, group)),
    ...(view.connections === null
      ? {}
      : {
          open: connections?.open ?? 0,
          limit: connections?.limit ?? null,
          believed: connections?.believed ?? null,
        }),
  };
}

/** The document's `trend`. */
export function trendJson(view: TrendView, now: number): object {
  const { trend, senders, lastKnown, incomplete, lifetimeS, activeLimit } = view;
  return {
    source: trend.source,
    window_s: trend.windowS,
    growth_window_s: trend.growthWindowS,
    ...flowJson(trend.total),
    lifetime_s: lifetimeS,
    active_limit: activeLimit,
    null_sender_messages: senders?.ofNull ?? null,
    top_sender: senders?.top ?? null,
    last_known: lastKnown.map(({ host, queue, messages, at }) => ({
      host,
      queue,
      messages,
      at: formatIso(at),
      age_s: Math.max(0, Math.round((now - at) / 1000)),
    })),
    incomplete,
  };
}

function flowJson({ waiting, out, inPerMin, growthPerMin, empty, expiring }: GroupTrend): object {
  const range = (rate: Rate | null) => ({
    out_per_min: rounded(rate?.perMin),
    out_per_min_low: rounded(rate?.lowPerMin),
    out_per_min_high: rounded(rate?.highPerMin),
  });
  return {
    waiting,
    ...range(out),
    in_per_min: rounded(inPerMin),
    growth_per_min: rounded(growthPerMin),
    empty_in_s: empty?.seconds ?? null,
    empty_in_low_s: empty?.lowSeconds ?? null,
    empty_in_high_s: empty?.highSeconds ?? null,
    expiring,
  };
}
