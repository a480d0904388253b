// What the domain asks of a queue driver: a stream of messages, one message whole, what the server's log says, and
// acts on named messages. Types only. A driver knows its mail server and nothing of selectors, rates or plans; how
// many at once, and when to stop, is the domain's.
import type { Host } from '../fleet/host.js';
import type { Transport } from '../transport/transport.js';
import type { DeliveryEvent } from './delivery-event.js';
import type { DrainWay } from './drain-way.js';
import type { MessageKey, QueueMessage } from './message.js';

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
  /** True: the mail server does not run, nothing of the queue moves. */
  readonly isDown?: boolean | undefined;
}

/** What a listing must tell beyond what is cheap. */
export interface ListWishes {
  /** Fill in `submitter`, which most servers keep in the message's own file. */
  readonly submitter?: boolean | undefined;
  /** Messages are looked at and not kept: their texts may be views of larger ones, which is faster to read. */
  readonly glance?: boolean | undefined;
  /** Nobody asks which transports the configuration keeps back: `keptBack` may be empty, which saves a process. */
  readonly messagesOnly?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What asking for a new try gave. The server does not say whether it knew the ids: only a new listing tells. */
export interface RetryAnswer {
  /** Messages that are being delivered or wait for it now; null: could not be counted. */
  readonly inFlight: number | null;
}

/** A message as its own file and the log know it. All texts are raw and hostile. */
export interface MessageDetail {
  readonly message: QueueMessage;
  /** In their order, unfolded. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Epoch seconds; null: not known, or held. */
  readonly nextTryAt: number | null;
  /** Lines of the log that name the message, oldest first, the last 200. */
  readonly log: readonly string[];
  /** What else the server keeps of it: client address, protocol, `sasl_method`. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

/** What can be done to messages. */
const QUEUE_ACTS = ['hold', 'release', 'requeue', 'flush', 'delete', 'restore'] as const;
export type QueueAct = (typeof QUEUE_ACTS)[number];

/** What an act came to, by the server's own count and by our look at each message before it. */
export interface ActAnswer {
  /** Messages that the server says it changed; null: it does not say. */
  readonly changed: number | null;
  /** Messages that were so before: held ones of a hold that is done again. */
  readonly already?: number | undefined;
  /** Ids that were gone, or belong to another message by now: left alone. */
  readonly gone: readonly string[];
  /** Ids that could not be done, with the server's reason. Raw. */
  readonly failed: readonly { readonly id: string; readonly why: string }[];
}

/** Where deleted messages are kept on the host before they are removed. */
export interface SaveWish {
  /** The run, which names the folder. */
  readonly run: string;
  /** Epoch seconds after which the saved messages may be removed. */
  readonly expiresAt: number;
  /** Bytes that all saved messages of the host may take; above it the act throws before anything is deleted. */
  readonly maxBytes: number;
}

/** What an act is given beside its messages. */
export interface ActWishes {
  /** Needed by delete and restore. */
  readonly save?: SaveWish | undefined;
  /** Shell text of the desk that goes before the act: it ends the script unless the queue is still the run's. */
  readonly guard?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where reading a log stopped, so that the next reading goes on there. Only the driver reads it. */
export type LogPosition = string;

/** What reading a log came to. */
export interface LogReading {
  readonly position: LogPosition;
  /** Null: everything since then was there. Else what is missing: rotated away, dropped lines, no log. */
  readonly incomplete: string | null;
}

/** What a server's own configuration allows; null: it cannot be known. */
export interface QueueLimits {
  /** Seconds after which a message that was not delivered is returned. */
  readonly lifetimeS: number | null;
  /** Messages that are delivered or wait for it at once; the others wait in `incoming`. */
  readonly activeMessages: number | null;
}

/** The driver of one queue. All calls throw MailctlError (TransportError when the host could not be asked). */
export interface QueueDriver {
  readonly software: string;
  /**
   * Names that its messages' queues usually have where it has several of its own within this one (`lists1:out`); it
   * may have others. Absent: messages have the name of this queue.
   */
  readonly queuesWithin?: readonly string[] | undefined;
  /**
   * Gives each message once it is read; nothing is kept, so that a million are as good as one. A queue moves while
   * it is listed: a message may come twice (the last word holds) or not at all.
   */
  list(onMessage: (message: QueueMessage) => void, wishes?: ListWishes): Promise<QueueListing>;
  /** One message whole; null: the queue has no such id. */
  show?(id: string, signal?: AbortSignal): Promise<MessageDetail | null>;
  /** Why an act cannot be done by this server; null: it can. */
  cannot(act: QueueAct): string | null;
  /**
   * Does it to these messages, each looked at again on the host before (id, arrival, sender). Repeating it is safe.
   * `delete` saves first and never bounces; `restore` takes the saved messages of a run by their old ids.
   */
  act?(act: QueueAct, keys: readonly MessageKey[], wishes?: ActWishes): Promise<ActAnswer>;
  /** Removes what was saved and whose time is over; gives how many messages that were, null where nobody counts. */
  forget?(wishes?: Pick<ActWishes, 'guard' | 'signal'>): Promise<number | null>;
  /** The commands of an act, for people. */
  preview(act: QueueAct | 'retry'): readonly string[];
  /** Has these deferred messages tried now, whatever their back-off. Others are left alone. */
  retry(ids: readonly string[], signal?: AbortSignal): Promise<RetryAnswer>;
  /** Gives what the log says of deliveries, oldest first, from `since` (epoch seconds by the host's clock) or a position. */
  readLog?(
    from: { readonly since: number } | { readonly position: LogPosition },
    onEvent: (event: DeliveryEvent) => void,
    signal?: AbortSignal,
  ): Promise<LogReading>;
  /** What its configuration allows; absent: it cannot be asked. */
  limits?(signal?: AbortSignal): Promise<QueueLimits>;
  /** What the sender believes to have open per destination, where it can be known; absent: it cannot. */
  believed?(signal?: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /** How a backlog of it is drained, or why it cannot be; absent: nobody has found a way. */
  drain?(): Promise<DrainWay | { readonly cannot: string }>;
}

/** A queue on a host. */
export interface Queue {
  /** `mx1`, or `mx1:postfix-out` where a host has several. */
  readonly name: string;
  /** Host that it is on. */
  readonly host: string;
  readonly driver: QueueDriver;
}

/** A site's own sender: the command that lists its queue, and those that act on messages. */
export type SiteCommands = { readonly list: readonly string[] } & {
  readonly [act in QueueAct]?: readonly string[] | undefined;
};

/** What a driver is opened with. It holds no connection of its own. */
export interface QueueOptions {
  readonly transport: Transport;
  readonly host: Host;
  /** The queue's name in our words. */
  readonly name: string;
  /** Which of several instances on the host, as `find` printed it; undefined: the server's first. */
  readonly instance?: string | undefined;
  /** Words put before every command: a container. */
  readonly within?: readonly string[] | undefined;
  /** A site's own commands, for the driver `exec`. */
  readonly commands?: SiteCommands | undefined;
  /** What the processes of a site's own sender are called. */
  readonly process?: string | undefined;
}

/** One kind of mail server in the table of drivers. */
export interface QueueSoftware {
  readonly name: string;
  open(options: QueueOptions): QueueDriver;
  /** Reads what its listing of a lone queue prints (see find.ts), as `list` with `glance` does. */
  glance?(
    options: Pick<QueueOptions, 'name' | 'host'>,
    onMessage: (message: QueueMessage) => void,
  ): { line(line: string): void; end(stderr: string): QueueListing };
}
