// One turn of the timer for holds with an end, and for deleted messages whose time is over. New mail is held under the hold's own record, so that its release knows
// it; a queue that another run acts on is left for the next turn.
import { EXIT, MailctlError } from '../../errors.js';
import type { FoundRecord } from '../../queue/desk.js';
import type { Queue } from '../../queue/driver.js';
import type { QueueFailure } from '../../queue/gather-queues.js';
import { keyLine } from '../../queue/key-parts.js';
import type { MessageKey } from '../../queue/message.js';
import type { Context } from '../context.js';
import { leaveTurn } from '../slots/timer-turn.js';
import { recordsOf, releaseRun } from './change-chosen.js';
import type { ChangeEnd } from './change-report.js';
import { optionsOf } from './chosen-messages.js';
import { deskOf, deskPlace } from './desks.js';
import { filterByDestination } from './destinations.js';
import { refreshHolds } from './holds-file.js';

/** What was done for a hold on a queue. */
export interface Tended {
  readonly run: string;
  readonly queue: string;
  /**
   * `held`: new mail; `released`: its end has passed; `expired`: what was deleted and kept is removed for good;
   * `drain`: its drain died, and the host gives the rest back.
   */
  readonly what: 'held' | 'released' | 'expired' | 'drain';
  /** `owed`: a dry run. */
  readonly outcome: 'done' | 'partial' | 'busy' | 'failed' | 'owed';
  readonly messages: number;
  readonly reason: string | null;
}

/** Tends all holds of the hosts that are meant. */
export async function tendHolds(
  options: {
    readonly hosts: readonly string[];
    readonly groups: readonly string[];
    readonly dryRun: boolean;
  },
  context: Context,
): Promise<{ readonly done: readonly Tended[]; readonly failures: readonly QueueFailure[] }> {
  const { answers, failures } = await recordsOf(context, options, options);
  const now = Math.floor(context.clock.now() / 1000);
  const holds = answers.flatMap(({ queue, value }) =>
    value.filter(({ record }) => record.act === 'hold').map((found) => ({ queue, found })),
  );
  const done: Tended[] = [];
  const passed = new Map<string, { queue: Queue; found: FoundRecord }>();
  for (const one of holds) {
    const { until, meanwhile, key } = one.found.record;
    if (until === null) continue;
    if (until <= now) passed.set(key, one);
    // A run that is at it still holds its messages itself.
    else if (meanwhile !== null && one.found.complete)
      done.push(...(await sweep(one.queue, one.found, now, options.dryRun, context)));
  }
  const { tendDrains } = await import('./tend-drains.js');
  const queues = answers.map(({ queue }) => queue);
  done.push(...(await tendDrains(context, queues, options.dryRun)));
  if (!options.dryRun) await refreshHolds(await context.stateDir(), answers);
  for (const [key, { found }] of passed) done.push(...(await release(key, found, options.dryRun, context)));
  for (const { queue, value } of answers)
    for (const found of value)
      if (found.record.act === 'delete' && found.record.until !== null && found.record.until + 60 <= now)
        done.push(await expire(queue, found, options.dryRun, context));
  if (!options.dryRun) await leaveTurn(await context.stateDir(), context.clock.now(), 'holds');
  return { done, failures };
}

/** Holds what has arrived. */
async function sweep(
  queue: Queue,
  { record }: FoundRecord,
  now: number,
  dryRun: boolean,
  context: Context,
): Promise<readonly Tended[]> {
  const { run, key } = record;
  const told = (outcome: Tended['outcome'], messages: number, reason: string | null): readonly Tended[] => [
    { run, queue: queue.name, what: 'held', outcome, messages, reason },
  ];
  const signal = context.interruption.abort;
  try {
    const selectors = { ...optionsOf(record.meanwhile ?? []), hosts: [queue.host], groups: [] };
    const filter = await filterByDestination(context, selectors);
    if (!filter.queue(queue.name)) return [];
    const keys = new Map<string, MessageKey>();
    await queue.driver.list(
      (message) => {
        if (message.state === 'hold' || message.state === 'corrupt' || !filter.matches(message, now)) return;
        keys.set(message.id, { id: message.id, arrivedAt: message.arrivedAt, sender: message.sender });
      },
      { ...filter.wishes, signal },
    );
    if (keys.size === 0) return [];
    if (dryRun) return told('owed', keys.size, null);
    const desk = await deskOf(context, false);
    const place = deskPlace(queue);
    const { operator, bastion } = { operator: context.operator.name, bastion: context.operator.bastion };
    const taken = await desk.take(place, { holder: { key, operator, bastion }, record, dead: [] }, signal);
    if (!taken.granted) return told('busy', keys.size, `run ${taken.held.key} acts on the queue`);
    try {
      const all = [...keys.values()];
      // Kept before the act: a release must know all of them.
      const lines = all.map((one) => `${keyLine(one)}\n`).join('');
      if (!(await desk.keep(place, key, `t${context.clock.now()}`, lines, signal)))
        return told('busy', keys.size, 'another run has taken the queue');
      if (queue.driver.act === undefined) return told('failed', keys.size, 'its server changes no messages');
      const { changed, failed } = await queue.driver.act('hold', all, {
        guard: desk.guard(place, key),
        signal,
      });
      const isWhole = failed.length === 0;
      return told(isWhole ? 'done' : 'partial', changed ?? all.length, failed[0]?.why ?? null);
    } finally {
      await desk.end(place, key, { complete: true, drop: [] }, signal).catch(() => {});
    }
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
    return told('failed', 0, error.message);
  }
}

/** Removes what was deleted and whose time is over, and its record. */
async function expire(
  queue: Queue,
  { record, messages }: FoundRecord,
  dryRun: boolean,
  context: Context,
): Promise<Tended> {
  const { run, key } = record;
  const told = (outcome: Tended['outcome'], count: number, reason: string | null): Tended => ({
    run,
    queue: queue.name,
    what: 'expired',
    outcome,
    messages: count,
    reason,
  });
  if (dryRun) return told('owed', messages, null);
  const signal = context.interruption.abort;
  try {
    const desk = await deskOf(context, false);
    const place = deskPlace(queue);
    const { name: operator, bastion } = context.operator;
    const taken = await desk.take(place, { holder: { key, operator, bastion }, record, dead: [] }, signal);
    if (!taken.granted) return told('busy', messages, `run ${taken.held.key} acts on the queue`);
    let isGone = false;
    try {
      const count = await queue.driver.forget?.({ guard: desk.guard(place, key), signal });
      isGone = true;
      return told('done', count ?? messages, null);
    } finally {
      await desk.end(place, key, { complete: true, drop: isGone ? [key] : [] }, signal).catch(() => {});
    }
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
    return told('failed', 0, error.message);
  }
}

/** Releases what a hold that has passed has held, by a run of its own. */
async function release(
  key: string,
  { record, messages }: FoundRecord,
  dryRun: boolean,
  context: Context,
): Promise<readonly Tended[]> {
  const told = (queue: string, outcome: Tended['outcome'], count: number, reason: string | null): Tended => ({
    run: record.run,
    queue,
    what: 'released',
    outcome,
    messages: count,
    reason,
  });
  if (dryRun) return [told('', 'owed', messages, null)];
  let end: ChangeEnd | undefined;
  const words = {
    hosts: [],
    groups: [],
    yes: true,
    dryRun: false,
    reason: `the hold of ${record.operator} has ended`,
  };
  try {
    await releaseRun(key, words, context, async (_context, ended) => {
      end = ended;
      return EXIT.done;
    });
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
    return [told('', 'failed', 0, error.message)];
  }
  if (end === undefined || end.rows.length === 0)
    return [told('', 'done', 0, 'nothing of it was held any more')];
  return end.rows.map((row) => {
    const isBusy = row.outcome === 'busy';
    const outcome =
      row.outcome === 'done' ? 'done' : isBusy ? 'busy' : row.outcome === 'partial' ? 'partial' : 'failed';
    return told(row.queue, outcome, row.done ?? 0, row.reason);
  });
}
