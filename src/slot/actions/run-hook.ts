// Runs one of the site's directory hooks: its words as they are, never through a shell. Repeatable by contract.
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import type { SlotActionParts } from './action-parts.js';

export function runHook(parts: SlotActionParts): Action {
  const ran = new Set<string>();
  const words = (step: Step) => (step.params.run as readonly string[]) ?? [];
  return {
    name: 'slot.run-hook',
    check: async (step, context) => ({ state: ran.has(`${context.lane}\n${step.id}`) ? 'done' : 'todo' }),
    preview: (step) => [`${words(step).join(' ')}${step.host === '' ? '' : ` (on ${step.host})`}`],
    async act(step, context) {
      const timeoutMs = typeof step.params.timeoutMs === 'number' ? step.params.timeoutMs : 30_000;
      await parts.runHook(step.host === '' ? null : step.host, words(step), timeoutMs, context.signal);
      ran.add(`${context.lane}\n${step.id}`);
    },
    deadlineMs: (step) => (typeof step.params.timeoutMs === 'number' ? step.params.timeoutMs : 30_000),
  };
}
