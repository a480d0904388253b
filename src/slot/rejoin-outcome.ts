// What became of a rejoin, instance by instance and as a whole, in the words and codes of design 2.1. Pure.
import type { RunResult } from '../plan/runner.js';
import { type RejoinFindings, type RejoinReport, reportKey } from './actions/rejoin-parts.js';
import { overallOf, type RunOutcome } from './overall.js';
import type { Return } from './rejoin.js';

/**
 * Outcome of one instance. `partial`: it is a replica again, or waits for a person, and something did not come over;
 * `closed`: its mail was given up by word; `ended`: it is the master and serves, what was read elsewhere is ended.
 */
export type ReturnOutcome =
  | 'rejoined'
  | 'partial'
  | 'closed'
  | 'ended'
  | 'refused'
  | 'failed'
  | 'incomplete'
  | 'planned';
/** One instance's result. */
export interface ReturnResult {
  readonly returned: Return;
  readonly outcome: ReturnOutcome;
  readonly reason: string | null;
  /** Codes as the journal has them, of a failure. */
  readonly code: string | null;
  readonly found: RejoinFindings | null;
}

/** Before a run, or instead of one. */
export function plannedReturns(returns: readonly Return[]): readonly ReturnResult[] {
  return returns.map((returned) =>
    returned.gate === null
      ? { returned, outcome: 'planned', reason: null, code: null, found: null }
      : refused(returned),
  );
}

function refused(returned: Return): ReturnResult {
  const { gate } = returned;
  return {
    returned,
    outcome: 'refused',
    reason: gate?.reason ?? null,
    code: gate?.gate ?? null,
    found: null,
  };
}

/** After a run. */
export function returnResults(
  returns: readonly Return[],
  result: RunResult,
  report: RejoinReport,
): readonly ReturnResult[] {
  return returns.map((returned): ReturnResult => {
    const lane = result.lanes.find((one) => one.lane === returned.slot.slot);
    if (returned.gate !== null || lane === undefined) return refused(returned);
    const found = report.get(reportKey(returned.slot.slot, returned.host)) ?? null;
    if (lane.state !== 'done') {
      const outcome = lane.state === 'incomplete' ? 'incomplete' : 'failed';
      return {
        returned,
        outcome,
        reason:
          lane.failure?.reason ??
          (lane.state === 'reverted' ? 'another run has ended it meanwhile; nothing was done now' : null),
        code: lane.failure?.code ?? null,
        found,
      };
    }
    if (returned.how === 'end-reading')
      return { returned, outcome: 'ended', reason: null, code: null, found };
    if (returned.how === 'close') return { returned, outcome: 'closed', reason: null, code: null, found };
    return { returned, outcome: isWhole(found) ? 'rejoined' : 'partial', reason: null, code: null, found };
  });
}

/** Did everything that its disk had come over? What was left out on purpose, and had changes, is said too. */
export function isWhole(found: RejoinFindings | null): boolean {
  if (found === null) return true;
  return found.conflicts.length + found.notBrought.length + found.dropped.length === 0;
}

/** The outcome of all together. */
export function overallRejoin(results: readonly ReturnResult[], isDryRun: boolean): RunOutcome {
  return overallOf(results, {
    achieved: ['rejoined', 'closed', 'ended'],
    isBusy: ({ code }) => code === 'busy',
    isDryRun,
  });
}
