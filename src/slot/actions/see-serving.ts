// Sees an instance serve: greeting of IMAP and LMTP, login of the test account where one is configured.
// A login that its server takes only in a way that cannot be tried from here holds no lane open: it is told as not tried.
import type { Action, CheckResult } from '../../plan/action.js';
import { UNVERIFIED_LOGIN } from '../unverified.js';
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
      if (isServed && seen.unverified !== undefined)
        return { state: 'done', note: `${UNVERIFIED_LOGIN}${seen.unverified}` };
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
