// Whether what a new drain would take is held by one that runs: then it has no messages left to find, and `nothing to
// drain` would be half the truth. A drain of any bastion counts, since its mail hosts know it.
import { BusyError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import type { Queue } from '../../queue/driver.js';
import type { Context } from '../context.js';
import { deskPlace, drainPostOf } from '../queue/desks.js';

/** @throws BusyError when a drain that lives has one of these queues */
export async function mustNotBeDrained(queues: readonly Queue[], context: Context): Promise<void> {
  const post = await drainPostOf(context, true, queues);
  for (const queue of queues) {
    const all = await post.found(deskPlace(queue), context.interruption.abort);
    const living = all.find(({ state }) => state === 'running');
    if (living === undefined) continue;
    const { run, holder, messages } = living;
    throw new BusyError(
      `${queue.name} is being drained by run ${run} of ${holder.operator} on ${holder.bastion} (${messages} messages): what was asked for is held by it`,
      { hint: formatCommand(['mailctl', 'drain', 'status', run, '-H', queue.host]) },
    );
  }
}
