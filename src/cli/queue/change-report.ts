// What the acting queue commands print: a document, rows, a screen.
import { formatIso } from '../../lib/clock.js';
import { messageJson } from '../../output/columns/messages.js';
import { type ChangeOutcome, type ChangeRow, changeColumns } from '../../output/columns/queue-change.js';
import type { Line } from '../../output/line.js';
import { changeEndScreen, unknownIds } from '../../output/screens/queue-change.js';
import type { ChangeTotals } from '../../queue/change.js';
import type { QueueAct } from '../../queue/driver.js';
import type { QueueFailure } from '../../queue/gather-queues.js';
import type { QueueMessage } from '../../queue/message.js';
import type { Context } from '../context.js';
import { reportError } from '../report.js';
import { CHANGE_SCHEMA } from './change-options.js';

/** How a command ended. */
export interface ChangeEnd {
  readonly act: QueueAct;
  /** Null: nothing was begun. */
  readonly run: string | null;
  readonly outcome: ChangeOutcome;
  readonly exit: number;
  readonly dryRun: boolean;
  readonly totals: ChangeTotals;
  readonly rows: readonly ChangeRow[];
  readonly failed: readonly { readonly queue: string; readonly id: string; readonly why: string }[];
  readonly failures: readonly QueueFailure[];
  readonly missing: readonly string[];
  readonly tookMs: number;
  readonly domains: readonly { readonly domain: string; readonly messages: number }[];
  readonly sample: readonly QueueMessage[];
  /** Epoch seconds. */
  readonly until: number | null;
  readonly reason: string | null;
  readonly next: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** Prints the end; gives its exit code. */
export async function printChange(context: Context, end: ChangeEnd): Promise<number> {
  const silent = silentOf(end);
  (await context.progress()).end();
  await context.output.print({
    schema: CHANGE_SCHEMA,
    document: () => documentOf(context, end),
    rows: end.rows,
    columns: changeColumns,
    screen: (canvas) => changeEndScreen({ ...end, silent }, canvas),
  });
  if (context.output.format !== 'table') warnOf(context, end);
  return end.exit;
}

/** Prints a dry run. */
export async function printPlanned(
  context: Context,
  end: ChangeEnd & { readonly screen: readonly Line[] },
): Promise<number> {
  (await context.progress()).end();
  const last = 'dry run: nothing was changed; that it would go well today is no promise';
  await context.output.print({
    schema: CHANGE_SCHEMA,
    document: () => documentOf(context, end),
    rows: end.rows,
    columns: changeColumns,
    screen: () => [...end.screen, '', last],
  });
  if (context.output.format !== 'table') warnOf(context, end);
  return end.exit;
}

function silentOf({ failures }: ChangeEnd): readonly { readonly host: string; readonly message: string }[] {
  return failures.map(({ host, queue, error }) => ({ host: queue ?? host, message: error.message }));
}

function warnOf(context: Context, end: ChangeEnd): void {
  for (const { error } of end.failures) context.warn(error.message, error.hint);
  if (end.missing.length > 0)
    context.warn(`${unknownIds(end.act, end.missing.length)}: ${end.missing.slice(0, 5).join(' ')}`);
}

function documentOf(context: Context, end: ChangeEnd): object {
  const now = Math.floor(context.clock.now() / 1000);
  const { totals } = end;
  return {
    at: formatIso(context.clock.now()),
    took_ms: Math.round(end.tookMs),
    act: end.act,
    run: end.run,
    outcome: end.outcome,
    dry_run: end.dryRun,
    reason: end.reason,
    until: end.until === null ? null : formatIso(end.until * 1000),
    total: {
      messages: totals.messages,
      recipients: totals.recipients,
      size_bytes: totals.sizeBytes,
      oldest_at: totals.oldestAt === null ? null : formatIso(totals.oldestAt * 1000),
      left_alone: totals.already,
    },
    domains: end.domains,
    sample: end.sample.map((message) => messageJson({ message, now })),
    queues: end.rows,
    failed: end.failed,
    unknown_ids: end.missing,
    next: end.next.map((words) => words.join(' ')),
    errors: end.failures.map(({ host, error }) => ({ ...reportError(error).report, host })),
  };
}
