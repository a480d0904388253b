// What counts and releases the mail that waits on the MXs, as the configuration has it: queues, pace, and how a
// recipient is told. Nothing is asked before a run needs it.
import { MailctlError } from '../../errors.js';
import type { Surroundings } from '../../slot/look-around.js';
import { WaitingDesk } from '../../slot/release-waiting.js';
import { type SlotRoad, whoseMail } from '../../slot/waiting.js';
import type { Context } from '../context.js';

/** The desk of one command; undefined: no queue is configured. */
export async function waitingDesk(context: Context, around: Surroundings): Promise<WaitingDesk | undefined> {
  const { queues = [] } = around;
  if (queues.length === 0) return undefined;
  const { stores } = await context.config();
  return new WaitingDesk({
    queues,
    clock: context.clock,
    ratePerSecond: stores.releasePerSecond,
    timeoutMs: stores.releaseTimeoutMs,
    finish: context.interruption.finish,
    whose: async (roads) =>
      whoseMail({ roads, form: stores.recipient, slotOfUser: await slotsByUser(context, roads) }),
  });
}

/** Users by the directory's own list; a name that is on two slots tells nothing. */
async function slotsByUser(
  context: Context,
  roads: readonly SlotRoad[],
): Promise<((address: string) => string | undefined) | undefined> {
  const sources = await context.userSources({ readOnly: true });
  const slots = new Map<string, string | undefined>();
  for (const { slot } of roads) {
    let users: readonly string[] | null = null;
    try {
      users = await sources.usersOf(slot);
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      context.warn(`whose mail waits is told without the users of ${slot}: ${error.message}`);
    }
    for (const user of users ?? []) {
      const name = user.toLowerCase();
      slots.set(name, slots.has(name) && slots.get(name) !== slot ? undefined : slot);
    }
  }
  if (slots.size === 0) return undefined;
  return (address) => {
    const at = address.lastIndexOf('@');
    const local = (at < 0 ? address : address.slice(0, at)).replace(/\+.*$/s, '');
    const domain = at < 0 ? '' : address.slice(at);
    return slots.get(`${local}${domain}`) ?? slots.get(local);
  };
}
