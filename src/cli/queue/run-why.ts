// Does `queue why`: reads queues and logs at once, folds both, prints. Apart from the command, since its parts are
// loaded for no help.

import type { MailctlError } from '../../errors.js';
import { isoOf } from '../../lib/clock.js';
import {
  causeJson,
  outcomeRowJson,
  outcomesJson,
  type WhyRow,
  whyColumns,
} from '../../output/columns/why.js';
import type { QueueMessage, QueueRecipient } from '../../queue/message.js';
import { problemsOf } from '../../queue/read-all.js';
import { type LogsReport, readLogs } from '../../queue/read-logs.js';
import type { MessageFilter } from '../../queue/select.js';
import { type LogTotals, WhyFold, type Windows } from '../../queue/why.js';
import type { Context } from '../context.js';
import { destinationDesk, filterByDestination } from './destinations.js';
import { openQueues } from './queues.js';
import type { MessageOptions } from './selectors.js';
import { messageSource, mustHaveQueues, problemJson, type SourceOptions, tellProblems } from './source.js';

/** What it takes. */
export type WhyOptions = SourceOptions &
  MessageOptions & {
    readonly sinceMs: number;
    readonly compareMs: number | undefined;
    readonly noLog: boolean;
  };

/** The whole command. */
export async function runWhy(schema: string, options: WhyOptions, context: Context): Promise<number> {
  const begunAt = context.clock.monotonic();
  const now = Math.floor(context.clock.now() / 1000);
  const windows = windowsOf(options, now);
  const filter = await filterByDestination(context, options);
  const isNarrow = namesRecipients(options);
  const fold = new WhyFold({
    windows,
    wants: isNarrow ? (message, recipient) => filter.matches(onlyFor(message, recipient), now) : undefined,
    slotOf: await slotsOf(context),
  });
  const source = await messageSource(context, options, filter);
  const { abort: signal } = context.interruption;
  const [report, logs] = await Promise.all([
    source.read(
      (message) => {
        if (filter.isEmpty || filter.matches(message, now)) fold.addMessage(message);
      },
      { ...filter.wishes, signal },
    ),
    readTheLogs(options, context, { filter, windows, fold, now }),
  ]);
  mustHaveQueues(report);
  const desk = await destinationDesk(context, options.noDns);
  const { of } = await desk.resolve(fold.domains());
  await desk.close();

  const why = fold.result(of);
  const hosts = new Set(report.queues.map(({ host }) => host)).size;
  const total = why.causes.reduce((sum, { messages }) => sum + messages, 0);
  const asRow = (row: WhyRow['row']): WhyRow => ({ row, total, hosts, hasLog: logs !== null });
  const rows = why.causes.map(asRow);
  const problems = withoutTwins([...problemsOf(report), ...(logs?.errors ?? [])]);
  const screenModule =
    context.output.format === 'table' ? await import('../../output/screens/why.js') : undefined;
  const unknownLog = unansweredByLogs(options);
  await context.output.print({
    schema,
    document: () => ({
      at: isoOf(now),
      took_ms: Math.round(context.clock.monotonic() - begunAt),
      complete: problems.length === 0 && (logs?.incomplete ?? []).length === 0,
      window: { from: isoOf(windows.from), to: isoOf(now) },
      compared_with:
        windows.before === null ? null : { from: isoOf(windows.before.from), to: isoOf(windows.before.to) },
      queue: {
        messages: why.queue.messages,
        recipients: why.queue.recipients,
        not_tried: why.queue.notTried,
      },
      log: logs === null ? null : logJson(why.log, logs),
      causes: rows.map(causeJson),
      door: why.door.map((row) => causeJson(asRow(row))),
      errors: problems.map(problemJson),
    }),
    rows,
    columns: whyColumns,
    record: causeJson,
    screen: (canvas) =>
      screenModule?.whyScreen(
        {
          why,
          rows,
          windows,
          now,
          logs,
          about: [...options.destinations, ...options.domains].join(', '),
          queues: report.queues.map(({ queue }) => queue),
          missing: [
            ...problems.map(({ message }) => message),
            ...(logs?.incomplete ?? []).map(({ queue, why: what }) => `log of ${queue}: ${what}`),
            ...(unknownLog.length > 0 && options.input === undefined
              ? [`no log was read: it does not know ${unknownLog.join(', ')}`]
              : []),
          ],
        },
        canvas,
      ) ?? [],
  });
  const isTable = context.output.format === 'table';
  if (!isTable)
    for (const { queue, why: what } of logs?.incomplete ?? []) context.warn(`log of ${queue}: ${what}`);
  return tellProblems(context, problems, report, { isOnScreen: isTable });
}

function windowsOf({ sinceMs, compareMs }: WhyOptions, now: number): Windows {
  const length = Math.ceil(sinceMs / 1000);
  const back = Math.max(length, Math.ceil((compareMs ?? sinceMs) / 1000));
  // Our clock and the hosts' are not the same: what is a moment in the future belongs to now.
  return { from: now - length, to: now + 60, before: { from: now - back - length, to: now - back } };
}

interface LogParts {
  readonly filter: MessageFilter;
  readonly windows: Windows;
  readonly fold: WhyFold;
  readonly now: number;
}

async function readTheLogs(
  options: WhyOptions,
  context: Context,
  { filter, windows, fold, now }: LogParts,
): Promise<LogsReport | null> {
  if (options.input !== undefined || options.noLog || unansweredByLogs(options).length > 0) return null;
  const fleet = await openQueues(context, {
    hosts: options.hosts,
    groups: options.groups,
    readOnly: true,
    queue: filter.queue,
  });
  const since = Math.min(windows.from, windows.before?.from ?? windows.from);
  return readLogs(
    fleet,
    since,
    (event, queue, host) => {
      if (!filter.isEmpty) {
        const recipient = { address: event.recipient, reason: event.reason };
        const asMessage = {
          queue,
          host,
          id: event.id,
          state: '',
          arrivedAt: null,
          sizeBytes: 0,
          sender: event.sender,
          submitter: null,
          recipients: [recipient],
        };
        if (!filter.matches(asMessage, now)) return;
      }
      fold.addEvent(event, queue, host);
    },
    { concurrency: context.globals.concurrency, signal: context.interruption.abort },
  );
}

/** Selectors that no line of a log can answer. */
function unansweredByLogs(options: WhyOptions): readonly string[] {
  return [
    ...(options.states.length > 0 ? ['--state'] : []),
    ...(options.submitters.length > 0 ? ['--submitter'] : []),
    ...(options.olderThanMs === undefined ? [] : ['--older-than']),
    ...(options.youngerThanMs === undefined ? [] : ['--younger-than']),
    ...(options.largerThan === undefined ? [] : ['--larger-than']),
    ...(options.smallerThan === undefined ? [] : ['--smaller-than']),
  ];
}

const namesRecipients = ({ domains, destinations, recipients, delayReasons }: WhyOptions): boolean =>
  domains.length + destinations.length + recipients.length + delayReasons.length > 0;

const onlyFor = (message: QueueMessage, recipient: QueueRecipient): QueueMessage => ({
  ...message,
  recipients: [recipient],
});

/** The slot of our own recipients, by the site's form of addresses. */
async function slotsOf(context: Context) {
  const { stores } = await context.config();
  if (stores.recipient === undefined) return undefined;
  const { recipientForm } = await import('../../slot/waiting.js');
  const read = recipientForm(stores.recipient);
  return (address: string) => read(address)?.slot ?? null;
}

/** A host that is away is so for its queue and for its log. */
function withoutTwins(errors: readonly MailctlError[]): readonly MailctlError[] {
  const seen = new Set<string>();
  return errors.filter(({ code, message }) => {
    const key = `${code} ${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function logJson(log: LogTotals, { read, incomplete }: LogsReport): object {
  const most = 1000;
  return {
    ...outcomesJson(log.all.now),
    before: outcomesJson(log.all.before),
    destinations: log.destinations.slice(0, most).map((row) => outcomeRowJson('destination', row)),
    our_addresses: log.sources.slice(0, most).map((row) => outcomeRowJson('address', row)),
    ip_versions: log.families.map((row) => outcomeRowJson('ip_version', row)),
    codes: log.codes.slice(0, most).map((row) => outcomeRowJson('code', row)),
    senders: log.senders.slice(0, 20).map((row) => outcomeRowJson('sender', row)),
    read,
    incomplete: incomplete.map(({ queue, why }) => ({ queue, why })),
  };
}
