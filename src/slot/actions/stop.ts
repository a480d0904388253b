// Stops an instance. Going back starts it in the role that it had, and as a master only under promise 1 and while
// the directory names it.
import type { Action } from '../../plan/action.js';
import {
  gripOf,
  instanceOf,
  lookAt,
  possibleMaster,
  possibleMastersOf,
  refuseIfNamed,
  type SlotActionParts,
  stepError,
  textOf,
} from './action-parts.js';

export function stop(parts: SlotActionParts): Action {
  return {
    name: 'slot.stop',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) => {
        if (state.running === false) return { state: 'done' };
        if (step.params.third === true) {
          // A third goes on as the replica that it was, once NEW serves.
          return { state: 'todo', note: state.problem ?? undefined };
        }
        // It may have come further already: OLD back as a replica, NEW started as the master.
        const onward = step.params.onward ?? (step.params.wasRole === 'master' ? 'replica' : 'master');
        if (state.running === true && state.role === onward)
          return { state: 'done', note: `runs as ${state.role}` };
        return { state: 'todo', note: state.problem ?? undefined };
      }),
    preview: (step) => parts.driver.preview('stop', instanceOf(step.params, step.host), 'master'),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      // One that comes back: a plan that was left lying may be older than the move that made it the master again.
      if (step.params.master !== undefined) await refuseIfNamed(parts, instance);
      await parts.driver.stop(parts.hostNamed(step.host), instance, grip, step.params.planned === true);
    },
    async undo(step) {
      const instance = instanceOf(step.params, step.host);
      const { wasRole } = step.params;
      const role = wasRole === 'master' || wasRole === 'readonly' ? wasRole : 'replica';
      if (role === 'master') {
        const slot = await parts.directory.get(instance.slot);
        if (slot?.master !== step.host) {
          throw stepError(
            `the directory names ${slot?.master ?? 'nobody'}: ${instance.slot} is not started on ${step.host}`,
            'slot.directory-disagrees',
          );
        }
        const other = await possibleMaster(parts, possibleMastersOf(step));
        if (other !== null)
          throw stepError(
            `${other.reason}: ${instance.slot} is not started on ${step.host}`,
            `slot.${other.gate}`,
          );
      }
      const grip = await gripOf(parts, step, instance);
      await parts.driver.start(parts.hostNamed(step.host), instance, grip, role);
    },
    checkUndone: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) =>
        state.running === true && state.started && state.role === textOf(step.params, 'wasRole')
          ? { state: 'done' }
          : { state: 'todo', note: state.problem ?? undefined },
      ),
    deadlineMs: (step) =>
      Math.max(parts.driver.limits.stopMs(step.params.planned === true), parts.driver.limits.startMs),
  };
}
