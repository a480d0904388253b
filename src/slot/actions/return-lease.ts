// Gives the leases of a lane back that has moved nothing: what was owed for the slot before is owed after it.
import { TransportError } from '../../errors.js';
import type { Action } from '../../plan/action.js';
import { owedLine, parseLaneFile } from '../lane-record.js';
import { instanceOf, type SlotActionParts, textOf } from './action-parts.js';

export function returnLease(parts: SlotActionParts): Action {
  return {
    name: 'slot.return-lease',
    check: async (step) => ({
      state: parts.leases.has(step.host, textOf(step.params, 'slot')) ? 'todo' : 'done',
    }),
    preview: (step) => parts.driver.preview('give-back', instanceOf(step.params, step.host), 'master'),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const host = parts.hostNamed(step.host);
      try {
        const state = await parts.driver.look(host, instance);
        const owed = parseLaneFile(state.laneLines).owed.map(owedLine);
        const grip = parts.leases.grip(step.host, instance.slot);
        await parts.driver.giveLeaseBack(host, instance, grip, owed);
      } catch (error) {
        // A host that died keeps a lease that runs out by itself.
        if (!(error instanceof TransportError)) throw error;
      }
      parts.leases.forget(step.host, instance.slot);
    },
    deadlineMs: () => 20_000,
  };
}
