// What a probe allows itself: connections at once in all and to one server, new ones per second, bursts of pings at
// once. A probe costs the reputation of the addresses it leaves from, and must not be the load that it looks for.
// Whatever waits for a place waits before its own clock begins, so that no verdict rests on our own queue.
import type { Clock } from '../lib/clock.js';
import { Semaphore } from '../lib/semaphore.js';
import type { ConnectOptions, Flow, PingOptions, Vantage } from './vantage.js';

/** The limits; the manual quotes them. */
const PROBE_LIMITS = {
  /** Connections at once from one host: below the descriptors that a login may have (1024). */
  sockets: 250,
  /** To one address, from all uplinks together. Postfix takes 50 from one client. */
  perDestination: 30,
  /** New connections a second from one host. */
  perSecond: 200,
  /** Bursts of pings at once from one host. */
  pings: 16,
} as const;

/** The same vantage, within its limits. `waited` counts the connections that had to wait. */
export interface LimitedVantage extends Vantage {
  readonly waited: { readonly connections: number; readonly pings: number };
}

/** Keeps a vantage within the limits. */
export function limitVantage(
  vantage: Vantage,
  clock: Clock,
  limits: { readonly [K in keyof typeof PROBE_LIMITS]: number } = PROBE_LIMITS,
): LimitedVantage {
  const sockets = new Semaphore(limits.sockets);
  const pings = new Semaphore(limits.pings);
  const destinations = new Map<string, Semaphore>();
  const waited = { connections: 0, pings: 0 };
  let nextAt = 0;
  const placeAt = (address: string) => {
    let places = destinations.get(address);
    if (places === undefined) {
      places = new Semaphore(limits.perDestination);
      destinations.set(address, places);
    }
    return places;
  };
  const connect = async (options: ConnectOptions, signal?: AbortSignal): Promise<Flow> => {
    const urgent = options.urgent === true;
    const begunAt = clock.monotonic();
    const places = [placeAt(options.address), sockets];
    const taken: (() => void)[] = [];
    const giveBack = () => {
      for (const one of taken.splice(0)) one();
    };
    try {
      for (const place of places) taken.push(urgent ? place.force() : await place.acquire(signal));
      if (!urgent) {
        const now = clock.monotonic();
        const at = Math.max(now, nextAt);
        nextAt = at + 1000 / limits.perSecond;
        if (at - now >= 1) await clock.sleep(at - now, signal);
      }
      if (clock.monotonic() - begunAt > 100) waited.connections += 1;
      options.onPlace?.();
      const flow = await vantage.connect(options, signal);
      if (flow.destroyed) giveBack();
      else flow.once('close', giveBack);
      return flow;
    } catch (error) {
      giveBack();
      throw error;
    }
  };
  return {
    host: vantage.host,
    name: vantage.name,
    how: vantage.how,
    can: vantage.can,
    limits: vantage.limits,
    waited,
    connect,
    secure: (flow, serverName, signal) => vantage.secure(flow, serverName, signal),
    async ping(options: PingOptions, signal?: AbortSignal) {
      const begunAt = clock.monotonic();
      const free = await pings.acquire(signal);
      if (clock.monotonic() - begunAt > 100) waited.pings += 1;
      try {
        return await vantage.ping(options, signal);
      } finally {
        free();
      }
    },
    hop: (options, signal) => vantage.hop(options, signal),
    datagram: (options, signal) => vantage.datagram(options, signal),
    route: (way, signal) => vantage.route(way, signal),
    close: () => vantage.close(),
  };
}
