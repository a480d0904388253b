// From what was seen of every uplink and server to verdicts: first the destinations that are bad from everywhere, which
// no uplink is blamed for, then each uplink by the servers that are left, families apart. The order of the tests is
// part of them: loss also stalls single sessions, a dead uplink also refuses none. Thresholds were measured
// (statistics.ts). Pure.
import { groupBy } from '../lib/group-by.js';
import type { Family, PairObservation, Phase } from './observation.js';
import { type PairFault, type PairReading, readPair } from './reading.js';
import * as say from './sentences.js';
import { lossAlarmAt, retransmitAlarmAt, sequentialTest, wilson } from './statistics.js';
import { type Verdict, worstVerdict } from './verdict.js';

/** An uplink in one family. */
export interface UplinkKey {
  readonly uplink: string;
  readonly family: Family;
}

/** An uplink that nobody could look from, and why. */
export interface MissingUplink extends UplinkKey {
  readonly why: string;
}

/** The numbers behind an uplink's verdict, each beside its threshold. */
export interface UplinkFacts {
  /** Servers that count, and those left out since they are bad from everywhere. */
  readonly servers: number;
  readonly remoteServers: number;
  readonly sessions: number;
  readonly sessionsStalled: number;
  readonly connections: number;
  readonly connected: number;
  readonly flows: number;
  readonly flowsDead: number;
  readonly flowsDeadTwice: number;
  readonly flowsRevived: number;
  readonly retransmits: number;
  readonly retransmitAlarmAt: number;
  readonly pingsSent: number;
  readonly pingsLost: number;
  readonly lossAlarmAt: number;
  /** 99 % interval of the loss; null: no pings count. */
  readonly lossBetween: { readonly low: number; readonly high: number } | null;
  readonly sequential: 'faulty' | 'healthy' | 'open' | null;
  readonly connectMs: number | null;
  readonly bestOtherConnectMs: number | null;
}

/** An uplink, judged. */
export interface UplinkVerdict extends UplinkKey {
  readonly verdict: Verdict;
  /** One line: what it is. */
  readonly summary: string;
  /** What was seen, in words and numbers. */
  readonly evidence: readonly string[];
  readonly facts: UplinkFacts;
  /** The longest of its looks. */
  readonly tookMs: number;
  /** The server to trace for the hop; null: a trace would show nothing. */
  readonly suspect: PairObservation | null;
}

/** An uplink and a destination, judged. */
export interface CellVerdict extends UplinkKey {
  readonly destination: string;
  readonly verdict: Verdict;
  /** Where it failed; null: nowhere. */
  readonly phase: Phase | null;
  readonly evidence: string;
  readonly connectMs: number | null;
  /** The reply's code where the server refused. */
  readonly code: number | null;
  /** One per server that was looked at. */
  readonly observations: readonly PairObservation[];
}

/** A destination, judged over all uplinks and families. */
export interface DestinationVerdict {
  readonly destination: string;
  readonly verdict: Verdict;
  readonly evidence: string;
}

/** Everything. */
export interface Judgement {
  readonly uplinks: readonly UplinkVerdict[];
  readonly cells: readonly CellVerdict[];
  readonly destinations: readonly DestinationVerdict[];
  /** All that was asked for was looked at. */
  readonly isComplete: boolean;
}

/** An uplink's own verdict needs this share of its servers. */
const MOST_OF_THEM = 0.6;
/** So many connections that died as they began are no chance. */
const FEW_DEATHS = 2;
/** Connecting is slow above this many times the best other uplink, and this much more. */
const SLOW_TIMES = 3;
const SLOW_MS = 100;
/** A banner that takes this long, and does not by another uplink. */
const LATE_BANNER_MS = 3000;

/** A server in one family, with the pairs that look at it. */
interface Server {
  readonly key: string;
  readonly destination: string;
  readonly readings: readonly PairReading[];
  readonly isRemote: boolean;
}

const keyOf = ({ target }: PairObservation) => `${target.destination} ${target.address} ${target.port}`;
const uplinkOf = ({ observation }: PairReading) => observation.uplink;
const isSeen = ({ unseen }: PairReading) => unseen === null;

/** Judges. `missing`: uplinks that nobody could look from. */
export function judge(
  observations: readonly PairObservation[],
  missing: readonly MissingUplink[] = [],
): Judgement {
  const readings = observations.map(readPair);
  const judged = ([4, 6] as const).map((family) =>
    judgeFamily(
      family,
      readings.filter(({ observation }) => observation.family === family),
      missing.filter((one) => one.family === family),
    ),
  );
  const cells = judged.flatMap((one) => one.cells);
  const uplinks = judged.flatMap((one) => one.uplinks);
  return {
    uplinks: inOrder(observations, missing, uplinks),
    cells,
    destinations: judgeDestinations(cells, uplinks),
    isComplete: missing.length === 0 && readings.every(isSeen),
  };
}

/** Rows of one name together, in the order in which they were given. */
function inOrder(
  observations: readonly PairObservation[],
  missing: readonly MissingUplink[],
  uplinks: readonly UplinkVerdict[],
): readonly UplinkVerdict[] {
  const names = [...new Set([...observations, ...missing].map(({ uplink }) => uplink))];
  return [...uplinks].sort(
    (a, b) => a.family - b.family || names.indexOf(a.uplink) - names.indexOf(b.uplink),
  );
}

function judgeFamily(
  family: Family,
  readings: readonly PairReading[],
  missing: readonly MissingUplink[],
): { readonly uplinks: readonly UplinkVerdict[]; readonly cells: readonly CellVerdict[] } {
  const names = [...new Set(readings.map(uplinkOf))];
  const servers = findRemote(readings);
  const pairs = servers.reduce((sum, server) => sum + server.readings.length, 0);
  const uplinks = names.map((uplink) => judgeUplink({ uplink, family }, servers, names.length));
  const cells = names.flatMap((uplink) => {
    const own = servers.filter((server) => server.readings.some((one) => uplinkOf(one) === uplink));
    return [...new Set(own.map(({ destination }) => destination))].map((destination) =>
      judgeCell(
        { uplink, family },
        destination,
        own.filter((server) => server.destination === destination),
        uplinks.find((one) => one.uplink === uplink)?.verdict ?? 'unknown',
        pairs,
      ),
    );
  });
  const blind = missing
    .filter(({ uplink }) => !names.includes(uplink))
    .map(
      ({ uplink, why }): UplinkVerdict => ({
        uplink,
        family,
        verdict: 'unknown',
        summary: `could not be looked from: ${why}`,
        evidence: ['nothing was seen'],
        facts: factsOf([], [], names.length),
        tookMs: 0,
        suspect: null,
      }),
    );
  return { uplinks: [...uplinks, ...blind], cells };
}

/** What makes two pairs look the same from two uplinks; null: nothing is wrong. */
function signatureOf(reading: PairReading): string | null {
  const { fault, flows, ping } = reading;
  // A bad certificate comes over a way that is as good or bad as any: what else is seen there counts.
  if (fault !== null && fault.kind !== 'certificate')
    return fault.kind === 'stall' || fault.kind === 'broken' || fault.kind === 'too-slow'
      ? `${fault.kind} ${fault.phase}`
      : fault.kind;
  if (flows.deadTwice > 0) return 'some-flows';
  return ping !== null && ping.lost >= lossAlarmAt(ping.sent) ? 'loss' : null;
}

/** The servers, with those found that are bad in the same way from every uplink that can judge it. */
function findRemote(readings: readonly PairReading[]): readonly Server[] {
  const groups = [...groupBy(readings, ({ observation }) => keyOf(observation))].map(([key, group]) => ({
    key,
    destination: group[0]?.observation.target.destination ?? '',
    readings: group,
  }));
  const isSame = (group: readonly PairReading[]) => {
    const first = group[0] === undefined ? null : signatureOf(group[0]);
    return group.length >= 2 && first !== null && group.every((one) => signatureOf(one) === first);
  };
  const sameFromAll = new Set(
    groups.filter((group) => isSame(group.readings.filter(isSeen))).map(({ key }) => key),
  );
  // An uplink that is broken itself has no voice about servers.
  const rest = groups.filter(({ key }) => !sameFromAll.has(key));
  const broken = new Set(
    [...new Set(readings.map(uplinkOf))].filter((uplink) => {
      const own = rest.flatMap((group) =>
        group.readings.filter((one) => uplinkOf(one) === uplink && isSeen(one)),
      );
      const bad = own.filter(({ fault }) => fault?.kind === 'no-connect' || fault?.kind === 'stall');
      return own.length > 0 && bad.length >= own.length * MOST_OF_THEM;
    }),
  );
  return groups.map((group) => ({
    ...group,
    isRemote:
      sameFromAll.has(group.key) ||
      isSame(group.readings.filter((one) => isSeen(one) && !broken.has(uplinkOf(one)))),
  }));
}

interface Scene {
  readonly key: UplinkKey;
  /** Its readings of the servers that count, each with those of the other uplinks. */
  readonly own: readonly PairReading[];
  readonly others: ReadonlyMap<PairReading, readonly PairReading[]>;
  readonly facts: UplinkFacts;
  readonly hasOthers: boolean;
}

interface Finding {
  readonly verdict: Verdict;
  readonly summary: string;
  readonly evidence: readonly string[];
  /** The pair that shows it best. */
  readonly suspect: PairReading | null;
}

function judgeUplink(key: UplinkKey, servers: readonly Server[], uplinkCount: number): UplinkVerdict {
  const mine = servers.flatMap((server) =>
    server.readings.filter((one) => uplinkOf(one) === key.uplink).map((reading) => ({ server, reading })),
  );
  const counted = mine.filter(({ server, reading }) => !server.isRemote && isSeen(reading));
  const others = new Map(
    counted.map(({ server, reading }) => [
      reading,
      server.readings.filter((one) => one !== reading && isSeen(one)),
    ]),
  );
  const own = counted.map(({ reading }) => reading);
  const facts = {
    ...factsOf(own, [...others.values()].flat(), uplinkCount),
    remoteServers: mine.filter(({ server }) => server.isRemote).length,
  };
  const hasOthers = [...others.values()].some((one) => one.length > 0);
  const finding =
    own.length === 0
      ? nothingToJudge(
          mine.map(({ reading }) => reading),
          facts,
        )
      : (firstFinding({ key, own, others, facts, hasOthers }) ?? fine(own, facts, hasOthers));
  return {
    ...key,
    verdict: finding.verdict,
    summary: finding.summary,
    evidence: finding.evidence,
    facts,
    tookMs: Math.max(0, ...mine.map(({ reading }) => reading.observation.tookMs)),
    suspect: finding.suspect?.observation ?? null,
  };
}

function factsOf(
  own: readonly PairReading[],
  others: readonly PairReading[],
  uplinkCount: number,
): UplinkFacts {
  const sum = (of: (reading: PairReading) => number) => own.reduce((all, one) => all + of(one), 0);
  const sent = sum(({ ping }) => ping?.sent ?? 0);
  const lost = sum(({ ping }) => ping?.lost ?? 0);
  const good = sum(({ flows }) => flows.good);
  return {
    servers: own.length,
    remoteServers: 0,
    sessions: sum(({ observation }) => (observation.session === null ? 0 : 1)),
    sessionsStalled: sum(({ fault }) => (fault?.kind === 'stall' ? 1 : 0)),
    connections: sum(({ tries }) => tries),
    connected: sum(({ connected }) => connected),
    flows: sum(({ flows }) => flows.tried),
    flowsDead: sum(({ flows }) => flows.dead),
    flowsDeadTwice: sum(({ flows }) => flows.deadTwice),
    flowsRevived: sum(({ flows }) => flows.revived),
    retransmits: sum(({ flows }) => flows.retransmits),
    retransmitAlarmAt: retransmitAlarmAt(good, uplinkCount),
    pingsSent: sent,
    pingsLost: lost,
    lossAlarmAt: lossAlarmAt(sent, uplinkCount),
    lossBetween: sent === 0 ? null : wilson(lost, sent),
    sequential: sent === 0 ? null : sequentialTest(lost, sent),
    connectMs: least(own.map(({ connectMs }) => connectMs)),
    bestOtherConnectMs: least(others.map(({ connectMs }) => connectMs)),
  };
}

function nothingToJudge(mine: readonly PairReading[], facts: UplinkFacts): Finding {
  const unseen = mine.find(({ unseen: why }) => why !== null)?.unseen;
  const summary =
    facts.remoteServers > 0
      ? 'every destination is bad from every uplink alike: no uplink can be judged by them'
      : `nothing was seen: ${unseen ?? 'no server to look at'}`;
  return { verdict: 'unknown', summary, evidence: ['nothing was seen that counts'], suspect: null };
}

/** The tests in their order; the first that fits is the verdict. */
function firstFinding(scene: Scene): Finding | undefined {
  for (const test of [
    unreachable,
    refused,
    someFlows,
    lossy,
    stalled,
    broken,
    slow,
    intercepted,
    mixed,
    halfConnected,
    cutOff,
  ] as const) {
    const finding = test(scene);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

const isMost = (some: readonly unknown[], all: readonly unknown[]) =>
  some.length > 0 && some.length >= all.length * MOST_OF_THEM;

function withFault<K extends PairFault['kind']>(readings: readonly PairReading[], kind: K) {
  return readings.filter(
    (one): one is PairReading & { readonly fault: Extract<PairFault, { kind: K }> } =>
      one.fault?.kind === kind,
  );
}

function unreachable({ own, others, facts, hasOthers }: Scene): Finding | undefined {
  const silent = withFault(own, 'no-connect');
  if (!isMost(silent, own)) return undefined;
  // From one place, one silent server may be anybody's fault.
  if (!hasOthers && own.length === 1)
    return {
      verdict: 'unknown',
      summary:
        'the only server looked at takes no connection: the server or the way, one vantage cannot tell',
      evidence: [say.noConnect(silent)],
      suspect: silent[0] ?? null,
    };
  const elsewhere = silent.flatMap((one) => others.get(one) ?? []).filter(({ connected }) => connected > 0);
  return {
    verdict: 'unreachable',
    summary: `no connection succeeds${say.countOf(silent.length, own.length)}: ${say.causeOf(silent)}`,
    evidence: [
      `${facts.connected} of ${facts.connections} connections succeeded`,
      say.noConnect(silent),
      ...say.pingBeside(own),
      hasOthers
        ? `by other uplinks ${elsewhere.length} of these ${silent.length} answer`
        : 'looked at from one vantage: this host, its firewall or its uplink',
    ],
    suspect: silent[0] ?? null,
  };
}

function refused({ own, hasOthers }: Scene): Finding | undefined {
  const replies = withFault(own, 'reply');
  if (!isMost(replies, own)) return undefined;
  return {
    verdict: 'refused',
    summary: `the servers refuse this address${say.countOf(replies.length, own.length)}: ${say.quote(replies[0]?.fault.reply)}`,
    evidence: [
      ...replies.map(
        ({ observation, fault }) => `${say.server(observation)}: ${fault.phase} ${say.quote(fault.reply)}`,
      ),
      hasOthers
        ? 'from other uplinks they do not'
        : 'looked at from one vantage: other addresses were not tried',
    ],
    suspect: null,
  };
}

function someFlows({ own, others, facts }: Scene): Finding | undefined {
  // A server that drops connections of every uplink has a limit, or a dead member of its own.
  // One other uplink without any clears the server; one that connects nowhere says nothing about it.
  const telling = own.filter((one) => {
    const speaking = (others.get(one) ?? []).filter(({ fault }) => fault?.kind !== 'no-connect');
    return speaking.length === 0 || speaking.some(({ flows }) => flows.deadTwice === 0);
  });
  const bad = telling.filter(({ flows, fault }) => flows.deadTwice > 0 && fault?.kind !== 'no-connect');
  const good = own.reduce((sum, { flows }) => sum + flows.good, 0);
  if (bad.length === 0 || good === 0 || facts.retransmits >= facts.retransmitAlarmAt) return undefined;
  const dead = bad.reduce((sum, { flows }) => sum + flows.deadTwice, 0);
  const tried = own.reduce((sum, { flows }) => sum + flows.tried, 0);
  return {
    verdict: 'hangs',
    summary: `${dead} of ${tried} connections are dead, the others are fine: one of several parallel links is broken`,
    evidence: [
      `dead twice on the same source port: ${bad.map(({ observation, flows }) => `${flows.deadTwice} of ${flows.tried} to ${say.server(observation)}`).join(', ')}`,
      `${good} others came through with ${say.count(facts.retransmits, 'retransmission')}`,
      'ping is one flow and shows all or nothing of it',
    ],
    suspect: bad[0] ?? null,
  };
}

function lossy({ own, facts }: Scene): Finding | undefined {
  const byPing = facts.pingsSent > 0 && facts.pingsLost >= facts.lossAlarmAt;
  const good = own.reduce((sum, { flows }) => sum + flows.good, 0);
  const byTcp = good > 0 && facts.retransmits >= facts.retransmitAlarmAt;
  if (!byPing && !byTcp) return undefined;
  const worst = [...own].sort((a, b) => (b.ping?.lost ?? 0) - (a.ping?.lost ?? 0))[0] ?? null;
  return {
    verdict: 'lossy',
    summary: byPing
      ? `${say.percent(facts.pingsLost / facts.pingsSent)} of all packets are lost`
      : `packets are lost: ${facts.retransmits} segments were sent again by ${good} connections`,
    evidence: [
      byPing
        ? `${facts.pingsLost} of ${facts.pingsSent} pings lost, called loss from ${facts.lossAlarmAt} on; with 99 % certainty ${say.percent(facts.lossBetween?.low ?? 0)} to ${say.percent(facts.lossBetween?.high ?? 1)}`
        : 'pings say nothing here',
      `${say.count(facts.retransmits, 'retransmission')} in ${good} connections that came through, called loss from ${facts.retransmitAlarmAt} on`,
    ],
    suspect: worst,
  };
}

function stalled({ own, others, facts, hasOthers }: Scene): Finding | undefined {
  const stalls = withFault(own, 'stall');
  const quiet = withFault(own, 'no-banner');
  if (!isMost(stalls, own)) {
    if (!isMost(quiet, own)) return undefined;
    const summary =
      'connects, and the servers stay silent without a packet resent: no fault of the path before 20 s';
    return {
      verdict: 'unknown',
      summary,
      evidence: [
        `no banner within ${say.ms(Math.max(...quiet.map(({ fault }) => fault.afterMs)))} from ${quiet.length} of ${own.length} servers, everything sent was acknowledged`,
        say.checkPtr(quiet),
      ],
      suspect: null,
    };
  }
  const sizes = stalls.map(({ fault }) => fault.size);
  const size = say.mostFrequent(sizes);
  if (!hasOthers && own.length === 1 && size === 'unknown')
    return {
      verdict: 'unknown',
      summary: 'the only server looked at hangs: the server or the way, one vantage cannot tell',
      evidence: say.stallLines(stalls, own.length),
      suspect: stalls[0] ?? null,
    };
  const fine = stalls.flatMap((one) => others.get(one) ?? []).filter(({ fault }) => fault === null);
  return {
    verdict: size === 'mtu' ? 'mtu' : 'hangs',
    summary: `${facts.connectMs === null ? 'connects' : `connects in ${say.ms(facts.connectMs)}`}, ${say.stallKind(stalls, size)}`,
    evidence: [
      ...say.stallLines(stalls, own.length),
      hasOthers
        ? `by other uplinks ${fine.length} of ${stalls.flatMap((one) => others.get(one) ?? []).length} sessions to these servers go through`
        : 'looked at from one vantage: several servers at once speak for the way',
    ],
    suspect: stalls[0] ?? null,
  };
}

function broken({ own, hasOthers }: Scene): Finding | undefined {
  const ended = withFault(own, 'broken');
  if (!isMost(ended, own)) return undefined;
  const lines = ended.map(
    ({ observation, fault }) => `${say.server(observation)}: ${fault.phase}: ${fault.error.text}`,
  );
  if (!hasOthers)
    return {
      verdict: 'unknown',
      summary: `sessions are broken off${say.countOf(ended.length, own.length)}; one vantage cannot tell by whom`,
      evidence: lines,
      suspect: null,
    };
  return {
    verdict: 'intercepted',
    summary: `sessions are broken off at ${say.mostFrequent(ended.map(({ fault }) => fault.phase))}${say.countOf(ended.length, own.length)}, by other uplinks they are not`,
    evidence: lines,
    suspect: ended[0] ?? null,
  };
}

/** The best other uplink's time to the same server, when this one is far slower. */
function slowAgainst(reading: PairReading, others: readonly PairReading[]): number | null {
  const best = least(others.map(({ connectMs }) => connectMs));
  const { connectMs } = reading;
  if (best === null || connectMs === null) return null;
  return connectMs > SLOW_TIMES * best && connectMs > best + SLOW_MS ? best : null;
}

/** A banner that came late by this uplink only. */
function lateBanner({ bannerMs }: PairReading, others: readonly PairReading[]): number | null {
  const best = least(others.map((one) => one.bannerMs));
  if (bannerMs === null || best === null || bannerMs < LATE_BANNER_MS) return null;
  return bannerMs > SLOW_TIMES * best ? bannerMs : null;
}

function slow({ own, others }: Scene): Finding | undefined {
  const far = own.flatMap((reading) => {
    const best = slowAgainst(reading, others.get(reading) ?? []);
    return best === null ? [] : [{ reading, best }];
  });
  if (isMost(far, own))
    return {
      verdict: 'slow',
      summary: `connecting takes ${say.ms(Math.max(...far.map(({ reading }) => reading.connectMs ?? 0)))}, by the best other uplink ${say.ms(Math.min(...far.map(({ best }) => best)))}`,
      evidence: far.map(
        ({ reading, best }) =>
          `${say.server(reading.observation)}: ${say.ms(reading.connectMs ?? 0)} against ${say.ms(best)}`,
      ),
      suspect: far[0]?.reading ?? null,
    };
  const late = own.filter((reading) => lateBanner(reading, others.get(reading) ?? []) !== null);
  if (!isMost(late, own)) return undefined;
  return {
    verdict: 'slow',
    summary: `connects at once, but the servers greet after ${say.ms(Math.max(...late.map(({ bannerMs }) => bannerMs ?? 0)))}: not the path`,
    evidence: [
      ...late.map(
        ({ observation, bannerMs }) => `${say.server(observation)}: banner after ${say.ms(bannerMs ?? 0)}`,
      ),
      say.checkPtr(late),
    ],
    suspect: null,
  };
}

function intercepted({ own, others }: Scene): Finding | undefined {
  const withSession = own.filter(({ observation }) => observation.session?.banner != null);
  if (withSession.length === 0 || withSession.length < own.length) return undefined;
  const reasons = withSession.map((one) => ({
    one,
    why: differenceOf(one, others.get(one) ?? [], withSession.length),
  }));
  if (reasons.some(({ why }) => why === null)) return undefined;
  return {
    verdict: 'intercepted',
    summary: `another server answers in the place of ${say.count(withSession.length, 'server')}: ${reasons[0]?.why}`,
    evidence: reasons.map(({ one, why }) => `${say.server(one.observation)}: ${why}`),
    suspect: reasons[0]?.one ?? null,
  };
}

/** What this uplink sees that none of the others does, of those that saw a banner; null: nothing. */
function differenceOf(
  { observation }: PairReading,
  others: readonly PairReading[],
  servers: number,
): string | null {
  const mine = observation.session;
  const theirs = others
    .map((other) => other.observation.session)
    .filter((session) => session?.banner != null);
  if (mine?.banner == null || theirs.length === 0) return null;
  const offered = theirs.map((session) => session?.offersStartTls).filter((offers) => offers !== null);
  if (mine.offersStartTls === false && offered.length > 0 && offered.every((offers) => offers === true))
    return 'no STARTTLS is offered, by other uplinks it is';
  const names = theirs.map((session) => firstWord(session?.banner ?? ''));
  const name = firstWord(mine.banner);
  // A farm greets with another member's name each time: then only its domain can be compared.
  const isOneName = names.length >= 2 && servers >= 2 && names.every((one) => one === names[0]);
  if (isOneName ? name !== names[0] : names.every((one) => domainOf(one) !== domainOf(name)))
    return `greets as ${JSON.stringify(name)}, by other uplinks as ${JSON.stringify(names[0])}`;
  const certificate = mine.certificate;
  const known = theirs.map((session) => session?.certificate).filter((one) => one != null);
  if (
    certificate != null &&
    certificate.error !== null &&
    known.length > 0 &&
    known.every((one) => one.error === null && one.keySha256 !== certificate.keySha256)
  )
    return `shows a certificate that is not trusted (${certificate.error}), by other uplinks it is`;
  return null;
}

const firstWord = (banner: string) => (banner.trim().split(/\s+/)[0] ?? '').toLowerCase().slice(0, 255);
const domainOf = (name: string) => name.split('.').slice(-2).join('.');

/** Every server is bad and each in another way: nothing that fits is no reason to call it fine. */
function mixed({ own, hasOthers }: Scene): Finding | undefined {
  const bad = own.filter(({ fault }) => fault !== null && fault.kind !== 'certificate');
  if (bad.length < own.length) return undefined;
  return {
    verdict: 'unknown',
    summary: hasOthers
      ? 'every server fails, each in another way: no single fault of the uplink explains it'
      : 'every server looked at fails; one vantage cannot tell whether it is the way or they',
    evidence: bad.map(({ observation, fault }) => `${say.server(observation)}: ${say.fault(fault)}`),
    suspect: bad.find(({ fault }) => fault?.kind === 'stall' || fault?.kind === 'no-connect') ?? null,
  };
}

/**
 * Two connections that no answer came to while others to the same servers stood: by chance once in 10^11 runs
 * (statistics.ts), and too little to say what it is.
 */
function halfConnected({ own, others }: Scene): Finding | undefined {
  // What dies by other uplinks as well is the server's limit.
  const bad = own.filter(
    (one) =>
      one.diedConnecting > 0 &&
      one.connected > 0 &&
      (others.get(one) ?? []).every((other) => other.diedConnecting === 0 || other.connected === 0),
  );
  const died = bad.reduce((sum, one) => sum + one.diedConnecting, 0);
  if (died < FEW_DEATHS) return undefined;
  const tries = own.reduce((sum, one) => sum + one.tries, 0);
  return {
    verdict: 'unknown',
    summary: `${died} of ${tries} connections died as they began, the others are fine: look again`,
    evidence: bad.map(
      ({ observation, diedConnecting, tries: all }) =>
        `no answer to ${diedConnecting} of ${all} connections to ${say.server(observation)}`,
    ),
    suspect: bad[0] ?? null,
  };
}

/** Too many sessions did not come to their end in time: nothing was found, and that is no ok. */
function cutOff({ own }: Scene): Finding | undefined {
  const cut = own.filter(({ cut: why }) => why !== null);
  if (!isMost(cut, own)) return undefined;
  return {
    verdict: 'unknown',
    summary: `${cut.length} of ${own.length} sessions did not come to an end in time: too little was seen`,
    evidence: cut.map(({ observation, cut: why }) => `${say.server(observation)}: ${why}`),
    suspect: null,
  };
}

function fine(own: readonly PairReading[], facts: UplinkFacts, hasOthers: boolean): Finding {
  const done = own.filter(
    ({ observation, fault }) =>
      fault === null && (observation.session !== null || observation.flows.length > 0),
  );
  const withSession = done.filter(({ observation }) => observation.session?.end.kind === 'done');
  if (withSession.length === 0) {
    const summary = own.every(({ fault }) => fault?.kind === 'certificate')
      ? 'every server shows a bad certificate: by those alone no uplink is called fine'
      : 'no session went through all its phases: too little was seen';
    return { verdict: 'unknown', summary, evidence: [summary], suspect: null };
  }
  const exceptions = own.filter(({ fault }) => fault !== null);
  const cut = own.filter((one) => one.cut !== null);
  const big = withSession.filter(
    ({ observation }) =>
      observation.session?.bigProven.inbound === true && observation.session.bigProven.outbound,
  );
  return {
    verdict: 'ok',
    summary:
      exceptions.length === 0
        ? 'ok'
        : `ok, but ${exceptions.map(({ observation, fault }) => `${say.server(observation)} ${say.fault(fault)}`).join('; ')}`,
    evidence: [
      ...cut.map((one) => `${say.server(one.observation)}: ${one.cut}`),
      `${withSession.length} of ${own.length} sessions went through, ${big.length} with full packets both ways`,
      `${facts.flows - facts.flowsDead} of ${facts.flows} short connections came through, ${say.count(facts.retransmits, 'retransmission')}`,
      ...(facts.pingsSent === 0
        ? ['pings say nothing here']
        : [`${facts.pingsLost} of ${facts.pingsSent} pings lost`]),
      ...(hasOthers
        ? []
        : ['looked at from one vantage: a fault that all ways share cannot be told from a server’s']),
    ],
    suspect: null,
  };
}

function judgeCell(
  key: UplinkKey,
  destination: string,
  servers: readonly Server[],
  uplinkVerdict: Verdict,
  tests: number,
): CellVerdict {
  const parts = servers.flatMap((server) =>
    server.readings
      .filter((one) => uplinkOf(one) === key.uplink)
      .map((reading) => judgePair(reading, server, uplinkVerdict, tests)),
  );
  const verdict = worstVerdict(parts.map((part) => part.verdict));
  const worst = parts.find((part) => part.verdict === verdict) ?? parts[0];
  const several = parts.length > 1 && verdict !== 'ok';
  return {
    ...key,
    destination,
    verdict,
    phase: worst?.phase ?? null,
    evidence:
      worst === undefined
        ? 'no server to look at'
        : several
          ? `${say.server(worst.reading.observation)}: ${worst.evidence}`
          : worst.evidence,
    connectMs: worst?.reading.connectMs ?? null,
    code: worst?.reading.fault?.kind === 'reply' ? worst.reading.fault.reply.code : null,
    observations: parts.map(({ reading }) => reading.observation),
  };
}

interface PairVerdict {
  readonly reading: PairReading;
  readonly verdict: Verdict;
  readonly phase: Phase | null;
  readonly evidence: string;
}

function judgePair(reading: PairReading, server: Server, uplinkVerdict: Verdict, tests: number): PairVerdict {
  const { fault, flows, ping, unseen, cut } = reading;
  const others = server.readings.filter((one) => one !== reading && isSeen(one));
  const of = (verdict: Verdict, evidence: string, phase: Phase | null = null): PairVerdict => ({
    reading,
    verdict,
    phase,
    evidence,
  });
  if (unseen !== null) return of('unknown', `nothing was seen: ${unseen}`);
  const alarmAt = lossAlarmAt(ping?.sent ?? 0, tests);
  const isLossy = ping !== null && ping.lost >= alarmAt;
  const lossyCell = () =>
    of('lossy', `${ping?.lost} of ${ping?.sent} pings lost, called loss from ${alarmAt} on`);
  if (server.isRemote && isOfServer(reading, server)) {
    const what =
      fault !== null ? say.fault(fault) : flows.deadTwice > 0 ? say.deadFlows(flows) : 'packets are lost';
    return of('remote', `${what}; the same from every uplink`, fault?.phase ?? null);
  }
  // Where the uplink loses packets, single sessions stall and connections die by it.
  if (isLossy && uplinkVerdict === 'lossy') return lossyCell();
  const faulty = (met: PairFault) => {
    const lonely = others.length === 0 ? '; seen from one uplink only: the server or the way to it' : '';
    return of(verdictOfFault(met, uplinkVerdict), `${say.fault(met)}${lonely}`, met.phase);
  };
  // A bad certificate came over a way that is as good or bad as any: what is wrong with the way is said first.
  if (fault !== null && fault.kind !== 'certificate') return faulty(fault);
  if (flows.deadTwice > 0) return of('hangs', say.deadFlows(flows), 'connect');
  if (isLossy) return lossyCell();
  if (fault !== null) return faulty(fault);
  const best = slowAgainst(reading, others);
  if (best !== null)
    return of(
      'slow',
      `connecting takes ${say.ms(reading.connectMs ?? 0)}, by the best other uplink ${say.ms(best)}`,
      'connect',
    );
  const late = lateBanner(reading, others);
  if (late !== null)
    return of('slow', `the banner comes after ${say.ms(late)}; ${say.checkPtr([reading])}`, 'banner');
  if (uplinkVerdict === 'intercepted')
    return of('intercepted', differenceOf(reading, others, 1) ?? 'as all servers of this uplink', 'banner');
  if (cut !== null) return of('unknown', cut);
  return of('ok', say.fineCell(reading));
}

/** Does this uplink see what made the server count as bad from everywhere? */
function isOfServer(reading: PairReading, server: Server): boolean {
  const mine = signatureOf(reading);
  const counts = new Map<string, number>();
  for (const one of server.readings.filter(isSeen)) {
    const signature = signatureOf(one);
    if (signature !== null) counts.set(signature, (counts.get(signature) ?? 0) + 1);
  }
  return mine !== null && (counts.get(mine) ?? 0) === Math.max(...counts.values());
}

function verdictOfFault(fault: PairFault, uplinkVerdict: Verdict): Verdict {
  switch (fault.kind) {
    case 'no-connect':
      return 'unreachable';
    case 'reply':
      return 'refused';
    case 'stall':
      return fault.size === 'mtu' ? 'mtu' : 'hangs';
    case 'no-banner':
      return 'unknown';
    case 'too-slow':
      return 'slow';
    case 'broken':
      if (uplinkVerdict === 'intercepted' || fault.error.kind === 'tls' || fault.error.kind === 'protocol')
        return 'intercepted';
      return 'refused';
    case 'certificate':
      // The server's own, whoever looks.
      return 'remote';
  }
}

/** A destination is ok when it works from wherever the uplink itself does. */
function judgeDestinations(
  cells: readonly CellVerdict[],
  uplinks: readonly UplinkVerdict[],
): readonly DestinationVerdict[] {
  const isFine = (cell: CellVerdict) =>
    uplinks.some(
      ({ uplink, family, verdict }) => uplink === cell.uplink && family === cell.family && verdict === 'ok',
    );
  return [...groupBy(cells, ({ destination }) => destination)].map(([destination, group]) => {
    const remote = group.find(({ verdict }) => verdict === 'remote');
    if (remote !== undefined) return { destination, verdict: 'remote', evidence: remote.evidence };
    const judged = group.filter(isFine);
    const counted = judged.length > 0 ? judged : group;
    const good = counted.filter(({ verdict }) => verdict === 'ok');
    if (judged.length === 0)
      return {
        destination,
        verdict: good.length > 0 ? 'ok' : 'unknown',
        evidence: good.length > 0 ? 'it answers' : 'no uplink that is well itself looked at it',
      };
    const verdict = worstVerdict(counted.map((cell) => cell.verdict));
    const worst = counted.find((cell) => cell.verdict === verdict);
    return {
      destination,
      verdict,
      evidence:
        verdict === 'ok'
          ? `it works by ${good.length} of ${group.length} uplinks`
          : `from ${worst?.uplink} v${worst?.family}: ${worst?.evidence}`,
    };
  });
}

function least(numbers: readonly (number | null)[]): number | null {
  const known = numbers.filter((one) => one !== null);
  return known.length === 0 ? null : Math.min(...known);
}
