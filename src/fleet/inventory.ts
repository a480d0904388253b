// The hosts and groups of a configuration, in its order. Knows names, asks nobody.
import type { Fence, Host } from './host.js';

/** What an inventory needs to know of a configured host; config.ts has more. */
export interface HostEntry {
  readonly transport: 'ssh' | 'local';
  readonly address: string | undefined;
  readonly groups: readonly string[];
  readonly location: string | undefined;
  readonly preference?: number | undefined;
  readonly maxSlots?: number | undefined;
  readonly fence?: Fence | undefined;
}

/** All hosts, and the groups that they form. */
export interface Inventory {
  /** In the order of the configuration. */
  readonly hosts: readonly Host[];
  readonly byName: ReadonlyMap<string, Host>;
  /** Group to its hosts; no group is empty, since a host names its groups. */
  readonly groups: ReadonlyMap<string, readonly Host[]>;
}

/** The inventory of `config.hosts`. */
export function inventoryOf(entries: ReadonlyMap<string, HostEntry>): Inventory {
  const hosts: Host[] = [];
  const groups = new Map<string, Host[]>();
  for (const [
    name,
    { transport, address, groups: named, location, preference, maxSlots, fence },
  ] of entries) {
    const host: Host = { name, transport, address, groups: named, location, preference, maxSlots, fence };
    hosts.push(host);
    for (const group of new Set(named)) {
      const members = groups.get(group);
      if (members === undefined) groups.set(group, [host]);
      else members.push(host);
    }
  }
  return { hosts, byName: new Map(hosts.map((host) => [host.name, host])), groups };
}
