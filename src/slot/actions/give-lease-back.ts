// Ends a lane: its leases are given back, and what could not be done because a host was away stays on record on
// the slot's hosts until rejoin has done it.
import { formatIso } from '../../lib/clock.js';
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { type Owed, owedLine } from '../lane-record.js';
import type { Instance } from '../slot.js';
import { instanceOf, type SlotActionParts, textOf } from './action-parts.js';

export function giveLeaseBack(parts: SlotActionParts): Action {
  const instancesOf = (step: Step): readonly Instance[] =>
    ((step.params.instances ?? []) as readonly Step['params'][]).map((one) => instanceOf(one, ''));

  /** What OLD owes now, as it is seen now. A demoted OLD owes its rejoin: its log was never drained. */
  async function owedByOld(step: Step): Promise<readonly string[]> {
    const from = textOf(step.params, 'from');
    const old = instancesOf(step).find((instance) => instance.host === from);
    if (old === undefined) return [];
    if (parts.watch.away(from) !== undefined) return ['stop', 'role', 'rejoin'];
    try {
      const state = await parts.driver.look(parts.hostNamed(from), old);
      // A replica by its role alone (its host has booted after the swap) still has a log that nobody replayed.
      const isLeft = step.params.lossAccepted === true && state.channels.some((channel) => channel.pending);
      const isDrained = step.params.drained === true && !isLeft;
      if (state.running === true && state.role === 'replica' && isDrained) return [];
      const steps = ['rejoin'];
      if (state.configuredRole !== 'replica') steps.unshift('role');
      if (state.running !== false && state.role !== 'replica') steps.unshift('stop');
      return steps;
    } catch {
      return ['stop', 'role', 'rejoin'];
    }
  }

  return {
    name: 'slot.give-lease-back',
    check: async (step) => ({
      state: parts.leases.hostsOf(textOf(step.params, 'slot')).length === 0 ? 'done' : 'todo',
    }),
    preview: (step) => [`give back the leases of ${textOf(step.params, 'slot')}`],
    async act(step) {
      const slot = textOf(step.params, 'slot');
      const from = textOf(step.params, 'from');
      const steps = await owedByOld(step);
      const others = (step.params.owed ?? []) as unknown as readonly Owed[];
      const lastAlive = typeof step.params.lastAlive === 'number' ? step.params.lastAlive : null;
      const at = formatIso(parts.clock.now());
      const own: readonly Owed[] =
        steps.length === 0 ? [] : [{ slot, host: from, steps, run: parts.leases.holder.run, at, lastAlive }];
      const lines = [...others, ...own].map(owedLine);
      const held = parts.leases.hostsOf(slot);
      for (const instance of instancesOf(step)) {
        if (!held.includes(instance.host)) continue;
        if (parts.watch.away(instance.host) === undefined) {
          await parts.driver.giveLeaseBack(
            parts.hostNamed(instance.host),
            instance,
            parts.leases.grip(instance.host, slot),
            lines,
          );
        }
        parts.leases.forget(instance.host, slot);
      }
    },
    deadlineMs: () => 20_000,
  };
}
