// The rows of a probe: each uplink in each family that it can speak, and whether the host's routing tells them apart.
// Pure.
import { familyOf } from '../lib/ip.js';
import type { Family, PolicyRoute } from './observation.js';

/** A way out to look by, as the configuration or the command line names it. */
export interface UplinkWish {
  readonly uplink: string;
  readonly host: string;
  /** None: the host chooses. */
  readonly sources: readonly string[];
  readonly interface: string | undefined;
}

/** An uplink in one family. */
export interface UplinkRow {
  readonly uplink: string;
  readonly family: Family;
  readonly host: string;
  readonly source: string | null;
  readonly interface: string | null;
}

/** The rows, in the order of the uplinks; only of families that a target has. */
export function rowsOf(uplinks: readonly UplinkWish[], families: ReadonlySet<Family>): readonly UplinkRow[] {
  return uplinks.flatMap(({ uplink, host, sources, interface: device }) =>
    ([4, 6] as const)
      .filter((family) => families.has(family))
      .flatMap((family): readonly UplinkRow[] => {
        const source = sources.find((one) => familyOf(one) === family);
        // With an address of the other family alone it does not speak this one.
        if (source === undefined && sources.length > 0) return [];
        return [{ uplink, family, host, source: source ?? null, interface: device ?? null }];
      }),
  );
}

/** A row and what its host's kernel does with its packets. */
export interface RoutedRow {
  readonly row: UplinkRow;
  readonly route: PolicyRoute;
}

/** Rows of one host and family that leave by one gateway: what is seen of one is seen of all, no verdict is possible. */
export function sharedGateways(routed: readonly RoutedRow[]): readonly (readonly RoutedRow[])[] {
  const groups = new Map<string, RoutedRow[]>();
  for (const one of routed) {
    const { gateway, dev } = one.route;
    // A destination on the link itself says nothing about gateways.
    if (gateway === null) continue;
    const key = `${one.row.host} ${one.row.family} ${gateway} ${dev}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** What is wrong with them, for the operator. */
export function sharedText(group: readonly RoutedRow[]): { readonly message: string; readonly hint: string } {
  const [first] = group;
  const names = group.map(({ row }) => row.uplink);
  const { host = '', family = 4 } = first?.row ?? {};
  const { gateway, dev } = first?.route ?? {};
  const sources = group.flatMap(({ row }) => row.source ?? []);
  return {
    message: `${host}: ${names.slice(0, -1).join(', ')} and ${names.at(-1)} leave by the same gateway ${gateway} (${dev}): nothing can be said of one alone`,
    hint:
      sources.length > 0
        ? `policy routing is missing there: ip ${family === 6 ? '-6 ' : ''}rule add from ${sources.at(-1)} table N, with that uplink's default route in table N`
        : `give each uplink its own source or interface in the configuration`,
  };
}
