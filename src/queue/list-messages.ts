// Messages of a source that a filter lets through: as they come, or the first of an order. Each comes once, although
// a queue that moves is listed with some ids twice. Ends the reading when nobody needs more of it.
import { Channel } from '../lib/channel.js';
import { MessageIndex } from './columns.js';
import type { QueueMessage } from './message.js';
import { FirstMessages, type MessageOrder, messageOrder } from './pick.js';
import type { MessageSource, ReadReport } from './read-all.js';
import type { MessageFilter } from './select.js';

/** What is wanted. */
export interface ListOptions {
  readonly filter: MessageFilter;
  /** Epoch seconds. */
  readonly now: number;
  /** undefined: as they come. */
  readonly order: MessageOrder | undefined;
  readonly reverse: boolean;
  readonly limit: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The messages, and afterwards what came of the reading. */
export interface MessageList {
  readonly messages: AsyncIterable<QueueMessage>;
  /** Whether everything was read, or as much as was wanted. */
  isOver(): boolean;
  /** What came of it, once it is over. */
  report(): ReadReport;
  /** Messages beyond the limit; null: there are some, and they were not counted. */
  more(): number | null;
}

/** Begins to read when the messages are asked for. */
export function listMessages(source: MessageSource, options: ListOptions): MessageList {
  const { filter, now, order, reverse, limit = Number.POSITIVE_INFINITY } = options;
  const enough = new AbortController();
  const signal =
    options.signal === undefined ? enough.signal : AbortSignal.any([options.signal, enough.signal]);
  const wishes = { messagesOnly: true, submitter: filter.wishes.submitter, signal };
  let report: ReadReport | undefined;
  let more: number | null = 0;

  const sorted = async function* (by: MessageOrder) {
    const first = new FirstMessages(messageOrder(by, reverse), limit);
    report = await source.read((message) => {
      if (filter.matches(message, now)) first.add(message);
    }, wishes);
    const messages = first.result();
    more = Math.max(0, first.count - messages.length);
    yield* messages;
  };

  const streamed = async function* () {
    const channel = new Channel<QueueMessage>(() => enough.abort());
    const queues = new Map<string, number>();
    const seen = new MessageIndex();
    const take = (message: QueueMessage) => {
      if (more === null || !filter.matches(message, now)) return;
      let queue = queues.get(message.queue);
      if (queue === undefined) {
        queue = queues.size;
        queues.set(message.queue, queue);
      }
      const known = seen.size;
      if (seen.rowOf(queue, message.id) < known) return;
      if (known < limit) {
        channel.push(message);
        return;
      }
      more = null;
      enough.abort();
    };
    const reading = source.read(take, wishes).then(
      (read) => {
        report = more === null ? withoutInterrupted(read) : read;
        channel.end();
      },
      (error: unknown) => channel.end(error),
    );
    yield* channel;
    await reading;
  };

  return {
    messages: order === undefined ? streamed() : sorted(order),
    isOver: () => report !== undefined,
    report: () => report ?? { queues: [], failures: [], without: [] },
    more: () => more,
  };
}

/** What we broke off ourselves, since nobody needed more, is no failure. */
function withoutInterrupted(report: ReadReport): ReadReport {
  return {
    ...report,
    failures: report.failures.filter(({ error }) => error.code !== 'transport.interrupted'),
  };
}
