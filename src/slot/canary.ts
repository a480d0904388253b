// The canary: one small message a minute into a probe mailbox of each master, looked for on each replica. It is the
// only end-to-end clock of replication: what was delivered before the newest one that arrived has arrived, too, as
// far as the order of log files goes (field notes, "Lag", 3). Types only, and what to do when.
import type { Slot } from './slot.js';

/** What came of sending one. */
export interface CanarySent {
  readonly slot: string;
  /** The master host's own clock, epoch seconds; null: it was not accepted. */
  readonly stamp: number | null;
  readonly problem: string | null;
}

/** What was found in a probe mailbox. */
export interface CanaryFound {
  readonly slot: string;
  /** Newest stamp, by the clock of the master that sent it; null: none is there. */
  readonly newest: number | null;
  /** Messages in the mailbox. */
  readonly messages: number;
  /** Older messages may go: the UID below which none is of the newest; null: not that many. */
  readonly oldBelow: number | null;
  readonly problem: string | null;
}

/** What is stored of one replica. */
export interface CanaryRecord {
  readonly slot: string;
  readonly replica: string;
  /** Master that sent the last one, and its stamp; null: none was accepted yet. */
  readonly master: string;
  readonly sentAt: number | null;
  /** Newest stamp that was found on the replica; null: none yet. */
  readonly foundAt: number | null;
  /** When it was looked for, ms since 1970 by the observer's clock. */
  readonly seenAt: number;
}

/** Keeps them, the last per slot and replica. Every call may throw a MailctlError (state.*). */
export interface CanaryStore {
  store(records: readonly CanaryRecord[]): Promise<void>;
  latest(slots: readonly string[]): Promise<readonly CanaryRecord[]>;
}

/** What the canary says of one replica of a dead master. */
export interface CanaryFact {
  readonly slot: string;
  readonly host: string;
  /** Newest stamp on the replica, as looked up now or stored. */
  readonly foundAt: number | null;
  /** Newest stamp that the dead master accepted, as stored. */
  readonly sentAt: number | null;
  readonly by: 'looked up' | 'stored';
}

/** Slots whose last canary is old enough for the next one. */
export function slotsToSend(
  slots: readonly Slot[],
  known: readonly CanaryRecord[],
  everyMs: number,
  now: number,
): readonly Slot[] {
  return slots.filter((slot) => {
    const last = known.filter(
      (one) => one.slot === slot.slot && one.master === slot.master && one.sentAt !== null,
    );
    // A minute's timer never runs to the second.
    return last.every((one) => now - one.seenAt >= everyMs * 0.9);
  });
}
