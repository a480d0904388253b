// Ends the reading that a replica was started for: stopped, given the replica's role, started, so that its master's
// log drains into it again. Forward only, and safe to repeat from wherever it was left: each part looks first.
import { MailctlError } from '../../errors.js';
import type { Action } from '../../plan/action.js';
import type { InstanceState } from '../driver.js';
import { gripOf, instanceOf, lookAt, type SlotActionParts } from './action-parts.js';

export function endReading(parts: SlotActionParts): Action {
  return {
    name: 'slot.end-reading',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) => {
        if (servesReading(state)) return { state: 'todo', note: state.problem ?? undefined };
        // A later step of the lane may have brought it further: stopped for the swap, or the master already.
        if (step.params.mayBeStopped === true || state.running !== false) return { state: 'done' };
        return { state: 'todo', note: state.problem ?? undefined };
      }),
    preview: (step) => {
      const instance = instanceOf(step.params, step.host);
      return [
        ...parts.driver.preview('stop', instance, 'readonly'),
        ...parts.driver.preview('set-role', instance, 'replica'),
        ...parts.driver.preview('start', instance, 'replica'),
      ];
    },
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const host = parts.hostNamed(step.host);
      const grip = await gripOf(parts, step, instance);
      const state = await parts.driver.look(host, instance);
      const isReplica = state.running === true && state.role === 'replica';
      if (!isReplica && state.running !== false)
        await parts.driver.stop(host, instance, grip, step.params.planned === true);
      if (state.configuredRole !== 'replica') await parts.driver.setRole(host, instance, grip, 'replica');
      if (!isReplica) await parts.driver.start(host, instance, grip, 'replica');
    },
    deadlineMs: (step) =>
      parts.driver.limits.stopMs(step.params.planned === true) +
      parts.driver.limits.setRoleMs +
      parts.driver.limits.startMs,
  };
}

/** Runs as one that reads only, or would come up as one. */
function servesReading(state: InstanceState): boolean {
  return state.role === 'readonly' || state.configuredRole === 'readonly';
}

/**
 * The master's sync_clients met a closed door while its replica served reading, and may idle for minutes: new ones
 * try at once. Best effort: what does not go over is lag, and is shown as that.
 */
export function kickReplication(parts: SlotActionParts): Action {
  const kicked = new Set<string>();
  return {
    name: 'slot.kick-replication',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) =>
        kicked.has(state.slot) || !state.channels.some((channel) => channel.pending)
          ? { state: 'done' }
          : { state: 'todo' },
      ),
    preview: () => ['new sync_clients for what waits'],
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      try {
        await parts.driver.restartReplication(parts.hostNamed(step.host), instance, grip);
      } catch (error) {
        if (!(error instanceof MailctlError)) throw error;
      }
      kicked.add(instance.slot);
    },
    deadlineMs: () => 15_000,
  };
}
