// What lies on a mail host beside its queues: the lease of a queue (one run at a time acts on it), and the record of
// each run that left something to take back (a hold with its owner, reason and end; what was deleted and until when
// it is kept), with the keys of its messages. On the host, so that another bastion sees it. Types only.
import type { QueueAct } from './driver.js';
import type { MessageKey } from './message.js';

/** A queue by where it is. */
export interface DeskPlace {
  readonly host: string;
  /** The queue's name in our words, `mx1:postfix-out`. */
  readonly queue: string;
  readonly software: string;
}

/** Who acts on a queue. */
export interface DeskHolder {
  /** The run, as long as it takes to be unique on all bastions: hexadecimal digits that begin with the run's id. */
  readonly key: string;
  readonly operator: string;
  readonly bastion: string;
}

/** What a run leaves beside a queue. */
export interface DeskRecord {
  readonly key: string;
  /** The run's id on its bastion. */
  readonly run: string;
  readonly act: QueueAct;
  readonly operator: string;
  readonly bastion: string;
  readonly reason: string | null;
  /** Epoch seconds by the bastion's clock. */
  readonly at: number;
  /** When a hold ends, or when what was deleted may be removed; null: no end. Epoch seconds. */
  readonly until: number | null;
  /** Selectors for what arrives meanwhile, as words of a command line; null: nothing more is held. */
  readonly meanwhile: readonly string[] | null;
}

/** A record that was found on a host. */
export interface FoundRecord {
  readonly record: DeskRecord;
  /** Messages whose keys lie with it. */
  readonly messages: number;
  /** Its run has ended. */
  readonly complete: boolean;
}

/** Asking for a queue. */
export type DeskAnswer =
  | { readonly granted: true }
  | { readonly granted: false; readonly held: DeskHolder; readonly secondsLeft: number };

/** What is done there. All calls throw MailctlError. */
export interface QueueDesk {
  /** Takes the queue for a run, or makes sure that it is taken, and writes the run's record. */
  take(
    place: DeskPlace,
    claim: {
      readonly holder: DeskHolder;
      readonly record: DeskRecord | null;
      /** Keys of runs whose process is known to be dead. */
      readonly dead: readonly string[];
    },
    signal?: AbortSignal,
  ): Promise<DeskAnswer>;
  /** Moves the lease's end. False: somebody else has it. */
  renew(place: DeskPlace, key: string, signal?: AbortSignal): Promise<boolean>;
  /** Writes a part of the keys of a record, and renews the lease. False: somebody else has it, and nothing was written. */
  keep(place: DeskPlace, key: string, part: string, lines: string, signal?: AbortSignal): Promise<boolean>;
  /** Shell text that goes before an acting script of this run, and ends it unless the queue is still the run's. */
  guard(place: DeskPlace, key: string): string;
  /** Gives the queue back. `complete`: its record is whole; `drop`: records that are over. */
  end(
    place: DeskPlace,
    key: string,
    parts: { readonly complete: boolean; readonly drop: readonly string[] },
    signal?: AbortSignal,
  ): Promise<void>;
  /** The records beside a queue. Read-only. */
  records(place: DeskPlace, signal?: AbortSignal): Promise<readonly FoundRecord[]>;
  /** The keys of a record. Read-only. */
  keys(place: DeskPlace, key: string, onKey: (key: MessageKey) => void, signal?: AbortSignal): Promise<void>;
}
