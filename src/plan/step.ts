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
}
