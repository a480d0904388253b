// Runs of this machine whose leases a new run may take at once: nobody holds them any more.
import { listRuns, type RunSummary } from '../journal/store.js';
import type { Clock } from '../lib/clock.js';

/** ms for which a lease that could not be given back may last: the longest remote deadline, and some. */
const LEASE_AFTER_END_MS = 15 * 60_000;

/** One that was left, and one that ended while a host was away, on which its lease still lasts. */
export async function runsToTakeOver(stateDir: string, clock: Clock): Promise<readonly string[]> {
  return (await listRuns(stateDir, clock))
    .filter((run) => run.state === 'incomplete' || endedLately(run, clock.now()))
    .map((run) => run.run);
}

function endedLately({ state, endedAt }: RunSummary, now: number): boolean {
  return state !== 'running' && endedAt !== undefined && now - Date.parse(endedAt) < LEASE_AFTER_END_MS;
}
