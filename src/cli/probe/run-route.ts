// Does `probe route`: finds the server, looks by every uplink, traces every way, and compares the ways.
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { hopColumns, type RoutedUplink, routeJson, routeRows } from '../../output/columns/probe-route.js';
import { routeScreen } from '../../output/screens/probe-route.js';
import { oneGateway, routesOf } from '../../probe/gather.js';
import { judge, type UplinkVerdict } from '../../probe/judge.js';
import { type Located, trace } from '../../probe/locate.js';
import type { PairObservation, Target } from '../../probe/observation.js';
import { DEFAULT_PLAN, observePair } from '../../probe/observe-pair.js';
import { partingOf } from '../../probe/parting.js';
import { sharedGateways, type UplinkRow } from '../../probe/rows.js';
import { type Symptom, symptomOf } from '../../probe/symptom.js';
import type { Vantage } from '../../probe/vantage.js';
import { openDns } from '../../transport/dns.js';
import type { Context } from '../context.js';
import { reportError } from '../report.js';
import { chosenUplinks } from './chosen.js';
import { routerNames } from './router-names.js';
import { addressFamily, configuredServer, findServer, type ServerWord } from './server.js';
import { type LookFrom, openVantageDesk } from './vantage-desk.js';

/** What it takes. */
export interface RouteOptions {
  readonly server: ServerWord | undefined;
  readonly uplink: string | undefined;
  readonly from: string | undefined;
  readonly ipv6: boolean;
  readonly light: boolean;
}

/** One way while it is looked at. */
interface Way {
  readonly look: LookFrom;
  readonly source: string | null;
  readonly vantage: Vantage;
}

/** The whole command. */
export async function runProbeRoute(
  schema: string,
  options: RouteOptions,
  context: Context,
): Promise<number> {
  const { clock } = context;
  const signal = context.interruption.abort;
  const begunAt = clock.monotonic();
  const chosen = await looksOf(options, context);
  const { looks } = chosen;
  const dns = openDns({ clock });
  const all = looks.flatMap(({ sources }) => sources.map(addressFamily));
  const only =
    looks.every(({ sources }) => sources.length > 0) && new Set(all).size === 1 ? all[0] : undefined;
  const { target } = await findServer(
    await serverOf(options, context),
    dns,
    options.ipv6 ? 6 : only,
    signal,
    'mx-first',
  );
  const desk = await openVantageDesk(context);
  try {
    const errors: MailctlError[] = [];
    const notes = [...chosen.notes];
    const ways = await openWays(looks, target, desk, errors);
    if (ways.length === 0 && errors[0] !== undefined) throw errors[0];
    if (ways.length === 0) throw new UsageError(`no uplink has an IPv${target.family} address`);
    const alike = await waysOfOneGateway(ways, target, errors, notes);
    const apart = ways.filter((way) => !alike.has(way));
    const verdicts = options.light || apart.length === 0 ? [] : await lookAtAll(apart, target, context);
    const tools = {
      clock,
      signal,
      nameOf: routerNames(context),
    };
    const traced = await Promise.all(
      ways.map(async (way) => {
        const verdict = verdicts.find(({ uplink }) => uplink === way.look.uplink) ?? null;
        const pair = { uplink: way.look.uplink, family: target.family, source: way.source, target };
        const whole = { ...pair, interface: way.look.interface };
        return { way, verdict, located: await trace(way.vantage, whole, symptomFor(verdict), tools) };
      }),
    );
    signal.throwIfAborted();
    const routes = compare(traced, alike);
    await context.output.print({
      schema,
      document: () => ({
        at: formatIso(clock.now()),
        took_ms: Math.round(clock.monotonic() - begunAt),
        target,
        routes: routes.map(routeJson),
        errors: errors.map((error) => reportError(error).report),
      }),
      rows: routes.flatMap(routeRows),
      columns: hopColumns,
      screen: () => routeScreen(target, routes, clock.monotonic() - begunAt),
    });
    for (const note of notes) context.warn(note);
    for (const error of errors) context.warn(error.message, error.hint);
    if (routes.some(({ verdict }) => verdict !== null && verdict.verdict !== 'ok')) return EXIT.failed;
    return errors.length > 0 ? EXIT.partial : EXIT.done;
  } finally {
    await desk.close();
  }
}

/** The uplinks: those of that name, of a host, or all; without any in the configuration a host's default way. */
async function looksOf(
  { uplink, from }: RouteOptions,
  context: Context,
): Promise<{ readonly looks: readonly LookFrom[]; readonly notes: readonly string[] }> {
  const wish = { uplinks: uplink === undefined ? [] : [uplink], from: from === undefined ? [] : [from] };
  const [{ uplinks, notes }, inventory] = await Promise.all([
    chosenUplinks(context, wish),
    context.inventory(),
  ]);
  const looks = uplinks.map(({ uplink: name, host, sources, interface: device }) => ({
    uplink: name,
    host: inventory.byName.get(host) ?? context.thisHost(),
    sources,
    interface: device ?? null,
  }));
  return { looks, notes };
}

async function serverOf({ server }: RouteOptions, context: Context): Promise<ServerWord> {
  if (server !== undefined) return configuredServer(server, context);
  const { destinations } = await context.config();
  const host = [...destinations.values()].flatMap(({ domains }) => domains)[0];
  if (host === undefined) {
    throw new UsageError('which server? The configuration has no destinations', {
      hint: 'mailctl probe route mx1.example.net',
    });
  }
  return { host, port: undefined };
}

async function openWays(
  looks: readonly LookFrom[],
  target: Target,
  desk: { of(host: LookFrom['host']): Promise<Vantage> },
  errors: MailctlError[],
): Promise<readonly Way[]> {
  const ways = await Promise.all(
    looks.map(async (look): Promise<Way | null> => {
      const source = look.sources.find((one) => addressFamily(one) === target.family) ?? null;
      if (source === null && look.sources.length > 0) return null;
      try {
        return { look, source, vantage: await desk.of(look.host) };
      } catch (error) {
        if (!(error instanceof MailctlError)) throw error;
        if (!errors.some(({ message }) => message === error.message)) errors.push(error);
        return null;
      }
    }),
  );
  return ways.filter((way) => way !== null);
}

/** Those of a host that leave by one gateway: they are traced, and none gets a verdict or is compared with. */
async function waysOfOneGateway(
  ways: readonly Way[],
  target: Target,
  errors: MailctlError[],
  notes: string[],
): Promise<ReadonlySet<Way>> {
  const byRow = new Map(
    ways.map((way): readonly [UplinkRow, Way] => [
      {
        uplink: way.look.uplink,
        family: target.family,
        host: way.look.host.name,
        source: way.source,
        interface: way.look.interface,
      },
      way,
    ]),
  );
  const vantages = new Map(ways.map(({ look, vantage }) => [look.host.name, vantage]));
  const seen = await routesOf({ rows: [...byRow.keys()], targets: [target] }, vantages);
  notes.push(...seen.notes);
  const groups = sharedGateways(seen.routed);
  errors.push(...groups.map(oneGateway));
  return new Set(groups.flatMap((group) => group.flatMap(({ row }) => byRow.get(row) ?? [])));
}

/** What is wrong with each, so that it is known how to trace. */
async function lookAtAll(
  ways: readonly Way[],
  target: Target,
  { clock, interruption }: Context,
): Promise<readonly UplinkVerdict[]> {
  const observations = await Promise.all(
    ways.map(({ look, source, vantage }): Promise<PairObservation> => {
      const way = { uplink: look.uplink, source, interface: look.interface };
      const plan = { ...DEFAULT_PLAN, helo: vantage.name };
      return observePair(vantage, way, target, plan, clock, interruption.abort);
    }),
  );
  return judge(observations).uplinks;
}

function symptomFor(verdict: UplinkVerdict | null): Symptom {
  const suspect = verdict?.suspect ?? null;
  return (
    (suspect !== null && verdict !== null ? symptomOf(verdict.verdict, suspect) : null) ?? { kind: 'none' }
  );
}

function compare(
  traced: readonly { readonly way: Way; readonly verdict: UplinkVerdict | null; readonly located: Located }[],
  alike: ReadonlySet<Way>,
): readonly RoutedUplink[] {
  return traced.map(({ way, verdict, located }) => {
    const others = traced.flatMap((other) => {
      const isGood = !alike.has(other.way) && (other.verdict === null || other.verdict.verdict === 'ok');
      const { small } = other.located.route;
      return other.way === way || !isGood || small === null
        ? []
        : [{ uplink: other.way.look.uplink, path: small }];
    });
    const { small } = located.route;
    return {
      uplink: way.look.uplink,
      from: way.look.host.name,
      source: way.source,
      verdict,
      located,
      parting: small === null ? null : partingOf(small, others),
    };
  });
}
