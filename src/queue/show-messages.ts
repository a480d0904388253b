// Messages by their ids, on whatever queue they are: every queue that is meant is asked, since an id says nothing of
// its host, and a short one may be on several. A server that cannot show one message is listed instead.
import type { MessageDetail, Queue } from './driver.js';
import { gatherQueues, type QueueFailure, type QueueFleet } from './gather-queues.js';
import type { QueueMessage } from './message.js';

/** A message that is asked for. */
export interface WantedMessage {
  /** Host or queue that was named before the id; undefined: wherever it is. */
  readonly place: string | undefined;
  readonly id: string;
  /** The word as it was given. */
  readonly given: string;
}

/** What was found. */
export interface FoundMessages {
  readonly messages: readonly MessageDetail[];
  /** Wanted, and on no queue that answered. */
  readonly missing: readonly WantedMessage[];
  readonly failures: readonly QueueFailure[];
  /** Hosts without a queue. */
  readonly without: readonly string[];
}

/** `mx1/4jX28t1RZx` where mx1 is one of the places, else the whole word is an id: some ids hold a slash. */
export function parseWanted(given: string, isPlace: (name: string) => boolean): WantedMessage {
  const slash = given.indexOf('/');
  const place = given.slice(0, Math.max(0, slash));
  const host = place.split(':')[0] ?? '';
  const isNamed = slash > 0 && slash < given.length - 1 && isPlace(host);
  return isNamed ? { place, id: given.slice(slash + 1), given } : { place: undefined, id: given, given };
}

/** Looks for them. An answer of a host that has none of them is an answer, too. */
export async function showMessages(
  fleet: QueueFleet,
  wanted: readonly WantedMessage[],
  options: { readonly concurrency: number; readonly signal?: AbortSignal | undefined },
): Promise<FoundMessages> {
  const { answers, failures, without } = await gatherQueues(
    fleet,
    async (queue, signal) => {
      const here = wanted.filter((one) => isAt(one, queue));
      return here.length === 0 ? [] : detailsOf(queue, [...new Set(here.map(({ id }) => id))], signal);
    },
    options,
  );
  const messages = answers
    .flatMap(({ value }) => value)
    .filter(({ message }) => wanted.some((one) => one.id === message.id && isOn(one, message)));
  const missing = wanted.filter(
    (one) => !messages.some(({ message }) => message.id === one.id && isOn(one, message)),
  );
  return { messages, missing, failures, without };
}

function isAt({ place }: WantedMessage, { name, host }: Queue): boolean {
  // A list server has queues of its own within one of ours: lists1:out is in lists1.
  return place === undefined || place === host || place === name || host === place.split(':')[0];
}

function isOn({ place }: WantedMessage, { host, queue }: QueueMessage): boolean {
  return place === undefined || place === host || place === queue;
}

async function detailsOf(
  { driver }: Queue,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly MessageDetail[]> {
  const { show } = driver;
  if (show !== undefined) {
    const details: MessageDetail[] = [];
    for (const id of ids) {
      const detail = await show.call(driver, id, signal);
      if (detail !== null) details.push(detail);
    }
    return details;
  }
  const seen = new Map<string, QueueMessage>();
  const asked = new Set(ids);
  await driver.list(
    (message) => {
      if (asked.has(message.id)) seen.set(message.id, message);
    },
    { submitter: true, signal },
  );
  return [...seen.values()].map((message) => ({
    message,
    headers: [],
    nextTryAt: null,
    log: [],
    facts: [['not_read', 'this server shows no more than its list does']],
  }));
}
