// Orders of messages, and the first of them without keeping them all. What is kept are copies: texts of a listing
// may be views of a far larger piece of it.
import { compareNames } from '../lib/natural.js';
import { ownText } from '../lib/own-text.js';
import type { QueueMessage } from './message.js';

/** What `--sort` knows, and what comes first by it. */
export const MESSAGE_ORDERS = ['arrival', 'size', 'recipients', 'queue', 'sender', 'state', 'id'] as const;
export type MessageOrder = (typeof MESSAGE_ORDERS)[number];

const COMPARE: { readonly [order in MessageOrder]: (a: QueueMessage, b: QueueMessage) => number } = {
  // Oldest first, those of which it is not known at the end.
  arrival: (a, b) =>
    (a.arrivedAt ?? Number.POSITIVE_INFINITY) === (b.arrivedAt ?? Number.POSITIVE_INFINITY)
      ? 0
      : (a.arrivedAt ?? Number.POSITIVE_INFINITY) - (b.arrivedAt ?? Number.POSITIVE_INFINITY),
  size: (a, b) => b.sizeBytes - a.sizeBytes,
  recipients: (a, b) => b.recipients.length - a.recipients.length,
  queue: (a, b) => compareNames(a.queue, b.queue),
  sender: (a, b) => compareTexts(a.sender ?? '', b.sender ?? ''),
  state: (a, b) => compareTexts(a.state, b.state),
  id: (a, b) => compareTexts(a.id, b.id),
};

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Compares by an order, then by arrival, queue and id, so that the same messages always come in the same order. */
export function messageOrder(
  order: MessageOrder,
  reverse: boolean,
): (a: QueueMessage, b: QueueMessage) => number {
  const first = COMPARE[order];
  return (a, b) =>
    (reverse ? first(b, a) : first(a, b)) ||
    COMPARE.arrival(a, b) ||
    compareTexts(a.queue, b.queue) ||
    compareTexts(a.id, b.id);
}

/** A copy that shares no text with the listing it is from. */
export function ownMessage(message: QueueMessage): QueueMessage {
  const { queue, host, id, state, sender, submitter, recipients } = message;
  return {
    ...message,
    queue: ownText(queue),
    host: ownText(host),
    id: ownText(id),
    state: ownText(state),
    sender: sender === null ? null : ownText(sender),
    submitter: submitter === null ? null : ownText(submitter),
    recipients: recipients.map((one) => ({
      ...one,
      address: ownText(one.address),
      reason: one.reason === null ? null : ownText(one.reason),
    })),
  };
}

/** The first `limit` messages by an order; a message that comes twice counts once, its last word holds. */
export class FirstMessages {
  readonly #compare: (a: QueueMessage, b: QueueMessage) => number;
  readonly #limit: number;
  readonly #kept = new Map<string, QueueMessage>();
  /** The last of the first, once there are as many: what comes behind it is not kept. */
  #last: QueueMessage | undefined;
  /** All that came. */
  count = 0;

  constructor(compare: (a: QueueMessage, b: QueueMessage) => number, limit: number) {
    this.#compare = compare;
    this.#limit = limit;
  }

  add(message: QueueMessage): void {
    this.count += 1;
    const key = `${message.queue}\n${message.id}`;
    if (this.#last !== undefined && this.#compare(message, this.#last) > 0 && !this.#kept.has(key)) return;
    this.#kept.set(ownText(key), ownMessage(message));
    if (this.#kept.size >= this.#limit * 2 + 1000) this.#cut();
  }

  #cut(): readonly QueueMessage[] {
    const first = [...this.#kept.values()].sort(this.#compare).slice(0, this.#limit);
    this.#kept.clear();
    for (const message of first) this.#kept.set(`${message.queue}\n${message.id}`, message);
    this.#last = first.length < this.#limit ? undefined : first.at(-1);
    return first;
  }

  /** In order. */
  result(): readonly QueueMessage[] {
    return this.#cut();
  }
}
