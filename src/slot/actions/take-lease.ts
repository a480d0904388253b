// Takes a slot's lease on one host. It does not last: every resume makes sure of it again.
import type { Action } from '../../plan/action.js';
import { parseLaneFile } from '../lane-record.js';
import { gripOf, instanceOf, lookAt, type SlotActionParts } from './action-parts.js';

export function takeLease(parts: SlotActionParts): Action {
  return {
    name: 'slot.take-lease',
    lapses: true,
    async check(step) {
      const instance = instanceOf(step.params, step.host);
      if (parts.leases.has(step.host, instance.slot)) return { state: 'done' };
      const reason = parts.watch.away(step.host);
      return reason === undefined ? { state: 'todo' } : { state: 'away', reason };
    },
    preview: (step) => parts.driver.preview('lease', instanceOf(step.params, step.host), 'master'),
    async act(step) {
      await gripOf(parts, step, instanceOf(step.params, step.host));
    },
    async undo(step) {
      const instance = instanceOf(step.params, step.host);
      if (!parts.leases.has(step.host, instance.slot)) return;
      await lookAt(parts, instance, async (state) => {
        // What was owed before this lane is owed after it.
        const owed = parseLaneFile(state.laneLines).owed.map((one) =>
          JSON.stringify({ kind: 'owed', ...one }),
        );
        await parts.driver.giveLeaseBack(
          parts.hostNamed(step.host),
          instance,
          parts.leases.grip(step.host, instance.slot),
          owed,
        );
        parts.leases.forget(step.host, instance.slot);
        return { state: 'done' };
      });
    },
    deadlineMs: () => 30_000,
  };
}
