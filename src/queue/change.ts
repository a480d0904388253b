// What an act on messages would touch, before anything is touched: which of the messages that were asked for it fits
// (a message that is held already is not held again, so that an undo releases exactly what a run has held), how many,
// how much, how old, for whom, and a sample. One pass, nothing kept but keys and figures. Pure.
import type { QueueAct } from './driver.js';
import { KeyParts } from './key-parts.js';
import { domainOf, type MessageKey, type QueueMessage } from './message.js';

/** Messages shown as a sample. */
export const SAMPLE_SIZE = 10;

/** What a part of the queues comes to. */
export interface ChangeTotals {
  readonly messages: number;
  readonly recipients: number;
  readonly sizeBytes: number;
  /** Epoch seconds; null: no message says. */
  readonly oldestAt: number | null;
  /** Messages that were asked for and are so already, or to which the act does not fit. */
  readonly already: number;
}

/** Whether an act fits a message in this state. */
export function fits(act: QueueAct, state: string, wantsHeld: boolean): boolean {
  switch (act) {
    case 'hold':
      return state !== 'hold' && state !== 'corrupt';
    case 'release':
      return state === 'hold';
    case 'flush':
      return state === 'deferred';
    case 'requeue':
      // It would release what somebody has held: only who says so means that.
      return state !== 'corrupt' && (state !== 'hold' || wantsHeld);
    case 'delete':
      return true;
    case 'restore':
      return false;
  }
}

/** Why a message that was asked for is left alone; for people. */
export function whyLeft(act: QueueAct): string {
  switch (act) {
    case 'hold':
      return 'held already';
    case 'release':
      return 'not held';
    case 'flush':
      return 'not deferred: held, or being delivered now';
    case 'requeue':
      return 'held: --state hold requeues those too';
    default:
      return 'left alone';
  }
}

/** Which messages are meant. */
export interface Selection {
  /** By the selectors. */
  matches(message: QueueMessage): boolean;
  /** Held messages were asked for by name of their state. */
  readonly wantsHeld: boolean;
}

/** Folds the listing of one queue. */
export class ChangeFold {
  readonly #act: QueueAct;
  readonly #selection: Selection;
  readonly #keys = new KeyParts();
  readonly #seen = new Set<string>();
  readonly #domains = new Map<string, number>();
  readonly #sample: QueueMessage[] = [];
  #stride = 1;
  #recipients = 0;
  #sizeBytes = 0;
  #oldestAt: number | null = null;
  #already = 0;

  constructor(act: QueueAct, selection: Selection) {
    this.#act = act;
    this.#selection = selection;
  }

  /** One message of the listing; a second line of the same id counts for nothing. */
  add(message: QueueMessage): void {
    if (!this.#selection.matches(message) || this.#seen.has(message.id)) return;
    this.#seen.add(message.id);
    if (!fits(this.#act, message.state, this.#selection.wantsHeld)) {
      this.#already += 1;
      return;
    }
    if (this.#keys.count % this.#stride === 0) this.#take(message);
    this.#keys.add({ id: message.id, arrivedAt: message.arrivedAt, sender: message.sender });
    this.#recipients += message.recipients.length;
    this.#sizeBytes += message.sizeBytes;
    if (message.arrivedAt !== null && (this.#oldestAt === null || message.arrivedAt < this.#oldestAt))
      this.#oldestAt = message.arrivedAt;
    for (const domain of new Set(message.recipients.map(({ address }) => domainOf(address))))
      this.#domains.set(domain, (this.#domains.get(domain) ?? 0) + 1);
  }

  get totals(): ChangeTotals {
    return {
      messages: this.#keys.count,
      recipients: this.#recipients,
      sizeBytes: this.#sizeBytes,
      oldestAt: this.#oldestAt,
      already: this.#already,
    };
  }

  /** Domain to its messages. */
  get domains(): ReadonlyMap<string, number> {
    return this.#domains;
  }

  /** Spread over the whole listing. */
  get sample(): readonly QueueMessage[] {
    return this.#sample;
  }

  get keys(): KeyParts {
    return this.#keys;
  }

  /** The listing is over: what only the fold needed is let go. */
  end(): void {
    this.#seen.clear();
  }

  // Every one at first, then every second, fourth, ...: the sample is of the whole queue, whatever its length.
  #take(message: QueueMessage): void {
    this.#sample.push(message);
    if (this.#sample.length < SAMPLE_SIZE * 2) return;
    const kept = this.#sample.filter((_, index) => index % 2 === 0);
    this.#sample.splice(0, this.#sample.length, ...kept);
    this.#stride *= 2;
  }
}

/** The sum of several. */
export function sumTotals(all: readonly ChangeTotals[]): ChangeTotals {
  return all.reduce(
    (sum, one) => ({
      messages: sum.messages + one.messages,
      recipients: sum.recipients + one.recipients,
      sizeBytes: sum.sizeBytes + one.sizeBytes,
      oldestAt:
        one.oldestAt === null || (sum.oldestAt !== null && sum.oldestAt <= one.oldestAt)
          ? sum.oldestAt
          : one.oldestAt,
      already: sum.already + one.already,
    }),
    { messages: 0, recipients: 0, sizeBytes: 0, oldestAt: null, already: 0 },
  );
}

/** The domains with most messages. */
export function topDomains(
  all: readonly ReadonlyMap<string, number>[],
  count: number,
): readonly { readonly domain: string; readonly messages: number }[] {
  const sum = new Map<string, number>();
  for (const domains of all)
    for (const [domain, messages] of domains) sum.set(domain, (sum.get(domain) ?? 0) + messages);
  return [...sum]
    .map(([domain, messages]) => ({ domain, messages }))
    .sort((a, b) => b.messages - a.messages || (a.domain < b.domain ? -1 : 1))
    .slice(0, count);
}

/** Evenly from all of them, at most SAMPLE_SIZE. */
export function mergeSamples(all: readonly (readonly QueueMessage[])[]): readonly QueueMessage[] {
  const rows = all.flat();
  const step = Math.max(1, rows.length / SAMPLE_SIZE);
  const picked: QueueMessage[] = [];
  for (let at = 0; at < rows.length && picked.length < SAMPLE_SIZE; at += step)
    picked.push(rows[Math.floor(at)] as QueueMessage);
  return picked;
}

/** Messages named by id: `ID`, `HOST/ID` or `QUEUE/ID`. */
export class NamedMessages {
  /** Place to its ids, each with the queues that have it; empty: any queue of those asked. */
  readonly #byPlace = new Map<string, Map<string, string[]>>();
  #count = 0;

  /** `place` is a host or a queue; empty: wherever it is. */
  add(place: string, id: string): void {
    const ids = this.#byPlace.get(place) ?? new Map<string, string[]>();
    this.#byPlace.set(place, ids);
    if (ids.has(id)) return;
    ids.set(id, []);
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  /** Hosts and queues that were named. */
  get places(): readonly string[] {
    return [...this.#byPlace.keys()].filter((place) => place !== '');
  }

  /** Is it one of them? Remembers where it was. */
  takes(message: QueueMessage): boolean {
    let found = false;
    for (const place of new Set([message.queue, message.host, ''])) {
      const queues = this.#byPlace.get(place)?.get(message.id);
      if (queues === undefined) continue;
      if (!queues.includes(message.queue)) queues.push(message.queue);
      found = true;
    }
    return found;
  }

  /** Those that no listing had. */
  missing(): readonly string[] {
    return this.#each((place, id, queues) => (queues.length === 0 ? [named(place, id)] : []));
  }

  /** Those that more than one queue has: short ids are used by every host. */
  ambiguous(): readonly { readonly id: string; readonly queues: readonly string[] }[] {
    return this.#each((place, id, queues) => (queues.length > 1 ? [{ id: named(place, id), queues }] : []));
  }

  #each<T>(pick: (place: string, id: string, queues: readonly string[]) => readonly T[]): readonly T[] {
    return [...this.#byPlace].flatMap(([place, ids]) =>
      [...ids].flatMap(([id, queues]) => pick(place, id, queues)),
    );
  }
}

const named = (place: string, id: string): string => (place === '' ? id : `${place}/${id}`);

/** Messages by their keys, as an earlier run has written them: id, arrival and sender must be the same. */
export class KeyedMessages {
  readonly #byQueue = new Map<string, Map<string, MessageKey>>();

  add(queue: string, key: MessageKey): void {
    const keys = this.#byQueue.get(queue) ?? new Map<string, MessageKey>();
    keys.set(key.id, key);
    this.#byQueue.set(queue, keys);
  }

  takes(message: QueueMessage): boolean {
    const key = this.#byQueue.get(message.queue)?.get(message.id);
    if (key === undefined) return false;
    const isSame = (known: string | number | null, seen: string | number | null) =>
      known === null || seen === null || known === seen;
    return isSame(key.arrivedAt, message.arrivedAt) && isSame(key.sender, message.sender);
  }
}
