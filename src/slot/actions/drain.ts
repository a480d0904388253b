// Sends what the stopped master has not sent yet, by its own configuration and before its role is swapped, then
// compares the mailbox lists of both sides: a log can be empty and wrong (field notes, "Silent loss"). What
// differs is sent user by user and compared again; what is left turns the lane back.
import type { Action, ActionContext } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import type { InstanceState } from '../driver.js';
import { channelTowards } from '../freshness.js';
import { differingUsers, sendTargets } from '../mailbox-lists.js';
import { isMaster } from '../sight.js';
import type { Instance, Slot } from '../slot.js';
import {
  gripOf,
  instanceOf,
  lookAt,
  readAnswer,
  refuseIfNamed,
  type SlotActionParts,
  stepError,
  textOf,
} from './action-parts.js';
import { sendAll } from './send-all.js';

/** Seconds for what waits for a third. */
const THIRD_DRAIN_S = 10;

export function drain(parts: SlotActionParts): Action {
  /** Lanes whose lists were compared by this process, and what was found: it is not worth a second time. */
  const compared = new Set<string>();
  const targetOf = (step: Step): Instance =>
    instanceOf(step.params.target as Step['params'], textOf(step.params, 'to'));
  const pair = (old: Instance, next: Instance): Slot => ({
    slot: old.slot,
    master: old.host,
    state: 'normal',
    version: undefined,
    instances: [old, next],
  });

  const act = async (step: Step, context: ActionContext): Promise<void> => {
    const old = instanceOf(step.params, step.host);
    const next = targetOf(step);
    const oldHost = parts.hostNamed(old.host);
    const nextHost = parts.hostNamed(next.host);
    const accepted = step.params.acceptLoss === true;
    await receiveAsReplica(step, next);

    const state = await lookAsMaster(step, old);
    const channel = channelTowards(state, next, nextHost, pair(old, next));
    if (!state.logging || channel === undefined) {
      if (accepted) return done(context);
      const why = state.logging
        ? `no replication channel of it leads to ${next.host}`
        : 'sync_log is off there';
      throw stepError(`${old.host} cannot be drained of ${old.slot}: ${why}`, 'slot.no-channel');
    }
    if (channel.pending) {
      context.note(`${channel.events} events to send`);
      const seconds = Math.ceil(parts.drainTimeoutMs / 1000);
      const { left, said } = await parts.driver.drain(
        oldHost,
        old,
        await gripOf(parts, step, old),
        [channel.channel],
        seconds,
      );
      if (left.length > 0 && !accepted) {
        const events = left.reduce((sum, one) => sum + one.events, 0);
        throw stepError(
          `${events} events of ${old.slot} did not reach ${next.host} in ${seconds} s`,
          'slot.drain',
          said || undefined,
        );
      }
    }
    if (step.params.whole === true) await sendWhole(step, old, channel.channel, context);
    await drainToThirds(step, old, state, context);
    const users = await compare(old, next);
    if (users.length > 0) {
      context.note(`${users.length} users differ, sending them whole`);
      const seconds = Math.ceil(parts.drainTimeoutMs / 1000);
      await parts.driver.sendUsers(
        oldHost,
        old,
        await gripOf(parts, step, old),
        channel.channel,
        users,
        seconds,
      );
      const still = await compare(old, next);
      if (still.length > 0 && !accepted) {
        throw stepError(
          `${still.length} users of ${old.slot} differ between ${old.host} and ${next.host}: ${still.slice(0, 5).join(', ')}`,
          'slot.differs',
        );
      }
    }
    done(context);
  };

  // It became the master a moment ago, by a lane that did not come to its end: what it has from the master before it,
  // its own log does not know.
  async function sendWhole(
    step: Step,
    old: Instance,
    channel: string,
    context: ActionContext,
  ): Promise<void> {
    const list = await readAnswer(parts.driver.mailboxes(parts.hostNamed(old.host), old, 'master'));
    const reason = await sendAll(parts, step, context, {
      from: old,
      to: targetOf(step).host,
      channel,
      targets: sendTargets(list),
    });
    if (reason !== undefined && step.params.acceptLoss !== true) throw stepError(reason, 'slot.drain');
  }

  // What a third does not get in time is sent to it later: it must not keep users waiting.
  async function drainToThirds(
    step: Step,
    old: Instance,
    state: InstanceState,
    context: ActionContext,
  ): Promise<void> {
    const thirds = ((step.params.thirds ?? []) as readonly Step['params'][]).map((one) =>
      instanceOf(one, ''),
    );
    for (const third of thirds.filter(({ host }) => parts.watch.away(host) === undefined)) {
      const slot = { ...pair(old, third), instances: [old, third, targetOf(step)] };
      const channel = channelTowards(state, third, parts.hostNamed(third.host), slot);
      if (channel === undefined || !channel.pending) continue;
      const grip = await gripOf(parts, step, old);
      const seconds = Math.min(THIRD_DRAIN_S, Math.ceil(parts.drainTimeoutMs / 1000));
      const { left } = await parts.driver.drain(
        parts.hostNamed(old.host),
        old,
        grip,
        [channel.channel],
        seconds,
      );
      if (left.length > 0) context.note(`${third.host} did not take all of it, and owes a rejoin`);
    }
  }

  const done = (context: ActionContext) => void compared.add(context.lane);

  async function compare(old: Instance, next: Instance): Promise<readonly string[]> {
    const [here, there] = await readAnswer(
      Promise.all([
        parts.driver.mailboxes(parts.hostNamed(old.host), old, 'master'),
        parts.driver.mailboxes(parts.hostNamed(next.host), next, 'replica'),
      ]),
    );
    return differingUsers(here, there);
  }

  // A lane that another run left half way may have NEW stopped or swapped already; it can only receive as a replica.
  async function receiveAsReplica(step: Step, next: Instance): Promise<void> {
    const host = parts.hostNamed(next.host);
    const state = await readAnswer(parts.driver.look(host, next));
    if (state.running === true && state.role === 'replica') return;
    if (isMaster(state)) await refuseIfNamed(parts, next);
    const grip = await gripOf(parts, step, next);
    // A stray: its host has booted after its role was swapped, or the operator passed the gate that says so.
    if (state.running !== false) await parts.driver.stop(host, next, grip, true);
    if (state.configuredRole !== 'replica') await parts.driver.setRole(host, next, grip, 'replica');
    await parts.driver.start(host, next, grip, 'replica');
  }

  // The log goes out by the master's own configuration. Where only the files in force can be read, and an earlier run
  // has swapped the role already, they are put back; the step that follows swaps it again.
  async function lookAsMaster(step: Step, old: Instance): ReturnType<typeof parts.driver.look> {
    const host = parts.hostNamed(old.host);
    const state = await readAnswer(parts.driver.look(host, old));
    if (state.logging || state.running !== false || state.configuredRole !== 'replica') return state;
    await parts.driver.setRole(host, old, await gripOf(parts, step, old), 'master');
    return parts.driver.look(host, old);
  }

  return {
    name: 'slot.drain',
    check: (step, context) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) => {
        if (compared.has(context.lane)) return { state: 'done' };
        if (state.running === true && state.role === 'replica')
          return { state: 'done', note: 'runs as replica' };
        return { state: 'todo' };
      }),
    preview: (step) => [
      ...parts.driver.preview('drain', instanceOf(step.params, step.host), 'master'),
      'compare the mailbox lists of both sides, send users that differ',
    ],
    act,
    // It is done by the act alone, never by time; so long runs the longest script whose answer can be lost.
    deadlineMs: () => parts.drainTimeoutMs + 10_000,
  };
}
