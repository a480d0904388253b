// From the options of an acting queue command to what is to be done: by selectors and ids, or by what an earlier run
// has left on the hosts. Loaded when such a command runs.
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import { unknownIds } from '../../output/screens/queue-change.js';
import { KeyedMessages } from '../../queue/change.js';
import type { FoundRecord } from '../../queue/desk.js';
import type { Queue, QueueAct } from '../../queue/driver.js';
import { gatherQueues, type QueueFailure } from '../../queue/gather-queues.js';
import { KeyParts } from '../../queue/key-parts.js';
import type { MessageKey } from '../../queue/message.js';
import type { Values } from '../command.js';
import type { Context } from '../context.js';
import type { changeOptions, idArgs } from './change-options.js';
import { changeMessages, type ReportChange } from './change-session.js';
import { chosenMessages, wordsOf } from './chosen-messages.js';
import { deskOf, deskPlace } from './desks.js';
import { openQueues } from './queues.js';
import type { MessageOptions } from './selectors.js';
import type { SourceOptions } from './source.js';

type ChosenOptions = Values<typeof changeOptions, typeof idArgs> & {
  readonly forMs?: number | undefined;
};

/** `ids` is taken by the words themselves: `--id` is given to them. */
export async function changeChosen(act: QueueAct, options: ChosenOptions, context: Context): Promise<number> {
  const selectors: MessageOptions & SourceOptions = options;
  const chosen = await chosenMessages(context, {
    ids: options.words,
    selectors,
    all: options.all,
    asksOnStdin: !options.yes && !options.dryRun,
  });
  const isOpen = act === 'hold' && options.forMs !== undefined && options.words.length === 0;
  const meanwhile = isOpen && options.ids.length === 0 ? wordsOf(selectors) : null;
  return changeMessages(
    {
      act,
      hosts: options.hosts.length === 0 && options.groups.length === 0 ? chosen.hosts : options.hosts,
      groups: options.groups,
      source: {
        kind: 'listed',
        selection: chosen.selection,
        submitter: chosen.filter.wishes.submitter,
        queue: chosen.filter.queue,
        missing: () => chosen.named.missing(),
        ambiguous: () => chosen.named.ambiguous(),
      },
      reason: options.reason,
      yes: options.yes,
      dryRun: options.dryRun,
      forMs: options.forMs,
      meanwhile,
      ends: [],
      undoes: null,
    },
    context,
  );
}

/** How a run of another command is taken back. */
interface TakeBack {
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly reason: string | undefined;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/** Releases what a run has held, and ends its hold. */
export async function releaseRun(
  run: string,
  options: TakeBack & { readonly all?: boolean; readonly words?: readonly string[] },
  context: Context,
  report?: ReportChange,
): Promise<number> {
  if (options.all === true || (options.words ?? []).length > 0)
    throw new UsageError('--run names its messages itself', { hint: 'leave out --all and the ids' });
  const found = await findRecords(run, 'hold', options, context);
  const keyed = new KeyedMessages();
  const known = await readKeys(found, context, (queue, key) => keyed.add(queue, key));
  const names = new Set(known.queues.map(({ name }) => name));
  return changeMessages(
    {
      act: 'release',
      hosts: [...new Set(known.queues.map(({ host }) => host))],
      groups: [],
      source: {
        kind: 'listed',
        selection: { wantsHeld: true, matches: (message) => keyed.takes(message) },
        submitter: false,
        queue: (name) => names.has(name),
        missing: () => [],
        ambiguous: () => [],
      },
      reason: options.reason,
      yes: options.yes,
      dryRun: options.dryRun,
      forMs: undefined,
      meanwhile: null,
      ends: [found.key],
      undoes: run,
      unseen: known.unseen,
    },
    context,
    report,
  );
}

/** Brings back what a run has deleted. */
export async function restoreRun(
  options: TakeBack & { readonly run: string; readonly ids?: readonly string[] },
  context: Context,
): Promise<number> {
  const found = await findRecords(options.run, 'delete', options, context);
  const wanted = new Set(options.ids ?? []);
  const seen = new Set<string>();
  const parts = new Map<string, KeyParts>();
  const known = await readKeys(found, context, (queue, key) => {
    if (wanted.size > 0 && !wanted.has(key.id)) return;
    seen.add(key.id);
    const keys = parts.get(queue.name) ?? new KeyParts();
    parts.set(queue.name, keys);
    keys.add(key);
  });
  if (parts.size === 0 && wanted.size > 0) {
    const silent = [...new Set(known.unseen.map(({ host }) => host))];
    throw new MailctlError(
      `${unknownIds('restore', wanted.size)} (${options.run}): ${[...wanted].slice(0, 5).join(' ')}`,
      {
        code: 'queue.no-message',
        exitCode: silent.length > 0 ? EXIT.partial : EXIT.failed,
        detail:
          silent.length > 0
            ? `not seen: ${silent.slice(0, 5).join(', ')}, which may have saved it; nothing was changed`
            : 'nothing was changed',
        hint: `without --id all of it comes back; what it would be: ${formatCommand(['mailctl', 'queue', 'restore', options.run, '--dry-run', '-o', 'json'])}`,
      },
    );
  }
  return changeMessages(
    {
      act: 'restore',
      hosts: [...new Set(known.queues.map(({ host }) => host))],
      groups: [],
      source: {
        kind: 'saved',
        key: found.key,
        keysOf: (queue: Queue) => parts.get(queue.name),
        queues: new Set(parts.keys()),
        missing: () => [...wanted].filter((id) => !seen.has(id)),
      },
      reason: options.reason,
      yes: options.yes,
      dryRun: options.dryRun,
      forMs: undefined,
      meanwhile: null,
      // All of it is back: the record says nothing any more.
      ends: wanted.size === 0 ? [found.key] : [],
      undoes: options.run,
      unseen: known.unseen,
    },
    context,
  );
}

/** What was found of a run, and what could not be asked for it. */
interface FoundRun {
  readonly key: string;
  readonly records: readonly { queue: Queue; record: FoundRecord }[];
  readonly failures: readonly QueueFailure[];
}

/**
 * The messages of a run, queue by queue. One whose list cannot be read is left out and told with those that did not answer:
 * the others are not kept waiting for it.
 */
async function readKeys(
  { records, failures }: FoundRun,
  context: Context,
  onKey: (queue: Queue, key: MessageKey) => void,
): Promise<{ readonly queues: readonly Queue[]; readonly unseen: readonly QueueFailure[] }> {
  const desk = await deskOf(context, true);
  const unseen = [...failures];
  const queues: Queue[] = [];
  for (const { queue, record } of records) {
    const keys: MessageKey[] = [];
    try {
      const { key } = record.record;
      await desk.keys(deskPlace(queue), key, (one) => keys.push(one), context.interruption.abort);
    } catch (error) {
      if (!(error instanceof MailctlError) || context.interruption.abort.aborted) throw error;
      unseen.push({ host: queue.host, queue: queue.name, error });
      continue;
    }
    queues.push(queue);
    for (const one of keys) onKey(queue, one);
  }
  const [first] = unseen;
  if (queues.length === 0 && first !== undefined) throw first.error;
  return { queues, unseen };
}

/** Looks beside the queues for what a run has left. @throws UsageError when there is nothing, or it is ambiguous */
async function findRecords(
  run: string,
  act: 'hold' | 'delete',
  { hosts, groups }: Pick<TakeBack, 'hosts' | 'groups'>,
  context: Context,
): Promise<FoundRun> {
  const prefix = run.toLowerCase();
  if (!/^[0-9a-f]{2,16}$/.test(prefix))
    throw new UsageError(`${JSON.stringify(run.slice(0, 40))} is no run`, { hint: 'mailctl runs list' });
  const { answers, failures } = await recordsOf(context, { hosts, groups });
  const records = answers.flatMap(({ queue, value }) =>
    value
      .filter(({ record }) => record.act === act && record.key.startsWith(prefix))
      .map((record) => ({ queue, record })),
  );
  const keys = [...new Set(records.map(({ record }) => record.record.key))];
  const [key] = keys;
  if (key === undefined) {
    for (const { error } of failures) context.warn(error.message, error.hint);
    const what = act === 'hold' ? 'a hold' : 'deleted messages';
    throw new MailctlError(`run ${run} has left no record of ${what} on the hosts that were seen`, {
      code: 'queue.no-record',
      exitCode: failures.length > 0 ? EXIT.partial : EXIT.failed,
      detail: 'it is over, has expired, or is on a host that was not asked',
      hint: formatCommand(['mailctl', 'queue', 'holds']),
    });
  }
  if (keys.length > 1) {
    const [first, second] = records.map(({ record }) => record.record);
    throw new UsageError(`${prefix} is the beginning of ${keys.length} runs`, {
      code: 'runs.ambiguous',
      hint: `say which: ${first?.key} of ${first?.operator}@${first?.bastion}, ${second?.key} of ${second?.operator}@${second?.bastion}`,
    });
  }
  return { key, records, failures };
}

/** The records beside all queues that are meant. */
export async function recordsOf(
  context: Context,
  { hosts, groups }: Pick<TakeBack, 'hosts' | 'groups'>,
  acting: { readonly dryRun: boolean } = { dryRun: true },
): Promise<{
  readonly answers: readonly { readonly queue: Queue; readonly value: readonly FoundRecord[] }[];
  readonly failures: readonly QueueFailure[];
}> {
  const fleet = await openQueues(context, { hosts, groups, readOnly: acting.dryRun });
  const desk = await deskOf(context, true);
  return gatherQueues(fleet, (queue, signal) => desk.records(deskPlace(queue), signal), {
    concurrency: context.globals.concurrency,
    signal: context.interruption.abort,
  });
}
