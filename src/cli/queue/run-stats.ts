// Does `queue stats`: reads, folds, prints. Apart from the command, since its parts are loaded for no help. A trend and a
// watch are other files, so that the plain call loads nothing of them.
import { existsSync } from 'node:fs';
import { EXIT, UsageError } from '../../errors.js';
import { problemsOf } from '../../queue/read-all.js';
import type { MessageFilter } from '../../queue/select.js';
import type { StatKey } from '../../queue/stat-keys.js';
import { QueueStats } from '../../queue/stats.js';
import type { Context } from '../context.js';
import { filterOf, type MessageOptions } from './selectors.js';
import { messageSource, mustHaveQueues, problemJson, type SourceOptions, tellProblems } from './source.js';

/** What it takes. */
export type StatsOptions = SourceOptions &
  MessageOptions & {
    /** Undefined: domain, with a trend destination. */
    readonly by: readonly StatKey[] | undefined;
    readonly top: number;
    readonly trend: boolean;
    readonly watch: boolean;
    readonly everyMs: number | undefined;
  };

/** The options with their keys. */
type KeyedOptions = StatsOptions & { readonly by: readonly StatKey[] };

/** Reads and folds. `now`: epoch seconds. What shows it is loaded while the hosts are working. */
async function gatherStats(options: KeyedOptions, now: number, context: Context) {
  const filter = await statsFilter(options, context);
  const source = await messageSource(context, options, filter);
  const reasonOf = options.by.includes('reason')
    ? (await import('../../queue/reason-key.js')).reasonKeys()
    : undefined;
  const stats = new QueueStats({ by: options.by, now, reasonOf });
  const reading = source.read(
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
  const [report, view, holds] = await Promise.all([
    reading,
    loadView(context),
    options.input === undefined ? holdsHere(context) : undefined,
  ]);
  if (options.by.includes('destination')) {
    const { destinationDesk } = await import('./destinations.js');
    const desk = await destinationDesk(context, options.noDns);
    const { of } = await desk.resolve(stats.domains());
    await desk.close();
    stats.joinDestinations(of);
  }
  return { stats, report, view, holds };
}

/** A turn of the loop later, when the commands have been started: their answers take longer than this and the next. */
async function loadView(context: Context) {
  await context.clock.sleep(0);
  const [{ hostRows }, view] = await Promise.all([import('./stats-json.js'), import('./stats-view.js')]);
  if (context.output.format === 'table') await import('../../output/screens/queue-stats.js');
  return { hostRows, ...view };
}

/** The test that the selectors make. */
export async function statsFilter(options: StatsOptions, context: Context): Promise<MessageFilter> {
  if (options.destinations.length === 0) return filterOf(options, (domain) => domain);
  const { filterByDestination } = await import('./destinations.js');
  return filterByDestination(context, options);
}

/** The whole command. */
export async function runStats(schema: string, options: StatsOptions, context: Context): Promise<number> {
  if (options.everyMs !== undefined && !options.watch)
    throw new UsageError('--every is how often --watch looks, and --watch is not given', {
      hint: 'add --watch, or leave out --every',
    });
  if (options.trend || options.watch) {
    const by = options.by ?? [options.trend ? ('destination' as const) : ('domain' as const)];
    const { runTrend } = await import('./run-trend.js');
    return runTrend(schema, { ...options, by }, context);
  }
  return runPlain(schema, { ...options, by: options.by ?? ['domain'] }, context);
}

async function runPlain(schema: string, options: KeyedOptions, context: Context): Promise<number> {
  const begunAt = context.clock.monotonic();
  // All ages, and what is too young or too old for a selector, are by one clock: when the looking began.
  const now = context.clock.now();
  const { stats, report, view, holds } = await gatherStats(options, Math.floor(now / 1000), context);
  const { hostRows, missingOf, statsView, whyCommand } = view;
  mustHaveQueues(report);
  const problems = problemsOf(report);
  const { total, queues } = stats.totals();
  await context.output.print(
    await statsView(context, {
      schema,
      by: options.by,
      top: options.top,
      now,
      tookMs: () => context.clock.monotonic() - begunAt,
      total,
      groups: stats.groups(),
      hosts: hostRows(report.queues, queues),
      reads: report.queues,
      asked: report.queues.length + report.failures.length,
      missing: missingOf(report),
      errors: problems.map(problemJson),
      holds,
      next: (total.states.get('deferred') ?? 0) > 0 ? [whyCommand(options)] : [],
    }),
  );
  const isTable = context.output.format === 'table';
  if (!isTable) for (const text of holds?.passed ?? []) context.warn(text, 'mailctl queue holds');
  const exit = tellProblems(context, problems, report, { isOnScreen: isTable });
  if ((total.states.get('hold') ?? 0) === 0 || options.input !== undefined) return exit;
  const { deadDrains } = await import('../drain/dead-drains.js');
  const dead = await deadDrains(context);
  for (const { text, hint } of dead) context.warn(text, hint);
  return exit === EXIT.done && dead.length > 0 ? EXIT.failed : exit;
}

/** Holds that end by themselves, as far as this machine knows of any; where it knows of none nothing is loaded. */
export async function holdsHere(context: Context) {
  await context.clock.sleep(0);
  if (!existsSync(`${await context.stateDirPath()}/holds.json`)) return undefined;
  const { holdsToTell } = await import('./holds-to-tell.js');
  return holdsToTell(context);
}
