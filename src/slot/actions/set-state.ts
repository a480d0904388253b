// Says to the whole site that a slot is readable only (`readonly:HOST`), or normal again, by compare-and-set; its
// master stays who it is. Found anything else than planned, it stops and never overwrites.
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { type SlotActionParts, stepError, textOf } from './action-parts.js';

export function setState(parts: SlotActionParts): Action {
  const versionOf = (step: Step) => {
    const slot = textOf(step.params, 'slot');
    if (parts.versions.has(slot)) return parts.versions.get(slot);
    return typeof step.params.version === 'number' ? step.params.version : undefined;
  };
  const is = async (
    step: Step,
    wanted: 'to' | 'from',
    before: 'from' | 'to',
  ): ReturnType<Action['check']> => {
    const slot = await parts.directory.get(textOf(step.params, 'slot'));
    const master = textOf(step.params, 'master');
    if (slot === undefined)
      return { state: 'blocked', reason: 'the directory no longer knows it', code: 'directory-disagrees' };
    if (slot.master !== master) {
      return { state: 'blocked', reason: `the directory names ${slot.master}`, code: 'directory-disagrees' };
    }
    if (slot.state === stateOf(step, wanted)) return { state: 'done' };
    if (slot.state === stateOf(step, before)) return { state: 'todo' };
    return { state: 'blocked', reason: `the directory says ${slot.state}`, code: 'directory-disagrees' };
  };
  const set = async (step: Step, from: string, to: string) => {
    const slot = textOf(step.params, 'slot');
    const master = textOf(step.params, 'master');
    const result = await parts.directory.setState({ slot, master, from, to, version: versionOf(step) });
    if (result.outcome === 'set') parts.versions.set(slot, result.version);
    else if (result.state !== to || result.master !== master) {
      throw stepError(
        `the directory was changed meanwhile: ${slot} is ${result.state} with the master ${result.master}`,
        'slot.directory-disagrees',
      );
    }
  };
  return {
    name: 'slot.set-state',
    check: (step) => is(step, 'to', 'from'),
    // What is kept when the lane goes back was right before the lane as well.
    checkUndone: (step) =>
      step.params.keep === true ? Promise.resolve({ state: 'done' }) : is(step, 'from', 'to'),
    preview: (step) => [
      `set ${textOf(step.params, 'slot')} from ${stateOf(step, 'from')} to ${stateOf(step, 'to')} in ${parts.directory.name}`,
    ],
    act: (step) => set(step, stateOf(step, 'from'), stateOf(step, 'to')),
    async undo(step) {
      const slot = textOf(step.params, 'slot');
      // Raised first: a change of ours that is still on its way must find another version.
      parts.versions.set(slot, await parts.directory.raiseVersion(slot));
      await set(step, stateOf(step, 'to'), stateOf(step, 'from'));
    },
    deadlineMs: () => 15_000,
  };
}

// Not `from` and `to`: those are the lane's hosts.
const stateOf = (step: Step, which: 'from' | 'to') =>
  textOf(step.params, which === 'from' ? 'fromState' : 'toState');
