// Does `queue sample`: counts every queue by domain, keeps the counts, and tends holds where that is asked for. What
// holds owe comes first, since a host that hangs must not keep it waiting.
import { formatIso, isoOf } from '../../lib/clock.js';
import { looksOf } from '../../queue/queue-look.js';
import { problemsOf } from '../../queue/read-all.js';
import { messageFilter } from '../../queue/select.js';
import { QueueStats } from '../../queue/stats.js';
import type { Context } from '../context.js';
import { reportError, sentenceOf } from '../report.js';
import { noSelectors } from './selectors.js';
import { messageSource, mustHaveQueues, problemJson } from './source.js';
import { tendedColumns } from './tend.js';
import type { Tended } from './tend-holds.js';

/** What it takes. */
export interface SampleOptions {
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly doOwed: boolean;
}

/** The whole command. `isWhole`: every queue was read, and nothing owed has failed. */
export async function runSample(
  schema: string,
  options: SampleOptions,
  context: Context,
): Promise<{ readonly isWhole: boolean }> {
  await context.migrateState();
  const now = context.clock.now();
  const everything = messageFilter(noSelectors, (domain) => domain);
  const source = await messageSource(context, options, everything, { isShared: options.doOwed });
  const byDomain = new QueueStats({ by: ['queue', 'domain'], now: Math.floor(now / 1000) });
  const tending = options.doOwed ? tend(options, context) : undefined;
  const report = await source.read((message) => byDomain.add(message), {
    glance: true,
    signal: context.interruption.abort,
  });
  const { done, failures } = (await tending) ?? { done: [], failures: [] };
  mustHaveQueues(report);
  const looks = looksOf(byDomain, report.queues, now);
  await (await context.queueLooks()).store(looks);
  const problems = problemsOf(report);
  // A host that is away is so for its queue and for its holds.
  const known = new Set(problems.map(({ message }) => message));
  const others = failures.filter(({ error }) => !known.has(error.message));
  const told = done.filter(({ outcome }) => outcome !== 'busy');
  const isDocument = context.output.format === 'json' || context.output.format === 'ndjson';
  if (isDocument || told.length > 0) {
    await context.output.print({
      schema,
      document: () => ({
        at: formatIso(now),
        queues: looks.map((look) => ({
          host: look.host,
          queue: look.queue,
          messages: look.messages,
          recipients: look.recipients,
          size_bytes: look.sizeBytes,
          oldest_at: isoOf(look.oldestAt),
          held: look.held,
        })),
        done,
        errors: [
          ...problems.map(problemJson),
          ...others.map(({ host, error }) => ({ ...reportError(error).report, host })),
        ],
      }),
      rows: told,
      columns: tendedColumns,
    });
  }
  for (const error of [...problems, ...others.map((other) => other.error)])
    context.warn(sentenceOf(error), error.hint);
  const isWrong = done.some(({ outcome }) => outcome === 'failed' || outcome === 'partial');
  return { isWhole: problems.length + others.length === 0 && !isWrong };
}

async function tend(options: SampleOptions, context: Context) {
  const { tendHolds } = await import('./tend-holds.js');
  const { done, failures } = await tendHolds({ ...options, dryRun: false }, context);
  return { done: done as readonly Tended[], failures };
}
