// Which messages are meant: the selectors of design 2.1 as one test. Different kinds narrow, one kind widens. What
// speaks of a recipient (domain, destination, address, reason) must be true of one and the same recipient. Pure.
import { textGlobs } from '../lib/text-glob.js';
import { domainOf, type QueueMessage, type QueueRecipient } from './message.js';

/** What the operator named. An empty list, and undefined: that does not matter. */
export interface MessageSelectors {
  /** Names of queues, or what follows the colon in them; globs. */
  readonly queues: readonly string[];
  readonly states: readonly string[];
  readonly domains: readonly string[];
  readonly destinations: readonly string[];
  readonly senders: readonly string[];
  readonly submitters: readonly string[];
  readonly recipients: readonly string[];
  readonly nullSender: boolean;
  readonly delayReasons: readonly RegExp[];
  readonly olderThanS: number | undefined;
  readonly youngerThanS: number | undefined;
  readonly largerThan: number | undefined;
  readonly smallerThan: number | undefined;
  readonly ids: readonly string[];
}

/** The destination of a recipient domain; one that nobody groups is its own. */
export type DestinationOf = (domain: string) => string;

/** The test that selectors make. */
export interface MessageFilter {
  /** True: everything matches. */
  readonly isEmpty: boolean;
  /** What a listing must tell for it. */
  readonly wishes: { readonly submitter: boolean };
  /** Whether a queue may hold such messages; false: it need not be listed. */
  queue(name: string): boolean;
  /** `now`: epoch seconds. A message whose arrival nobody knows is neither old nor young. */
  matches(message: QueueMessage, now: number): boolean;
}

/** Characters of a reason that an expression sees: longer ones are somebody's joke, and cost time. */
const REASON_LENGTH = 2000;

type Test<T> = (value: T) => boolean;

/** Joins the selectors. */
export function messageFilter(selectors: MessageSelectors, destinationOf: DestinationOf): MessageFilter {
  const queue = queueTest(selectors.queues);
  const message = messageTests(selectors);
  const recipient = recipientTests(selectors, destinationOf);
  const { olderThanS, youngerThanS } = selectors;
  return {
    isEmpty:
      queue === undefined &&
      message.length === 0 &&
      recipient.length === 0 &&
      olderThanS === undefined &&
      youngerThanS === undefined,
    wishes: { submitter: selectors.submitters.length > 0 },
    queue: queue ?? (() => true),
    matches(one, now) {
      if (queue !== undefined && !queue(one.queue)) return false;
      if (olderThanS !== undefined && !(one.arrivedAt !== null && now - one.arrivedAt >= olderThanS))
        return false;
      if (youngerThanS !== undefined && !(one.arrivedAt !== null && now - one.arrivedAt < youngerThanS))
        return false;
      for (const test of message) if (!test(one)) return false;
      if (recipient.length === 0) return true;
      return one.recipients.some((each) => recipient.every((test) => test(each)));
    },
  };
}

function queueTest(patterns: readonly string[]): Test<string> | undefined {
  if (patterns.length === 0) return undefined;
  const fits = textGlobs(patterns);
  return (name) => fits(name) || (name.includes(':') && fits(name.slice(name.indexOf(':') + 1)));
}

function messageTests(selectors: MessageSelectors): readonly Test<QueueMessage>[] {
  const tests: Test<QueueMessage>[] = [];
  const { states, senders, submitters, nullSender, largerThan, smallerThan, ids } = selectors;
  if (states.length > 0) {
    const wanted = new Set(states);
    tests.push(({ state }) => wanted.has(state));
  }
  if (ids.length > 0) {
    const wanted = new Set(ids);
    tests.push(({ id }) => wanted.has(id));
  }
  if (senders.length > 0 || nullSender) {
    const fits = textGlobs(senders);
    // The null sender is asked for by its own name: `*` is no wish for bounces.
    tests.push(({ sender }) => (sender === '' ? nullSender : sender !== null && fits(sender)));
  }
  if (submitters.length > 0) {
    const fits = textGlobs(submitters);
    tests.push(({ submitter }) => submitter !== null && fits(submitter));
  }
  if (largerThan !== undefined) tests.push(({ sizeBytes }) => sizeBytes > largerThan);
  if (smallerThan !== undefined) tests.push(({ sizeBytes }) => sizeBytes < smallerThan);
  return tests;
}

function recipientTests(
  selectors: MessageSelectors,
  destinationOf: DestinationOf,
): readonly Test<QueueRecipient>[] {
  const tests: Test<QueueRecipient>[] = [];
  const { domains, destinations, recipients, delayReasons } = selectors;
  if (domains.length > 0) {
    const fits = textGlobs(domains.map((domain) => domain.replace(/\.$/, '')));
    tests.push(({ address }) => fits(domainOf(address)));
  }
  if (destinations.length > 0) {
    const fits = textGlobs(destinations);
    tests.push(({ address }) => fits(destinationOf(domainOf(address))));
  }
  if (recipients.length > 0) {
    const fits = textGlobs(recipients);
    tests.push(({ address }) => fits(address));
  }
  if (delayReasons.length > 0) {
    tests.push(({ reason }) => {
      if (reason === null) return false;
      const text = reason.length > REASON_LENGTH ? reason.slice(0, REASON_LENGTH) : reason;
      return delayReasons.some((expression) => expression.test(text));
    });
  }
  return tests;
}
