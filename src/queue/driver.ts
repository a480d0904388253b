// What the domain asks of a queue driver: a stream of messages, and a new try for some of them. Types only. A driver
// knows its mail server and nothing of slots or rates; how many at once, and when to stop, is the domain's.
import type { QueueMessage } from './message.js';

/** What a listing came to, beside its messages. */
export interface QueueListing {
  /** Lines that were no message. They are counted, never guessed at. */
  readonly malformed: {
    readonly lines: number;
    /** The first of them: its number and what is wrong with it. */
    readonly first: { readonly line: number; readonly what: string } | null;
  };
  /** Transports that the server's own configuration keeps back; a new try would override that. */
  readonly keptBack: readonly string[];
  /** What the server said beside the list: `Mail system is down`. Raw. */
  readonly warning: string | null;
}

/** What asking for a new try gave. The server does not say whether it knew the ids: only a new listing tells. */
export interface RetryAnswer {
  /** Messages that are being delivered or wait for it now; null: could not be counted. */
  readonly inFlight: number | null;
}

/** The driver of one queue. All calls throw MailctlError (TransportError when the host could not be asked). */
export interface QueueDriver {
  readonly software: string;
  /**
   * Gives each message once it is read; nothing is kept, so that a million are as good as one. A queue moves while
   * it is listed: a message may come twice (the last word holds) or not at all.
   */
  list(onMessage: (message: QueueMessage) => void, signal?: AbortSignal): Promise<QueueListing>;
  /** Has these deferred messages tried now, whatever their back-off. Others are left alone. */
  retry(ids: readonly string[], signal?: AbortSignal): Promise<RetryAnswer>;
  /** The command of a retry, for people. */
  preview(act: 'retry'): readonly string[];
}

/** A queue on a host. */
export interface Queue {
  /** `mx1`, or `mx1:postfix` where the host has several. */
  readonly name: string;
  /** Host that it is on. */
  readonly host: string;
  readonly driver: QueueDriver;
}
