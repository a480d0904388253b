// Starts a stale replica so that people can read their mail, and sees that it lets them read and nothing else. The
// master stays who it is: a read-only copy has nothing to merge, but two that differ must not both serve, so that
// a master that is seen to serve stops this.
import { TransportError } from '../../errors.js';
import type { Action, CheckResult } from '../../plan/action.js';
import {
  gripOf,
  instanceOf,
  isNoMaster,
  lookAt,
  type PossibleMaster,
  possibleMastersOf,
  type SlotActionParts,
} from './action-parts.js';

export function startReadonly(parts: SlotActionParts): Action {
  return {
    name: 'slot.start-readonly',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), async (state) => {
        if (state.running === true && state.role === 'readonly' && state.started) return { state: 'done' };
        // A role command of the site makes the files only now.
        if (state.configuredRole === 'readonly' && typeof state.readOnlyFault === 'string')
          return { state: 'blocked', reason: state.readOnlyFault, code: 'slot.takes-changes' };
        const serving = await whoServes(parts, possibleMastersOf(step));
        return serving ?? { state: 'todo', note: state.problem ?? undefined };
      }),
    checkUndone: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) =>
        state.running === false ? { state: 'done' } : { state: 'todo', note: state.problem ?? undefined },
      ),
    preview: (step) => parts.driver.preview('start', instanceOf(step.params, step.host), 'readonly'),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      await parts.driver.start(parts.hostNamed(step.host), instance, grip, 'readonly');
    },
    async undo(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      await parts.driver.stop(parts.hostNamed(step.host), instance, grip, false);
    },
    deadlineMs: () => Math.max(parts.driver.limits.startMs, parts.driver.limits.stopMs(false)),
  };
}

/** It opens a mailbox and refuses every change. */
export function seeReadable(parts: SlotActionParts): Action {
  return {
    name: 'slot.see-readable',
    async check(step): Promise<CheckResult> {
      const away = parts.watch.away(step.host);
      if (away !== undefined) return { state: 'away', reason: away };
      const instance = instanceOf(step.params, step.host);
      const seen = await parts.driver.readable(parts.hostNamed(step.host), instance);
      if (seen.refusesChanges === 'no') {
        const reason = `${instance.slot} on ${step.host} is meant for reading: ${seen.detail}`;
        return { state: 'blocked', reason, code: 'slot.takes-changes' };
      }
      if (seen.imap !== 'ok' || seen.login === 'failed') {
        const note = seen.imap === 'none' ? 'it has no IMAP port on the network' : seen.detail;
        return { state: 'todo', note };
      }
      if (seen.refusesChanges === 'yes') return { state: 'done', note: 'it reads, and refuses changes' };
      return {
        state: 'done',
        note: seen.login === 'ok' ? `login works; not tried: ${seen.detail}` : 'greeting only',
      };
    },
    preview: (step) => [
      ...parts.driver.preview('serving', instanceOf(step.params, step.host), 'readonly').slice(0, 1),
      'SELECT INBOX, and a STORE that must be refused',
    ],
    act: async () => {},
    deadlineMs: () => 20_000,
  };
}

/** The first that may serve; undefined: each is stopped, silent to everybody, or passed by word. */
async function whoServes(
  parts: SlotActionParts,
  others: readonly PossibleMaster[],
): Promise<CheckResult | undefined> {
  for (const other of others) {
    if (parts.watch.away(other.host) === undefined) {
      try {
        const state = await parts.driver.look(parts.hostNamed(other.host), other);
        if (state.running === false || isNoMaster(state)) continue;
        const reason = `${other.slot} runs on ${other.host} and may serve`;
        return { state: 'blocked', reason, code: 'still-serving' };
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        parts.watch.add(other.host, error);
      }
    }
    if (other.word !== null) continue;
    const verdict = await parts.watch.verdict(other.host);
    if (verdict.gate !== null) return { state: 'blocked', reason: verdict.reason, code: verdict.gate };
  }
  return undefined;
}
