// Sends all users and shared mailboxes of a slot from one host to another, those that are equal at next to no cost: for
// whoever has what the sender's own log does not know of.
import type { ActionContext } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { type SendTargets, sendInChunks } from '../send.js';
import type { Instance } from '../slot.js';
import { gripOf, type SlotActionParts } from './action-parts.js';

/** Seconds for all of it; longer than this a failover does not go on. */
const ALL_S = 600;

/** Gives the reason why `to` does not have all of it; undefined: it has. Throws what the driver throws. */
export async function sendAll(
  parts: SlotActionParts,
  step: Step,
  context: ActionContext,
  way: {
    readonly from: Instance;
    readonly to: string;
    readonly channel: string;
    readonly targets: SendTargets;
  },
): Promise<string | undefined> {
  const { from, to, channel, targets } = way;
  const host = parts.hostNamed(from.host);
  const { failed, left, total } = await sendInChunks({
    targets,
    deadlineMs: parts.clock.monotonic() + ALL_S * 1000,
    clock: parts.clock,
    signal: context.signal,
    send: async (kind, names, seconds) =>
      parts.driver.sendMany(host, from, await gripOf(parts, step, from), channel, kind, names, seconds),
    onProgress: (progress) =>
      context.note(`${progress.done} of ${progress.total} users and mailboxes sent to ${to}`),
  });
  const [bad] = failed;
  if (bad !== undefined) {
    const more = failed.length === 1 ? '' : ` and ${failed.length - 1} more`;
    return `${to} did not take ${bad.name}${more}: ${bad.said || 'sync_client failed'}`;
  }
  return left.length > 0 ? `${to} lacks ${left.length} of ${total} after ${ALL_S} s` : undefined;
}
