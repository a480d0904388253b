// Starts OLD as a replica of NEW, and sees replication move.
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { channelTowards } from '../freshness.js';
import { gripOf, instanceOf, lookAt, type SlotActionParts } from './action-parts.js';

export function startReplica(parts: SlotActionParts): Action {
  return {
    name: 'slot.start-replica',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) => {
        if (state.running === true && state.started && state.role === 'replica') return { state: 'done' };
        // Another run meant it to be the master: started, it would be a second one.
        if (state.running === false && state.configuredRole === 'master') {
          const reason = `${state.slot} on ${state.host} would come up as master`;
          return { state: 'away', reason };
        }
        return { state: 'todo', note: state.problem ?? undefined };
      }),
    preview: (step) => parts.driver.preview('start', instanceOf(step.params, step.host), 'replica'),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      await parts.driver.start(parts.hostNamed(step.host), instance, grip, 'replica');
    },
    deadlineMs: () => parts.driver.limits.startMs,
  };
}

/** Replication moves: nothing is pending any more, or what was pending first has gone and newer mail waits. */
export function seeReplication(parts: SlotActionParts): Action {
  /** Birth of the oldest log at the first look, by slot: under a steady stream of mail something always waits. */
  const firstBirth = new Map<string, number>();
  return {
    name: 'slot.see-replication',
    check: (step) => {
      const master = instanceOf(step.params, step.host);
      const replica = instanceOf(step.params.replica as Step['params'], '');
      const away = parts.watch.away(replica.host);
      if (away !== undefined) return Promise.resolve({ state: 'away', reason: away });
      return lookAt(parts, master, async (state) => {
        const slot = {
          slot: master.slot,
          master: master.host,
          state: 'normal',
          version: undefined,
          instances: [master, replica],
        };
        const channel = channelTowards(state, replica, parts.hostNamed(replica.host), slot);
        if (channel === undefined) {
          return {
            state: 'blocked',
            reason: `no replication channel of ${master.host} leads to ${replica.host}`,
            code: 'slot.no-channel',
          };
        }
        if (!channel.clientAlive) return { state: 'todo', note: 'no sync_client runs' };
        if (!channel.pending) return { state: 'done' };
        const birth = channel.oldestBirth;
        const first = firstBirth.get(master.slot);
        if (birth !== null && first !== undefined && birth > first)
          return { state: 'done', note: 'it moves' };
        if (birth !== null && first === undefined) firstBirth.set(master.slot, birth);
        // What does not run as a replica takes nothing, however long one waits.
        const there = await lookAt(parts, replica, ({ running, role }) =>
          running === true && role === 'replica'
            ? { state: 'done' }
            : { state: 'away', reason: `${replica.slot} does not run as a replica on ${replica.host}` },
        );
        return there.state === 'done' ? { state: 'todo', note: `${channel.events} events wait` } : there;
      });
    },
    preview: () => ['see that nothing waits for the new replica'],
    async act(step) {
      const master = instanceOf(step.params, step.host);
      // Its sync_client met a closed door until a moment ago, and may idle for minutes before it tries again.
      await parts.driver.restartReplication(
        parts.hostNamed(step.host),
        master,
        await gripOf(parts, step, master),
      );
    },
    deadlineMs: () => 60_000,
  };
}
