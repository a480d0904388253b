// Sets aside what a former master's logs hold, and sends it to the new master before the old instance becomes its
// replica: afterwards it would forget what only its own disk has. What the new master has deleted since stays deleted
// (replay.ts). Nothing here is done twice with harm: a log's line is a hint to look at a mailbox again.
import { CommandError, TransportError } from '../../errors.js';
import type { Action, ActionContext } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import type { InstanceState } from '../driver.js';
import { channelTowards } from '../freshness.js';
import { conflictsOf, planReplay } from '../replay.js';
import type { Instance, Slot } from '../slot.js';
import { placements } from '../users.js';
import { gripOf, instanceOf, lookAt, type SlotActionParts, stepError } from './action-parts.js';
import { findingsOf, sidesOf, stillMaster } from './rejoin-parts.js';

/** Seconds for some hundred mailboxes together. */
const REPLAY_S = 180;

/** Seconds for a greeting of the new master, as tried from the old one's host. */
const ANSWER_S = 5;

export function setLeftoversAside(parts: SlotActionParts): Action {
  return {
    name: 'slot.set-leftovers-aside',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), async (state) => {
        if (state.running === true && state.role === 'replica')
          return { state: 'done', note: 'runs as replica' };
        const { old } = sidesOf(step);
        const { logs } = await parts.driver.leftovers(parts.hostNamed(old.host), old);
        return logs === 0 ? { state: 'done' } : { state: 'todo', note: `${logs} logs` };
      }),
    preview: (step) => parts.driver.preview('set-aside', instanceOf(step.params, step.host), 'replica'),
    async act(step) {
      const { old } = sidesOf(step);
      await parts.driver.setLeftoversAside(parts.hostNamed(old.host), old, await gripOf(parts, step, old));
    },
    deadlineMs: () => 30_000,
  };
}

export function replay(parts: SlotActionParts): Action {
  /** Lanes that this process has replayed: it is not worth a second time. */
  const sent = new Set<string>();

  async function act(step: Step, context: ActionContext): Promise<void> {
    const { old, next, slot } = sidesOf(step);
    await stillMaster(parts, next);
    const oldHost = parts.hostNamed(old.host);
    const state = await parts.driver.look(parts.hostNamed(next.host), next);
    if (state.running !== true || state.role !== 'master') {
      throw stepError(`${next.slot} does not run as master on ${next.host}`, 'slot.master-not-serving');
    }
    const plan = await survey(parts, step, context.signal);
    const findings = findingsOf(parts, old);
    const { mailboxes, lines } = plan.replay;
    const count = mailboxes.length + plan.replay.users.length + lines.length;
    if (count > 0) {
      context.note(`${plan.users.length} users, ${mailboxes.length} mailboxes to ${next.host}`);
      const to = await addressOf(old, next, slot, state);
      // sync_client would wait for minutes where nobody answers.
      const [seen] = await parts.driver.tryPorts(oldHost, [to], ANSWER_S, context.signal);
      if (seen !== undefined && seen.seen !== 'greeting' && seen.seen !== 'unknown') {
        const what = `${old.host} gets no greeting from ${to.address} port ${to.port}`;
        throw stepError(`${what}: what it holds stays where it is`, 'slot.replay-failed');
      }
      const grip = await gripOf(parts, step, old);
      const failed = await parts.driver.replay(oldHost, old, grip, to, plan.replay, REPLAY_S);
      findings.notBrought = failed.map(({ name, said }) => ({ who: name, why: said }));
    }
    sent.add(context.lane + old.host);
  }

  // By the name that the old master itself used for the new one: what this host calls it need not be known there.
  async function addressOf(old: Instance, next: Instance, slot: Slot, state: InstanceState) {
    const oldState = await parts.driver.look(parts.hostNamed(old.host), old);
    const nextHost = parts.hostNamed(next.host);
    const channel = channelTowards(oldState, next, nextHost, slot);
    const port = parts.driver.masterPorts(state).find(({ kind }) => kind === 'imap');
    if (port === undefined) {
      throw stepError(`${next.slot} has no IMAP port on ${next.host}'s network`, 'slot.no-channel');
    }
    const names = [port.address, channel?.syncHost, next.address, nextHost.address, next.host];
    return {
      address: names.find((name) => name !== undefined && name !== '' && name !== '0.0.0.0') as string,
      port: port.port,
      channel: channel?.channel ?? '',
    };
  }

  return {
    name: 'slot.replay',
    check: (step, context) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) => {
        if (sent.has(context.lane + step.host)) {
          const { events, users } = findingsOf(parts, sidesOf(step).old);
          return { state: 'done', note: `${events} events, ${users.length} users` };
        }
        if (state.running === true && state.role === 'replica')
          return { state: 'done', note: 'runs as replica' };
        return { state: 'todo' };
      }),
    preview: (step) => [
      'compare the mailbox lists of both sides; what was deleted, renamed or moved away since is left out',
      ...parts.driver.preview('replay', instanceOf(step.params, step.host), 'replica'),
    ],
    async act(step, context) {
      try {
        await act(step, context);
      } catch (error) {
        // The master's host has gone while it was looked at: nothing of the act is on its way, and nobody waits for it.
        if (error instanceof TransportError && error.host !== step.host)
          throw stepError(`${error.message}: what it holds stays where it is`, 'slot.replay-failed');
        if (!(error instanceof CommandError)) throw error;
        throw stepError(
          `${error.message}: what it holds stays where it is`,
          'slot.replay-failed',
          error.stderr.slice(0, 400) || undefined,
        );
      }
    },
    deadlineMs: () => (REPLAY_S + 30) * 1000,
  };
}

/** Reads what was set aside and both lists, plans what is sent, and notes what was found. */
export async function survey(
  parts: SlotActionParts,
  step: Step,
  signal: AbortSignal,
): Promise<ReturnType<typeof planReplay>> {
  const { old, next } = sidesOf(step);
  const [leftovers, here, there, users, moves] = await Promise.all([
    parts.driver.leftovers(parts.hostNamed(old.host), old, signal),
    parts.driver.mailboxes(parts.hostNamed(old.host), old, 'replica'),
    parts.driver.mailboxes(parts.hostNamed(next.host), next, 'master'),
    parts.users.usersOf(old.slot),
    parts.users.moves(),
  ]);
  const placement = placements(old.slot, users, moves);
  const plan = planReplay({ leftovers, old: here, next: there, placement });
  const births = leftovers.files.flatMap(({ birth }) => (birth === null ? [] : [birth]));
  Object.assign(findingsOf(parts, old), {
    isSurveyed: true,
    events: leftovers.files.reduce((sum, file) => sum + file.events, 0),
    unreadable: leftovers.unreadable,
    oldestBirth: births.length === 0 ? null : Math.min(...births),
    users: plan.users,
    shared: plan.shared,
    newUsers: plan.replay.users,
    dropped: plan.dropped.filter(({ events }) => events > 0),
    conflicts: plan.conflicts,
  });
  return plan;
}

/** Mailboxes of one name and two ids: replication would be stuck there, so that the old instance is not attached. */
export async function conflictsNow(
  parts: SlotActionParts,
  step: Step,
): Promise<ReturnType<typeof conflictsOf>> {
  const { old, next } = sidesOf(step);
  const [here, there] = await Promise.all([
    parts.driver.mailboxes(parts.hostNamed(old.host), old, 'replica'),
    parts.driver.mailboxes(parts.hostNamed(next.host), next, 'master'),
  ]);
  return conflictsOf(here, there);
}
