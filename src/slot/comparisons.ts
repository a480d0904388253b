// Content comparisons, kept so that the next one begins with whom it has been longest since, and so that it can be
// seen when a copy was last proven equal. Types only; state/comparisons.ts keeps them. Times are the observer's.
import type { Owner } from './content.js';

/** The last comparison of a slot's master with one replica. */
export interface LastComparison {
  readonly slot: string;
  readonly replica: string;
  /** ms since 1970. */
  readonly at: number;
  /** Owners (users and shared mailboxes) on either side then. */
  readonly total: number;
  /** Of these, compared at some time. */
  readonly compared: number;
  /** Of these, found to differ when they were compared last. */
  readonly differing: number;
  /** When the one of them was compared whose turn is longest ago; null: none was. */
  readonly oldestAt: number | null;
}

/** What a comparison leaves behind. */
export interface ComparisonRecord {
  readonly slot: string;
  readonly replica: string;
  readonly at: number;
  /** Everybody who is there; null: only some were asked for, and nothing is known of the others. */
  readonly all: readonly Owner[] | null;
  readonly compared: readonly { readonly owner: Owner; readonly differs: boolean }[];
}

/** Keeps comparisons. Every call may throw a MailctlError (state.*). */
export interface ComparisonStore {
  store(record: ComparisonRecord): Promise<void>;
  /** One per slot and replica; of all slots when none are named. */
  latest(slots?: readonly string[]): Promise<readonly LastComparison[]>;
  /** When each owner was compared last, by ownerLabel. */
  ownersAt(slot: string, replica: string): Promise<ReadonlyMap<string, number>>;
}
