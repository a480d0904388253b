// Causes instead of texts: what waits in the queues and what the logs say of deliveries, folded by cause in bounded
// memory. A message whose recipients wait for different causes counts with each. What was refused at once never
// queues: the log alone tells of it. Pure.
import { MessageIndex } from './columns.js';
import type { DeliveryEvent, DeliveryOutcome } from './delivery-event.js';

import { DomainCount } from './domain-count.js';
import { domainOf, type QueueMessage, type QueueRecipient } from './message.js';
import { type Cause, reasonReader } from './reasons.js';
import type { DestinationOf } from './select.js';

/** Different texts that nobody knows, beyond which they become one row. */
const MOST_OTHER = 500;
/** Names counted per row. */
const MOST_NAMES = 10_000;

/** How often each outcome came. */
export type Outcomes = { readonly [outcome in DeliveryOutcome]: number };
type Counts = { -readonly [outcome in DeliveryOutcome]: number };

/** A message that shows the cause. */
export interface Example {
  readonly queue: string;
  readonly id: string;
  /** Null: not known; empty: the null sender. */
  readonly sender: string | null;
  readonly recipient: string;
  readonly reason: string;
  /** Epoch seconds. */
  readonly at: number | null;
}

/** One cause with what it holds up. */
export interface CauseRow {
  readonly cause: Cause;
  /** Messages that wait for it, and messages that it ended (bounced or expired, by the log). */
  readonly messages: number;
  readonly waiting: {
    readonly messages: number;
    readonly recipients: number;
    /** Arrival of the oldest. */
    readonly oldestAt: number | null;
  };
  /** By the log, of the window and of the hours that it is compared with. */
  readonly log: Outcomes;
  readonly before: Outcomes;
  /** First and last event of the window; null: the log has none. */
  readonly firstSeen: number | null;
  readonly lastSeen: number | null;
  /** Our own addresses, as far as words or log tell them, the most frequent first. */
  readonly sources: readonly string[];
  /** IP versions by the log's next hops. */
  readonly families: readonly (4 | 6)[];
  /** Hosts by messages and events, the most first. */
  readonly hosts: readonly string[];
  readonly destinations: readonly { readonly name: string; readonly count: number }[];
  /** Of full mailboxes: our slots that they are in. */
  readonly slots: readonly { readonly name: string; readonly count: number }[];
  readonly example: Example | null;
}

/** Outcomes of one destination, source address, IP version, code or sender. */
export interface OutcomeRow {
  readonly name: string;
  readonly now: Outcomes;
  readonly before: Outcomes;
}

/** What the logs came to. */
export interface LogTotals {
  readonly all: OutcomeRow;
  readonly destinations: readonly OutcomeRow[];
  readonly sources: readonly OutcomeRow[];
  readonly families: readonly OutcomeRow[];
  readonly codes: readonly OutcomeRow[];
  readonly senders: readonly OutcomeRow[];
}

/** The answer. */
export interface Why {
  /** What bounces until somebody acts, then most messages first; what waits only for its first try is not among them. */
  readonly causes: readonly CauseRow[];
  /** What our own servers turned away at the door, most first. */
  readonly door: readonly CauseRow[];
  readonly queue: {
    readonly messages: number;
    readonly recipients: number;
    /** Messages that have a recipient who waits for the first try. */
    readonly notTried: number;
  };
  readonly log: LogTotals;
}

/** Times, epoch seconds. */
export interface Windows {
  readonly from: number;
  readonly to: number;
  /** The hours that it is compared with; null: none. */
  readonly before: { readonly from: number; readonly to: number } | null;
}

/** What is asked of the folding. */
export interface WhyOptions {
  readonly windows: Windows;
  /** Recipients that count; all others of a message do not. */
  readonly wants?: ((message: QueueMessage, recipient: QueueRecipient) => boolean) | undefined;
  /** The slot of one of our own recipients. */
  readonly slotOf?: ((address: string) => string | null) | undefined;
}

const noOutcomes = (): Counts => ({ sent: 0, deferred: 0, bounced: 0, expired: 0, refused: 0 });

/** Names with counts, in bounded memory: what comes late is not counted by name. */
class Names {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    const before = this.#counts.get(name);
    if (before === undefined && this.#counts.size >= MOST_NAMES) return;
    this.#counts.set(name, (before ?? 0) + by);
  }

  joined(nameOf: (name: string) => string = (name) => name): readonly { name: string; count: number }[] {
    const joined = new Map<string, number>();
    for (const [name, count] of this.#counts) {
      const other = nameOf(name);
      joined.set(other, (joined.get(other) ?? 0) + count);
    }
    return [...joined]
      .map(([name, count]) => ({ name, count }))
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  }

  names(): readonly string[] {
    return this.joined().map(({ name }) => name);
  }
}

class OutcomeTable {
  readonly #rows = new Map<string, { readonly now: Counts; readonly before: Counts }>();

  add(name: string, outcome: DeliveryOutcome, isBefore: boolean): void {
    let row = this.#rows.get(name);
    if (row === undefined) {
      if (this.#rows.size >= MOST_NAMES * 10) return;
      row = { now: noOutcomes(), before: noOutcomes() };
      this.#rows.set(name, row);
    }
    row[isBefore ? 'before' : 'now'][outcome] += 1;
  }

  rows(nameOf: (name: string) => string = (name) => name): readonly OutcomeRow[] {
    const joined = new Map<string, { readonly now: Counts; readonly before: Counts }>();
    for (const [name, { now, before }] of this.#rows) {
      const other = nameOf(name);
      const row = joined.get(other) ?? { now: noOutcomes(), before: noOutcomes() };
      joined.set(other, row);
      for (const outcome of Object.keys(now) as DeliveryOutcome[]) {
        row.now[outcome] += now[outcome];
        row.before[outcome] += before[outcome];
      }
    }
    return [...joined]
      .map(([name, row]) => ({ name, ...row }))
      .sort((a, b) => sum(b.now) - sum(a.now) || sum(b.before) - sum(a.before) || (a.name < b.name ? -1 : 1));
  }
}

const sum = (counts: Outcomes): number =>
  counts.sent + counts.deferred + counts.bounced + counts.expired + counts.refused;

interface Entry {
  readonly cause: Cause;
  messages: number;
  recipients: number;
  oldestAt: number | null;
  readonly log: Counts;
  readonly before: Counts;
  firstSeen: number | null;
  lastSeen: number | null;
  readonly sources: Names;
  readonly families: Names;
  readonly hosts: Names;
  readonly domains: Names;
  readonly slots: Names;
  example: Example | null;
}

/** Takes messages and events in any order. */
export class WhyFold {
  readonly #options: WhyOptions;
  readonly #read = reasonReader();
  readonly #entries = new Map<string, Entry>();
  readonly #seen = new MessageIndex();
  readonly #queues = new Map<string, number>();
  readonly #domains = new DomainCount();
  #others = 0;
  #messages = 0;
  #recipients = 0;
  #notTried = 0;
  readonly #all = new OutcomeTable();
  readonly #byDomain = new OutcomeTable();
  readonly #bySource = new OutcomeTable();
  readonly #byFamily = new OutcomeTable();
  readonly #byCode = new OutcomeTable();
  readonly #bySender = new OutcomeTable();

  constructor(options: WhyOptions) {
    this.#options = options;
  }

  /** A message that waits; one that comes twice counts once. */
  addMessage(message: QueueMessage): void {
    let queue = this.#queues.get(message.queue);
    if (queue === undefined) {
      queue = this.#queues.size;
      this.#queues.set(message.queue, queue);
    }
    const size = this.#seen.size;
    if (this.#seen.rowOf(queue, message.id) < size) return;
    const { wants, slotOf } = this.#options;
    const entries = new Set<Entry>();
    let counted = 0;
    for (const recipient of message.recipients) {
      if (wants !== undefined && !wants(message, recipient)) continue;
      counted += 1;
      const cause = this.#read(recipient.reason);
      const entry = this.#entry(cause);
      const domain = domainOf(recipient.address);
      this.#domains.addDomain(domain);
      entry.recipients += 1;
      entry.domains.add(domain);
      if (cause.source !== null) entry.sources.add(cause.source);
      if (cause.id === 'mailbox-full') {
        const slot = slotOf?.(recipient.address) ?? null;
        if (slot !== null) entry.slots.add(slot);
      }
      if (entries.has(entry)) continue;
      entries.add(entry);
      entry.messages += 1;
      entry.hosts.add(message.host);
      const { arrivedAt } = message;
      if (arrivedAt !== null && (entry.oldestAt === null || arrivedAt < entry.oldestAt)) {
        entry.oldestAt = arrivedAt;
        entry.example = exampleOf(message, recipient);
      }
      entry.example ??= exampleOf(message, recipient);
      if (cause.id === 'not-tried') this.#notTried += 1;
    }
    this.#recipients += counted;
    if (counted > 0) this.#messages += 1;
  }

  /** An event of a queue's log; those outside of the windows do not count. */
  addEvent(event: DeliveryEvent, queue: string, host: string): void {
    const { windows } = this.#options;
    const isNow = event.at >= windows.from && event.at <= windows.to;
    const { before } = windows;
    if (!isNow && (before === null || event.at < before.from || event.at >= before.to)) return;
    const domain = domainOf(event.recipient);
    if (event.outcome !== 'refused') this.#domains.addDomain(domain);
    const { outcome } = event;
    const isBefore = !isNow;
    this.#all.add('', outcome, isBefore);
    this.#byDomain.add(domain, outcome, isBefore);
    const family = familyOf(event.relay?.address);
    if (family !== null) this.#byFamily.add(String(family), outcome, isBefore);
    if (event.sender !== null && outcome !== 'refused') this.#bySender.add(event.sender, outcome, isBefore);
    if (outcome === 'sent') {
      if (event.source !== null) this.#bySource.add(event.source, outcome, isBefore);
      return;
    }
    const cause = this.#read(outcome === 'expired' && event.reason === '' ? 'expired' : event.reason, {
      dsn: event.dsn,
      atDoor: outcome === 'refused',
    });
    const source = event.source ?? cause.source;
    if (source !== null) this.#bySource.add(source, outcome, isBefore);
    if (cause.code !== '') this.#byCode.add(cause.code, outcome, isBefore);
    const entry = this.#entry(cause);
    if (isBefore) {
      entry.before[outcome] += 1;
      return;
    }
    entry.log[outcome] += 1;
    if (entry.firstSeen === null || event.at < entry.firstSeen) entry.firstSeen = event.at;
    if (entry.lastSeen === null || event.at > entry.lastSeen) entry.lastSeen = event.at;
    if (source !== null) entry.sources.add(source);
    if (family !== null) entry.families.add(String(family));
    entry.hosts.add(host);
    // What waits is counted by its queue; a try of it is no second message.
    if (outcome !== 'deferred') entry.domains.add(domain);
    else if (entry.messages === 0) entry.domains.add(domain, 0);
    if (cause.id === 'mailbox-full' && outcome !== 'deferred') {
      const slot = this.#options.slotOf?.(event.recipient) ?? null;
      if (slot !== null) entry.slots.add(slot);
    }
    entry.example ??= {
      queue,
      id: event.id,
      sender: event.sender,
      recipient: event.recipient,
      reason: event.reason,
      at: event.at,
    };
  }

  /** Recipient domains, those with the most first. */
  domains(): readonly string[] {
    return this.#domains.largestFirst();
  }

  /** The answer, with domains joined into destinations. */
  result(destinationOf: DestinationOf): Why {
    const rows = [...this.#entries.values()].map((entry) => rowOf(entry, destinationOf));
    const weight = (row: CauseRow) => row.messages * 1e6 + sum(row.log);
    // Mail that is lost, and will be until somebody acts, comes before mail that waits.
    const isLost = ({ cause, log }: CauseRow) =>
      cause.clears === 'no' && log.bounced + log.expired > 0 ? 1 : 0;
    const order = (a: CauseRow, b: CauseRow) =>
      isLost(b) - isLost(a) ||
      weight(b) - weight(a) ||
      sum(b.before) - sum(a.before) ||
      (a.cause.title < b.cause.title ? -1 : 1);
    return {
      causes: rows
        .filter(({ cause }) => cause.id !== 'not-tried' && !cause.id.startsWith('door-'))
        .sort(order),
      door: rows.filter(({ cause }) => cause.id.startsWith('door-')).sort(order),
      queue: { messages: this.#messages, recipients: this.#recipients, notTried: this.#notTried },
      log: {
        all: this.#all.rows()[0] ?? { name: '', now: noOutcomes(), before: noOutcomes() },
        destinations: this.#byDomain.rows(destinationOf),
        sources: this.#bySource.rows(),
        families: this.#byFamily.rows(),
        codes: this.#byCode.rows(),
        senders: this.#bySender.rows(),
      },
    };
  }

  #entry(cause: Cause): Entry {
    let key = `${cause.id}\n${cause.code}\n${cause.title}`;
    let entry = this.#entries.get(key);
    if (entry !== undefined) return entry;
    let held = cause;
    if (cause.id === 'other' || cause.id === 'door-other') {
      if (this.#others >= MOST_OTHER) {
        key = `${cause.id}\n\n`;
        held = { ...cause, title: 'other texts', pattern: '', code: '' };
        entry = this.#entries.get(key);
        if (entry !== undefined) return entry;
      }
      this.#others += 1;
    }
    entry = {
      cause: held,
      messages: 0,
      recipients: 0,
      oldestAt: null,
      log: noOutcomes(),
      before: noOutcomes(),
      firstSeen: null,
      lastSeen: null,
      sources: new Names(),
      families: new Names(),
      hosts: new Names(),
      domains: new Names(),
      slots: new Names(),
      example: null,
    };
    this.#entries.set(key, entry);
    return entry;
  }
}

// A text of a listing may be a view of a far larger piece of it: what is kept is a copy.
const copyOf = (text: string) => structuredClone(text);

function exampleOf({ queue, id, sender, arrivedAt }: QueueMessage, recipient: QueueRecipient): Example {
  return {
    queue: copyOf(queue),
    id: copyOf(id),
    sender: sender === null ? null : copyOf(sender),
    recipient: copyOf(recipient.address),
    reason: copyOf(recipient.reason?.slice(0, 2000) ?? ''),
    at: arrivedAt,
  };
}

function familyOf(address: string | undefined): 4 | 6 | null {
  if (address === undefined) return null;
  if (address.includes(':')) return 6;
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(address) ? 4 : null;
}

function rowOf(entry: Entry, destinationOf: DestinationOf): CauseRow {
  const { cause, messages, recipients, oldestAt, log, before, firstSeen, lastSeen, example } = entry;
  return {
    cause,
    messages: messages + log.bounced + log.expired + log.refused,
    waiting: { messages, recipients, oldestAt },
    log,
    before,
    firstSeen,
    lastSeen,
    sources: entry.sources.names(),
    families: entry.families
      .names()
      .map((name) => (name === '6' ? 6 : 4) as 4 | 6)
      .sort(),
    hosts: entry.hosts.names(),
    destinations: entry.domains.joined(destinationOf),
    slots: entry.slots.joined(),
    example,
  };
}
