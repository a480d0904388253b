// Name of an action to its code.
import type { Action, ActionTable } from '../../plan/action.js';
import type { Plan } from '../../plan/plan.js';
import { change } from './change.js';
import type { ChangeActionParts } from './change-parts.js';
import { end } from './end.js';
import { see } from './see.js';
import { take } from './take.js';

/** The actions of lanes that act on messages. */
export function changeActions(plan: Plan, parts: ChangeActionParts): ActionTable {
  const stepsOf = (lane: string) =>
    plan.lanes.find(({ id }) => id === lane)?.steps.filter(({ action }) => action === 'queue.change') ?? [];
  const actions: readonly Action[] = [take(parts), change(parts), see(parts, stepsOf), end(parts)];
  return new Map(actions.map((action) => [action.name, action]));
}
