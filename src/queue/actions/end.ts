// Gives a queue back: the lease ends, the run's record is whole, and records that the run has ended are removed.
import type { Action } from '../../plan/action.js';
import { type ChangeActionParts, placeOf } from './change-parts.js';

export function end(parts: ChangeActionParts): Action {
  return {
    name: 'queue.end',
    check: async (step, { signal }) => ({
      state: (await parts.desk.holds(placeOf(step), parts.holder.key, signal)) ? 'todo' : 'done',
    }),
    preview: () => [],
    async act(step, { signal }) {
      const { drop } = step.params;
      const place = placeOf(step);
      await parts.desk.end(
        place,
        parts.holder.key,
        { complete: true, drop: Array.isArray(drop) ? drop.map(String) : [] },
        signal,
      );
      parts.held.delete(place.queue);
    },
    deadlineMs: () => 10_000,
  };
}
