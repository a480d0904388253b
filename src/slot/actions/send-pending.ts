// Makes a third a copy of NEW: what OLD still had for it, NEW's log does not know (failover.md, settle 11). Where OLD
// was seen with nothing pending for it there is nothing to do; else NEW sends it all users and shared mailboxes, those
// that are equal at next to no cost. It has its time; what is not done by then stays owed, and the third no copy.
import type { Action, ActionContext } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { channelTowards } from '../freshness.js';
import { parseSentTo, sentLine } from '../lane-record.js';
import { sendTargets } from '../mailbox-lists.js';
import { sendInChunks } from '../send.js';
import type { Instance } from '../slot.js';
import {
  gripOf,
  instanceOf,
  isNoMaster,
  lookAt,
  type SlotActionParts,
  stepError,
  textOf,
} from './action-parts.js';

/** Longer than this a failover does not go on for it. */
const SEND_S = 600;

export function sendPending(parts: SlotActionParts): Action {
  /** Lanes and thirds that were given up by this process, and why. */
  const givenUp = new Map<string, string>();
  const keyOf = (step: Step) => `${textOf(step.params, 'slot')}\n${thirdOf(step).host}`;
  const thirdOf = (step: Step): Instance => instanceOf(step.params.third as Step['params'], '');
  const oldOf = (step: Step): Instance => instanceOf(step.params.old as Step['params'], '');

  // OLD was drained to it by this lane: seen demoted, and its log towards the third is gone.
  async function hadNothing(step: Step): Promise<boolean> {
    if (step.params.drained !== true) return false;
    const seen = await lookAt(parts, oldOf(step), (state) =>
      isNoMaster(state) && !state.channels.some((channel) => channel.pending)
        ? { state: 'done' }
        : { state: 'todo' },
    );
    return seen.state === 'done';
  }

  const act = async (step: Step, context: ActionContext): Promise<void> => {
    const next = instanceOf(step.params, step.host);
    const third = thirdOf(step);
    const host = parts.hostNamed(next.host);
    const giveUp = (reason: string): never => {
      givenUp.set(keyOf(step), reason);
      throw stepError(reason, 'slot.send');
    };
    const state = await parts.driver.look(host, next);
    const slot = {
      slot: next.slot,
      master: next.host,
      state: 'normal',
      version: undefined,
      instances: [next, third, oldOf(step)],
    };
    const channel = channelTowards(state, third, parts.hostNamed(third.host), slot);
    if (channel === undefined) return giveUp(`no replication channel of ${next.host} leads to ${third.host}`);
    const targets = sendTargets(await parts.driver.mailboxes(host, next, 'master'));
    const result = await sendInChunks({
      targets,
      deadlineMs: parts.clock.monotonic() + SEND_S * 1000,
      clock: parts.clock,
      signal: context.signal,
      send: async (kind, names, seconds) =>
        parts.driver.sendMany(
          host,
          next,
          await gripOf(parts, step, next),
          channel.channel,
          kind,
          names,
          seconds,
        ),
      onProgress: ({ done, total }) =>
        context.note(`${done} of ${total} users and mailboxes sent to ${third.host}`),
    });
    const [bad] = result.failed;
    if (bad !== undefined) {
      const more = result.failed.length === 1 ? '' : ` and ${result.failed.length - 1} more`;
      return giveUp(`${third.host} did not take ${bad.name}${more}: ${bad.said || 'sync_client failed'}`);
    }
    if (result.left.length > 0)
      return giveUp(`${third.host} lacks ${result.left.length} of ${result.total} after ${SEND_S} s`);
    const grip = await gripOf(parts, step, next);
    await parts.driver.recordLane(host, next, { ...grip, record: sentLine(grip.run, third.host) });
  };

  return {
    name: 'slot.send-pending',
    async check(step) {
      const third = thirdOf(step);
      const reason = givenUp.get(keyOf(step)) ?? parts.watch.away(third.host);
      if (reason !== undefined) return { state: 'away', reason };
      return lookAt(parts, instanceOf(step.params, step.host), async (state) => {
        if (parseSentTo(state.laneLines, parts.leases.holder.run).includes(third.host))
          return { state: 'done' };
        if (await hadNothing(step)) return { state: 'done', note: 'nothing was pending for it' };
        const there = await lookAt(parts, third, ({ running, role }) =>
          running === true && role === 'replica'
            ? { state: 'done' }
            : { state: 'away', reason: `${third.slot} does not run as a replica on ${third.host}` },
        );
        return there.state === 'done' ? { state: 'todo' } : there;
      });
    },
    preview: (step) => [
      `sync_client -u and -m of all users and mailboxes of ${textOf(step.params, 'slot')} to ${thirdOf(step).host}`,
    ],
    act,
    deadlineMs: () => 5000,
  };
}
