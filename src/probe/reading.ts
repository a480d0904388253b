// What one pair of uplink and server shows by itself: how many connections came through, and the fault that its session
// met. No comparing: whose fault it is only the other uplinks can tell (judge.ts). Pure.
import type {
  ErrorSeen,
  FlowSeen,
  PairObservation,
  Phase,
  Reply,
  SessionSeen,
  StallSeen,
  TcpInfo,
} from './observation.js';
import { isDeniedByTcp } from './statistics.js';

/** Which packets vanish: those above an MTU's size, above a smaller size, all of the flow, or it is not known. */
export type StallSize = 'mtu' | 'size' | 'flow' | 'unknown';

/** What went wrong with a pair. */
export type PairFault =
  /** No connection at all. */
  | { readonly kind: 'no-connect'; readonly phase: 'connect'; readonly cause: ErrorSeen | null }
  /** A word of the server. */
  | { readonly kind: 'reply'; readonly phase: Phase; readonly reply: Reply }
  | {
      readonly kind: 'stall';
      readonly phase: Phase;
      readonly size: StallSize;
      readonly tcpInfo: TcpInfo | null;
      readonly stall: StallSeen;
    }
  /** No banner, and everything sent was acknowledged: no fault of the path before 20 s. */
  | { readonly kind: 'no-banner'; readonly phase: 'banner'; readonly afterMs: number }
  /** Ended in the middle. */
  | { readonly kind: 'broken'; readonly phase: Phase; readonly error: ErrorSeen }
  /** Slow but moving, to the end of all time. */
  | { readonly kind: 'too-slow'; readonly phase: Phase; readonly afterMs: number }
  | { readonly kind: 'certificate'; readonly phase: 'tls'; readonly why: string };

/** Counts of short flows. */
export interface FlowCounts {
  readonly tried: number;
  /** A server's refusal came through as well. */
  readonly good: number;
  readonly dead: number;
  /** Dead again on the same source port. */
  readonly deadTwice: number;
  /** Those that came through the second time. */
  readonly revived: number;
  /** Segments sent again by those that came through. */
  readonly retransmits: number;
}

/** One pair, read. */
export interface PairReading {
  readonly observation: PairObservation;
  /** Connections that were really tried, and those that stood. */
  readonly tries: number;
  readonly connected: number;
  /** The best of all. */
  readonly connectMs: number | null;
  /** Null: none came. */
  readonly bannerMs: number | null;
  readonly flows: FlowCounts;
  /** Null: none were sent, or they say nothing here. */
  readonly ping: { readonly sent: number; readonly lost: number } | null;
  /** Pings were sent and are not counted; null: they are, or none were sent. */
  readonly pingSilence: 'all-lost' | 'denied-by-tcp' | 'not-sent' | null;
  readonly fault: PairFault | null;
  /** Null: enough was seen; else why not. */
  readonly unseen: string | null;
  /** Its session was given up before its end, and why: whatever else went well, this is not known. */
  readonly cut: string | null;
  /** Connections that no answer came to, without those that came through the second time. */
  readonly diedConnecting: number;
}

/** Phases whose refusal says nothing: the server answered, and no mail depends on it. */
const HARMLESS_REFUSALS: ReadonlySet<Phase> = new Set(['big', 'rset', 'quit']);

/** Reads a pair. */
export function readPair(observation: PairObservation): PairReading {
  const { session, ping } = observation;
  const tried = observation.flows.filter((flow) => isTry(flow.error, flow.result === 'given-up'));
  const sessionTried = session !== null && isTry(errorOf(session), session.end.kind === 'given-up');
  const good = tried.filter(({ result }) => result === 'ok' || result === 'reply');
  const flows: FlowCounts = {
    tried: tried.length,
    good: good.length,
    dead: tried.filter(({ result }) => result === 'dead').length,
    deadTwice: tried.filter(({ result, again }) => result === 'dead' && again?.result === 'dead').length,
    revived: tried.filter(
      ({ result, again }) => result === 'dead' && (again?.result === 'ok' || again?.result === 'reply'),
    ).length,
    retransmits: good.reduce((sum, { retransmits }) => sum + (retransmits ?? 0), 0),
  };
  const sessionConnect = session?.phases.find(({ phase }) => phase === 'connect')?.ms ?? null;
  const connects = [sessionConnect, ...tried.map(({ connectMs }) => connectMs)].filter((ms) => ms !== null);
  // A session that died as it connected is tried again as a flow, and counts once.
  const isTwin =
    sessionTried && diedConnecting(session) && tried.some((one) => one.localPort === session.localPort);
  const tries = tried.length + (sessionTried && !isTwin ? 1 : 0);
  const counted = pingOf(ping, flows);
  const fault =
    tries > 0 && connects.length === 0
      ? { kind: 'no-connect' as const, phase: 'connect' as const, cause: causeOf(session, tried) }
      : session === null || !sessionTried
        ? faultOfFlows(tried)
        : faultOfSession(session);
  return {
    observation,
    tries,
    connected: connects.length,
    connectMs: connects.length === 0 ? null : Math.min(...connects),
    bannerMs: session?.phases.find(({ phase }) => phase === 'banner')?.ms ?? null,
    flows,
    ...counted,
    fault,
    unseen: tries > 0 ? null : whyUnseen(observation),
    cut: session?.end.kind === 'given-up' ? session.end.why : null,
    diedConnecting:
      tried.filter(({ result, phase, again }) => result === 'dead' && phase === 'connect' && !isAlive(again))
        .length + (sessionTried && !isTwin && diedConnecting(session) ? 1 : 0),
  };
}

const isAlive = (again: FlowSeen['again']) => again?.result === 'ok' || again?.result === 'reply';

/** No answer to any of its beginnings. */
export function diedConnecting({ end }: SessionSeen): boolean {
  if (end.kind === 'stall') return end.stall.phase === 'connect';
  return end.kind === 'error' && end.error.phase === 'connect' && end.error.kind === 'timeout';
}

/** Local troubles and what was given up are no tries: they say nothing about the way. */
function isTry(error: ErrorSeen | null, isGivenUp: boolean): boolean {
  return !isGivenUp && error?.kind !== 'local';
}

function errorOf({ end }: SessionSeen): ErrorSeen | null {
  return end.kind === 'error' ? end.error : null;
}

function whyUnseen({ session, flows, limits }: PairObservation): string {
  if (session?.end.kind === 'given-up') return session.end.why;
  const local = (session === null ? null : errorOf(session)) ?? flows.find(({ error }) => error)?.error;
  return local?.text ?? limits[0] ?? 'it was not looked at';
}

/** Routers limit their messages: whoever got one names the cause for all. */
function causeOf(session: SessionSeen | null, flows: readonly FlowSeen[]): ErrorSeen | null {
  const errors = [session === null ? null : errorOf(session), ...flows.map(({ error }) => error)].filter(
    (error) => error !== null,
  );
  return errors.find(({ kind }) => kind !== 'timeout') ?? errors[0] ?? null;
}

function pingOf(ping: PairObservation['ping'], flows: FlowCounts): Pick<PairReading, 'ping' | 'pingSilence'> {
  if (ping === null) return { ping: null, pingSilence: null };
  if (ping.error !== null || ping.sent === 0) return { ping: null, pingSilence: 'not-sent' };
  const lost = Math.max(0, ping.sent - ping.received);
  // Somebody does not answer pings, or the one flow that they are is dead: no rate of loss.
  if (lost === ping.sent) return { ping: null, pingSilence: 'all-lost' };
  const counted = { sent: ping.sent, lost };
  const isDenied = isDeniedByTcp(counted, { retransmits: flows.retransmits, flows: flows.good });
  return isDenied && flows.deadTwice === 0 && flows.dead === 0
    ? { ping: null, pingSilence: 'denied-by-tcp' }
    : { ping: counted, pingSilence: null };
}

function faultOfFlows(flows: readonly FlowSeen[]): PairFault | null {
  const replies = flows.filter(({ result }) => result === 'reply');
  const [first] = replies;
  if (first?.reply == null || replies.length < flows.length) return null;
  return { kind: 'reply', phase: first.phase, reply: first.reply };
}

function faultOfSession(session: SessionSeen): PairFault | null {
  const { end, certificate } = session;
  if (end.kind === 'reply' && !HARMLESS_REFUSALS.has(end.phase))
    return { kind: 'reply', phase: end.phase, reply: end.reply };
  if (end.kind === 'stall') {
    // Its flow was dead while others connect: counted with the flows, no fault of every session.
    const { stall } = end;
    if (stall.phase === 'connect') return null;
    return isQuietBanner(stall)
      ? { kind: 'no-banner', phase: 'banner', afterMs: stall.afterMs }
      : { kind: 'stall', phase: stall.phase, size: sizeOf(stall), tcpInfo: stall.tcpInfo, stall };
  }
  if (end.kind === 'error') {
    // After QUIT anybody may hang up.
    const { error } = end;
    // A reset as soon as the connection stood is met by connect or by the banner, as it happens: it is one thing.
    if (error.phase === 'connect' && error.kind === 'reset')
      return { kind: 'broken', phase: 'banner', error };
    if (error.phase === 'connect' || error.phase === 'quit') return null;
    return { kind: 'broken', phase: error.phase, error };
  }
  if (end.kind === 'too-slow') return { kind: 'too-slow', phase: end.phase, afterMs: end.afterMs };
  const why = certificate === null ? null : certificateFault(certificate);
  return why === null ? null : { kind: 'certificate', phase: 'tls', why };
}

/**
 * Expired or for another name. A chain that leads to nobody known is so common among mail servers that it is told and
 * not called a fault.
 */
function certificateFault(certificate: NonNullable<SessionSeen['certificate']>): string | null {
  if (certificate.isExpired)
    return `its certificate is not valid: ${certificate.validFrom} to ${certificate.validTo}`;
  if (certificate.fitsName === false)
    return `its certificate is for ${certificate.names.slice(0, 3).join(', ') || certificate.subject}`;
  return null;
}

function isQuietBanner({ phase, tcpInfo }: StallSeen): boolean {
  if (phase !== 'banner') return false;
  // A connection that just opened has sent nothing but its SYN: without TCP_INFO nothing speaks against the path.
  return tcpInfo === null || (tcpInfo.unacked === 0 && tcpInfo.totalRetransmits === 0);
}

function sizeOf({ controls, tcpInfo }: StallSeen): StallSize {
  const { mss1200, mss400 } = controls;
  if (mss1200 === 'passes') return mss400 === 'stalls' ? 'unknown' : 'mtu';
  if (mss1200 === 'stalls' && mss400 === 'passes') return 'size';
  if (mss1200 === 'stalls' && mss400 === 'stalls') return 'flow';
  if (mss400 === 'passes') return 'size';
  // Without controls: a packet that came before a missing one shows a hole for large ones.
  return tcpInfo !== null && tcpInfo.unacked === 0 && (tcpInfo.outOfOrder ?? 0) > 0 ? 'mtu' : 'unknown';
}
