// The records of a journal: one JSON object a line. The first is `opened` and holds the plan; the order and the
// meaning are in anchors of plan/runner.ts. Fields are only ever added.
import type { Json } from '../plan/plan.js';

/** What every record has. */
interface Common {
  /** 1, 2, 3, ... without a gap. */
  readonly seq: number;
  /** ISO 8601 UTC with milliseconds. */
  readonly at: string;
}

/** The state in which a run can be closed. */
export type ClosedState = 'done' | 'reverted' | 'failed';

/** One line of a journal. `lane` is empty for steps of the whole run. */
export type JournalRecord = Common &
  (
    | {
        readonly kind: 'opened';
        readonly format: 1;
        readonly mailctl: string;
        readonly operator: string;
        readonly host: string;
        readonly bootId: string;
        /** A Plan (plan/plan.ts). */
        readonly plan: Json;
      }
    | { readonly kind: 'began'; readonly lane: string; readonly step: string }
    | { readonly kind: 'did'; readonly lane: string; readonly step: string; readonly note?: string }
    | { readonly kind: 'skipped'; readonly lane: string; readonly step: string; readonly note?: string }
    | { readonly kind: 'owed'; readonly lane: string; readonly step: string; readonly reason: string }
    | {
        readonly kind: 'failed';
        readonly lane: string;
        readonly step: string;
        readonly reason: string;
        readonly code?: string;
      }
    /** The lane goes back to just before `to` (absent: to its start, for good). */
    | { readonly kind: 'reverting'; readonly lane: string; readonly to?: string; readonly reason: string }
    | { readonly kind: 'undone'; readonly lane: string; readonly step: string }
    | { readonly kind: 'lane-closed'; readonly lane: string; readonly state: ClosedState }
    /** A resume (or an undo) by whom; the run lives again. */
    | {
        readonly kind: 'resumed';
        readonly operator: string;
        readonly host: string;
        readonly bootId: string;
        readonly how: 'resume' | 'undo';
      }
    | { readonly kind: 'note'; readonly lane: string; readonly text: string; readonly data?: Json }
    | { readonly kind: 'closed'; readonly state: ClosedState }
  );

/** A record before the journal gives it its number and time. */
export type NewRecord = JournalRecord extends infer R
  ? R extends Common
    ? Omit<R, 'seq' | 'at'>
    : never
  : never;
