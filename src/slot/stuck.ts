// Why a slot's replication does not get on although its hosts are there: an event that cannot be sent, or events that
// were set aside. Looked at near only where something waits; for the commands that an end screen offers.
import { gather } from '../fleet/gather.js';
import { blockedChannel } from './blocked.js';
import type { Surroundings } from './look-around.js';
import { type FleetSight, stateOf } from './sight.js';
import { instanceOn, type Slot } from './slot.js';

/** `blocked`: `replication quarantine` sets it aside; `quarantined`: `replication retry` sends it again. */
export type Stuck = 'blocked' | 'quarantined';

/** By slot; one that is not in it is not known to be stuck. */
export async function stuckSlots(
  slots: readonly Slot[],
  sight: FleetSight,
  around: Surroundings,
): Promise<ReadonlyMap<string, Stuck>> {
  const stuck = new Map<string, Stuck>();
  const waiting: Slot[] = [];
  for (const slot of slots) {
    const master = stateOf(sight, slot.slot, slot.master);
    if (master === undefined) continue;
    if (master.quarantined.files > 0) stuck.set(slot.slot, 'quarantined');
    if (master.channels.some(({ pending }) => pending)) waiting.push(slot);
  }
  const hosts = [...new Set(waiting.map(({ master }) => master))].flatMap(
    (name) => around.hosts.get(name) ?? [],
  );
  const looks = await gather(
    hosts,
    (host, signal) => {
      const own = waiting.filter(({ master }) => master === host.name);
      const instances = own.flatMap((slot) => instanceOn(slot, host.name) ?? []);
      return around.driver.replication(host, instances, signal);
    },
    { concurrency: around.concurrency, signal: around.signal },
  );
  // Best effort: what cannot be looked at is said by its verdict, without this command.
  for (const { slot, at, channels } of looks.flatMap((look) => (look.ok ? look.value : []))) {
    if (channels.some((channel) => blockedChannel(channel, at, 0) !== null)) stuck.set(slot, 'blocked');
  }
  return stuck;
}
