// Where a bad uplink is bad: its trace, with packets that meet its fault, the names of its hops, and the hop that the
// traces show. For uplinks that were judged; `probe route` shows the same of all of them side by side.
import type { Clock } from '../lib/clock.js';
import type { PairObservation, PathSeen, RouteSeen } from './observation.js';
import { type Finding, findHop } from './parting.js';
import { type Symptom, symptomOf } from './symptom.js';
import { traceUplink } from './trace.js';
import type { Vantage } from './vantage.js';
import type { Verdict } from './verdict.js';

/** What a trace needs besides its vantage. */
export interface LocateTools {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Names of addresses, by PTR; null: there is none, or nobody could be asked in time. Never throws. */
  readonly nameOf: (address: string) => Promise<string | null>;
}

/** A traced uplink. */
export interface Located {
  readonly symptom: Symptom;
  readonly route: RouteSeen;
  readonly finding: Finding;
  readonly tookMs: number;
}

/** ms for all names of a trace: they are an ornament. */
const NAMES_MS = 700;

/** Looks for the hop of an uplink that has this verdict; null: its fault is nothing that a trace shows. Never throws. */
export async function locate(
  vantage: Vantage,
  verdict: Verdict,
  suspect: PairObservation,
  tools: LocateTools,
): Promise<Located | null> {
  const symptom = symptomOf(verdict, suspect);
  return symptom === null ? null : trace(vantage, suspect, symptom, tools);
}

/** Traces the way of a pair, whatever is wrong with it. Never throws. */
export async function trace(
  vantage: Vantage,
  pair: Pick<PairObservation, 'uplink' | 'family' | 'source' | 'interface' | 'target'>,
  symptom: Symptom,
  { clock, signal, nameOf }: LocateTools,
): Promise<Located> {
  const begunAt = clock.monotonic();
  const { uplink, family, source, interface: device, target } = pair;
  const question = { uplink, family, source, interface: device, target, symptom };
  const route = await named(await traceUplink(vantage, question, clock, signal), nameOf, clock);
  return { symptom, route, finding: findHop(symptom, route), tookMs: clock.monotonic() - begunAt };
}

async function named(route: RouteSeen, nameOf: LocateTools['nameOf'], clock: Clock): Promise<RouteSeen> {
  const paths = [route.small, route.big, route.begun, route.inFlow];
  const addresses = new Set(paths.flatMap((path) => path?.hops.flatMap((hop) => hop.addresses) ?? []));
  const names = new Map<string, string | null>();
  let cancel = () => {};
  const late = new Promise<void>((resolve) => {
    cancel = clock.timer(NAMES_MS, resolve);
  });
  const all = [...addresses].map(async (address) => names.set(address, await nameOf(address)));
  await Promise.race([Promise.all(all), late]);
  cancel();
  const dress = (path: PathSeen | null): PathSeen | null =>
    path === null
      ? null
      : {
          ...path,
          hops: path.hops.map((hop) => ({
            ...hop,
            names: hop.addresses.map((one) => names.get(one) ?? null),
          })),
        };
  return {
    ...route,
    small: dress(route.small),
    big: dress(route.big),
    begun: dress(route.begun),
    inFlow: dress(route.inFlow),
  };
}
