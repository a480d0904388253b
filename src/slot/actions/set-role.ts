// Swaps the role that an instance comes up with, while it is stopped.
import type { Action } from '../../plan/action.js';
import type { Role } from '../driver.js';
import {
  gripOf,
  instanceOf,
  isGoneOn,
  lookAt,
  refuseIfNamed,
  type SlotActionParts,
  textOf,
} from './action-parts.js';
import { noteStray } from './debts.js';

export function setRole(parts: SlotActionParts): Action {
  const has =
    (host: string, key: 'role' | 'wasRole'): Action['check'] =>
    (step) =>
      lookAt(parts, instanceOf(step.params, host || step.host), (state) => {
        if (state.configuredRole === textOf(step.params, key)) return { state: 'done' };
        return {
          state: 'todo',
          note: state.configuredRole === null ? (state.problem ?? undefined) : undefined,
        };
      });
  return {
    name: 'slot.set-role',
    check: has('', 'role'),
    async checkUndone(step, context) {
      if (step.params.stray === true) return { state: 'done' };
      const seen = await has('', 'wasRole')(step, context);
      return seen.state === 'todo' && (await isGoneOn(parts, step)) ? { state: 'done' } : seen;
    },
    preview: (step) =>
      parts.driver.preview(
        'set-role',
        instanceOf(step.params, step.host),
        textOf(step.params, 'role') as Role,
      ),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      await noteStray(parts, step, instance, grip);
      await parts.driver.setRole(
        parts.hostNamed(step.host),
        instance,
        grip,
        textOf(step.params, 'role') as Role,
      );
    },
    async undo(step) {
      const instance = instanceOf(step.params, step.host);
      const host = parts.hostNamed(step.host);
      const grip = await gripOf(parts, step, instance);
      // Its host has booted meanwhile, and it came up in the role that the lane had given it.
      const state = await parts.driver.look(host, instance);
      if (state.running !== false && state.role !== step.params.wasRole) {
        await refuseIfNamed(parts, instance);
        await parts.driver.stop(host, instance, grip, false);
      }
      await parts.driver.setRole(
        parts.hostNamed(step.host),
        instance,
        grip,
        textOf(step.params, 'wasRole') as Role,
      );
    },
    deadlineMs: () => parts.driver.limits.setRoleMs + parts.driver.limits.stopMs(false),
  };
}
