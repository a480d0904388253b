// The directory: the site's system configuration database, which tells web client, frontends and delivery
// which host is a slot's master. The domain owns the interface; state/ and drivers/directory-commands/ keep it.
import type { Slot } from './slot.js';

/** What a compare-and-set found. `conflict` names the master that it found instead. */
export type SetResult =
  | { readonly outcome: 'set'; readonly version: number | undefined }
  | { readonly outcome: 'conflict'; readonly master: string; readonly version: number | undefined };

/** The same for a slot's state; a conflict names what was found instead. */
export type SetStateResult =
  | { readonly outcome: 'set'; readonly version: number | undefined }
  | {
      readonly outcome: 'conflict';
      readonly master: string;
      readonly state: string;
      readonly version: number | undefined;
    };

/** A change of a slot's state, its master staying who it is. */
export interface StateChange {
  readonly slot: string;
  readonly master: string;
  /** `normal` or `readonly:HOST`. */
  readonly from: string;
  readonly to: string;
  readonly version: number | undefined;
}

/** Who is master, said to the whole site. Every call may throw a MailctlError when the directory is away. */
export interface Directory {
  /** How messages name it: a path or a command, without secrets. */
  readonly name: string;
  list(): Promise<readonly Slot[]>;
  /** undefined: the directory does not know this slot. */
  get(slot: string): Promise<Slot | undefined>;
  /** Sets the master from `from` to `to` if it is `from` (and of `version`, where one is kept and given). */
  setMaster(change: {
    readonly slot: string;
    readonly from: string;
    readonly to: string;
    readonly version: number | undefined;
  }): Promise<SetResult>;
  /** Why it cannot keep a slot's state (`setState` throws then); null: it can. */
  readonly stateFault: string | null;
  /** Sets the state from `from` to `to` if it and the master (and the version, as above) are as given. */
  setState(change: StateChange): Promise<SetStateResult>;
  /** Raises the record's version, which voids every change decided before; undefined where none is kept. */
  raiseVersion(slot: string): Promise<number | undefined>;
}
