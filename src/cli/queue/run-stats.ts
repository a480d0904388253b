// Does `queue stats`: reads, folds, prints. Apart from the command, since its parts are loaded for no help.
import { existsSync } from 'node:fs';
import { formatCommand } from '../../lib/command-text.js';
import { statColumns } from '../../output/columns/queue-stats.js';
import { problemsOf, type ReadReport } from '../../queue/read-all.js';
import type { MessageFilter } from '../../queue/select.js';
import { QueueStats, type StatKey } from '../../queue/stats.js';
import type { Context } from '../context.js';
import { filterOf, type MessageOptions } from './selectors.js';
import { messageSource, mustHaveQueues, problemJson, type SourceOptions, tellProblems } from './source.js';
import { groupJson, hostRows, statsDocument } from './stats-json.js';

/** What it takes. */
export type StatsOptions = SourceOptions &
  MessageOptions & { readonly by: readonly StatKey[]; readonly top: number };

/** Reads and folds. */
async function gatherStats(options: StatsOptions, context: Context) {
  const filter = await statsFilter(options, context);
  const source = await messageSource(context, options, filter);
  const now = Math.floor(context.clock.now() / 1000);
  const reasonOf = options.by.includes('reason')
    ? (await import('../../queue/reason-key.js')).reasonKeys()
    : undefined;
  const stats = new QueueStats({ by: options.by, now, reasonOf });
  const report = await source.read(
    filter.isEmpty
      ? (message) => stats.add(message)
      : (message) => {
          if (filter.matches(message, now)) stats.add(message);
        },
    {
      submitter: filter.wishes.submitter || options.by.includes('submitter'),
      glance: true,
      signal: context.interruption.abort,
    },
  );
  if (options.by.includes('destination')) {
    const { destinationDesk } = await import('./destinations.js');
    const desk = await destinationDesk(context, options.noDns);
    const { of } = await desk.resolve(stats.domains());
    await desk.close();
    stats.joinDestinations(of);
  }
  return { stats, report };
}

async function statsFilter(options: StatsOptions, context: Context): Promise<MessageFilter> {
  if (options.destinations.length === 0) return filterOf(options, (domain) => domain);
  const { filterByDestination } = await import('./destinations.js');
  return filterByDestination(context, options);
}

/** The whole command. */
export async function runStats(schema: string, options: StatsOptions, context: Context): Promise<number> {
  const begunAt = context.clock.monotonic();
  const { stats, report } = await gatherStats(options, context);
  mustHaveQueues(report);
  const now = context.clock.now();
  const problems = problemsOf(report);
  const { total, queues } = stats.totals();
  const groups = stats.groups();
  const malformed = report.queues.reduce((sum, queue) => sum + queue.malformed, 0);
  const screenModule =
    context.output.format === 'table' ? await import('../../output/screens/queue-stats.js') : undefined;
  const holds = options.input === undefined ? await holdsHere(context) : undefined;
  await context.output.print({
    schema,
    document: () =>
      statsDocument({
        by: options.by,
        now,
        tookMs: Math.round(context.clock.monotonic() - begunAt),
        total,
        malformed,
        groups,
        hosts: hostRows(report.queues, queues),
        holds: holds?.runs.map(holds.json) ?? [],
        errors: problems.map(problemJson),
      }),
    rows: groups,
    columns: statColumns(options.by, stats.now),
    record: (group) => groupJson(group, stats.now),
    screen: (canvas) => {
      const isShape = options.by.length === 2 && options.by.includes('age');
      const most = isShape ? Number.POSITIVE_INFINITY : options.top;
      return (
        screenModule?.queueStatsScreen(
          {
            by: options.by,
            total,
            groups: groups.first(most),
            groupCount: groups.count,
            rest: groups.count > most ? groups.rest(most) : null,
            read: report.queues.length,
            asked: report.queues.length + report.failures.length,
            missing: missingOf(report),
            malformed,
            notes: holds?.lines ?? [],
            now,
            next: (total.states.get('deferred') ?? 0) > 0 ? [nextCommand(options)] : [],
          },
          canvas,
        ) ?? []
      );
    },
  });
  const isTable = context.output.format === 'table';
  if (!isTable) for (const text of holds?.passed ?? []) context.warn(text, 'mailctl queue holds');
  return tellProblems(context, problems, report, { isOnScreen: isTable });
}

/** Holds that end by themselves, as far as this machine knows of any; where it knows of none nothing is loaded. */
async function holdsHere(context: Context) {
  if (!existsSync(`${await context.stateDirPath()}/holds.json`)) return undefined;
  const { holdsToTell } = await import('./holds-to-tell.js');
  return holdsToTell(context);
}

/** The command that says why they wait, of the same hosts or the same file. */
function nextCommand({ hosts, groups, input }: StatsOptions): string {
  return formatCommand([
    'mailctl',
    'queue',
    'why',
    ...hosts.flatMap((host) => ['-H', host]),
    ...groups.flatMap((group) => ['-g', group]),
    ...(input === undefined ? [] : ['--input', input]),
  ]);
}

/** What does not count in, for the screen. */
function missingOf({ failures, queues }: ReadReport): readonly string[] {
  return [
    ...failures.map(
      ({ host, queue, error }) => `${queue ?? host} not counted: ${withoutHost(error.message, host)}`,
    ),
    ...queues
      .filter(({ isDown }) => isDown)
      .map(({ queue }) => `${queue}: its mail server does not run, nothing of it moves`),
  ];
}

function withoutHost(message: string, host: string): string {
  return message.startsWith(`${host}: `) ? message.slice(host.length + 2) : message;
}
