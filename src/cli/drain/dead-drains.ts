// Drains of this state directory whose process is gone and that nobody has stopped: what they have parked is held, and
// a count of held mail must say whose it is.
import type { Context } from '../context.js';
import { openDrains } from './find-drain.js';

/** A sentence for each. */
export async function deadDrains(
  context: Context,
): Promise<readonly { readonly text: string; readonly hint: string }[]> {
  const dead = (await openDrains(context)).filter(({ isAlive, isStopped }) => !isAlive && !isStopped);
  return dead.map(({ run, progress }) => ({
    text: `drain ${run} of ${progress.plan.target} is dead: what it has parked is held, and nobody sends it`,
    hint: `mailctl drain resume ${run}   or give it back: mailctl drain stop ${run} --release-rest`,
  }));
}
