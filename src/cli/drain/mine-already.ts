// Whether what a new drain would take is held by one that runs, or has died: then it has no messages left to find, and
// `nothing to drain` would be half the truth. A drain of any bastion counts, since its mail hosts know it.
import { BusyError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import type { FoundDrain } from '../../queue/drain-way.js';
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
    const command = (verb: string, run: string) =>
      formatCommand(['mailctl', 'drain', verb, run, '-H', queue.host]);
    const whose = ({ run, holder }: FoundDrain) => `${run} of ${holder.operator} on ${holder.bastion}`;
    const living = all.find(({ state }) => state === 'running');
    if (living !== undefined)
      throw new BusyError(
        `${queue.name} is being drained by run ${whose(living)} (${living.messages} messages): what was asked for is held by it`,
        { hint: command('status', living.run) },
      );
    const dead = all.find(({ state }) => state === 'dead');
    if (dead !== undefined)
      throw new BusyError(
        `${queue.name} was being drained by run ${whose(dead)}, which is dead: what was asked for is held by it, and nobody sends it`,
        { hint: command('resume', dead.run) },
      );
    for (const one of all.filter(({ state }) => state === 'held'))
      stopped.push({
        text: `${queue.name}: held by drain ${whose(one)}, which was stopped`,
        hint: command('resume', one.run),
      });
  }
  return stopped;
}
