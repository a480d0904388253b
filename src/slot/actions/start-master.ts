// Starts NEW as master: the point of no return. Promise 1 is checked once more, right before: every other
// instance that could be a master is stopped and swapped, fenced, silent to every observer, or passed by word.
import type { Action } from '../../plan/action.js';
import {
  gripOf,
  instanceOf,
  lookAt,
  possibleMaster,
  possibleMastersOf,
  type SlotActionParts,
  textOf,
} from './action-parts.js';

export function startMaster(parts: SlotActionParts): Action {
  return {
    name: 'slot.start-master',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), async (state) => {
        if (state.running === true && state.role === 'master') {
          return state.started ? { state: 'done' } : { state: 'todo', note: state.problem ?? undefined };
        }
        const other = await possibleMaster(parts, possibleMastersOf(step));
        if (other === null) return { state: 'todo', note: state.problem ?? undefined };
        // A dead OLD that answers again can be drained after all: the lane goes back to its stop.
        const { rewindTo } = step.params;
        if (other.answers && other.host === textOf(step.params, 'from') && typeof rewindTo === 'string') {
          return { state: 'rewind', to: rewindTo, reason: `${other.host} answers again: ${other.reason}` };
        }
        return { state: 'blocked', reason: other.reason, code: other.gate };
      }),
    checkUndone: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) =>
        state.running === false ? { state: 'done' } : { state: 'todo', note: state.problem ?? undefined },
      ),
    preview: (step) => parts.driver.preview('start', instanceOf(step.params, step.host), 'master'),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      await parts.driver.start(parts.hostNamed(step.host), instance, grip, 'master');
    },
    deadlineMs: () => parts.driver.limits.startMs,
  };
}
