// Sees an instance serve: greeting of IMAP and LMTP, login of the test account where one is configured.
import type { Action, CheckResult } from '../../plan/action.js';
import { instanceOf, type SlotActionParts } from './action-parts.js';

export function seeServing(parts: SlotActionParts): Action {
  return {
    name: 'slot.see-serving',
    async check(step): Promise<CheckResult> {
      const instance = instanceOf(step.params, step.host);
      const away = parts.watch.away(step.host);
      if (away !== undefined) return { state: 'away', reason: away };
      const seen = await parts.driver.serving(parts.hostNamed(step.host), instance);
      const isServed = seen.imap === 'ok' && seen.lmtp !== 'failed' && seen.login !== 'failed';
      if (isServed) return { state: 'done', note: seen.login === 'ok' ? 'login works' : 'greeting only' };
      return {
        state: 'todo',
        note: seen.imap === 'none' ? 'it has no IMAP port on the network' : seen.detail,
      };
    },
    preview: (step) => parts.driver.preview('serving', instanceOf(step.params, step.host), 'master'),
    act: async () => {},
    deadlineMs: () => 20_000,
  };
}
