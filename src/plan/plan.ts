// A plan is data: what would be done, and the facts it stands on. Another process, on another day, must be
// able to finish it, so there are no functions inside and it is written into the journal's first record.
import type { Step } from './step.js';

/** Anything that JSON can carry. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** The run of one slot: steps in order, phases prepare, then commit (at most one step), then settle. */
export interface Lane {
  /** The slot's name; unique in the plan. */
  readonly id: string;
  readonly steps: readonly Step[];
  /** What was judged, for people and for a resume: from, to, evidence, gates passed by word. */
  readonly facts: Json;
}

/** What would be done. */
export interface Plan {
  readonly version: 1;
  /** The run's id, short enough to type. */
  readonly id: string;
  readonly kind: string;
  /** What the operator named, e.g. `imap21`. */
  readonly target: string;
  readonly operator: string;
  /** The machine that runs it. */
  readonly bastion: string;
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  /** The operator's own why. */
  readonly reason?: string | undefined;
  readonly facts: Json;
  readonly lanes: readonly Lane[];
  /** Steps of the whole run, after all lanes have ended (settle only): per-run hooks. */
  readonly after: readonly Step[];
}
