// Releases the mail that waits on the MXs for the slots of the run, at a pace: after the lanes and the hooks, since
// both must have told where the mail goes now. What does not move is reported, and fails nothing: the slots serve.
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import type { SlotRoad, WaitingRow } from '../waiting.js';
import type { SlotActionParts } from './action-parts.js';

export function releaseWaiting(parts: SlotActionParts): Action {
  const roadsOf = (step: Step) => (step.params.roads ?? []) as unknown as readonly SlotRoad[];
  return {
    name: 'slot.release-waiting',
    async check(step, context) {
      const { waiting } = parts;
      if (waiting === undefined) return { state: 'done', note: 'no queue is configured' };
      if (waiting.ended === 'done') return { state: 'done', note: summary(waiting.rows() ?? []) };
      if (waiting.ended !== undefined) return { state: 'blocked', ...waiting.ended };
      const rows = await waiting.look(roadsOf(step), context.signal);
      const note = summary(rows);
      return { state: rows.some(({ left, held }) => (left ?? 0) > held) ? 'todo' : 'done', note };
    },
    preview: () => parts.waiting?.preview() ?? [],
    async act(step, context) {
      await parts.waiting?.release(roadsOf(step), context.signal, (text) => context.note(text));
    },
    deadlineMs: () => 1000,
  };
}

/** `12 messages waited on mx1, 12 released, 0 left`. */
function summary(rows: readonly WaitingRow[]): string {
  const unseen = rows
    .filter(({ left }) => left === null)
    .map(({ mx, problem }) => `${mx} not seen: ${problem}`);
  const seen = rows.filter(({ left }) => left !== null);
  const sum = (value: (row: WaitingRow) => number | null) =>
    seen.reduce((all, row) => all + (value(row) ?? 0), 0);
  const counts =
    seen.length === 0
      ? unseen.length === 0
        ? ['nothing waits']
        : []
      : [
          `${sum((row) => row.messages)} seen waiting on ${[...new Set(seen.map(({ mx }) => mx))].join(', ')}`,
          `${sum((row) => row.released)} released, ${sum((row) => row.left)} left`,
        ];
  return [...counts, ...unseen].join('; ');
}
