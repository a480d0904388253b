// One round of the canary: look for those that were sent before, send the next ones, take old ones out, and say what
// to store. A slot whose master does not serve gets none. What goes wrong is a warning and no proof.
import { MailctlError } from '../errors.js';
import { gather } from '../fleet/gather.js';
import type { CanaryFound, CanaryRecord, CanarySent } from './canary.js';
import { slotsToSend } from './canary.js';
import type { InstanceState } from './driver.js';
import { groupByHost, type Surroundings } from './look-around.js';
import { isServedByMaster } from './readable.js';
import { type FleetSight, stateOf } from './sight.js';
import { type Instance, instanceOn, type Slot } from './slot.js';

/** What a round is given. */
export interface CanaryRoundParts {
  readonly user: string;
  readonly everyMs: number;
  readonly around: Surroundings;
  readonly sight: FleetSight;
  readonly known: readonly CanaryRecord[];
  /** ms since 1970. */
  readonly now: number;
}

/** What came of it. */
export interface CanaryRound {
  readonly records: readonly CanaryRecord[];
  readonly problems: readonly string[];
}

/** Does a round. */
export async function canaryRound(slots: readonly Slot[], parts: CanaryRoundParts): Promise<CanaryRound> {
  const { around, sight, known, now, user } = parts;
  const problems: string[] = [];
  const served = slots.filter((slot) => isServedByMaster(slot, sight));
  const found = await findEverywhere(served, parts, problems);
  const due = slotsToSend(served, known, parts.everyMs, now);
  const sent = new Map<string, CanarySent>();
  await onHosts(due, parts, problems, async (host, list) => {
    const masters = list.map(({ state, instance }) => ({ state, address: instance.address }));
    for (const one of await around.driver.sendCanaries(host, masters, user)) {
      sent.set(one.slot, one);
      if (one.problem !== null) problems.push(`canary of ${one.slot} on ${host.name}: ${one.problem}`);
    }
  });
  const isTime = Math.floor(now / 60_000) % CLEAN_MINUTES === 0;
  const full = served.filter(
    (slot) => isTime && (found.get(`${slot.slot}\n${slot.master}`)?.messages ?? 0) > MOST_LEFT,
  );
  await onHosts(full, parts, problems, async (host, list) => {
    const masters = list.flatMap(({ state, instance }) => {
      const oldBelow = found.get(`${state.slot}\n${host.name}`)?.oldBelow ?? null;
      return oldBelow === null ? [] : [{ state, address: instance.address, oldBelow }];
    });
    const failed = await around.driver.cleanCanaries(host, masters, user);
    for (const [slot, why] of failed) problems.push(`old canaries of ${slot} stay on ${host.name}: ${why}`);
  });
  const records = served.flatMap((slot) =>
    slot.instances
      .filter((instance) => instance.host !== slot.master)
      .map(({ host }): CanaryRecord => {
        const last = known.find((one) => one.slot === slot.slot && one.replica === host);
        const before = last?.master === slot.master ? last : undefined;
        const looked = found.get(`${slot.slot}\n${host}`);
        const stamp = sent.get(slot.slot)?.stamp ?? null;
        return {
          slot: slot.slot,
          replica: host,
          master: slot.master,
          sentAt: stamp ?? before?.sentAt ?? null,
          foundAt: looked?.newest ?? before?.foundAt ?? null,
          // When none was due the time of the last one counts on.
          seenAt: stamp === null ? (before?.seenAt ?? now) : now,
        };
      }),
  );
  return { records, problems };
}

/** More messages than these in a probe mailbox: the old canaries go. */
const MOST_LEFT = 120;
/** Once an hour: where expunging is delayed the files stay for days, and would be counted each minute. */
const CLEAN_MINUTES = 60;

async function findEverywhere(
  slots: readonly Slot[],
  { around, sight, user }: CanaryRoundParts,
  problems: string[],
): Promise<ReadonlyMap<string, CanaryFound>> {
  const instances = slots.flatMap((slot) => slot.instances);
  const byHost = groupByHost(instances.filter(({ host }) => sight.get(host)?.ok === true));
  const results = await gather(
    [...byHost.keys()].flatMap((name) => around.hosts.get(name) ?? []),
    (host) => around.driver.findCanaries(host, byHost.get(host.name) ?? [], user),
    { concurrency: around.concurrency, signal: around.signal },
  );
  const found = new Map<string, CanaryFound>();
  for (const result of results) {
    if (!result.ok) problems.push(`canaries: ${result.error.message}`);
    else for (const one of result.value) found.set(`${one.slot}\n${result.host.name}`, one);
  }
  return found;
}

async function onHosts(
  slots: readonly Slot[],
  { around, sight }: CanaryRoundParts,
  problems: string[],
  work: (
    host: Parameters<Surroundings['ping']>[0],
    list: readonly { readonly state: InstanceState; readonly instance: Instance }[],
  ) => Promise<void>,
): Promise<void> {
  const byHost = new Map<string, { state: InstanceState; instance: Instance }[]>();
  for (const slot of slots) {
    const state = stateOf(sight, slot.slot, slot.master);
    const instance = instanceOn(slot, slot.master);
    if (state === undefined || instance === undefined) continue;
    byHost.set(slot.master, [...(byHost.get(slot.master) ?? []), { state, instance }]);
  }
  await Promise.all(
    [...byHost].map(async ([name, list]) => {
      const host = around.hosts.get(name);
      if (host === undefined) return;
      try {
        await work(host, list);
      } catch (error) {
        if (!(error instanceof MailctlError)) throw error;
        problems.push(`canary: ${error.message}`);
      }
    }),
  );
}
