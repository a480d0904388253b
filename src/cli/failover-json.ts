// The document of a failover, as scripts rely on it (`mailctl/failover/v1`). Fields are only ever added.

import { formatIso } from '../lib/clock.js';
import type { Column } from '../output/columns/column.js';
import type { CutOff } from '../slot/cut-off.js';
import { lossSheetJson } from '../slot/loss-sheet.js';
import type { SafeToLeave, SlotResult } from '../slot/outcome.js';
import type { RunOutcome } from '../slot/overall.js';
import type { RoadSight } from '../slot/road.js';
import type { UnverifiedLogin } from '../slot/unverified.js';
import type { WaitingRow } from '../slot/waiting.js';
import type { Watch } from '../slot/watch.js';
import type { ErrorReport } from './report.js';

/** What the document is made of. */
export interface FailoverDocument {
  readonly run: string | null;
  readonly outcome: RunOutcome;
  readonly tookMs: number;
  readonly results: readonly SlotResult[];
  readonly safety: SafeToLeave;
  readonly errors: readonly ErrorReport[];
  /** Mail that waits on the MXs; null: nothing was looked at. */
  readonly waiting: readonly WaitingRow[] | null;
  /** The road of people and mail, as it was tried. */
  readonly roads: readonly RoadSight[];
  readonly watch?: Watch | undefined;
  /** Hosts that the run has cut off; absent: there was no run. */
  readonly cutOff?: readonly CutOff[] | undefined;
  /** Logins that could not be tried. */
  readonly unverified?: readonly UnverifiedLogin[] | undefined;
}

/** The document's fields beside `schema`. */
export function failoverDocument({
  run,
  outcome,
  tookMs,
  results,
  safety,
  errors,
  waiting,
  roads,
  watch,
  cutOff,
  unverified,
}: FailoverDocument): object {
  return {
    run,
    outcome,
    took_ms: Math.round(tookMs),
    slots: results.map((result) => ({
      slot: result.decision.slot.slot,
      from: result.decision.from,
      to: result.decision.to,
      outcome: result.outcome,
      gate: result.gate,
      reason: result.reason,
      possible_loss_s: possibleLoss(result),
      evidence: (result.decision.loss?.evidence ?? []).map(({ kind, at, value }) => ({ kind, at, value })),
      kind: result.decision.kind,
      users: result.decision.users ?? null,
      moving: (result.decision.moving ?? []).map(({ user, from, to, state }) => ({ user, from, to, state })),
      loss_sheet: result.decision.sheet === undefined ? null : lossSheetJson(result.decision.sheet),
      chosen_because: result.decision.because ?? null,
      passed_over: result.decision.passedOver ?? [],
      overrides: result.decision.gates.flatMap(({ gate, word }) => (word === null ? [] : [{ gate, word }])),
    })),
    to_demote: safety.toDemote,
    to_rejoin: safety.toRejoin,
    to_end_reading: safety.toEndReading,
    safe_to_leave: safety.safe,
    reasons: safety.reasons,
    errors,
    waiting,
    roads,
    cut_off: (cutOff ?? []).map(({ host, command, isSeenOff }) => ({ host, command, seen_off: isSeenOff })),
    unverified_logins: (unverified ?? []).map(({ slot, host, reason }) => ({ slot, host, reason })),
    watched: watch?.isWatched ?? null,
    last_look_at: iso(watch?.lastLookAt == null ? null : watch.lastLookAt / 1000),
  };
}

/** A planned move loses nothing: its log is drained first. */
function possibleLoss({ decision }: SlotResult): number | null {
  if (decision.kind === 'demote') return null;
  // Nothing diverges, and what is not on the replica comes back with the master.
  if (decision.kind === 'readonly' || decision.kind === 'end-readonly') return 0;
  return decision.fromReachable ? 0 : (decision.loss?.possibleLossS ?? null);
}

/** One row a slot, for tsv and ndjson. */
export const failoverColumns: readonly Column<SlotResult>[] = [
  { key: 'slot', header: 'SLOT', value: ({ decision }) => decision.slot.slot },
  { key: 'from', header: 'FROM', value: ({ decision }) => decision.from },
  { key: 'to', header: 'TO', value: ({ decision }) => decision.to },
  { key: 'outcome', header: 'OUTCOME', value: ({ outcome }) => outcome },
  { key: 'gate', header: 'GATE', value: ({ gate }) => gate },
  { key: 'reason', header: 'REASON', value: ({ reason }) => reason },
  { key: 'possible_loss_s', header: 'LOSS', value: possibleLoss },
  { key: 'proven_by', header: 'PROVEN BY', value: ({ decision }) => decision.loss?.provenBy ?? null },
  { key: 'proven_until', header: 'PROVEN UNTIL', value: ({ decision }) => iso(decision.loss?.provenUntil) },
  { key: 'last_alive', header: 'LAST ALIVE', value: ({ decision }) => iso(decision.loss?.lastAlive) },
];

function iso(seconds: number | null | undefined): string | null {
  return seconds === null || seconds === undefined ? null : formatIso(seconds * 1000);
}
