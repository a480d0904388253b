// One step of a lane, as data. The action that it names has the code.
import type { Json } from './plan.js';

/** prepare can be undone, commit is the point of no return, settle only goes forward. */
export type Phase = 'prepare' | 'commit' | 'settle';

/** One step. */
export interface Step {
  /** Unique in its lane, e.g. `stop-old`. */
  readonly id: string;
  /** Name of the action, e.g. `slot.stop`. */
  readonly action: string;
  /** Host that it is about; empty for steps about none (the directory). */
  readonly host: string;
  readonly phase: Phase;
  /** For people: `stop store1 on imap21`. */
  readonly title: string;
  readonly params: { readonly [key: string]: Json | undefined };
  /** True: when the host is away the step is owed and the lane goes on without it. */
  readonly mayBeOwed?: boolean | undefined;
  /**
   * True: when the host is away during a revert, the undo is owed and the steps before it are undone
   * nevertheless; the lane stays open until it is done. Only where the undos before it are safe without it
   * because they look for themselves (failover.md, promise 1).
   */
  readonly undoMayBeOwed?: boolean | undefined;
  /** True: undone after all others but the leases. Only where no other undo needs it. */
  readonly undoLast?: boolean | undefined;
  /** True: if owed, a resume tries it even after the commit. Absent: after the commit it stays owed. */
  readonly retryAfterCommit?: boolean | undefined;
  /**
   * True: begun by an earlier run whose lane this one finishes. It counts as begun by this one as soon as the lane has
   * its leases, so that a revert takes it back.
   */
  readonly inherited?: boolean | undefined;
}
