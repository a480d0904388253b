// Ends the lane of a rejoin: the leases are given back, and what the returned instances still owe stays on record.
// Whoever has brought everything over and runs as a replica owes nothing; what was given up by the operator's word
// is closed by name.
import { TransportError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import type { Action } from '../../plan/action.js';
import type { InstanceState } from '../driver.js';
import { type Owed, owedLine } from '../lane-record.js';
import type { Instance } from '../slot.js';
import { type SlotActionParts, textOf } from './action-parts.js';
import { debtsNow, debtsToWrite, owedByStray } from './debts.js';
import { giveBackLeases, instancesOf, lastAction } from './give-back-leases.js';
import { reportKey } from './rejoin-parts.js';

interface Returned {
  readonly host: string;
  readonly how: 'rejoin' | 'close';
  readonly acceptLoss: boolean;
}

export function endRejoin(parts: SlotActionParts): Action {
  async function lookAt(instance: Instance | undefined): Promise<InstanceState | undefined> {
    if (instance === undefined || parts.watch.away(instance.host) !== undefined) return undefined;
    try {
      return await parts.driver.look(parts.hostNamed(instance.host), instance);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return undefined;
    }
  }

  function stepsOwed(returned: Returned, slot: string, state: InstanceState | undefined): readonly string[] {
    if (state === undefined) return returned.how === 'close' ? [] : ['stop', 'role', 'rejoin'];
    const found = parts.rejoins.get(reportKey(slot, returned.host));
    const isLeft = found !== undefined && found.conflicts.length + found.notBrought.length > 0;
    const isBack = state.running === true && state.role === 'replica';
    if (isBack && (!isLeft || returned.acceptLoss)) return [];
    const steps = ['rejoin'];
    if (state.configuredRole !== 'replica') steps.unshift('role');
    if (state.running !== false && state.role !== 'replica') steps.unshift('stop');
    return steps;
  }

  return lastAction(parts, 'slot.end-rejoin', async (step) => {
    const slot = textOf(step.params, 'slot');
    const to = textOf(step.params, 'to');
    const instances = instancesOf(step);
    const returns = (step.params.returns ?? []) as unknown as readonly Returned[];
    const planned = (step.params.owed ?? []) as unknown as readonly Owed[];
    const at = formatIso(parts.clock.now());
    const run = parts.leases.holder.run;
    const held = parts.leases.hostsOf(slot);
    const isAway = (host: string) => parts.watch.away(host) !== undefined;
    const lines = async (): Promise<readonly string[]> => {
      const debts = await debtsNow(parts, instances, planned);
      const own = await Promise.all(
        returns.map(async (returned): Promise<readonly Owed[]> => {
          const state = await lookAt(instances.find(({ host }) => host === returned.host));
          const steps = stepsOwed(returned, slot, state);
          const lastAlive = debts.find(({ host }) => host === returned.host)?.lastAlive ?? null;
          return steps.length === 0 ? [] : [{ slot, host: returned.host, steps, run, at, lastAlive }];
        }),
      );
      const strays = await Promise.all(
        ((step.params.strays ?? []) as readonly string[]).map(async (host): Promise<Owed> => {
          const state = await lookAt(instances.find((one) => one.host === host));
          return { slot, host, steps: owedByStray(state), run, at, lastAlive: null };
        }),
      );
      const isTold = instances.every(({ host }) => held.includes(host) && !isAway(host));
      const paid = returns.map(({ host }) => host);
      return debtsToWrite({
        debts,
        own: [...own.flat(), ...strays],
        paid,
        isTold,
        now: { slot, run, at },
      }).map(owedLine);
    };
    await giveBackLeases(parts, { slot, instances, last: to, lines });
  });
}
