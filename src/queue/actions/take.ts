// Takes a queue for the run, and writes the run's record beside it. The lease does not last: every resume makes sure
// of it again. One that is held by a dead run of this bastion is taken at once.
import type { Action } from '../../plan/action.js';
import { type ChangeActionParts, heldBy, placeOf } from './change-parts.js';

export function take(parts: ChangeActionParts): Action {
  return {
    name: 'queue.take',
    lapses: true,
    check: async (step) => ({ state: parts.held.has(placeOf(step).queue) ? 'done' : 'todo' }),
    preview: ({ params }) => [`a lease in /var/lib/mailctl/queues/${String(params.software)}`],
    async act(step, { signal }) {
      const place = placeOf(step);
      const { holder, record, desk } = parts;
      let answer = await desk.take(place, { holder, record, dead: [] }, signal);
      if (!answer.granted && (await parts.isDead(answer.held)))
        answer = await desk.take(place, { holder, record, dead: [answer.held.key] }, signal);
      if (!answer.granted) throw heldBy(place, answer.held, answer.secondsLeft);
      parts.held.set(place.queue, parts.clock.monotonic());
    },
    async undo(step, { signal }) {
      const place = placeOf(step);
      if (!parts.held.has(place.queue)) return;
      await parts.desk.end(place, parts.holder.key, { complete: false, drop: [parts.holder.key] }, signal);
      parts.held.delete(place.queue);
    },
    deadlineMs: () => 1000,
  };
}
