// A message that waits in a queue, whatever software keeps it: id, state, arrival, size, envelope (design 1). Texts
// are as the host gave them: escape them before a terminal. Pure.

/**
 * Postfix's words for where a message is in its queue; each driver maps its own onto them. A state that nobody
 * knows is kept by its name.
 */
export const MESSAGE_STATES = ['incoming', 'active', 'deferred', 'hold', 'corrupt'] as const;

/** One recipient that has not got the message yet. */
export interface QueueRecipient {
  readonly address: string;
  /** What the last try ended with; null: not tried yet, or not known. */
  readonly reason: string | null;
}

/** One message of a queue. Its key is host, queue id and arrival: short ids are used again. */
export interface QueueMessage {
  /** Name of the queue: `mx1`, or `mx1:postfix-out` where a host has several. */
  readonly queue: string;
  /** Host that the queue is on. */
  readonly host: string;
  readonly id: string;
  /** One of MESSAGE_STATES, or a word that only the server knows. */
  readonly state: string;
  /** Epoch seconds by the host's clock; null: the server did not say. */
  readonly arrivedAt: number | null;
  readonly sizeBytes: number;
  /** Envelope sender; empty: the null sender; null: the listing does not say, and nothing may be concluded. */
  readonly sender: string | null;
  /** Login that handed the message in; null: nobody logged in, or the listing does not say. */
  readonly submitter: string | null;
  /** Distinct by exact address, in the server's order; none also where the listing does not say. */
  readonly recipients: readonly QueueRecipient[];
}

/** What names a message for an act. The host looks at arrival and sender again: short ids are used again. */
export interface MessageKey {
  readonly id: string;
  readonly arrivedAt: number | null;
  readonly sender: string | null;
}

/** The domain of an address: what follows the last `@`, lower-cased, without one trailing dot; empty: it has none. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0
    ? ''
    : address
        .slice(at + 1)
        .toLowerCase()
        .replace(/\.$/, '');
}
