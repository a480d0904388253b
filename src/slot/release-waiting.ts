// Lets mail that waits for moved slots go at a measured pace. An MTA's own back-off can be an hour; flushing
// everything at once trips the limits of whoever takes it. So: a few of each slot first, to see that they arrive;
// then the rest, so many a second on each MX, no more than it can deliver; what is deferred again is left alone.
import { EXIT, MailctlError } from '../errors.js';
import { type Clock, formatIso } from '../lib/clock.js';
import { compareNames } from '../lib/natural.js';
import type { Queue } from '../queue/driver.js';
import {
  type SlotRoad,
  UNKNOWN_SLOT,
  WaitingFold,
  type WaitingList,
  type WaitingMessage,
  type WaitingRow,
  type Whose,
} from './waiting.js';

/** What a release needs. */
export interface ReleaseParts {
  readonly queues: readonly Queue[];
  readonly clock: Clock;
  /** Messages a second on each queue. */
  readonly ratePerSecond: number;
  /** How long it may take before it is left to a later command. */
  readonly timeoutMs: number;
  /** The operator asks to stop after the batch in hand. */
  readonly finish: AbortSignal;
  /** Who reads recipients; asked once. */
  readonly whose: (roads: readonly SlotRoad[]) => Promise<Whose>;
}

/** Of each slot these go first: a slot that takes none of them is not asked to take more. */
const PROBES = 3;
/**
 * They are tried again after these times: an MX may remember for half a minute where the slot was (Postfix's qmgr
 * does, of the recipient it asked for last), and its maps may be built by a clock.
 */
const PROBE_AGAIN_MS = [5000, 10_000, 20_000, 20_000];
/** A message that was deferred again is tried once more: its slot may only have been short of breath. */
const TRIES = 2;
/** How long messages in delivery are waited for before they count as left. */
const SETTLE_MS = 60_000;
/** Ids in one call. */
const MOST_AT_ONCE = 1000;
const TICK_MS = 1000;

/** One queue, as it is being worked on. */
interface Work {
  readonly queue: Queue;
  list: WaitingList | undefined;
  keptBack: readonly string[];
  listedMs: number;
  /** Every id that was seen waiting, by slot. */
  readonly seen: Map<string, Set<string>>;
  /** Ids that were given to the queue manager. */
  readonly released: Set<string>;
  /** Times that an id was given to it since its slot is known to take mail. */
  readonly tries: Map<string, number>;
  /** Slots that have taken something. */
  readonly proven: Set<string>;
  /** Slots that took nothing: how often, and when they are asked again (clock.monotonic). */
  readonly doubts: Map<string, { readonly times: number; readonly again: number }>;
  readonly barred: Set<string>;
  problem: string | undefined;
}

/** Counts and releases; one for each run of mailctl. */
export class WaitingDesk {
  readonly #parts: ReleaseParts;
  #works: readonly Work[] | undefined;
  #whose: Promise<Whose> | undefined;
  #ended: { readonly code: string; readonly reason: string } | 'done' | undefined;
  #spentMs = 0;

  constructor(parts: ReleaseParts) {
    this.#parts = parts;
  }

  /** Time that releasing took, ms: the slots were served long before. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** How the release ended; undefined: there was none yet. */
  get ended(): { readonly code: string; readonly reason: string } | 'done' | undefined {
    return this.#ended;
  }

  /** Lists all queues; what cannot be seen is in the rows. Changes nothing. */
  async look(roads: readonly SlotRoad[], signal: AbortSignal): Promise<readonly WaitingRow[]> {
    const startedAt = this.#parts.clock.monotonic();
    this.#whose ??= this.#parts.whose(roads);
    const whose = await this.#whose;
    this.#works ??= this.#parts.queues.map((queue) => ({
      queue,
      list: undefined,
      keptBack: [],
      listedMs: 0,
      seen: new Map(),
      released: new Set(),
      tries: new Map(),
      proven: new Set(),
      doubts: new Map(),
      barred: new Set(),
      problem: undefined,
    }));
    await Promise.all(this.#works.map((work) => guarded(work, () => this.#list(work, whose, signal))));
    this.#spentMs += this.#parts.clock.monotonic() - startedAt;
    return this.rows() ?? [];
  }

  /** Releases what `look` found. @throws MailctlError when it is left before its end */
  async release(roads: readonly SlotRoad[], signal: AbortSignal, say: (text: string) => void): Promise<void> {
    const { clock, timeoutMs, finish } = this.#parts;
    if (this.#works === undefined) await this.look(roads, signal);
    const whose = await (this.#whose as Promise<Whose>);
    const works = this.#works ?? [];
    const startedAt = clock.monotonic();
    const stop = () => signal.aborted || finish.aborted || clock.monotonic() - startedAt >= timeoutMs;
    const tell = () => say(this.#progress(works));
    try {
      await Promise.all(
        works.map((work) => guarded(work, () => this.#empty(work, whose, signal, stop, tell))),
      );
    } finally {
      this.#spentMs += clock.monotonic() - startedAt;
    }
    const left = works.flatMap((work) => todoOf(work)).length;
    if (left > 0 && stop()) {
      const waits = `${left} ${left === 1 ? 'message waits' : 'messages wait'} still`;
      this.#ended = finish.aborted
        ? { code: 'run.stopped', reason: `the operator stopped the release, ${waits}` }
        : { code: 'slot.waiting', reason: `${waits} after ${Math.round(timeoutMs / 1000)} s of releasing` };
      throw new MailctlError(this.#ended.reason, { code: this.#ended.code, exitCode: EXIT.incomplete });
    }
    this.#ended = 'done';
  }

  /** The commands of a release, for people. */
  preview(): readonly string[] {
    return [...new Set(this.#parts.queues.flatMap(({ driver }) => driver.preview('retry')))];
  }

  /** What is known; undefined: nothing was looked at. Only what waits, and queues that could not be seen. */
  rows(): readonly WaitingRow[] | undefined {
    return this.#works?.flatMap(rowsOf);
  }

  async #list(work: Work, whose: Whose, signal: AbortSignal): Promise<WaitingList> {
    const startedAt = this.#parts.clock.monotonic();
    const fold = new WaitingFold(whose);
    const { keptBack } = await work.queue.driver.list((message) => fold.add(message), { signal });
    work.list = fold;
    work.keptBack = keptBack;
    work.listedMs = this.#parts.clock.monotonic() - startedAt;
    for (const { id, slots } of fold.messages.values())
      for (const slot of slots) work.seen.set(slot, (work.seen.get(slot) ?? new Set()).add(id));
    return fold;
  }

  async #empty(
    work: Work,
    whose: Whose,
    signal: AbortSignal,
    stop: () => boolean,
    tell: () => void,
  ): Promise<void> {
    if (work.list === undefined) return;
    if (work.keptBack.length > 0) {
      // A new try would override it.
      if (work.list.messages.size > 0)
        work.problem = `its defer_transports keeps back ${work.keptBack.join(', ')}`;
      return;
    }
    // What is on its way now may be deferred at the place where the slot was.
    const moving = [...work.list.messages.values()].filter(({ state }) => isMoving(state));
    if (moving.length > 0) await this.#settle(work, moving, whose, signal, stop);
    const { clock } = this.#parts;
    while (!stop()) {
      const todo = todoOf(work);
      if (todo.length === 0) return;
      const batch = nextOf(work, todo, clock.monotonic());
      if (batch.length === 0) {
        await clock.sleep(TICK_MS, signal);
        continue;
      }
      await this.#pour(work, batch, signal, stop, tell);
      await this.#settle(work, batch, whose, signal, stop);
      judgeRound(work, batch, clock.monotonic());
      tell();
    }
  }

  /** So many a second, and no more than are being delivered. */
  async #pour(
    work: Work,
    batch: readonly WaitingMessage[],
    signal: AbortSignal,
    stop: () => boolean,
    tell: () => void,
  ): Promise<void> {
    const { clock, ratePerSecond } = this.#parts;
    const atOnce = Math.max(1, Math.min(MOST_AT_ONCE, Math.round(ratePerSecond)));
    const tickMs = Math.max(TICK_MS, (atOnce / ratePerSecond) * 1000);
    const window = Math.max(50, atOnce * 5);
    for (let at = 0; at < batch.length && !stop(); ) {
      const startedAt = clock.monotonic();
      const ids = batch.slice(at, at + atOnce).map(({ id }) => id);
      const { inFlight } = await work.queue.driver.retry(ids, signal);
      for (const id of ids) {
        work.released.add(id);
        work.tries.set(id, (work.tries.get(id) ?? 0) + 1);
      }
      at += ids.length;
      tell();
      if (at >= batch.length) return;
      await clock.sleep(Math.max(0, tickMs - (clock.monotonic() - startedAt)), signal);
      let crowd = inFlight ?? 0;
      for (let waits = 0; crowd > window && waits < 60 && !stop(); waits++) {
        await clock.sleep(TICK_MS, signal);
        crowd = (await work.queue.driver.retry([], signal)).inFlight ?? 0;
      }
    }
  }

  /** Until none of them is being delivered any more. */
  async #settle(
    work: Work,
    batch: readonly WaitingMessage[],
    whose: Whose,
    signal: AbortSignal,
    stop: () => boolean,
  ): Promise<void> {
    const { clock } = this.#parts;
    const startedAt = clock.monotonic();
    let waitMs = 300;
    for (;;) {
      await clock.sleep(waitMs, signal);
      const { messages } = await this.#list(work, whose, signal);
      const moves = batch.some(({ id }) => isMoving(messages.get(id)?.state));
      if (!moves || stop() || clock.monotonic() - startedAt > SETTLE_MS) return;
      // A long queue is dear to list.
      waitMs = Math.min(10_000, Math.max(waitMs * 2, work.listedMs * 2));
    }
  }

  #progress(works: readonly Work[]): string {
    const { clock, ratePerSecond } = this.#parts;
    const released = works.reduce((sum, work) => sum + work.released.size, 0);
    const rest = works.map((work) => todoOf(work).filter(({ id }) => !work.released.has(id)).length);
    const doubts = works.flatMap((work) =>
      [...work.doubts.keys()].filter((slot) => !work.barred.has(slot)).map((slot) => [work.queue.name, slot]),
    );
    const [doubt] = doubts;
    if (
      doubt !== undefined &&
      rest.every((count, index) => count === 0 || (works[index]?.doubts.size ?? 0) > 0)
    )
      return `${doubt[0]} gets no mail to ${doubt[1] || 'a slot'} yet, it is tried again: ${released} of ${released + rest.reduce((sum, count) => sum + count, 0)} released`;
    const total = released + rest.reduce((sum, count) => sum + count, 0);
    const eta = formatIso(clock.now() + (Math.max(0, ...rest) / ratePerSecond) * 1000).slice(11);
    return `releasing mail on ${works.map(({ queue }) => queue.name).join(', ')}: ${released} of ${total}, empty about ${eta}`;
  }
}

/** A queue that cannot be asked costs its own rows. */
async function guarded(work: Work, ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
    work.problem = error.message;
  }
}

const isMoving = (state: string | undefined): boolean => state === 'active' || state === 'incoming';

/** What may be given to the queue manager now, oldest first. */
function todoOf(work: Work): readonly WaitingMessage[] {
  return [...(work.list?.messages.values() ?? [])]
    .filter(
      ({ id, state, slots }) =>
        state === 'deferred' &&
        (work.tries.get(id) ?? 0) < TRIES &&
        slots.some((slot) => !work.barred.has(slot)),
    )
    .sort((a, b) => a.arrivedAt - b.arrivedAt);
}

/** All of slots that take mail; of the others a few, when it is time to ask them. */
function nextOf(work: Work, todo: readonly WaitingMessage[], now: number): readonly WaitingMessage[] {
  const counts = new Map<string, number>();
  return todo.filter(({ slots }) =>
    slots.some((slot) => {
      if (work.barred.has(slot) || (work.doubts.get(slot)?.again ?? 0) > now) return false;
      if (work.proven.has(slot)) return true;
      const count = counts.get(slot) ?? 0;
      counts.set(slot, count + 1);
      return count < PROBES;
    }),
  );
}

/** A slot that took none of what was tried is asked again later, and in the end left alone. */
function judgeRound(work: Work, batch: readonly WaitingMessage[], now: number): void {
  const took = new Set<string>();
  const refused = new Set<string>();
  for (const { id, slots } of batch) {
    const seen = work.list?.messages.get(id);
    for (const slot of slots)
      (seen?.state === 'deferred' && seen.slots.includes(slot) ? refused : took).add(slot);
  }
  for (const slot of took) {
    work.proven.add(slot);
    work.doubts.delete(slot);
  }
  for (const slot of refused) {
    if (took.has(slot)) continue;
    const times = (work.doubts.get(slot)?.times ?? 0) + 1;
    const waitMs = PROBE_AGAIN_MS[times - 1];
    work.doubts.set(slot, { times, again: now + (waitMs ?? 0) });
    work.proven.delete(slot);
    if (waitMs === undefined) work.barred.add(slot);
    // What was tried while nobody could take it has its tries before it.
    for (const { id, slots } of batch) if (slots.includes(slot)) work.tries.delete(id);
  }
}

function rowsOf(work: Work): readonly WaitingRow[] {
  const mx = work.queue.name;
  const { list, problem } = work;
  if (list === undefined)
    return [
      { mx, slot: null, messages: null, released: 0, left: null, held: 0, problem: problem ?? 'not seen' },
    ];
  const slots = [...work.seen].sort(([a], [b]) => compareNames(a, b));
  return slots.map(([slot, ids]) => {
    const there = [...ids].flatMap((id) => {
      const message = list.messages.get(id);
      return message?.slots.includes(slot) ? [message] : [];
    });
    const stuck = there.find(({ id, state }) => state === 'deferred' && work.released.has(id));
    return {
      mx,
      slot: slot === UNKNOWN_SLOT ? null : slot,
      messages: ids.size,
      released: [...ids].filter((id) => work.released.has(id)).length,
      left: there.length,
      held: there.filter(({ state }) => state === 'hold').length,
      problem: there.length === 0 ? null : (problem ?? stuck?.reason ?? null),
    };
  });
}
