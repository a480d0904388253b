// What the last step of every lane does, whatever it writes: the leases go back one after the other, that of the host
// on which the lane stands last, and a host that dies meanwhile holds nobody up.
import { TransportError } from '../../errors.js';
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import type { Instance } from '../slot.js';
import { instanceOf, type SlotActionParts, textOf } from './action-parts.js';

/** The instances that the step names. */
export const instancesOf = (step: Step): readonly Instance[] =>
  ((step.params.instances ?? []) as readonly Step['params'][]).map((one) => instanceOf(one, ''));

/** A last step: done when no lease of its slot is held. */
export function lastAction(parts: SlotActionParts, name: string, act: Action['act']): Action {
  return {
    name,
    check: async (step) => ({
      state: parts.leases.hostsOf(textOf(step.params, 'slot')).length === 0 ? 'done' : 'todo',
    }),
    preview: (step) => [`give back the leases of ${textOf(step.params, 'slot')}`],
    act,
    deadlineMs: () => 20_000,
  };
}

/** Gives them back. Until the last one has gone, the lane is open on the one host that it stands on. */
export async function giveBackLeases(
  parts: SlotActionParts,
  of: {
    readonly slot: string;
    readonly instances: readonly Instance[];
    /** The host on which the lane stands. */
    readonly last: string;
    /** What each host is to remember, as it is now. */
    readonly lines: () => Promise<readonly string[]>;
  },
): Promise<void> {
  const held = parts.leases.hostsOf(of.slot);
  const ordered = of.instances.toSorted((a, b) => Number(a.host === of.last) - Number(b.host === of.last));
  let lines = await of.lines();
  for (const instance of ordered) {
    const { host } = instance;
    if (!held.includes(host)) continue;
    if (parts.watch.away(host) === undefined) {
      const grip = parts.leases.grip(host, of.slot);
      try {
        await parts.driver.giveLeaseBack(parts.hostNamed(host), instance, grip, lines);
      } catch (error) {
        if (host === of.last || !(error instanceof TransportError)) throw error;
        // It died at the very end: its lease runs out by itself, and what it owes is said by the others.
        parts.watch.add(host, error);
        lines = await of.lines();
      }
    }
    parts.leases.forget(host, of.slot);
  }
}
