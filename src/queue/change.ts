// What an act on messages would touch, before anything is touched: which of the messages that were asked for it fits
// (a message that is held already is not held again, so that an undo releases exactly what a run has held), how many,
// how much, how old, for whom, and a sample. One pass, nothing kept but keys and figures, and of the listing's texts,
// which may be views of far larger ones, only copies. Pure.
import { ownText } from '../lib/own-text.js';
import type { Queue, QueueAct } from './driver.js';
import { grown, IdTable, TextList } from './id-table.js';
import { KeyParts } from './key-parts.js';
import { domainOf, type MessageKey, type QueueMessage } from './message.js';
import { ownMessage } from './pick.js';

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
  #seen = new IdTable();
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
    if (!this.#selection.matches(message) || !this.#seen.add(message.id).isNew) return;
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
    for (const domain of new Set(message.recipients.map(({ address }) => domainOf(address)))) {
      const known = this.#domains.get(domain);
      this.#domains.set(known === undefined ? ownText(domain) : domain, (known ?? 0) + 1);
    }
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
    this.#seen = new IdTable();
  }

  // Every one at first, then every second, fourth, ...: the sample is of the whole queue, whatever its length.
  #take(message: QueueMessage): void {
    this.#sample.push(ownMessage(message));
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
  /** Place to its ids; empty: any queue of those asked. */
  readonly #byPlace = new Map<string, NamedIds>();
  /** Queues that have had one, by their number. */
  readonly #queues: string[] = [];

  /** `place` is a host or a queue; empty: wherever it is. */
  add(place: string, id: string): void {
    const ids = this.#byPlace.get(place) ?? new NamedIds();
    this.#byPlace.set(place, ids);
    ids.add(id);
  }

  get count(): number {
    return [...this.#byPlace.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** Hosts and queues that were named. */
  get places(): readonly string[] {
    return [...this.#byPlace.keys()].filter((place) => place !== '');
  }

  /** Is it one of them? Remembers where it was. */
  takes(message: QueueMessage): boolean {
    let isOne = false;
    for (const place of new Set([message.queue, message.host, '']))
      if (this.#byPlace.get(place)?.seen(message.id, () => this.#numberOf(message.queue)) === true)
        isOne = true;
    return isOne;
  }

  /** Those that no listing had. */
  missing(): readonly string[] {
    return [...this.#byPlace].flatMap(([place, ids]) => ids.missing().map((id) => named(place, id)));
  }

  /** Those that more than one queue has: short ids are used by every host. */
  ambiguous(): readonly { readonly id: string; readonly queues: readonly string[] }[] {
    return [...this.#byPlace].flatMap(([place, ids]) =>
      ids.ambiguous().map(({ id, queues }) => ({
        id: named(place, id),
        queues: queues.map((number) => this.#queues[number - 1] as string),
      })),
    );
  }

  #numberOf(queue: string): number {
    const known = this.#queues.lastIndexOf(queue);
    return known < 0 ? this.#queues.push(queue) : known + 1;
  }
}

const named = (place: string, id: string): string => (place === '' ? id : `${place}/${id}`);

/** The ids of one place, by the million. */
class NamedIds {
  readonly #ids = new IdTable();
  /** The queue that has had it; 0: none has. */
  #queueOf = new Uint32Array(1 << 8);
  /** The rare ones that several have. */
  readonly #several = new Map<number, Set<number>>();

  get count(): number {
    return this.#ids.count;
  }

  add(id: string): void {
    this.#ids.add(id);
    if (this.#ids.count > this.#queueOf.length) this.#queueOf = grown(this.#queueOf);
  }

  seen(id: string, queueNumber: () => number): boolean {
    const number = this.#ids.find(id);
    if (number < 0) return false;
    const queue = queueNumber();
    const before = this.#queueOf[number] as number;
    this.#queueOf[number] = queue;
    if (before !== 0 && before !== queue)
      this.#several.set(number, new Set([...(this.#several.get(number) ?? []), before, queue]));
    return true;
  }

  missing(): readonly string[] {
    const none: string[] = [];
    for (let number = 0; number < this.count; number += 1)
      if (this.#queueOf[number] === 0) none.push(this.#ids.text(number));
    return none;
  }

  ambiguous(): readonly { readonly id: string; readonly queues: readonly number[] }[] {
    return [...this.#several].map(([number, queues]) => ({
      id: this.#ids.text(number),
      queues: [...queues],
    }));
  }
}

/** Messages by their keys, as an earlier run has written them: id, arrival and sender must be the same. */
export class KeyedMessages {
  readonly #byQueue = new Map<string, { readonly host: string; readonly keys: KeyTable }>();

  /** `queue` as the configuration has it, and the host that it is on. */
  add({ name, host }: Pick<Queue, 'name' | 'host'>, key: MessageKey): void {
    const { keys } = this.#byQueue.get(name) ?? { keys: new KeyTable() };
    this.#byQueue.set(name, { host, keys });
    keys.add(key);
  }

  takes(message: QueueMessage): boolean {
    const own = this.#byQueue.get(message.queue);
    if (own !== undefined) return own.keys.has(message);
    // A server that has queues within names them itself: `lists1:out` is of the queue lists1.
    for (const { host, keys } of this.#byQueue.values())
      if (host === message.host && keys.has(message)) return true;
    return false;
  }
}

/** The keys of one queue, by the million. */
class KeyTable {
  readonly #ids = new IdTable();
  /** By the number that an id has here; NaN: not known. */
  #arrivals = new Float64Array(1 << 8);
  /** By the same number: that of the sender; 0: not known. */
  #senderOf = new Uint32Array(1 << 8);
  readonly #senders = new TextList();

  add({ id, arrivedAt, sender }: MessageKey): void {
    const { number } = this.#ids.add(id);
    if (number === this.#arrivals.length) {
      this.#arrivals = grown(this.#arrivals);
      this.#senderOf = grown(this.#senderOf);
    }
    this.#arrivals[number] = arrivedAt ?? Number.NaN;
    this.#senderOf[number] = sender === null ? 0 : this.#senders.add(sender) + 1;
  }

  has({ id, arrivedAt, sender }: MessageKey): boolean {
    const number = this.#ids.find(id);
    if (number < 0) return false;
    const known = this.#arrivals[number] as number;
    if (arrivedAt !== null && !Number.isNaN(known) && known !== arrivedAt) return false;
    const from = this.#senderOf[number] as number;
    return sender === null || from === 0 || this.#senders.get(from - 1) === sender;
  }
}
