// The result of `queue stats` in every form, with the trend where it was asked for. What only one form needs is loaded
// for that form.
import { formatCommand } from '../../lib/command-text.js';
import { statColumns } from '../../output/columns/queue-stats.js';
import type { LastKnown, TrendView } from '../../output/columns/queue-trend.js';
import type { Line } from '../../output/line.js';
import type { View } from '../../output/output.js';
import type { QueueRead, ReadReport } from '../../queue/read-all.js';
import type { StatKey } from '../../queue/stat-keys.js';
import type { StatCount, StatGroup, StatGroups } from '../../queue/stats.js';
import type { Context } from '../context.js';
import type { ErrorReport } from '../report.js';
import type { HoldsToTell } from './holds-to-tell.js';
import { groupJson, type HostRow, statsDocument } from './stats-json.js';

/** What there is to show. */
export interface StatsParts {
  readonly schema: string;
  readonly by: readonly StatKey[];
  readonly top: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  tookMs(): number;
  readonly total: StatCount;
  readonly groups: StatGroups;
  readonly hosts: readonly HostRow[];
  readonly reads: readonly QueueRead[];
  /** Queues and hosts that do not count in. */
  readonly missing: readonly string[];
  readonly asked: number;
  readonly errors: readonly ErrorReport[];
  readonly holds: HoldsToTell | undefined;
  readonly notes?: readonly Line[];
  readonly next: readonly string[];
  readonly trend?: TrendView | undefined;
}

/** The view. */
export async function statsView(context: Context, parts: StatsParts): Promise<View<StatGroup>> {
  const { by, now, total, groups, trend } = parts;
  const seconds = Math.floor(now / 1000);
  const isTable = context.output.format === 'table';
  const malformed = parts.reads.reduce((sum, queue) => sum + queue.malformed, 0);
  const screens = isTable ? await import('../../output/screens/queue-stats.js') : undefined;
  const trending =
    trend === undefined
      ? undefined
      : await Promise.all([
          import('../../output/columns/queue-trend.js'),
          import('../../output/screens/queue-trend.js'),
        ]);
  const columns = statColumns(by, seconds);
  const record = (group: StatGroup): object =>
    trend === undefined || trending === undefined
      ? groupJson(group, seconds)
      : { ...groupJson(group, seconds), trend: trending[0].groupTrendJson(trend, group) };
  return {
    schema: parts.schema,
    document: () =>
      statsDocument({
        by,
        now,
        tookMs: Math.round(parts.tookMs()),
        total,
        malformed,
        groups,
        group: record,
        hosts: parts.hosts,
        trend: trend === undefined || trending === undefined ? null : trending[0].trendJson(trend, now),
        holds: parts.holds?.runs.map(parts.holds.json) ?? [],
        errors: parts.errors,
      }),
    rows: groups,
    columns:
      trend === undefined || trending === undefined
        ? columns
        : [...columns, ...trending[0].trendColumns(trend)],
    record,
    screen: (canvas) => {
      const isShape = by.length === 2 && by.includes('age');
      const most = isShape ? Number.POSITIVE_INFINITY : parts.top;
      const first = groups.first(most);
      const [, screen] = trending ?? [];
      return (
        screens?.queueStatsScreen(
          {
            by,
            total,
            groups: first,
            groupCount: groups.count,
            rest: groups.count > most ? groups.rest(most) : null,
            read: parts.reads.length,
            asked: parts.asked,
            missing: parts.missing,
            malformed,
            notes: [...(parts.holds?.lines ?? []), ...(parts.notes ?? [])],
            now,
            next: parts.next,
            trend:
              trend === undefined || screen === undefined
                ? undefined
                : {
                    growth: screen.growthText(trend),
                    isFull: screen.isFull(trend, total),
                    flow: parts.reads.length === 0 ? [] : screen.flowLine(trend),
                    sentences: screen.trendSentences(trend, total, first, seconds),
                    columns: (width) => screen.trendScreenColumns(trend, width),
                  },
          },
          canvas,
        ) ?? []
      );
    },
  };
}

/** The command that says why they wait, of the same hosts or the same file. */
export function whyCommand({
  hosts,
  groups,
  input,
}: {
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly input?: string | undefined;
}): string {
  return formatCommand([
    'mailctl',
    'queue',
    'why',
    ...hosts.flatMap((host) => ['-H', host]),
    ...groups.flatMap((group) => ['-g', group]),
    ...(input === undefined ? [] : ['--input', input]),
  ]);
}

/** What does not count in, for the screen. `had` tells what is known of it. */
export function missingOf(
  { failures, queues }: Pick<ReadReport, 'failures' | 'queues'>,
  had: (host: string, queue: string | null) => string = () => '',
): readonly string[] {
  return [
    ...failures.map(
      ({ host, queue, error }) =>
        `${queue ?? host} not counted: ${withoutHost(error.message, host)}${had(host, queue)}`,
    ),
    ...queues
      .filter(({ isDown }) => isDown)
      .map(({ queue }) => `${queue}: its mail server does not run, nothing of it moves`),
  ];
}

/** The last looks at what failed. */
export function lastKnownOf(
  failed: readonly { readonly host: string; readonly queue: string | null }[],
  kept: readonly LastKnown[],
): readonly LastKnown[] {
  return failed.flatMap(({ host, queue }) =>
    kept.filter((one) => one.host === host && (queue === null || one.queue === queue)),
  );
}

function withoutHost(message: string, host: string): string {
  return message.startsWith(`${host}: `) ? message.slice(host.length + 2) : message;
}
