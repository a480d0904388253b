// The slot map as the hosts show it: which instances there are, and who is the master. Pure. Two masters, or none, or
// one that only the directory could clear up, are named and left alone: nothing is guessed.
import { compareNames } from '../lib/natural.js';
import type { FoundInstance, InstanceState } from './driver.js';
import { type FleetSight, isMaster, openLaneOf, owedOf, stateOf } from './sight.js';
import type { Instance, Slot } from './slot.js';
import type { SlotMapEntry } from './slot-map.js';
import { slotNameFault } from './slot-name.js';

/** What a host was found to have; null: it did not answer. */
export type Findings = ReadonlyMap<string, readonly FoundInstance[] | null>;

/** Something that nobody could tell from the hosts alone. */
export interface Unclear {
  /** null: an instance that no slot is known for. */
  readonly slot: string | null;
  readonly host: string | null;
  readonly why: string;
}

/** What the hosts show. */
export interface Discovery {
  /** Slots whose master is clear. */
  readonly entries: readonly SlotMapEntry[];
  readonly unclear: readonly Unclear[];
}

/**
 * The slots to look at: what was found, by the names that their paths or the directory give, and what the directory
 * has on hosts that are silent. Their master is the directory's, or nobody.
 */
export function slotsToLookAt(
  findings: Findings,
  directory: readonly Slot[],
): { readonly slots: readonly Slot[]; readonly unclear: readonly Unclear[] } {
  const byName = new Map<string, Instance[]>();
  const unclear: Unclear[] = [];
  const add = (instance: Instance) => {
    const list = byName.get(instance.slot) ?? [];
    byName.set(instance.slot, list);
    if (!list.some(({ host }) => host === instance.host)) list.push(instance);
    else if (list.some((one) => one.host === instance.host && one.instance !== instance.instance))
      unclear.push({
        slot: instance.slot,
        host: instance.host,
        why: `it has two instances of it, ${instance.instance} is one`,
      });
  };
  // An instance whose path names no slot belongs to the one that the directory says; else those of one name are one.
  const shared = countNames(findings);
  for (const [host, found] of findings) {
    for (const one of found ?? []) {
      const known = directory.flatMap((slot) =>
        slot.instances.filter((instance) => instance.host === host && fits(instance, one)),
      );
      const only = known.length === 1 ? known[0] : undefined;
      const name =
        one.slot ?? only?.slot ?? ((shared.get(one.instance ?? '') ?? 0) > 1 ? one.instance : undefined);
      const wrong = name === undefined ? undefined : slotNameFault(name);
      if (name === undefined || wrong !== undefined) {
        const why = wrong === undefined ? 'nothing says which slot it is of' : `the name ${wrong}`;
        unclear.push({ slot: null, host, why: `${one.path}: ${why}` });
        continue;
      }
      add({
        slot: name,
        host,
        instance: one.instance ?? only?.instance ?? name,
        address: only?.address ?? one.address,
      });
    }
  }
  for (const slot of directory) {
    for (const instance of slot.instances) if (findings.get(instance.host) === null) add(instance);
  }
  const slots = [...byName].map(([slot, instances]): Slot => {
    const now = directory.find((one) => one.slot === slot);
    return {
      slot,
      master: now?.master ?? '',
      state: now?.state ?? 'normal',
      version: now?.version,
      instances: inOrder(instances, now),
    };
  });
  return { slots: slots.sort((a, b) => compareNames(a.slot, b.slot)), unclear };
}

function fits(instance: Instance, found: FoundInstance): boolean {
  if (found.slot !== undefined && found.slot !== instance.slot) return false;
  return found.instance === undefined || found.instance === instance.instance;
}

function countNames(findings: Findings): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const found of findings.values()) {
    for (const { instance } of found ?? [])
      if (instance !== undefined) counts.set(instance, (counts.get(instance) ?? 0) + 1);
  }
  return counts;
}

/** The directory's own order, and what it does not have by name. */
function inOrder(instances: readonly Instance[], now: Slot | undefined): readonly Instance[] {
  const place = (host: string) => {
    const at = now?.instances.findIndex((one) => one.host === host) ?? -1;
    return at < 0 ? Number.POSITIVE_INFINITY : at;
  };
  return instances.toSorted((a, b) =>
    place(a.host) === place(b.host) ? compareNames(a.host, b.host) : place(a.host) - place(b.host),
  );
}

/** Who is master of each, by what was seen. */
export function judgeDiscovery(
  slots: readonly Slot[],
  findings: Findings,
  sight: FleetSight,
  directory: readonly Slot[],
): Discovery {
  const entries: SlotMapEntry[] = [];
  const unclear: Unclear[] = [];
  const seen = new Set(slots.map(({ slot }) => slot));
  for (const slot of slots) {
    const there = slot.instances.filter((one) => isInstance(stateOf(sight, slot.slot, one.host)));
    const unseen = slot.instances.filter((one) => stateOf(sight, slot.slot, one.host) === undefined);
    for (const one of slot.instances) {
      const state = stateOf(sight, slot.slot, one.host);
      if (state !== undefined && state.problem !== null && !isInstance(state))
        unclear.push({ slot: slot.slot, host: one.host, why: state.problem });
    }
    const kept = slot.instances.filter((one) => there.includes(one) || unseen.includes(one));
    if (kept.length === 0) {
      seen.delete(slot.slot);
      continue;
    }
    const { master, why } = masterOf({ ...slot, instances: kept }, unseen, sight);
    if (master === null) {
      unclear.push({ slot: slot.slot, host: null, why });
      continue;
    }
    const own = kept.find(({ host }) => host === master) as Instance;
    const instances = [own, ...kept.filter(({ host }) => host !== master)];
    entries.push({ slot: slot.slot, master, instances, state: undefined });
  }
  // Hosts that were not asked at all could have the others.
  const absent = directory
    .filter((slot) => !seen.has(slot.slot) && slot.instances.every(({ host }) => findings.has(host)))
    .map(({ slot }) => ({ slot, host: null, why: 'the directory has it, and none of its hosts does' }));
  return { entries, unclear: [...unclear, ...absent] };
}

/** A folder alone is none: it runs, or it has a role. */
function isInstance(state: InstanceState | undefined): boolean {
  return state !== undefined && (state.running === true || state.configuredRole !== null);
}

type Judged = { readonly master: string; readonly why: '' } | { readonly master: null; readonly why: string };

function masterOf(slot: Slot, unseen: readonly Instance[], sight: FleetSight): Judged {
  const no = (why: string): Judged => ({ master: null, why });
  const open = openLaneOf(sight, slot);
  if (open !== null) return no(`run ${open.run} of ${open.operator} is not finished with it`);
  const hosts = slot.instances.map(({ host }) => host);
  const running = hosts.filter((host) => isMaster(stateOf(sight, slot.slot, host)));
  const silent = unseen.map(({ host }) => host);
  if (running.length > 1) return no(`runs as master on ${running.join(' and ')}`);
  const [only] = running;
  if (only !== undefined) {
    if (only !== slot.master && silent.includes(slot.master))
      return no(`runs as master on ${only}, and the directory names ${slot.master}, which was not seen`);
    const debt = owedOf(sight, slot).find((owed) => owed.host === only && owed.steps.includes('stop'));
    if (debt !== undefined) return no(`runs as master on ${only}, which owes a stop since run ${debt.run}`);
    return { master: only, why: '' };
  }
  if (silent.length > 0) return no(`no master was seen, and ${silent.join(', ')} could be it`);
  const stopped = hosts.filter((host) => {
    const state = stateOf(sight, slot.slot, host);
    return state?.running === false && state.configuredRole === 'master';
  });
  const isDoubtful = hosts.some((host) => stateOf(sight, slot.slot, host)?.running === null);
  if (stopped.length === 1 && !isDoubtful) return { master: stopped[0] as string, why: '' };
  if (stopped.length > 1) return no(`is stopped, and would come up as master on ${stopped.join(' and ')}`);
  return no('no master was seen');
}
