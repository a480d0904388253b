// Whether what a new drain would take is held by one that runs: then it has no messages left to find, and `nothing to
// drain` would be half the truth. A drain of any bastion counts, since its mail hosts know it.
import { BusyError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import type { Queue } from '../../queue/driver.js';
import type { Context } from '../context.js';
import { deskPlace, drainPostOf } from '../queue/desks.js';

/**
 * @throws BusyError when a drain has one of these queues that lives, or that has died: what it holds nobody sends. Gives
 * those that were stopped on purpose, as sentences.
 */
export async function mustNotBeDrained(
  queues: readonly Queue[],
  context: Context,
): Promise<readonly { readonly text: string; readonly hint: string }[]> {
  const post = await drainPostOf(context, true, queues);
  const stopped: { text: string; hint: string }[] = [];
  for (const queue of queues) {
    const all = await post.found(deskPlace(queue), context.interruption.abort);
    const living = all.find(({ state }) => state === 'running');
    if (living !== undefined) {
      const { run, holder, messages } = living;
      throw new BusyError(
        `${queue.name} is being drained by run ${run} of ${holder.operator} on ${holder.bastion} (${messages} messages): what was asked for is held by it`,
        { hint: formatCommand(['mailctl', 'drain', 'status', run, '-H', queue.host]) },
      );
    }
    for (const { state, run, holder } of all) {
      const goOn = formatCommand(['mailctl', 'drain', 'resume', run, '-H', queue.host]);
      const whose = `drain ${run} of ${holder.operator} on ${holder.bastion}`;
      if (state === 'dead')
        throw new BusyError(
          `${queue.name} was being drained by run ${whose.slice(6)}, which is dead: what was asked for is held by it, and nobody sends it`,
          { hint: goOn },
        );
      if (state === 'held')
        stopped.push({ text: `${queue.name}: held by ${whose}, which was stopped`, hint: goOn });
    }
  }
  return stopped;
}
