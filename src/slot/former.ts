// Hosts that a seed has put another one in the place of. The directory names them no longer, so nobody would see one that
// boots with its old role and serves beside the true master (failover.md, promise 2). The slot's own hosts remember them
// (lane-record.ts), and every look asks them too: what runs there as a master, would come up as one, or owes a rejoin,
// counts as an instance of the slot until that is over. A silent one was said to be gone, and costs nothing but its turn.
import { gather } from '../fleet/gather.js';
import { parseLaneFile } from './lane-record.js';
import { groupByHost, type Surroundings } from './look-around.js';
import { type FleetSight, type HostSight, isStray, owedOf, stateOf } from './sight.js';
import type { Instance, Slot } from './slot.js';

/** ms for a former host: it is most likely dead, and the others have answered already. */
const PATIENCE_MS = 3000;

/** What was seen, with the former hosts in it. */
export interface WithFormers {
  readonly slots: readonly Slot[];
  readonly sight: FleetSight;
}

/** The former instances of a slot, as the lane files of its hosts name them; each once, the newest line holds. */
export function formersOf(slot: Slot, sight: FleetSight): readonly Instance[] {
  const formers = new Map<string, Instance & { readonly at: string }>();
  for (const { host } of slot.instances) {
    for (const one of parseLaneFile(stateOf(sight, slot.slot, host)?.laneLines ?? []).former ?? []) {
      const known = formers.get(one.host);
      if (one.slot === slot.slot && (known === undefined || known.at <= one.at)) formers.set(one.host, one);
    }
  }
  const listed = new Set(slot.instances.map(({ host }) => host));
  return [...formers.values()]
    .filter(({ host }) => !listed.has(host))
    .map(({ host, instance, address }) => ({ slot: slot.slot, host, instance, address, former: true }));
}

/** Asks the former hosts, where there are any. Changes nothing; who gives no answer is left out. */
export async function withFormers(
  slots: readonly Slot[],
  sight: FleetSight,
  around: Surroundings,
): Promise<WithFormers> {
  const formers = new Map(slots.map((slot) => [slot.slot, formersOf(slot, sight)]));
  const byHost = groupByHost([...formers.values()].flat());
  // Who was silent a moment ago is not asked a second time, and who is no longer configured cannot be.
  const hosts = [...byHost.keys()].flatMap((name) =>
    sight.get(name)?.ok === false ? [] : (around.hosts.get(name) ?? []),
  );
  if (hosts.length === 0) return { slots, sight };
  const results = await gather(
    hosts,
    async (host, signal) => {
      const tooLate = new AbortController();
      const cancel = around.clock?.timer(PATIENCE_MS, () => tooLate.abort());
      try {
        const both = AbortSignal.any([signal, tooLate.signal]);
        return await around.driver.observe(host, byHost.get(host.name) ?? [], both);
      } finally {
        cancel?.();
      }
    },
    { concurrency: around.concurrency, signal: around.signal },
  );
  const all = new Map<string, HostSight>(sight);
  for (const result of results) {
    if (!result.ok) continue;
    const known = all.get(result.host.name);
    const before = known?.ok === true ? known : { host: result.host, ok: true as const, states: new Map() };
    const states = new Map(before.states);
    for (const state of result.value) if (!states.has(state.slot)) states.set(state.slot, state);
    all.set(result.host.name, { ...before, states });
  }
  const extended = slots.map((slot): Slot => {
    const owing = new Set(owedOf(sight, slot).map(({ host }) => host));
    const counted = (formers.get(slot.slot) ?? []).filter(({ host }) => {
      const state = stateOf(all, slot.slot, host);
      return state !== undefined && (isStray(state) || owing.has(host));
    });
    return counted.length === 0 ? slot : { ...slot, instances: [...slot.instances, ...counted] };
  });
  return { slots: extended, sight: all };
}
