// Samples: what was observed of a slot, kept so that a master that died later leaves evidence of how fresh its
// replicas were. Types only; state/samples.ts keeps them, freshness is judged elsewhere. Times of a host are by
// the host's own clock and are never compared with those of another.

/** One observation of a slot on a host, or of one replication channel of its master. */
export interface Sample {
  readonly slot: string;
  /** Host that was observed. */
  readonly host: string;
  readonly role: 'master' | 'replica' | null;
  /** Replica host that this observation of the master's log is about; '' for one of the instance itself. */
  readonly channel: string;
  /** By the host's own clock, seconds since 1970. */
  readonly at: number;
  /** By the observer's clock, milliseconds since 1970. */
  readonly seenAt: number;
  /** Events in the master's log that this channel has still to send; null: could not be known. */
  readonly pendingEvents: number | null;
  /** Birth of the oldest log file by the host's clock, seconds since 1970; null: there is none, or unknown. */
  readonly oldestBirth: number | null;
  /** Events that could not be applied and wait. */
  readonly quarantined: number | null;
  readonly running: boolean | null;
  /** The channel's sender runs. */
  readonly replicating: boolean | null;
  /** Why something above is null, or what else was wrong. */
  readonly problem: string | null;
}

/** The last moment at which a log was seen empty. */
export type LastEmpty = Pick<Sample, 'slot' | 'host' | 'channel' | 'at'>;

/** Keeps samples. Every call may throw a MailctlError (state.*): a failed write is a warning, no more. */
export interface SampleStore {
  store(samples: readonly Sample[]): Promise<void>;
  /** The last one stored per slot, host and channel; of all slots when none are named. */
  latest(slots?: readonly string[]): Promise<readonly Sample[]>;
  /** When each master's log was last seen with nothing to send, by the host's clock. */
  lastEmpty(slots: readonly string[]): Promise<readonly LastEmpty[]>;
  /** Those of a slot that were seen in the last `sinceSeconds`, oldest first. */
  history(slot: string, sinceSeconds: number): Promise<readonly Sample[]>;
}
