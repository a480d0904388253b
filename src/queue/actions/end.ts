// Gives a queue back: the lease ends, the run's record is whole, and records that the run has ended are removed,
// unless something of theirs is left.
import type { Action } from '../../plan/action.js';
import { type ChangeActionParts, placeOf } from './change-parts.js';

export function end(parts: ChangeActionParts): Action {
  return {
    name: 'queue.end',
    // Every execution takes its leases anew, so that this process knows whether there is one to give back.
    check: async (step) => ({ state: parts.held.has(placeOf(step).queue) ? 'todo' : 'done' }),
    preview: () => [],
    async act(step, { lane, signal }) {
      const { drop } = step.params;
      const place = placeOf(step);
      const { failed, left } = parts.results.sum(lane);
      const isOver = failed.length === 0 && left.length === 0 && Array.isArray(drop);
      const ends = { complete: true, drop: isOver ? drop.map(String) : [] };
      await parts.desk.end(place, parts.holder.key, ends, signal);
      parts.held.delete(place.queue);
    },
    deadlineMs: () => 10_000,
  };
}
