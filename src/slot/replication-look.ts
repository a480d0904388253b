// What a near look at an instance's replication shows: whose events wait, whether the senders get on, what is set
// aside. Types only; a driver reads it, replication.ts judges it. Everything is bounded, and says where it was cut.
import type { BirthMethod } from './driver.js';

/** Whose events wait in some files, as far as they were read. */
export interface PendingUsers {
  /** Lines about each user, the most first; a bounded list. */
  readonly users: readonly { readonly user: string; readonly events: number }[];
  /** Users beyond the list. */
  readonly moreUsers: number;
  /** Lines about shared mailboxes. */
  readonly shared: number;
  /** Lines that name nobody, or that were too many to tell apart. */
  readonly unread: number;
  /** A line at which Cyrus stops reading in silence: what stands behind it is lost. */
  readonly torn: string | null;
  /** Bytes that were read, and that there are. */
  readonly readBytes: number;
  readonly sizeBytes: number;
}

/**
 * Does the sender get on? `idle`: nothing waits; `working`: it does; `looping`: it fails on the same file again and
 * again; `busy`: at work on one file for long, which may be either; `waiting`: alive, and nothing moves (it lost its
 * replica and waits to try again); `stopped`: there is none; `disabled`: there is none, and its master has given up
 * starting it until the next SIGHUP.
 */
export type SenderMotion = 'idle' | 'working' | 'looping' | 'busy' | 'waiting' | 'stopped' | 'disabled';

/** One channel's log from near. */
export interface ChannelLook {
  /** Empty: the default channel. */
  readonly channel: string;
  readonly events: number;
  /** Epoch seconds by the host's clock; null: nothing waits, or not known. */
  readonly oldestBirth: number | null;
  readonly birthBy: BirthMethod | null;
  readonly pending: PendingUsers;
  readonly motion: SenderMotion;
  /** What the sender complained of meanwhile, raw; null: nothing, or the system log cannot be read. */
  readonly complaint: string | null;
  /** The user (or shared mailbox) that it failed on; null: not told. */
  readonly stuckAt: string | null;
}

/** An event file that was set aside. */
export interface QuarantinedFile {
  /** Its name in the quarantine folder. */
  readonly file: string;
  readonly events: number;
  readonly birth: number | null;
  readonly pending: PendingUsers;
}

/** An instance's replication. */
export interface ReplicationLook {
  readonly slot: string;
  readonly host: string;
  /** The host's own clock, epoch seconds. */
  readonly at: number;
  readonly channels: readonly ChannelLook[];
  /** Its master said that it has given up starting a sender; only channels without one are meant. */
  readonly hasGivenUp: boolean;
  readonly quarantined: readonly QuarantinedFile[];
  /** Users that a file keeps from being replicated (Cyrus 3.12: skipuser-USER), and on which channel. */
  readonly skipped: readonly { readonly channel: string; readonly user: string }[];
  /** Why something could not be read; null: all was. */
  readonly problem: string | null;
}
