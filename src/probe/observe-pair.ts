// Everything that is looked at of one uplink and one server, at once: the full session, the short flows, the pings. It
// only looks; judge.ts says what it means. A stopped probe gives what was seen so far.
import type { Clock } from '../lib/clock.js';
import { Deadline } from './deadline.js';
import type { FlowSeen, PairObservation, PingSeen, Target } from './observation.js';
import { type Leaving, runSession } from './session.js';
import { flowOfDead, runFlow } from './short-flow.js';
import type { Vantage } from './vantage.js';

/** Which uplink. */
export interface UplinkWay extends Leaving {
  /** The configuration's name. */
  readonly uplink: string;
}

/** How much is looked at. */
export interface PairPlan {
  /** Our own name in EHLO. */
  readonly helo: string;
  /** One session without full packets; no flows, no pings. */
  readonly light: boolean;
  readonly recipient: string | null;
  readonly sender?: string | undefined;
  /** Short flows, and ms between them. */
  readonly flows: number;
  readonly flowGapMs: number;
  /** Pings of the burst, and ms between them. */
  readonly pings: number;
  readonly pingGapMs: number;
}

/** Measured to be enough: 18 flows and 300 pings an uplink with three servers (statistics.ts has the arithmetic). */
export const DEFAULT_PLAN = {
  light: false,
  recipient: null,
  flows: 6,
  flowGapMs: 120,
  pings: 100,
  pingGapMs: 20,
} as const;

/**
 * How many flows and pings a pair gets where an uplink has so many servers: what is counted is counted per uplink, so
 * that many servers need fewer each. Three servers or less get the whole number.
 */
export function sharesOf(servers: number): { readonly flows: number; readonly pings: number } {
  const share = (each: number, least: number) =>
    Math.min(each, Math.max(least, Math.ceil((3 * each) / servers)));
  return { flows: share(DEFAULT_PLAN.flows, 2), pings: share(DEFAULT_PLAN.pings, 20) };
}

/** ms to wait for the last ping. */
const PING_WAIT_MS = 1000;

/**
 * ms that a pair has, without what it waits for a place. What is not known by then is not known: every fault of the
 * table is, a connection that died twice at 7.3 s as the last; the rest is for a machine that is busy.
 */
export const PAIR_MS = 8500;
/** Where pings are lost like this it is loss, whatever else is found; what stands still stands still by then. */
const HEAVY_MS = 5500;
const HEAVY_LOSS = 0.1;
/** Of the full session: it ends before the pair does, and says as what. */
const SESSION_MS = 7300;

/** Looks at one pair. Never throws. */
export async function observePair(
  vantage: Vantage,
  way: UplinkWay,
  target: Target,
  plan: PairPlan,
  clock: Clock,
  signal?: AbortSignal,
): Promise<PairObservation> {
  const begunAt = clock.monotonic();
  const leaving: Leaving = { source: way.source, interface: way.interface };
  const deadlines: { readonly shorten: (ms: number) => void }[] = [];
  let latestMs = PAIR_MS;
  let stood = 0;
  const counting: Vantage = {
    ...vantage,
    connect: async (options, stop) => {
      const flow = await vantage.connect(options, stop);
      stood += 1;
      return flow;
    },
    secure: (flow, name, stop) => vantage.secure(flow, name, stop),
  };
  /** Looks within the time of the pair that is left `laterMs` after its beginning. */
  const within = async <T>(
    laterMs: number,
    look: (over: Vantage, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const deadline = new Deadline(clock, latestMs - laterMs, signal);
    deadlines.push({ shorten: (ms) => deadline.shorten(ms - laterMs) });
    try {
      return await look(deadline.over(counting), deadline.signal);
    } finally {
      deadline.clear();
    }
  };
  const flowOf = async (index: number): Promise<FlowSeen | null> => {
    try {
      // The session goes first, so that the first flow is no twin of it.
      await clock.sleep((index + 1) * plan.flowGapMs, signal);
    } catch {
      return null;
    }
    return within((index + 1) * plan.flowGapMs, (over, stop) =>
      runFlow(over, leaving, target, { helo: plan.helo }, clock, stop),
    );
  };
  const pingOf = async (): Promise<PingSeen | null> => {
    if (plan.light || plan.pings === 0 || !vantage.can.ping) return null;
    const options = {
      ...leaving,
      address: target.address,
      count: plan.pings,
      intervalMs: plan.pingGapMs,
      waitMs: PING_WAIT_MS,
    };
    try {
      const seen = await vantage.ping(options, signal);
      if (seen.error === null && seen.received > 0 && seen.sent - seen.received >= HEAVY_LOSS * seen.sent) {
        latestMs = HEAVY_MS;
        for (const one of deadlines) one.shorten(latestMs);
      }
      return seen;
    } catch {
      return null;
    }
  };
  const { helo, light, recipient, sender } = plan;
  const sessionOf = () =>
    within(0, async (over, stop) => {
      const full = { helo, light, recipient, sender, controls: !light, totalMs: SESSION_MS };
      const session = await runSession(over, leaving, target, full, clock, stop);
      // As the first of the flows, since its port is one of the ports that were tried.
      // Where nothing connects at all, that is the answer: another try would only use up what routers say of it.
      const flow =
        light || stood === 0 ? null : await flowOfDead(over, leaving, target, session, { helo }, clock, stop);
      return { session, flow };
    });
  const [{ session, flow: first }, ping, ...flows] = await Promise.all([
    sessionOf(),
    pingOf(),
    ...Array.from({ length: light ? 0 : plan.flows }, (_, index) => flowOf(index)),
  ]);
  return {
    uplink: way.uplink,
    family: target.family,
    source: way.source,
    interface: way.interface,
    from: vantage.host,
    target,
    session,
    flows: [first, ...flows].filter((flow) => flow !== null),
    ping,
    tookMs: clock.monotonic() - begunAt,
    limits: vantage.limits,
  };
}
