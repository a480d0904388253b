// One turn of the timer for holds with an end, and for deleted messages whose time is over. New mail is held under the hold's own record, so that its release knows
// it; a queue that another run acts on is left for the next turn.
import { EXIT, MailctlError } from '../../errors.js';
import type { FoundRecord } from '../../queue/desk.js';
import type { Queue } from '../../queue/driver.js';
import type { QueueFailure } from '../../queue/gather-queues.js';
import { keyLine } from '../../queue/key-parts.js';
import type { MessageKey } from '../../queue/message.js';
import type { MessageFilter } from '../../queue/select.js';
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

/** A hold on a queue. */
interface FoundHold {
  readonly queue: Queue;
  readonly found: FoundRecord;
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
  const passed = new Map<string, FoundHold[]>();
  const standing = new Map<Queue, FoundRecord[]>();
  for (const one of holds) {
    const { until, meanwhile, key } = one.found.record;
    if (until === null) continue;
    if (until <= now) passed.set(key, [...(passed.get(key) ?? []), one]);
    // A run that is at it still holds its messages itself.
    else if (meanwhile !== null && one.found.complete)
      standing.set(one.queue, [...(standing.get(one.queue) ?? []), one.found]);
  }
  for (const [queue, found] of standing)
    done.push(...(await sweep(queue, found, now, options.dryRun, context)));
  const { tendDrains } = await import('./tend-drains.js');
  const queues = answers.map(({ queue }) => queue);
  done.push(...(await tendDrains(context, queues, options.dryRun)));
  if (!options.dryRun) await refreshHolds(await context.stateDir(), answers);
  for (const [key, found] of passed) done.push(...(await release(key, found, options.dryRun, context)));
  for (const { queue, value } of answers)
    for (const found of value)
      if (found.record.act === 'delete' && found.record.until !== null && found.record.until + 60 <= now)
        done.push(await expire(queue, found, options.dryRun, context));
  if (!options.dryRun) await leaveTurn(await context.stateDir(), context.clock.now(), 'holds');
  return { done, failures };
}

/** A hold with its test, and what fits it. */
interface StandingHold {
  readonly found: FoundRecord;
  readonly filter: MessageFilter;
  readonly keys: Map<string, MessageKey>;
}

/** Holds what has arrived, of all holds that stand on a queue: it is listed once. */
async function sweep(
  queue: Queue,
  found: readonly FoundRecord[],
  now: number,
  dryRun: boolean,
  context: Context,
): Promise<readonly Tended[]> {
  const done: Tended[] = [];
  const standing: StandingHold[] = [];
  for (const one of found) {
    try {
      const selectors = { ...optionsOf(one.record.meanwhile ?? []), hosts: [queue.host], groups: [] };
      const filter = await filterByDestination(context, selectors);
      // Where a server has queues of its own within this one, their names are what is meant.
      if (filter.queue(queue.name) || queue.driver.queuesWithin !== undefined)
        standing.push({ found: one, filter, keys: new Map() });
    } catch (error) {
      done.push(failedSweep(queue, one, error));
    }
  }
  if (standing.length === 0) return done;
  try {
    await queue.driver.list(
      (message) => {
        if (message.state === 'hold' || message.state === 'corrupt') return;
        const { id, arrivedAt, sender } = message;
        for (const { filter, keys } of standing)
          if (filter.matches(message, now)) keys.set(id, { id, arrivedAt, sender });
      },
      {
        submitter: standing.some(({ filter }) => filter.wishes.submitter),
        signal: context.interruption.abort,
      },
    );
  } catch (error) {
    return [...done, ...standing.map((one) => failedSweep(queue, one.found, error))];
  }
  const taken = new Set<string>();
  for (const { found: one, keys } of standing) {
    // A message is in one record, or the hold that ends first would release what another still holds.
    for (const id of taken) keys.delete(id);
    if (keys.size === 0) continue;
    for (const id of keys.keys()) taken.add(id);
    done.push(await holdNew(queue, one, [...keys.values()], dryRun, context));
  }
  return done;
}

/** @throws what is no MailctlError */
function failedSweep(queue: Queue, { record }: FoundRecord, error: unknown): Tended {
  if (!(error instanceof MailctlError)) throw error;
  const { run } = record;
  return { run, queue: queue.name, what: 'held', outcome: 'failed', messages: 0, reason: error.message };
}

/** Holds these under a hold's record. */
async function holdNew(
  queue: Queue,
  found: FoundRecord,
  all: readonly MessageKey[],
  dryRun: boolean,
  context: Context,
): Promise<Tended> {
  const { record } = found;
  const { run, key } = record;
  const told = (outcome: Tended['outcome'], messages: number, reason: string | null): Tended => ({
    run,
    queue: queue.name,
    what: 'held',
    outcome,
    messages,
    reason,
  });
  if (dryRun) return told('owed', all.length, null);
  const signal = context.interruption.abort;
  try {
    const desk = await deskOf(context, false);
    const place = deskPlace(queue);
    const { operator, bastion } = { operator: context.operator.name, bastion: context.operator.bastion };
    const taken = await desk.take(place, { holder: { key, operator, bastion }, record, dead: [] }, signal);
    if (!taken.granted) return told('busy', all.length, `run ${taken.held.key} acts on the queue`);
    try {
      // Kept before the act: a release must know all of them.
      const lines = all.map((one) => `${keyLine(one)}\n`).join('');
      if (!(await desk.keep(place, key, `t${context.clock.now()}`, lines, signal)))
        return told('busy', all.length, 'another run has taken the queue');
      if (queue.driver.act === undefined) return told('failed', all.length, 'its server changes no messages');
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
    return failedSweep(queue, found, error);
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

/** Releases what a hold that has passed has held on these queues, by a run of its own. */
async function release(
  key: string,
  holds: readonly FoundHold[],
  dryRun: boolean,
  context: Context,
): Promise<readonly Tended[]> {
  const { run, operator } = holds[0]?.found.record ?? { run: key, operator: '?' };
  const told = (queue: string, outcome: Tended['outcome'], count: number, reason: string | null): Tended => ({
    run,
    queue,
    what: 'released',
    outcome,
    messages: count,
    reason,
  });
  if (dryRun) return holds.map(({ queue, found }) => told(queue.name, 'owed', found.messages, null));
  let end: ChangeEnd | undefined;
  const words = {
    // What is on other hosts is theirs whom those are asked of.
    hosts: [...new Set(holds.map(({ queue }) => queue.host))],
    groups: [],
    yes: true,
    dryRun: false,
    reason: `the hold of ${operator} has ended`,
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
  const unseen = (end?.failures ?? []).map(({ host, queue, error }) =>
    told(queue ?? host, 'failed', 0, error.message),
  );
  if (end === undefined || end.rows.length === 0)
    return unseen.length > 0 ? unseen : [told('', 'done', 0, 'nothing of it was held any more')];
  const rows = end.rows.map((row) => {
    const isBusy = row.outcome === 'busy';
    const outcome =
      row.outcome === 'done' ? 'done' : isBusy ? 'busy' : row.outcome === 'partial' ? 'partial' : 'failed';
    return told(row.queue, outcome, row.done ?? 0, row.reason);
  });
  return [...rows, ...unseen];
}
