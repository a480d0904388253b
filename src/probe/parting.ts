// From traces to the hop where packets get lost: always the last one that still answers for the packets that meet the
// fault, since a router answers for what ends at it before it forwards. Silence of one hop with answers behind it is no
// fault, loss that does not last to the end neither. Names, not addresses, tell a router that several uplinks share:
// it has another address towards each. Pure.
import type { HopSeen, PathSeen, RouteSeen } from './observation.js';
import type { Symptom } from './symptom.js';

/** The hop behind which it happens. */
export interface HopFound {
  readonly ttl: number;
  readonly address: string;
  /** By PTR; null: none is known. */
  readonly name: string | null;
  /** One line: what was seen there. */
  readonly evidence: string;
}

/** What the traces show; the reason when they show nothing. */
export type Finding =
  | { readonly hop: HopFound; readonly why: null }
  | { readonly hop: null; readonly why: string };

/** Finds the hop. */
export function findHop(symptom: Symptom, seen: RouteSeen): Finding {
  if (seen.small === null) return none(seen.limits[0] ?? 'nothing was traced');
  switch (symptom.kind) {
    case 'none':
      return findNothing(seen);
    case 'no-connect':
      return findEnd(seen, 'connections to the port come no farther');
    case 'some-flows':
      return findEnd(seen, 'connections of the dead flow come no farther');
    case 'size':
      return findSize(seen);
    case 'flow':
      return findFlow(seen);
    case 'loss':
      return findLoss(seen);
    case 'slow':
      return findDelay(seen);
    case 'intercepted':
      return findInterceptor(seen);
  }
}

const none = (why: string): Finding => ({ hop: null, why });

function found(hop: HopSeen | undefined, evidence: string): Finding {
  const address = hop?.addresses[0];
  if (hop === undefined || address === undefined) return none(evidence);
  return { hop: { ttl: hop.ttl, address, name: hop.names[0] ?? null, evidence }, why: null };
}

/** Routers only: the destination is no hop. */
function routers(path: PathSeen): readonly HopSeen[] {
  return path.reached ? path.hops.slice(0, -1) : path.hops;
}

function answering(path: PathSeen): readonly HopSeen[] {
  return routers(path).filter(({ addresses }) => addresses.length > 0);
}

function findNothing({ small, big }: RouteSeen): Finding {
  if (small?.reached === true && (big === null || big.reached)) return none('packets of both sizes arrive');
  return none('no hop is blamed: nothing is known to be wrong');
}

/** The end of a trace, or who said that it is the end. */
function findEnd(seen: RouteSeen, evidence: string): Finding {
  const path = seen.begun ?? seen.small;
  if (path === null) return none('nothing was traced');
  const told = [path, seen.small].flatMap((one) => one?.hops ?? []).find(({ mark }) => mark?.startsWith('!'));
  if (told !== undefined) {
    const what = told.mark === '!X' ? 'says that it is prohibited' : 'says that it knows no way';
    return found(itself(told, path, seen.small), what);
  }
  const last = answering(path).at(-1);
  if (path.reached) {
    const mark = path.hops.at(-1)?.mark;
    if (mark === 'RST') return found(last, 'the reset comes as soon as packets pass this hop');
    return none('by now connections come through');
  }
  if (last === undefined) return none('no hop answers: it is lost before the first one, or at this host');
  const beyond =
    seen.small !== null && seen.small !== path
      ? answering(seen.small).some(({ ttl }) => ttl > last.ttl)
      : false;
  return found(last, beyond ? `${evidence}, other packets do` : evidence);
}

/** Who refuses what is for others also answers what ends at it: its own place is there. */
function itself(told: HopSeen, ...paths: readonly (PathSeen | null)[]): HopSeen {
  const own = paths
    .flatMap((path) => path?.hops ?? [])
    .filter(({ addresses }) => addresses.some((one) => told.addresses.includes(one)))
    .sort((a, b) => a.ttl - b.ttl);
  return own[0] ?? told;
}

function findSize(seen: RouteSeen): Finding {
  const { small, big, pings, inFlow } = seen;
  if (small === null) return none('nothing was traced');
  const lastSmall = small.reached ? Number.POSITIVE_INFINITY : (answering(small).at(-1)?.ttl ?? 0);
  const candidates: { readonly hop: HopSeen; readonly evidence: string }[] = [];
  const told = big?.hops.find(({ mark }) => mark?.startsWith('!F'));
  if (told !== undefined)
    candidates.push({
      hop: itself(told, small, big),
      evidence: `says that large packets do not fit (${told.mark})`,
    });
  if (big !== null && !big.reached && told === undefined) {
    const last = answering(big).at(-1);
    if (last !== undefined && last.ttl < lastSmall)
      candidates.push({ hop: last, evidence: `packets of ${big.size} bytes come no farther, small ones do` });
  }
  const echo = lastWhole(pings.filter(({ size }) => size > 1000));
  if (echo !== undefined) {
    const hop = small.hops.find(({ ttl }) => ttl === echo.ttl);
    if (hop !== undefined)
      candidates.push({ hop, evidence: `answers pings of ${echo.size} bytes, nobody behind it does` });
  }
  if (candidates.length === 0 && inFlow !== null) return findFlow(seen);
  const [nearest] = candidates.sort((a, b) => a.hop.ttl - b.hop.ttl);
  return nearest === undefined
    ? none('large packets by themselves pass every hop that answers')
    : found(nearest.hop, nearest.evidence);
}

/** The last hop whose large pings come back, where none behind it do; undefined: all do, or the first does not. */
function lastWhole(pings: RouteSeen['pings']): RouteSeen['pings'][number] | undefined {
  const inOrder = [...pings].sort((a, b) => a.ttl - b.ttl);
  const at = inOrder.findLastIndex(({ sent, lost }) => lost < sent);
  return at >= 0 && at < inOrder.length - 1 ? inOrder[at] : undefined;
}

function findFlow({ inFlow, small }: RouteSeen): Finding {
  if (inFlow === null)
    return none('where connections die can only be seen with TTLs on them, which is not possible here');
  if (inFlow.reached) return none('the connections of the trace did not die');
  const last = inFlow.hops.findLast(({ addresses }) => addresses.length > 0);
  if (last === undefined) return none('packets of a connection that stands still reach no hop');
  const end = small?.reached === true ? small.hops.length - 1 : Number.POSITIVE_INFINITY;
  if (last.ttl >= end)
    return none('packets of connections that stand still reach every hop: it is the way back, or the server');
  return found(last, 'packets of connections that stand still come no farther');
}

/** Loss counts only where it lasts to the end: a hop that answers pings badly is no fault. */
function findLoss({ pings, small }: RouteSeen): Finding {
  const inOrder = [...pings].sort((a, b) => a.ttl - b.ttl);
  const end = inOrder.at(-1);
  if (small === null || end === undefined || inOrder.length < 2) return none('the hops answer no pings');
  if (end.lost === 0) return none('this time nothing was lost to the end');
  const lasting = inOrder.map((one, at) => ({
    ...one,
    share: Math.min(...inOrder.slice(at).map(({ lost, sent }) => (sent === 0 ? 1 : lost / sent))),
  }));
  // Where the loss begins: the place that makes what was counted most likely.
  let best = { at: -1, score: Number.NEGATIVE_INFINITY };
  for (let at = 0; at < lasting.length; at += 1) {
    const behind = lasting.slice(at);
    const sent = behind.reduce((sum, one) => sum + one.sent, 0);
    const rate = Math.max(CLEAN, behind.reduce((sum, one) => sum + one.share * one.sent, 0) / sent);
    const score = lasting.reduce((sum, { share, sent: packets }, index) => {
      const lost = share * packets;
      const p = index < at ? CLEAN : Math.min(rate, 0.999);
      return sum + lost * Math.log(p) + (packets - lost) * Math.log(1 - p);
    }, 0);
    if (score > best.score + 1e-9) best = { at, score };
  }
  const clean = lasting[best.at - 1];
  const share = Math.round(100 * (end.lost / end.sent));
  if (clean === undefined)
    return none(`${share} % are lost from the first hop on: the link to it, or this host`);
  const hop = small.hops.find(({ ttl }) => ttl === clean.ttl);
  return found(hop, `up to here ${clean.lost} of ${clean.sent} pings are lost, behind it ${share} %`);
}

/** What a healthy hop may lose: one or two of a hundred are no beginning. */
const CLEAN = 0.005;

/** Where the time goes: the last hop that answers quickly, when all behind it are slow. */
function findDelay({ small }: RouteSeen): Finding {
  if (small === null) return none('nothing was traced');
  const timed = small.hops.filter(({ rttMs, addresses }) => rttMs !== null && addresses.length > 0);
  const end = timed.at(-1)?.rttMs;
  if (end === undefined || end === null || timed.length < 2)
    return none('too few hops answer to see where the time goes');
  // From here on nobody is quick: a single slow answer is the router's own affair.
  const least = timed.map((_, at) => Math.min(...timed.slice(at).map(({ rttMs }) => rttMs ?? 0)));
  let at = -1;
  let jump = 0;
  for (let index = 1; index < least.length; index += 1) {
    const step = (least[index] ?? 0) - (least[index - 1] ?? 0);
    if (step > jump) [at, jump] = [index, step];
  }
  const first = least[0] ?? 0;
  if (first >= end / 2 && first >= jump) return none(`already the first hop takes ${Math.round(first)} ms`);
  if (at < 1 || jump < end * SHARE_OF_DELAY) return none('the time is lost over many hops');
  return found(timed[at - 1], `behind it ${Math.round(jump)} ms more of ${Math.round(end)}`);
}

/** So much of the whole time must go at one hop to be called its. */
const SHARE_OF_DELAY = 0.4;

/** Who answers nearer than the server is. */
function findInterceptor({ begun, small }: RouteSeen): Finding {
  if (begun === null || small === null) return none('nothing was traced');
  const at = begun.hops.find(({ mark }) => mark === 'SYN');
  if (at === undefined) return none('no connection came about in the trace');
  const there = small.hops.find(({ ttl }) => ttl === at.ttl);
  if (small.reached && at.ttl >= small.hops.length)
    return none('whoever answers is as far away as the server');
  const evidence = `a connection to the port is answered ${at.ttl} hops away`;
  // Where the way of packets is known, its hop there is who answers; else the one before.
  if (there !== undefined && there.addresses.length > 0) return found(there, evidence);
  return found(
    answering(small).findLast(({ ttl }) => ttl < at.ttl),
    `${evidence}, behind it`,
  );
}

/** A path beside those of uplinks that work: where the bad one parts from them. */
export interface Parting {
  /** Hops that no working uplink has, by name or address. */
  readonly own: readonly number[];
  readonly shared: readonly number[];
  /** The first hop that a working uplink has as well, and which; null: they share none that is known. */
  readonly joins: { readonly ttl: number; readonly with: readonly string[] } | null;
}

/** Compares. */
export function partingOf(
  path: PathSeen,
  good: readonly { readonly uplink: string; readonly path: PathSeen }[],
): Parting {
  const known = good.map(({ uplink, path: other }) => ({
    uplink,
    marks: new Set(routers(other).flatMap(marksOf)),
  }));
  const sharedBy = (hop: HopSeen) =>
    known.filter(({ marks }) => marksOf(hop).some((mark) => marks.has(mark))).map(({ uplink }) => uplink);
  const hops = answering(path);
  const joins = hops.find((hop) => sharedBy(hop).length > 0);
  return {
    own: hops.filter((hop) => sharedBy(hop).length === 0).map(({ ttl }) => ttl),
    shared: hops.filter((hop) => sharedBy(hop).length > 0).map(({ ttl }) => ttl),
    joins: joins === undefined ? null : { ttl: joins.ttl, with: sharedBy(joins) },
  };
}

/** A router's address and its name, without the part that names the port: `xe-0-0-1.cr2.example` is cr2.example's. */
function marksOf({ addresses, names }: HopSeen): readonly string[] {
  return [
    ...addresses,
    ...names.flatMap((name) => {
      if (name === null) return [];
      const labels = name.toLowerCase().replace(/\.$/, '').split('.');
      return labels.length > 3 ? [labels.slice(1).join('.')] : [labels.join('.')];
    }),
  ];
}
