// One turn of the timer for drains: where one has died and its host was to give the rest back, but nobody there is left
// to do it (a reboot took its dead man), he is started again. What he does, he does by himself on the host.
import { MailctlError } from '../../errors.js';
import { formatDuration } from '../../lib/duration.js';
import type { Queue } from '../../queue/driver.js';
import type { Context } from '../context.js';
import { deskPlace, drainPostOf } from './desks.js';
import type { Tended } from './tend-holds.js';

/** Tends the drains of these queues. */
export async function tendDrains(
  context: Context,
  queues: readonly Queue[],
  dryRun: boolean,
): Promise<readonly Tended[]> {
  const able = queues.filter(({ driver }) => driver.drain !== undefined);
  if (able.length === 0) return [];
  const post = await drainPostOf(context, dryRun, able);
  const signal = context.interruption.abort;
  const tend = async (queue: Queue): Promise<readonly Tended[]> => {
    const told = (run: string, outcome: Tended['outcome'], messages: number, reason: string): Tended => ({
      run,
      queue: queue.name,
      what: 'drain',
      outcome,
      messages,
      reason,
    });
    try {
      const place = deskPlace(queue);
      const orphans = (await post.found(place, signal)).filter(
        ({ state, onDeath, isWatched }) =>
          onDeath === 'release' && isWatched === false && (state === 'dead' || state === 'running'),
      );
      if (orphans.length === 0) return [];
      if (!dryRun) await post.wake(place, signal);
      return orphans.map(({ run, state, messages, silentS, deadAfterS }) => {
        const since = `no heartbeat for ${formatDuration(silentS * 1000)}`;
        const what =
          state === 'dead'
            ? 'what it still holds is given back to the server'
            : `watched again: given back after ${formatDuration(deadAfterS * 1000)}`;
        return told(run, dryRun ? 'owed' : 'done', messages, `${since}; ${what}`);
      });
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      return [told('', 'failed', 0, error.message)];
    }
  };
  return (await Promise.all(able.map(tend))).flat();
}
