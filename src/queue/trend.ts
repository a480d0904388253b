// Where a queue is going: what comes, what goes, when it will be empty, and what is lost until then. Rates out are from
// the servers' logs where they can be read, else from successive looks: what came and went between two of them was not
// seen. Growth is from successive looks. Pure.
import { OutFold, placeOf, WINDOW_S } from './out-fold.js';
import type { QueueLook } from './queue-look.js';
import { expiring, type Part, type Rate, rateOf, sumRates, type TimeToEmpty, timeToEmpty } from './rate.js';
import { type QueueStats, RESTING_STATES } from './stats.js';

/** What comes and goes. */
export interface Flow {
  /** Messages that leave; null: not known. */
  readonly out: Rate | null;
  readonly inPerMin: number | null;
  /** Messages more per minute; negative: fewer. */
  readonly growthPerMin: number | null;
}

/** Flows of all groups, by groupName. */
export interface Flows {
  readonly total: Flow;
  readonly groups: ReadonlyMap<string, Flow>;
  /** Of a group that is not among them. */
  readonly others: Flow;
  /** What the rates out are from; null: there are none. */
  readonly source: 'log' | 'listings' | 'both' | null;
  /** The time that they are over, the longest; null: there are none. */
  readonly windowS: number | null;
  readonly growthWindowS: number | null;
}

/** Where a group is going. */
export interface GroupTrend extends Flow {
  /** Messages that wait for a try: neither held nor corrupt. */
  readonly waiting: number;
  /** Null: no rate is known. */
  readonly empty: TimeToEmpty | null;
  /** Messages that reach the end of their life before their turn; null: not known. */
  readonly expiring: number | null;
}

/** The whole answer. */
export interface Trend extends Omit<Flows, 'total' | 'groups' | 'others'> {
  readonly total: GroupTrend;
  groupOf(name: string): GroupTrend;
}

/** What waits in a group. */
export interface Waiting {
  messages: number;
  /** Epoch seconds at which their lives end; null: of some it is not known. */
  ends: number[] | null;
}

export const NO_FLOW: Flow = { out: null, inPerMin: null, growthPerMin: null };

/** Puts together what waits and what flows. `now`: epoch seconds. */
export function trendOf(
  flows: Flows,
  waiting: { readonly total: Waiting; readonly groups: ReadonlyMap<string, Waiting> },
  now: number,
): Trend {
  const { total, groups, others, ...rest } = flows;
  const join = (flow: Flow, { messages, ends }: Waiting): GroupTrend => ({
    ...flow,
    waiting: messages,
    empty: flow.out === null ? null : timeToEmpty(messages, flow.out),
    expiring: flow.out === null || ends === null ? null : expiring(ends, flow.out.perMin, now),
  });
  const known = new Map<string, GroupTrend>();
  return {
    ...rest,
    total: join(total, waiting.total),
    groupOf: (name) => {
      let one = known.get(name);
      if (one === undefined) {
        one = join(groups.get(name) ?? others, waiting.groups.get(name) ?? { messages: 0, ends: [] });
        known.set(name, one);
      }
      return one;
    },
  };
}

/** What waits, in all and by group. `lifetimeOf`: seconds by queue; null: not known. */
export function waitingOf(
  all: readonly QueueStats[],
  lifetimeOf: (queue: string) => number | null,
): { readonly total: Waiting; readonly groups: ReadonlyMap<string, Waiting> } {
  const total: Waiting = { messages: 0, ends: [] };
  const groups = new Map<string, Waiting>();
  for (const stats of all) {
    const byNumber = new Map<number, Waiting>();
    const endOf = (queue: string, arrivedAt: number | null) => {
      const lifetime = lifetimeOf(queue);
      return lifetime === null || arrivedAt === null ? null : arrivedAt + lifetime;
    };
    stats.eachMessage(({ state, queue, arrivedAt }) => {
      if (!RESTING_STATES.has(state)) add(total, endOf(queue, arrivedAt));
    });
    stats.eachMember(({ group, state, queue, arrivedAt }) => {
      if (RESTING_STATES.has(state)) return;
      let one = byNumber.get(group);
      if (one === undefined) {
        const name = stats.groupName(group);
        one = groups.get(name) ?? { messages: 0, ends: [] };
        groups.set(name, one);
        byNumber.set(group, one);
      }
      add(one, endOf(queue, arrivedAt));
    });
  }
  for (const one of [total, ...groups.values()]) one.ends?.sort((a, b) => a - b);
  return { total, groups };
}

function add(to: Waiting, end: number | null): void {
  to.messages += 1;
  if (end === null) to.ends = null;
  else to.ends?.push(end);
}

/** The look that others are compared with: the oldest of the window, else the last one before it. */
export function baseOf(looks: readonly QueueLook[], now: number): QueueLook | null {
  // Arrivals are known to the second: a look of just now tells no rate.
  const old = looks.filter(({ at }) => at <= now - LEAST_MS).sort((a, b) => a.at - b.at);
  return old.find(({ at }) => at >= now - WINDOW_S * 1000 - SLACK_MS) ?? old.at(-1) ?? null;
}

const LEAST_MS = 10_000;
const SLACK_MS = 45_000;
/** What comes is what goes and the growth, where both are of about the same time. */
const MOST_COMPARED_MS = 3 * WINDOW_S * 1000;

/** A queue as it was looked at now. */
export interface QueueNow {
  readonly queue: string;
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly messages: number;
  /** All domains. */
  readonly domains: ReadonlyMap<string, number>;
  readonly base: QueueLook | null;
  /** Messages that wait now and arrived since the base, by place. */
  readonly arrived: ReadonlyMap<string, number>;
  /** By place, what left it by its log; null: its log cannot be read. */
  readonly left: ReadonlyMap<string, readonly Part[]> | null;
}

/** Flows of queues, each by its own log or by its looks. `groupOf` names the group of a queue's domain. */
export function flowsOf(
  queues: readonly QueueNow[],
  groupOf: (queue: QueueNow, domain: string) => string,
  byQueue: boolean,
): Flows {
  const cells = new Map<string, Flow[]>();
  const totals: Flow[] = [];
  const windows = { out: 0, growth: 0 };
  for (const one of queues) {
    const whole = flowOf(one, null);
    totals.push(whole);
    const ageMs = one.base === null ? 0 : one.at - one.base.at;
    windows.growth = Math.max(windows.growth, ageMs);
    windows.out = Math.max(windows.out, one.left === null ? ageMs : WINDOW_S * 1000);
    const put = (name: string, flow: Flow) => {
      const all = cells.get(name);
      if (all === undefined) cells.set(name, [flow]);
      else all.push(flow);
    };
    if (byQueue) {
      put(groupOf(one, ''), whole);
      continue;
    }
    const domains = new Set([...one.domains.keys(), ...(one.base?.domains.keys() ?? [])]);
    const prefix = placeOf(one.queue, '');
    for (const place of one.left?.keys() ?? [])
      if (place.startsWith(prefix)) domains.add(place.slice(prefix.length));
    for (const domain of domains) put(groupOf(one, domain), flowOf(one, domain));
  }
  const fromLog = queues.some(({ left }) => left !== null);
  const fromLooks = queues.some(({ left, base }) => left === null && base !== null);
  return {
    total: sumFlows(totals),
    others: NO_FLOW,
    groups: new Map([...cells].map(([name, flows]) => [name, sumFlows(flows)])),
    source: fromLog ? (fromLooks ? 'both' : 'log') : fromLooks ? 'listings' : null,
    windowS: windows.out === 0 ? null : Math.round(windows.out / 1000),
    growthWindowS: windows.growth === 0 ? null : Math.round(windows.growth / 1000),
  };
}

function flowOf(one: QueueNow, domain: string | null): Flow {
  const { base, at, left } = one;
  const place = placeOf(one.queue, domain);
  const count = domain === null ? one.messages : (one.domains.get(domain) ?? 0);
  const before =
    base === null
      ? null
      : domain === null
        ? base.messages
        : (base.domains.get(domain) ?? (base.isWhole ? 0 : null));
  const ms = base === null ? 0 : at - base.at;
  const growthPerMin = before === null || ms <= 0 ? null : ((count - before) / ms) * 60_000;
  if (left !== null) {
    const out = rateOf(left.get(place) ?? OutFold.none(Math.floor(at / 1000)));
    const isComparable = growthPerMin !== null && ms <= MOST_COMPARED_MS;
    const came = out !== null && isComparable ? out.perMin + growthPerMin : null;
    // Less is left than what went explains: somebody removed messages, which no log of deliveries tells and which says
    // nothing of when the queue will be empty. What came is then at least what is here of it.
    const inPerMin = came !== null && came < 0 ? arrivedPerMin(one, place, ms) : came;
    return { out, inPerMin, growthPerMin };
  }
  if (before === null || ms <= 0) return NO_FLOW;
  const arrived = one.arrived.get(place) ?? 0;
  const out = rateOf([{ ms, count: before + arrived - count }]);
  return { out, inPerMin: arrivedPerMin(one, place, ms), growthPerMin };
}

function arrivedPerMin({ arrived }: QueueNow, place: string, ms: number): number {
  return ((arrived.get(place) ?? 0) / ms) * 60_000;
}

/** Flows added up: what is known of them. */
export function sumFlows(flows: readonly Flow[]): Flow {
  const sum = (of: (flow: Flow) => number | null) => {
    const known = flows.map(of).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((all, one) => all + one, 0);
  };
  return {
    out: sumRates(flows.map(({ out }) => out)),
    inPerMin: sum(({ inPerMin }) => inPerMin),
    growthPerMin: sum(({ growthPerMin }) => growthPerMin),
  };
}

/** What changed between two looks at one host, told apart by ids; by group, and in all. */
export interface Interval {
  readonly ms: number;
  /** When it ended, milliseconds since 1970. */
  readonly at: number;
  readonly total: Change;
  /** Those that changed. */
  readonly groups: ReadonlyMap<string, Change>;
}

interface Change {
  readonly came: number;
  readonly went: number;
}

/** A look, with the rows of messages that the look before had not. */
export interface WatchedLook {
  readonly stats: QueueStats;
  /** Milliseconds since 1970. */
  readonly at: number;
  isFresh(row: number): boolean;
}

/** Compares two looks at the same host. */
export function intervalOf(before: WatchedLook, now: WatchedLook): Interval {
  const came = new Map<string, number>();
  let allCame = 0;
  now.stats.eachMessage(({ row }) => {
    if (now.isFresh(row)) allCame += 1;
  });
  now.stats.eachMember(({ group, row }) => {
    if (!now.isFresh(row)) return;
    const name = now.stats.groupName(group);
    came.set(name, (came.get(name) ?? 0) + 1);
  });
  const countsOf = (stats: QueueStats) => {
    const byNumber = new Map<number, number>();
    stats.eachMember(({ group }) => byNumber.set(group, (byNumber.get(group) ?? 0) + 1));
    return new Map([...byNumber].map(([group, messages]) => [stats.groupName(group), messages]));
  };
  const [then, today] = [countsOf(before.stats), countsOf(now.stats)];
  const change = (fresh: number, was: number, is: number): Change => ({
    came: fresh,
    went: Math.max(0, was + fresh - is),
  });
  return {
    ms: now.at - before.at,
    at: now.at,
    total: change(allCame, before.stats.size, now.stats.size),
    groups: new Map(
      [...new Set([...then.keys(), ...today.keys()])]
        .map(
          (name) => [name, change(came.get(name) ?? 0, then.get(name) ?? 0, today.get(name) ?? 0)] as const,
        )
        .filter(([, one]) => one.came > 0 || one.went > 0),
    ),
  };
}

/** Flows of hosts that are watched, each by its intervals of the window. */
export function watchedFlows(hosts: readonly (readonly Interval[])[]): Flows {
  const flow = (intervals: readonly Interval[], of: (one: Interval) => Change | undefined): Flow => {
    const ms = intervals.reduce((sum, one) => sum + one.ms, 0);
    if (ms <= 0) return NO_FLOW;
    const parts = intervals.map((one) => ({ ms: one.ms, change: of(one) ?? { came: 0, went: 0 } }));
    const sum = (pick: (change: Change) => number) =>
      parts.reduce((all, { change }) => all + pick(change), 0);
    return {
      out: rateOf(parts.map((part) => ({ ms: part.ms, count: part.change.went }))),
      inPerMin: (sum(({ came }) => came) / ms) * 60_000,
      growthPerMin: (sum(({ came, went }) => came - went) / ms) * 60_000,
    };
  };
  const seen = hosts.filter((intervals) => intervals.length > 0);
  const names = new Set(seen.flatMap((intervals) => intervals.flatMap(({ groups }) => [...groups.keys()])));
  const window = Math.max(0, ...seen.map((intervals) => intervals.reduce((sum, { ms }) => sum + ms, 0)));
  const windowS = seen.length === 0 ? null : Math.round(window / 1000);
  return {
    others: sumFlows(seen.map((intervals) => flow(intervals, () => undefined))),
    total: sumFlows(seen.map((intervals) => flow(intervals, ({ total }) => total))),
    groups: new Map(
      [...names].map((name) => [
        name,
        sumFlows(seen.map((intervals) => flow(intervals, ({ groups }) => groups.get(name)))),
      ]),
    ),
    source: seen.length === 0 ? null : 'listings',
    windowS,
    growthWindowS: windowS,
  };
}
