// Holds that end by themselves, for commands that are about something else: as lines, as JSON, as warnings.
import { heldRunJson, knownHoldLines, passedText } from '../../output/screens/known-holds.js';
import type { Context } from '../context.js';
import { knownRuns, readHolds } from './holds-file.js';

/** What there is to tell. */
export type HoldsToTell = Awaited<ReturnType<typeof holdsToTell>>;

/** What this machine knows; nothing is asked. */
export async function holdsToTell(context: Context) {
  const now = Math.floor(context.clock.now() / 1000);
  const runs = knownRuns(readHolds(await context.stateDirPath()), now);
  return {
    runs,
    json: heldRunJson,
    lines: knownHoldLines(runs, now),
    /** Those whose end has passed, in a sentence each. */
    passed: runs.filter(({ hasPassed }) => hasPassed).map((run) => passedText(run, now)),
  };
}
