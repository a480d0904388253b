// Does `queue stats --trend`: one look at every host, compared with the looks that were kept, and kept itself. What it
// shares with --watch is trend-scene.ts.
import { UsageError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import { Semaphore } from '../../lib/semaphore.js';
import { hadText } from '../../output/screens/queue-trend.js';
import type { QueueLook } from '../../queue/queue-look.js';
import { problemsOf } from '../../queue/read-all.js';
import type { StatKey } from '../../queue/stat-keys.js';
import type { Context } from '../context.js';
import { holdsHere, type StatsOptions, statsFilter } from './run-stats.js';
import { mustHaveQueues, problemJson, tellProblems } from './source.js';
import { hostRows } from './stats-json.js';
import { lastKnownOf, missingOf, type StatsParts, whyCommand } from './stats-view.js';
import { openTrendScene, type Picture, type TrendScene } from './trend-scene.js';

/** The options with their keys. */
export type TrendOptions = StatsOptions & { readonly by: readonly StatKey[] };

/** What logs and kept looks can be grouped by. */
const WHOLE_KEYS: ReadonlySet<StatKey> = new Set(['domain', 'destination', 'queue', 'host']);
/** Looks older than this are no trend. */
const HISTORY_MS = 24 * 3_600_000;

/** The whole command. */
export async function runTrend(schema: string, options: TrendOptions, context: Context): Promise<number> {
  if (options.input !== undefined)
    throw new UsageError(
      `${options.trend ? '--trend' : '--watch'} looks at hosts: a listing is of one time`,
      {
        hint: 'leave out --input',
      },
    );
  const filter = await statsFilter(options, context);
  const isWhole =
    options.by.length === 1 && WHOLE_KEYS.has(options.by[0] as StatKey) && isUnnarrowed(options);
  if (options.trend && !isWhole) {
    throw new UsageError('--trend compares whole queues, by domain, destination, queue or host', {
      detail: 'looks that were kept, and logs, know no other key and no selector',
      hint: 'leave out the selectors (-H, -g and --queue may stay), or use --watch without --trend',
    });
  }
  const scene = await openTrendScene(
    {
      ...options,
      filter,
      wantsSubmitter: filter.wishes.submitter || options.by.includes('submitter'),
      mode: options.trend ? 'whole' : 'watched',
      isFull: options.trend,
      keeps: isWhole,
      isQuiet: options.watch,
    },
    context,
  );
  try {
    if (options.trend) await remember(scene, context);
    if (options.watch) {
      const { watchQueues } = await import('./run-watch.js');
      return await watchQueues({ schema, options, context, scene, keeps: isWhole });
    }
    return await once(schema, options, context, scene);
  } finally {
    await scene.close();
  }
}

async function once(
  schema: string,
  options: TrendOptions,
  context: Context,
  scene: TrendScene,
): Promise<number> {
  const begunAt = context.clock.monotonic();
  const { abort: signal } = context.interruption;
  const places = new Semaphore(context.globals.concurrency);
  const looks = await Promise.all(
    scene.states.map(async (state): Promise<readonly QueueLook[]> => {
      const free = await places.acquire(signal);
      try {
        return await scene.lookAt(state, signal);
      } finally {
        free();
      }
    }),
  );
  await scene.nameConnections();
  const picture = scene.picture();
  mustHaveQueues(picture.report);
  await (await context.queueLooks()).store(looks.flat());
  const parts = await partsOf(schema, options, context, picture, () => context.clock.monotonic() - begunAt);
  const { statsView } = await import('./stats-view.js');
  await context.output.print(await statsView(context, parts));
  const isTable = context.output.format === 'table';
  if (!isTable) {
    for (const text of parts.holds?.passed ?? []) context.warn(text, 'mailctl queue holds');
    for (const text of picture.view.incomplete) context.warn(text);
  }
  return tellProblems(context, problemsOf(picture.report), picture.report, { isOnScreen: isTable });
}

/** What was kept by earlier calls and by the timer. */
async function remember(scene: TrendScene, context: Context): Promise<void> {
  const store = await context.queueLooks();
  const [since, last] = [await store.since(context.clock.now() - HISTORY_MS), await store.latest()];
  scene.remember(since, last);
}

/** A picture as the view takes it. */
export async function partsOf(
  schema: string,
  options: TrendOptions,
  context: Context,
  picture: Picture,
  tookMs: () => number,
): Promise<StatsParts> {
  const { report, now, view } = picture;
  const problems = problemsOf(report);
  const had = (host: string, queue: string | null) =>
    hadText(lastKnownOf([{ host, queue }], view.lastKnown), now);
  const stuck = [...(view.connections ?? [])].find(([, { verdict }]) => verdict === 'sender');
  return {
    schema,
    by: options.by,
    top: options.top,
    now,
    tookMs,
    total: picture.total,
    groups: picture.groups,
    hosts: hostRows(report.queues, picture.queues),
    reads: report.queues,
    asked: report.queues.length + report.failures.length + picture.silent.length,
    missing: [
      ...missingOf(report, had),
      ...picture.silent.map(({ host, seconds }) => `${host}: no answer for ${seconds}s`),
    ],
    errors: problems.map(problemJson),
    holds: await holdsHere(context),
    notes: picture.late.map(
      ({ host, at, seconds }) =>
        `- ${host}: its figures are of ${new Date(at).toISOString().slice(11, 19)}Z, no new answer for ${seconds}s`,
    ),
    next: [
      ...(stuck === undefined ? [] : [formatCommand(['mailctl', 'queue', 'connections', stuck[0]])]),
      ...((picture.total.states.get('deferred') ?? 0) > 0 ? [whyCommand(options)] : []),
    ],
    trend: view,
  };
}

/** No selector but those of hosts and queues. */
function isUnnarrowed(options: TrendOptions): boolean {
  return (
    options.states.length +
      options.domains.length +
      options.destinations.length +
      options.senders.length +
      options.submitters.length +
      options.recipients.length +
      options.delayReasons.length +
      options.ids.length ===
      0 &&
    !options.nullSender &&
    options.olderThanMs === undefined &&
    options.youngerThanMs === undefined &&
    options.largerThan === undefined &&
    options.smallerThan === undefined
  );
}
