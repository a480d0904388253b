// Looks by every row at every target of its family, all at once: opens a vantage per host, asks its kernel first whether
// the uplinks really leave apart, then observes. A host that cannot be looked from costs its own rows. It only joins
// what it is given; the vantage limits sockets and rate, and judge.ts says what it means.
import { MailctlError } from '../errors.js';
import type { MissingUplink } from './judge.js';
import type { PairObservation, Target } from './observation.js';
import { type RoutedRow, sharedGateways, sharedText, type UplinkRow } from './rows.js';
import type { Vantage } from './vantage.js';

/** What it works with. */
export interface GatherParts {
  readonly rows: readonly UplinkRow[];
  readonly targets: readonly Target[];
  /** @throws MailctlError when the host cannot be looked from */
  open(host: string): Promise<Vantage>;
  observe(vantage: Vantage, row: UplinkRow, target: Target): Promise<PairObservation>;
}

/** What was seen, and what could not be. */
export interface ProbeSight {
  readonly observations: readonly PairObservation[];
  readonly missing: readonly MissingUplink[];
  readonly problems: readonly MailctlError[];
  readonly routed: readonly RoutedRow[];
  /** In words: what the vantages cannot do. */
  readonly notes: readonly string[];
  readonly vantages: ReadonlyMap<string, Vantage>;
}

/** Looks. The vantages stay open for whoever traces; the caller closes them. */
export async function gatherProbe(parts: GatherParts): Promise<ProbeSight> {
  const { rows, targets } = parts;
  const hosts = [...new Set(rows.map(({ host }) => host))];
  const missing: MissingUplink[] = [];
  const problems: MailctlError[] = [];
  const vantages = new Map<string, Vantage>();
  const miss = (row: UplinkRow, why: string) => missing.push({ uplink: row.uplink, family: row.family, why });
  await Promise.all(
    hosts.map(async (host) => {
      try {
        vantages.set(host, await parts.open(host));
      } catch (error) {
        if (!(error instanceof MailctlError)) throw error;
        problems.push(error);
        for (const row of rows.filter((one) => one.host === host)) miss(row, error.message);
      }
    }),
  );
  const { routed, notes } = await routesOf(parts, vantages);
  const shared = sharedGateways(routed);
  for (const group of shared) {
    problems.push(oneGateway(group));
    for (const { row } of group) miss(row, 'it leaves by the gateway of another uplink');
  }
  const isShared = (row: UplinkRow) => shared.some((group) => group.some((one) => one.row === row));
  const pairs = rows
    .filter((row) => !isShared(row))
    .flatMap((row) => {
      const vantage = vantages.get(row.host);
      if (vantage === undefined) return [];
      return targets
        .filter(({ family }) => family === row.family)
        .map((target) => ({ vantage, row, target }));
    });
  const observations = await Promise.all(
    pairs.map(({ vantage, row, target }) => parts.observe(vantage, row, target)),
  );
  const limits = [...vantages.values()].flatMap((vantage) =>
    vantage.limits.map((limit) => `${vantage.host}: ${limit}`),
  );
  return { observations, missing, problems, routed, notes: [...notes, ...limits], vantages };
}

/** Rows that leave by one gateway, as a problem: what is seen of one is seen of all. */
export function oneGateway(group: readonly RoutedRow[]): MailctlError {
  const { message, hint } = sharedText(group);
  const detail = group
    .map(
      ({ row, route }) =>
        `${row.uplink}: from ${row.source ?? row.interface ?? 'the default'}, table ${route.table ?? 'main'}`,
    )
    .join('; ');
  return new MailctlError(message, { code: 'probe.one-gateway', exitCode: 3, detail, hint });
}

/** Asks each host's kernel by which gateway each of its rows leaves. */
export async function routesOf(
  { rows, targets }: Pick<GatherParts, 'rows' | 'targets'>,
  vantages: ReadonlyMap<string, Vantage>,
): Promise<{ readonly routed: readonly RoutedRow[]; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const routed = await Promise.all(
    rows.map(async (row): Promise<readonly RoutedRow[]> => {
      const vantage = vantages.get(row.host);
      const alike = rows.filter((one) => one.host === row.host && one.family === row.family);
      const target = targets.find(({ family }) => family === row.family);
      if (vantage === undefined || target === undefined) return [];
      try {
        const { source, interface: device } = row;
        return [{ row, route: await vantage.route({ source, interface: device, address: target.address }) }];
      } catch (error) {
        if (alike.length > 1)
          notes.push(
            `${row.host}: by which gateway ${row.uplink} leaves could not be seen: ${error instanceof Error ? error.message : String(error)}`,
          );
        return [];
      }
    }),
  );
  return { routed: routed.flat(), notes };
}
