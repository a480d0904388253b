// Runs one of the site's directory hooks: its words as they are, never through a shell. Repeatable by contract.

import { fillPlaceholders } from '../../lib/placeholders.js';
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import type { SlotActionParts } from './action-parts.js';

export function runHook(parts: SlotActionParts): Action {
  const ran = new Set<string>();
  /** The hook's words with {slot}, {from}, {to} and {run} filled in, each word on its own. */
  const words = (step: Step, run: string) => {
    const text = (key: string) => (typeof step.params[key] === 'string' ? { [key]: step.params[key] } : {});
    const values = { ...text('slot'), ...text('from'), ...text('to'), run };
    return ((step.params.run ?? []) as readonly string[]).map((word) => fillPlaceholders(word, values));
  };
  return {
    name: 'slot.run-hook',
    check: async (step, context) => ({ state: ran.has(`${context.lane}\n${step.id}`) ? 'done' : 'todo' }),
    preview: (step) => [`${words(step, 'RUN').join(' ')}${step.host === '' ? '' : ` (on ${step.host})`}`],
    async act(step, context) {
      const timeoutMs = typeof step.params.timeoutMs === 'number' ? step.params.timeoutMs : 30_000;
      await parts.runHook(
        step.host === '' ? null : step.host,
        words(step, context.run),
        timeoutMs,
        context.signal,
      );
      ran.add(`${context.lane}\n${step.id}`);
    },
    deadlineMs: (step) => (typeof step.params.timeoutMs === 'number' ? step.params.timeoutMs : 30_000),
  };
}
