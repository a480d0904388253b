// Makes a third a copy of NEW: what OLD still had for it, NEW's log does not know (failover.md, settle 11). Where OLD
// was seen with nothing pending for it there is nothing to do; else NEW sends it all users and shared mailboxes, those
// that are equal at next to no cost. It has its time; what is not done by then stays owed, and the third no copy.
import type { Action, ActionContext } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { channelTowards } from '../freshness.js';
import { parseSentTo, sentLine } from '../lane-record.js';
import { sendTargets } from '../mailbox-lists.js';
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
import { sendAll } from './send-all.js';

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
    const reason = await sendAll(parts, step, context, {
      from: next,
      to: third.host,
      channel: channel.channel,
      targets,
    });
    if (reason !== undefined) return giveUp(reason);
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
