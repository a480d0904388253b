// Where mail for slots is handed over on each host that carries them, for recognising it on the MXs: names and
// addresses as an MX may write them, ports from the instances' own master configuration. Pure.
import type { Host } from '../fleet/host.js';
import type { StoreDriver } from './driver.js';
import { type FleetSight, stateOf } from './sight.js';
import type { Slot } from './slot.js';
import type { SlotRoad } from './waiting.js';

/** The roads of these slots. A slot of which no port is known is recognised by its recipients alone. */
export function slotRoads(
  slots: readonly Slot[],
  sight: FleetSight,
  hosts: ReadonlyMap<string, Host>,
  masterPorts: StoreDriver['masterPorts'],
): readonly SlotRoad[] {
  return slots.map((slot) => {
    const portsOn = (host: string) => {
      const state = stateOf(sight, slot.slot, host);
      return state === undefined ? [] : masterPorts(state).filter(({ kind }) => kind === 'lmtp');
    };
    const all = new Set(slot.instances.flatMap(({ host }) => portsOn(host).map(({ port }) => port)));
    const ends = slot.instances.flatMap((instance) => {
      const own = portsOn(instance.host).map(({ port }) => port);
      const names = [instance.host, hosts.get(instance.host)?.address, instance.address];
      // A silent host's ports are those that its other instances have.
      return [...new Set(names)].flatMap((name) =>
        name === undefined ? [] : [...(own.length > 0 ? new Set(own) : all)].map((port) => ({ name, port })),
      );
    });
    return { slot: slot.slot, ends };
  });
}
