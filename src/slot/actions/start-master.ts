// Starts NEW as master: the point of no return. Promise 1 is checked once more, right before: every other
// instance that could be a master is stopped and swapped, fenced, silent to every observer, or passed by word.
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { hasOwnChanges } from '../sight.js';
import {
  gripOf,
  instanceOf,
  isNoMaster,
  lookAt,
  possibleMaster,
  possibleMastersOf,
  type SlotActionParts,
  seenKey,
  textOf,
} from './action-parts.js';

export function startMaster(parts: SlotActionParts): Action {
  /** Thirds that the lane went back for in this process: one that comes and goes must not keep it for ever. */
  const wentBackFor = new Set<string>();

  /** A third whose stop was owed and that answers now, taking what OLD may send it. Gives the step of its stop. */
  function openThird(step: Step, slot: string): { readonly host: string; readonly to: string } | undefined {
    const stops = (step.params.thirdStops ?? {}) as { readonly [host: string]: string };
    const from = parts.seen.get(seenKey(textOf(step.params, 'from'), slot));
    if (from !== undefined && isNoMaster(from) && from.configuredRole === 'replica') return undefined;
    for (const [host, to] of Object.entries(stops)) {
      const third = parts.seen.get(seenKey(host, slot));
      const isOpen = third?.running === true && third.role === 'replica';
      if (isOpen && parts.watch.away(host) === undefined && !wentBackFor.has(seenKey(host, slot)))
        return { host, to };
    }
    return undefined;
  }

  return {
    name: 'slot.start-master',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), async (state) => {
        if (state.running === true && state.role === 'master') {
          return state.started ? { state: 'done' } : { state: 'todo', note: state.problem ?? undefined };
        }
        const other = await possibleMaster(parts, possibleMastersOf(step));
        if (other === null) {
          const third = openThird(step, state.slot);
          if (third === undefined) return { state: 'todo', note: state.problem ?? undefined };
          wentBackFor.add(seenKey(third.host, state.slot));
          return {
            state: 'rewind',
            to: third.to,
            reason: `${third.host} answers again, and takes replication`,
          };
        }
        // A dead OLD that answers again can be drained after all: the lane goes back to its stop.
        const { rewindTo } = step.params;
        if (other.answers && other.host === textOf(step.params, 'from') && typeof rewindTo === 'string') {
          return { state: 'rewind', to: rewindTo, reason: `${other.host} answers again: ${other.reason}` };
        }
        return { state: 'blocked', reason: other.reason, code: other.gate };
      }),
    checkUndone: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) => {
        // One that was started and has died since is stopped, too. Nobody takes its changes before the lane is done,
        // so that its own log tells.
        if (hasOwnChanges(state))
          return { state: 'todo', note: `${state.host} has taken changes as the master, and is stopped` };
        return state.running === false
          ? { state: 'done' }
          : { state: 'todo', note: state.problem ?? undefined };
      }),
    preview: (step) => parts.driver.preview('start', instanceOf(step.params, step.host), 'master'),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      await parts.driver.start(parts.hostNamed(step.host), instance, grip, 'master');
    },
    deadlineMs: () => parts.driver.limits.startMs,
  };
}
