// Looks the MXs' last deliveries to silent masters up on the replicas: one question an MX, one a replica's host. What
// cannot be asked is no evidence. Nothing here changes anything.
import { MailctlError } from '../errors.js';
import { gather } from '../fleet/gather.js';
import type { LmtpEnd, Surroundings } from './look-around.js';
import {
  judgeLookup,
  type LookupJudgement,
  lookupKey,
  type MxDelivery,
  SKEW_TOLERANCE_S,
} from './mx-lookup.js';
import { type FleetSight, stateOf } from './sight.js';
import { instanceOn, type Slot } from './slot.js';

/**
 * Looks up the slots that `wanted` names, by their silent master; `silent` has all slots of each such host, so that
 * two that share a place of hand-over are not mistaken for one another.
 */
export async function askLookups(
  silent: ReadonlyMap<string, readonly Slot[]>,
  wanted: ReadonlySet<string>,
  sight: FleetSight,
  around: Surroundings,
): Promise<ReadonlyMap<string, LookupJudgement>> {
  const lookups = new Map<string, LookupJudgement>();
  const { lastDeliveries, mxs = [] } = around;
  const ends = [...silent].flatMap(([from, slots]) => endsOf(from, slots, sight, around));
  const asked = ends.filter(({ slot }) => wanted.has(slot));
  if (lastDeliveries === undefined || asked.length === 0) return lookups;
  const { concurrency, signal } = around;
  const answers = await gather(
    mxs.filter(({ name }) => !silent.has(name)),
    (mx, stop) => lastDeliveries(mx, asked, stop),
    { concurrency, signal },
  );
  const bySlot = new Map<string, MxDelivery[]>();
  for (const answer of answers) {
    for (const one of answer.ok ? answer.value : [])
      bySlot.set(one.slot, [...(bySlot.get(one.slot) ?? []), one]);
  }
  await Promise.all(
    [...silent].flatMap(([from, slots]) =>
      slots.flatMap((slot) => {
        const deliveries = bySlot.get(slot.slot);
        if (deliveries === undefined) return [];
        const since = Math.min(...deliveries.map(({ at }) => at)) - SKEW_TOLERANCE_S;
        return replicasOf(slot, from, sight).map(async (instance) => {
          const host = around.hosts.get(instance.host);
          if (host === undefined) return;
          try {
            const recent = await around.driver.recentMessages(host, instance, since, signal);
            const judged = judgeLookup(deliveries, recent);
            if (judged !== undefined) lookups.set(lookupKey(slot.slot, instance.host), judged);
          } catch (error) {
            if (!(error instanceof MailctlError)) throw error;
          }
        });
      }),
    ),
  );
  return lookups;
}

/** Only what still is a replica: a new master's own deliveries say nothing of the old one. */
function replicasOf(slot: Slot, from: string, sight: FleetSight) {
  return slot.instances.filter(({ host }) => {
    const state = host === from ? undefined : stateOf(sight, slot.slot, host);
    return state !== undefined && state.role !== 'master' && state.configuredRole !== 'master';
  });
}

/** Where the MXs hand mail for these slots over on a silent host; a place that two slots share tells nothing. */
function endsOf(
  from: string,
  slots: readonly Slot[],
  sight: FleetSight,
  around: Surroundings,
): readonly LmtpEnd[] {
  const all = slots.flatMap((slot): readonly LmtpEnd[] => {
    const old = instanceOn(slot, from);
    const own = old?.address === undefined ? [from, around.hosts.get(from)?.address] : [old.address];
    const names = [...new Set(own)].filter((name) => name !== undefined);
    const ports = new Set(
      slot.instances
        .flatMap(({ host }) => {
          const state = stateOf(sight, slot.slot, host);
          return state === undefined ? [] : around.driver.masterPorts(state);
        })
        .flatMap(({ kind, port }) => (kind === 'lmtp' ? [port] : [])),
    );
    return [...ports].map((port) => ({ slot: slot.slot, names, port }));
  });
  const users = new Map<string, Set<string>>();
  const keysOf = ({ names, port }: LmtpEnd) => names.map((name) => `${name}\n${port}`);
  for (const end of all)
    for (const key of keysOf(end)) users.set(key, (users.get(key) ?? new Set()).add(end.slot));
  return all.filter((end) => keysOf(end).every((key) => users.get(key)?.size === 1));
}
