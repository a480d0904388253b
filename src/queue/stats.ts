// The statistics of queues: messages folded into a table of numbers as they come, and added up at the end, since an
// id that comes again replaces what was said of it before. A message costs some 40 bytes, however long its texts are;
// a group costs its name. A group by recipient (domain, destination, reason) counts a message once if it has a
// recipient there, and all of its recipients there. Pure.
import { ownText } from '../lib/own-text.js';
import { MessageIndex, NumberColumn } from './columns.js';
import { domainOf, MESSAGE_STATES, type QueueMessage, type QueueRecipient } from './message.js';
import type { ReasonKeyOf } from './reason-key.js';
import type { DestinationOf } from './select.js';
import type { StatKey } from './stat-keys.js';

/** Upper ends of the ages, in seconds, not in them; from the last on is the rest. As qshape has them. */
export const AGE_STEPS: readonly number[] = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 76_800];

/** The few ages that a screen has room for. */
const BAND_STEPS: readonly number[] = [600, 3600, 21_600];

/** A value of a key: null is what nobody knows. An age is its upper end, `rest` beyond the last. */
export type KeyValue = string | number | null;

/** What was counted. */
export interface StatCount {
  readonly messages: number;
  readonly recipients: number;
  readonly sizeBytes: number;
  /** Epoch seconds; null: of none it is known. */
  readonly oldestAt: number | null;
  /** Messages by state: the five always, then what only a server knows. */
  readonly states: ReadonlyMap<string, number>;
  /** By AGE_STEPS and the rest; a message whose arrival is not known is in none. */
  readonly ages: readonly { readonly messages: number; readonly recipients: number }[];
  /** Messages by BAND_STEPS and the rest. */
  readonly bands: readonly number[];
}

/** One group. */
export interface StatGroup extends StatCount {
  /** A value for each key. */
  readonly key: readonly KeyValue[];
}

/** One queue of a host. */
export interface QueueCount extends StatCount {
  readonly queue: string;
  readonly host: string;
}

/** Which step an age falls into. An age that is not above 0 is the first: hosts' clocks differ. */
function stepOf(age: number, steps: readonly number[]): number {
  let step = 0;
  while (step < steps.length && age >= (steps[step] as number)) step++;
  return step;
}

/** Adds rows up. */
class Adder implements StatCount {
  messages = 0;
  recipients = 0;
  sizeBytes = 0;
  oldestAt: number | null = null;
  readonly states = new Map<string, number>(MESSAGE_STATES.map((state) => [state, 0]));
  readonly ages = Array.from({ length: AGE_STEPS.length + 1 }, () => ({ messages: 0, recipients: 0 }));
  readonly bands = Array.from({ length: BAND_STEPS.length + 1 }, () => 0);

  add(recipients: number, size: number, arrivedAt: number | null, state: string, now: number): void {
    this.messages += 1;
    this.recipients += recipients;
    this.sizeBytes += size;
    this.states.set(state, (this.states.get(state) ?? 0) + 1);
    if (arrivedAt === null) return;
    if (this.oldestAt === null || arrivedAt < this.oldestAt) this.oldestAt = arrivedAt;
    const age = this.ages[stepOf(now - arrivedAt, AGE_STEPS)];
    if (age !== undefined) {
      age.messages += 1;
      age.recipients += recipients;
    }
    const band = stepOf(now - arrivedAt, BAND_STEPS);
    this.bands[band] = (this.bands[band] ?? 0) + 1;
  }

  addCount({ messages, recipients, sizeBytes, oldestAt, states, ages, bands }: StatCount): void {
    this.messages += messages;
    this.recipients += recipients;
    this.sizeBytes += sizeBytes;
    if (oldestAt !== null && (this.oldestAt === null || oldestAt < this.oldestAt)) this.oldestAt = oldestAt;
    for (const [state, count] of states) this.states.set(state, (this.states.get(state) ?? 0) + count);
    this.ages.forEach((age, at) => {
      age.messages += ages[at]?.messages ?? 0;
      age.recipients += ages[at]?.recipients ?? 0;
    });
    this.bands.forEach((count, at) => {
      this.bands[at] = count + (bands[at] ?? 0);
    });
  }
}

/** From 0 to 2^53, whatever a server said. */
function wholeNumber(value: number): number {
  return value > 0 ? Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER) : 0;
}

/** Numbers for values, in the order of their first use. */
class Names<T> {
  readonly values: T[] = [];
  readonly #numbers = new Map<T, number>();

  find(value: T): number | undefined {
    return this.#numbers.get(value);
  }

  of(value: T): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const owned = typeof value === 'string' ? (ownText(value) as T & string) : value;
    const number = this.values.length;
    this.values.push(owned);
    this.#numbers.set(owned, number);
    return number;
  }
}

/** Keys of a message, or of a recipient of it. */
type KeyOf =
  | { readonly per: 'message'; of(message: QueueMessage): KeyValue }
  | { readonly per: 'recipient'; of(recipient: QueueRecipient): KeyValue };

function keyOf(key: StatKey, now: number, reasonOf: ReasonKeyOf): KeyOf {
  switch (key) {
    // Which destination a domain belongs to is found out once all domains are known.
    case 'domain':
    case 'destination':
      return { per: 'recipient', of: ({ address }) => domainOf(address) };
    case 'reason':
      return { per: 'recipient', of: ({ reason }) => reasonOf(reason) };
    case 'state':
      return { per: 'message', of: ({ state }) => state };
    case 'host':
      return { per: 'message', of: ({ host }) => host };
    case 'queue':
      return { per: 'message', of: ({ queue }) => queue };
    case 'sender':
      return { per: 'message', of: ({ sender }) => sender };
    case 'sender-domain':
      return { per: 'message', of: ({ sender }) => (sender === null ? null : domainOf(sender)) };
    case 'submitter':
      return { per: 'message', of: ({ submitter }) => submitter };
    case 'age':
      return {
        per: 'message',
        of: ({ arrivedAt }) =>
          arrivedAt === null ? null : (AGE_STEPS[stepOf(now - arrivedAt, AGE_STEPS)] ?? 'rest'),
      };
  }
}

/** Pairs of key numbers fit into one number below 2^52. */
const PAIR = 2 ** 26;

/** Folds messages; then ask it. */
export class QueueStats {
  readonly by: readonly StatKey[];
  readonly now: number;
  readonly #keys: readonly KeyOf[];
  readonly #perRecipient: boolean;
  readonly #index = new MessageIndex();
  /** Row by row: arrival + 1 (0: not known), size, place, first group + 1 (0: none) and recipients there. */
  readonly #arrival = new NumberColumn(4);
  readonly #size = new NumberColumn(4);
  readonly #place = new NumberColumn(1);
  readonly #group = new NumberColumn(1);
  readonly #count = new NumberColumn(1);
  /** Where the further groups of a row begin in #more: their number, then group and recipients each. 0: none. */
  readonly #further = new NumberColumn(4);
  readonly #more = new NumberColumn(1);
  #moreSize = 1;
  /** Where the message is: queue and state. */
  readonly #places: Map<string, number>[] = [];
  readonly #placed: { readonly queue: number; readonly state: string }[] = [];
  readonly #queues = new Names<string>();
  readonly #hosts: string[] = [];
  readonly #values: readonly Names<KeyValue>[];
  readonly #groups = new Names<number>();
  /** Group by the text behind an address's last `@`, as it was written. */
  readonly #byDomain = new Map<string, number>();
  /** Group that a group has become part of: domains that are one destination. */
  #joined: Uint32Array | undefined;
  #lastQueue = '';
  #lastQueueNumber = -1;

  constructor(options: {
    readonly by: readonly StatKey[];
    /** Epoch seconds that ages are measured from. */
    readonly now: number;
    /** What a delay reason is counted under, where it is a key. */
    readonly reasonOf?: ReasonKeyOf | undefined;
  }) {
    this.by = options.by;
    this.now = options.now;
    this.#keys = options.by.map((key) => keyOf(key, options.now, options.reasonOf ?? (() => null)));
    this.#values = options.by.map(() => new Names<KeyValue>());
    this.#perRecipient = this.#keys.some(({ per }) => per === 'recipient');
  }

  /** Messages that were seen, each once. */
  get size(): number {
    return this.#index.size;
  }

  /** Whether a message of this queue and id was seen. */
  has({ queue, id }: Pick<QueueMessage, 'queue' | 'id'>): boolean {
    const number = this.#queues.find(queue);
    return number !== undefined && this.#index.has(number, id);
  }

  /** Takes a message; what was said before of the same id is forgotten. Gives its row: it keeps the same one. */
  add(message: QueueMessage): number {
    const queue = this.#queueOf(message);
    const row = this.#index.rowOf(queue, message.id);
    const { arrivedAt, sizeBytes, recipients } = message;
    this.#arrival.set(row, arrivedAt === null ? 0 : wholeNumber(arrivedAt) + 1);
    this.#size.set(row, wholeNumber(sizeBytes));
    this.#place.set(row, this.#placeOf(queue, message.state));
    this.#further.set(row, 0);
    if (!this.#perRecipient || recipients.length === 1) {
      this.#group.set(row, this.#groupOf(message, recipients[0]) + 1);
      this.#count.set(row, recipients.length);
      return row;
    }
    this.#setMany(row, message);
    return row;
  }

  #queueOf({ queue, host }: QueueMessage): number {
    if (queue === this.#lastQueue) return this.#lastQueueNumber;
    this.#lastQueueNumber = this.#queues.of(queue);
    this.#lastQueue = queue;
    this.#hosts[this.#lastQueueNumber] ??= ownText(host);
    return this.#lastQueueNumber;
  }

  #placeOf(queue: number, state: string): number {
    let places = this.#places[queue];
    if (places === undefined) {
      places = new Map();
      this.#places[queue] = places;
    }
    let place = places.get(state);
    if (place === undefined) {
      place = this.#placed.length;
      const owned = ownText(state);
      this.#placed.push({ queue, state: owned });
      places.set(owned, place);
    }
    return place;
  }

  /** Group of a message, with one of its recipients where that matters. */
  #groupOf(message: QueueMessage, recipient: QueueRecipient | undefined): number {
    if (this.by.length === 1 && recipient !== undefined) {
      const [key] = this.by;
      if (key === 'domain' || key === 'destination') return this.#groupOfDomain(recipient.address);
    }
    let group = 0;
    for (let at = 0; at < this.#keys.length; at++) {
      const key = this.#keys[at] as KeyOf;
      const value =
        key.per === 'message' ? key.of(message) : recipient === undefined ? null : key.of(recipient);
      group = group * PAIR + (this.#values[at] as Names<KeyValue>).of(value);
    }
    return this.#groups.of(group);
  }

  // The same few hundred domains come a million times, mostly in the same letters.
  #groupOfDomain(address: string): number {
    const at = address.lastIndexOf('@');
    const written = at < 0 ? '' : address.slice(at + 1);
    const known = this.#byDomain.get(written);
    if (known !== undefined) return known;
    const group = this.#groups.of((this.#values[0] as Names<KeyValue>).of(domainOf(address)));
    this.#byDomain.set(ownText(written), group);
    return group;
  }

  #setMany(row: number, message: QueueMessage): void {
    const counts = new Map<number, number>();
    for (const recipient of message.recipients) {
      const group = this.#groupOf(message, recipient);
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    let at = 0;
    this.#group.set(row, 0);
    this.#count.set(row, 0);
    for (const [group, count] of counts) {
      if (at === 0) {
        this.#group.set(row, group + 1);
        this.#count.set(row, count);
        if (counts.size === 1) return;
        this.#further.set(row, this.#moreSize);
        this.#more.set(this.#moreSize, counts.size - 1);
        at = this.#moreSize + 1;
      } else {
        this.#more.set(at, group);
        this.#more.set(at + 1, count);
        at += 2;
      }
    }
    if (at > 0) this.#moreSize = at;
  }

  /** Domains of recipients where they make destinations, those of the most messages first. */
  domains(): readonly string[] {
    const at = this.by.indexOf('destination');
    const values = this.#values[at];
    if (values === undefined) return [];
    const counts = new Map<string, number>();
    for (let row = 0; row < this.size; row++)
      this.#eachGroup(row, (group) => {
        const domain = String(this.#keysOf(group)[at] ?? '');
        counts.set(domain, (counts.get(domain) ?? 0) + 1);
      });
    return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([domain]) => domain);
  }

  /** Joins the groups of domains that are one destination; a message in several of them is in it once. */
  joinDestinations(destinationOf: DestinationOf): void {
    const at = this.by.indexOf('destination');
    if (at < 0) return;
    const before = this.#groups.values.length;
    const joined = new Uint32Array(before);
    for (let group = 0; group < before; group++) {
      const keys = this.#keysOf(group).map((key, place) =>
        place === at && typeof key === 'string' ? destinationOf(key) : key,
      );
      joined[group] = this.#groups.of(
        keys.reduce<number>(
          (sum, key, place) => sum * PAIR + (this.#values[place] as Names<KeyValue>).of(key),
          0,
        ),
      );
    }
    this.#joined = joined;
  }

  /** Calls `each` once for every group of a row. */
  #eachGroup(row: number, each: (group: number, recipients: number) => void): void {
    const first = this.#group.get(row);
    if (first === 0) return;
    const joined = this.#joined;
    const further = this.#further.get(row);
    if (further === 0) {
      each(joined?.[first - 1] ?? first - 1, this.#count.get(row));
      return;
    }
    const end = further + 1 + 2 * this.#more.get(further);
    if (joined === undefined) {
      each(first - 1, this.#count.get(row));
      for (let at = further + 1; at < end; at += 2) each(this.#more.get(at), this.#more.get(at + 1));
      return;
    }
    const counts = new Map<number, number>([[joined[first - 1] ?? first - 1, this.#count.get(row)]]);
    for (let at = further + 1; at < end; at += 2) {
      const group = joined[this.#more.get(at)] ?? this.#more.get(at);
      counts.set(group, (counts.get(group) ?? 0) + this.#more.get(at + 1));
    }
    for (const [group, recipients] of counts) each(group, recipients);
  }

  /** Calls `visit` for each message once, with the same object. One of no recipient is in no group by domain. */
  eachMessage(visit: (message: Omit<Member, 'group'>) => void): void {
    const message = { row: 0, arrivedAt: null as number | null, state: '', queue: '' };
    for (let row = 0; row < this.size; row++) {
      const arrival = this.#arrival.get(row);
      const place = this.#placed[this.#place.get(row)];
      message.row = row;
      message.arrivedAt = arrival === 0 ? null : arrival - 1;
      message.state = place?.state ?? 'unknown';
      message.queue = this.#queues.values[place?.queue ?? 0] ?? '';
      visit(message);
    }
  }

  /** Calls `visit` for each message in each of its groups. */
  eachMember(visit: (member: Member) => void): void {
    const member = { group: 0, row: 0, arrivedAt: null as number | null, state: '', queue: '' };
    this.eachMessage((message) => {
      Object.assign(member, message);
      this.#eachGroup(message.row, (group) => {
        member.group = group;
        visit(member);
      });
    });
  }

  /** The keys of a member's group, as one text. */
  groupName(group: number): string {
    return groupName(this.#keysOf(group));
  }

  /** What is in any group that is not among these, each message once. */
  outside(names: ReadonlySet<string>): StatCount {
    const isIn = new Map<number, boolean>();
    const adder = new Adder();
    for (let row = 0; row < this.size; row++) {
      let there = 0;
      let isOther = false;
      this.#eachGroup(row, (group, some) => {
        let known = isIn.get(group);
        if (known === undefined) {
          known = names.has(this.groupName(group));
          isIn.set(group, known);
        }
        if (known) return;
        isOther = true;
        there += some;
      });
      if (isOther) this.#addTo(adder, row, there);
    }
    return countOf(adder);
  }

  #recipientsOf(row: number): number {
    let all = this.#count.get(row);
    const further = this.#further.get(row);
    if (further === 0) return all;
    const end = further + 1 + 2 * this.#more.get(further);
    for (let at = further + 2; at < end; at += 2) all += this.#more.get(at);
    return all;
  }

  #addTo(adder: Adder, row: number, recipients: number): void {
    const arrival = this.#arrival.get(row);
    const place = this.#placed[this.#place.get(row)];
    adder.add(
      recipients,
      this.#size.get(row),
      arrival === 0 ? null : arrival - 1,
      place?.state ?? 'unknown',
      this.now,
    );
  }

  /** All messages, and each queue that any is in. */
  totals(): { readonly total: StatCount; readonly queues: readonly QueueCount[] } {
    const total = new Adder();
    const adders = this.#queues.values.map(() => new Adder());
    for (let row = 0; row < this.size; row++) {
      const recipients = this.#recipientsOf(row);
      this.#addTo(total, row, recipients);
      const queue = this.#placed[this.#place.get(row)]?.queue ?? 0;
      this.#addTo(adders[queue] as Adder, row, recipients);
    }
    return {
      total,
      queues: adders.map((adder, at) => ({
        ...countOf(adder),
        queue: this.#queues.values[at] ?? '',
        host: this.#hosts[at] ?? '',
      })),
    };
  }

  /** The groups, largest first; each is added up when its turn comes. */
  groups(): StatGroups {
    const count = this.#groups.values.length;
    const starts = new Uint32Array(count + 1);
    for (let row = 0; row < this.size; row++)
      this.#eachGroup(row, (group) => {
        starts[group + 1] = (starts[group + 1] as number) + 1;
      });
    for (let group = 0; group < count; group++)
      starts[group + 1] = (starts[group + 1] as number) + (starts[group] as number);
    const rows = new Uint32Array(starts[count] as number);
    const recipients = new Uint32Array(rows.length);
    const next = starts.slice();
    for (let row = 0; row < this.size; row++)
      this.#eachGroup(row, (group, there) => {
        const at = next[group] as number;
        next[group] = at + 1;
        rows[at] = row;
        recipients[at] = there;
      });
    const messagesOf = (group: number) => (starts[group + 1] as number) - (starts[group] as number);
    const order = Array.from({ length: count }, (_, group) => group)
      // A group whose messages have all moved on to others is none any more.
      .filter((group) => messagesOf(group) > 0)
      .sort((a, b) => messagesOf(b) - messagesOf(a) || compareKeys(this.#keysOf(a), this.#keysOf(b)));
    const groupAt = (group: number): StatGroup => {
      const adder = new Adder();
      for (let at = starts[group] as number; at < (starts[group + 1] as number); at++)
        this.#addTo(adder, rows[at] as number, recipients[at] as number);
      return { ...countOf(adder), key: this.#keysOf(group) };
    };
    return {
      count: order.length,
      first: (most) => order.slice(0, most).map(groupAt),
      *[Symbol.iterator]() {
        for (const group of order) yield groupAt(group);
      },
      rest: (most) => {
        const shown = new Set(order.slice(0, most));
        const adder = new Adder();
        for (let row = 0; row < this.size; row++) {
          let there = 0;
          let isOther = false;
          this.#eachGroup(row, (group, some) => {
            if (shown.has(group)) return;
            isOther = true;
            there += some;
          });
          if (isOther) this.#addTo(adder, row, there);
        }
        return countOf(adder);
      },
    };
  }

  #keysOf(group: number): readonly KeyValue[] {
    const packed = this.#groups.values[group] ?? 0;
    if (this.by.length === 1) return [this.#values[0]?.values[packed] ?? null];
    const second = packed % PAIR;
    return [
      this.#values[0]?.values[(packed - second) / PAIR] ?? null,
      this.#values[1]?.values[second] ?? null,
    ];
  }
}

/** Groups in order, largest first. */
export interface StatGroups extends Iterable<StatGroup> {
  readonly count: number;
  first(most: number): readonly StatGroup[];
  /** What is in any group but the first `most`, each message once. */
  rest(most: number): StatCount;
}

/** A message in one of its groups. The object is used again for the next: copy what is kept. */
export interface Member {
  readonly group: number;
  readonly row: number;
  /** Epoch seconds; null: not known. */
  readonly arrivedAt: number | null;
  readonly state: string;
  readonly queue: string;
}

/** The keys of a group as one text. */
export function groupName(key: readonly KeyValue[]): string {
  return JSON.stringify(key);
}

/** States whose messages wait for somebody, not for a try. */
export const RESTING_STATES: ReadonlySet<string> = new Set(['hold', 'corrupt']);

/** Counts of messages that are not the same ones, added up. */
export function sumCounts(counts: readonly StatCount[]): StatCount {
  const adder = new Adder();
  for (const count of counts) adder.addCount(count);
  return countOf(adder);
}

/** The order of groups: the most messages first. */
export function compareGroups(a: StatGroup, b: StatGroup): number {
  return b.messages - a.messages || compareKeys(a.key, b.key);
}

function countOf({ messages, recipients, sizeBytes, oldestAt, states, ages, bands }: Adder): StatCount {
  return { messages, recipients, sizeBytes, oldestAt, states, ages, bands };
}

function compareKeys(a: readonly KeyValue[], b: readonly KeyValue[]): number {
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at] ?? '', b[at] ?? ''];
    if (x === y) continue;
    if (typeof x === 'number' && typeof y === 'number') return x - y;
    if (typeof x !== typeof y) return typeof x === 'number' ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}
