// Judges again under the leases: the directory still names OLD, nobody else has become master, NEW still is what
// was planned with. What got worse since the operator's word refuses the slot.
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { hasOwnChanges } from '../sight.js';
import { instanceOf, lookAt, type SlotActionParts, textOf } from './action-parts.js';
import { isDirectoryAway } from './set-directory.js';

export function confirm(parts: SlotActionParts): Action {
  /** With the directory away and told later, OLD is the master by its copy. */
  async function masterOf(step: Step, slot: string): Promise<{ readonly master: string } | undefined> {
    try {
      return await parts.directory.get(slot);
    } catch (error) {
      if (step.params.later !== true || !isDirectoryAway(error)) throw error;
      return { master: textOf(step.params, 'from') };
    }
  }

  return {
    name: 'slot.confirm',
    async check(step) {
      const instance = instanceOf(step.params, step.host);
      const from = textOf(step.params, 'from');
      const to = textOf(step.params, 'to');
      const slot = await masterOf(step, instance.slot);
      // What only goes forward stands on the directory naming the one that is to serve: planned before another run set
      // it, and only now under the leases, it would stop what serves.
      const isForward = step.params.onlyForward === true;
      const isNamed = slot?.master === to || (!isForward && slot?.master === from);
      if (slot === undefined || !isNamed) {
        const found = slot === undefined ? 'no longer knows it' : `names ${slot.master}`;
        return { state: 'blocked', reason: `the directory ${found}`, code: 'directory-disagrees' };
      }
      if (isForward) return { state: 'done' };
      return lookAt(parts, instance, (state) => {
        if (state.running === null) {
          return {
            state: 'blocked',
            reason: `${step.host}: ${state.problem ?? 'cannot be told whether it runs'}`,
            code: 'no-replica',
          };
        }
        // Planned before another run's commit, and only now under the leases: what follows would stop what serves.
        if (state.running && state.role === 'master' && slot.master === to) {
          return {
            state: 'blocked',
            reason: `${instance.slot} has been moved to ${to} meanwhile, which serves it`,
            code: 'slot.moved-meanwhile',
          };
        }
        // The same with a NEW that has served and is down: what it took is on no other disk.
        if (slot.master === to && hasOwnChanges(state)) {
          return {
            state: 'blocked',
            reason: `the directory names ${to}, where ${instance.slot} has taken changes of its own by now`,
            code: 'slot.moved-meanwhile',
          };
        }
        if (
          state.running &&
          state.role === 'master' &&
          slot.master === from &&
          step.params.mayBeMaster !== true
        ) {
          return { state: 'blocked', reason: `${step.host} runs it as master by now`, code: 'two-masters' };
        }
        return { state: 'done' };
      });
    },
    preview: () => ['look again: directory, roles, replica'],
    act: async () => {},
    deadlineMs: () => 1000,
  };
}
