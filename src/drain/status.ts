// What a drain says of itself: one entry per queue, with its destinations and guards, as it is written beside the
// journal at every tick, shown on screens and printed for scripts. What is read back may be anything. Pure.
import type { Lane } from '../plan/plan.js';
import type { DestinationSight, DrainCounts } from './controller.js';
import type { GuardSight } from './guards.js';
import type { Room } from './headroom.js';

/** `dead`: neither ended nor stopped by anybody, and its process is gone. */
export type DrainState = 'running' | 'paused' | 'stopped' | 'dead' | 'done';

/** One queue of a drain. */
export interface DrainLaneStatus {
  readonly run: string;
  readonly queue: string;
  readonly host: string;
  readonly state: DrainState;
  /** What it does just now, or why it does nothing: `parking`, `mx1 does not answer`; empty: pouring. */
  readonly doing: string;
  readonly counts: DrainCounts;
  readonly perSecond: number;
  /** What of the limits is used by the operator's word; 1: all. */
  readonly speed: number;
  /** Seconds, from the faster and the slower of what was seen; null: nobody can say. */
  readonly eta: { readonly least: number; readonly most: number } | null;
  readonly destinations: readonly DestinationSight[];
  readonly guards: readonly GuardSight[];
  /** Where its host has not room for all that the windows let be in flight; null, or absent in an older file: it has. */
  readonly room?: Room | null | undefined;
  /** Seconds that the oldest of other mail waits for its turn, now and before the drain; null: not seen. */
  readonly otherMail: { readonly now: number | null; readonly before: number | null };
  /** Null: all of the log was there. Else what is missing. */
  readonly logMissing: string | null;
}

/** Nothing was counted yet. */
export const NO_COUNTS: DrainCounts = {
  total: 0,
  released: 0,
  inFlight: 0,
  delivered: 0,
  deferred: 0,
  bounced: 0,
  held: 0,
  givenBack: 0,
  lost: 0,
  pushedBack: 0,
  tries: 0,
};

/** A queue of which nothing is known but what a plan or a host says. */
export const UNKNOWN_LANE = {
  perSecond: 0,
  speed: 1,
  eta: null,
  destinations: [],
  guards: [],
  otherMail: { now: null, before: null },
  logMissing: null,
} as const satisfies Partial<DrainLaneStatus>;

/** How many messages a lane of a plan is about, and nothing of what became of them. */
export function plannedCounts({ facts }: Lane): DrainCounts {
  const total = (facts as { messages?: unknown } | null)?.messages;
  return { ...NO_COUNTS, total: typeof total === 'number' ? total : 0 };
}

/** A run. */
export interface DrainStatus {
  readonly run: string;
  /** ISO 8601. */
  readonly at: string;
  readonly startedAt: string;
  readonly onDeath: string;
  readonly deadAfterS: number;
  readonly lanes: readonly DrainLaneStatus[];
  /** By its operator, not by a guard. */
  readonly isPausedByHand?: boolean | undefined;
  /** The last sentences about what changed, the newest last. */
  readonly changes: readonly { readonly at: string; readonly text: string }[];
}

/** One queue as scripts rely on it. */
export function drainJson(lane: DrainLaneStatus): object {
  const { counts } = lane;
  return {
    run: lane.run,
    host: lane.host,
    queue: lane.queue,
    state: lane.state,
    doing: lane.doing === '' ? null : lane.doing,
    total: counts.total,
    released: counts.released,
    in_flight: counts.inFlight,
    delivered: counts.delivered,
    deferred: counts.deferred,
    bounced: counts.bounced,
    held: counts.held,
    given_back: counts.givenBack,
    gone_before: counts.lost,
    tries: counts.tries,
    pushed_back: counts.pushedBack,
    rate_per_s: round(lane.perSecond),
    speed: typeof lane.speed === 'number' ? lane.speed : 1,
    eta_s: lane.eta === null ? null : Math.round(lane.eta.most),
    eta_least_s: lane.eta === null ? null : Math.round(lane.eta.least),
    destinations: lane.destinations.map((one) => ({
      destination: one.destination,
      left: one.left,
      window: one.window,
      in_flight: one.inFlight,
      open: one.open,
      limit: one.limit.connections,
      limit_from: one.limit.source,
      rate_per_s: round(one.perSecond),
      deferred_share: round(one.share),
      state: one.state,
    })),
    guards: lane.guards.map(({ guard, value, limit, state, unit, about }) => ({
      guard,
      value: round(value),
      limit,
      state,
      unit,
      about: about === '' ? null : about,
    })),
    room:
      lane.room == null
        ? null
        : { in_flight: lane.room.most, guard: lane.room.pool, about: lane.room.about || null },
    other_mail_oldest_s: lane.otherMail.now,
    other_mail_before_s: lane.otherMail.before,
    log_missing: lane.logMissing,
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

/** What a status file holds; undefined: it is not as we write them. */
export function parseStatus(value: unknown): DrainStatus | undefined {
  const given = value as Partial<DrainStatus> | undefined;
  if (
    given === undefined ||
    typeof given.run !== 'string' ||
    typeof given.at !== 'string' ||
    !Array.isArray(given.lanes)
  )
    return undefined;
  const isLane = (one: Partial<DrainLaneStatus> | null) =>
    one !== null &&
    typeof one === 'object' &&
    typeof one.queue === 'string' &&
    typeof one.counts?.total === 'number' &&
    Array.isArray(one.destinations) &&
    Array.isArray(one.guards);
  if (!given.lanes.every(isLane)) return undefined;
  return {
    run: given.run,
    at: given.at,
    startedAt: typeof given.startedAt === 'string' ? given.startedAt : given.at,
    onDeath: typeof given.onDeath === 'string' ? given.onDeath : 'release',
    deadAfterS: typeof given.deadAfterS === 'number' ? given.deadAfterS : 600,
    // What an older version wrote has not all of them.
    lanes: given.lanes.map((lane) => ({ ...lane, counts: { ...NO_COUNTS, ...lane.counts } })),
    isPausedByHand: given.isPausedByHand === true,
    changes: Array.isArray(given.changes) ? given.changes : [],
  };
}
