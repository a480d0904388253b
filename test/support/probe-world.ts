// Pairs of uplink and server as a probe would have seen them: healthy ones, and each fault of the table of faults that
// was measured. Numbers are those that were seen.
import type {
  ControlResult,
  ErrorKind,
  ErrorSeen,
  Family,
  FlowSeen,
  PairObservation,
  Phase,
  PhaseSeen,
  SessionSeen,
  TcpInfo,
} from '../../src/probe/observation.js';
import { PHASES } from '../../src/probe/observation.js';

/** What a test changes of a healthy pair. */
export interface PairWish {
  readonly uplink?: string;
  readonly family?: Family;
  readonly destination?: string;
  readonly address?: string;
}

const SOURCES: Readonly<Record<string, string>> = {
  a: '192.0.2.10',
  b: '198.51.100.10',
  c: '203.0.113.10',
};

/** A kernel's view with nothing wrong. */
export const quietTcp: TcpInfo = {
  state: 'established',
  retransmits: 0,
  backoff: 0,
  unacked: 0,
  lost: 0,
  totalRetransmits: 0,
  rtoMs: 240,
  rttMs: 40,
  sendMss: 1448,
  receiveMss: 1448,
  pathMtu: 1500,
  bytesAcked: 400,
  bytesReceived: 3200,
  outOfOrder: 0,
  lastReceivedMs: 20,
};

/** A reply of success, as far as anybody looks. */
const done = (phase: Phase, ms: number): PhaseSeen => ({
  phase,
  ms,
  reply: phase === 'connect' || phase === 'tls' ? null : { code: 250, enhanced: null, text: 'ok' },
});

/** A whole session with nothing wrong. */
export function healthySession(connectMs = 40, host = 'mx.example.net'): SessionSeen {
  const phases = PHASES.filter((phase) => phase !== 'mail' && phase !== 'rcpt' && phase !== 'rset').map(
    (phase) => done(phase, phase === 'connect' ? connectMs : connectMs + 2),
  );
  return {
    phases,
    end: { kind: 'done' },
    skipped: [],
    tookMs: connectMs * 8,
    localPort: 40_000,
    banner: `${host} ESMTP ready`,
    bannerLateMs: null,
    offersStartTls: true,
    extensions: ['PIPELINING', 'STARTTLS'],
    tlsVersion: 'TLSv1.3',
    certificate: {
      error: null,
      subject: host,
      issuer: 'Example CA',
      names: [host],
      validFrom: '2026-01-01T00:00:00Z',
      validTo: '2027-01-01T00:00:00Z',
      isExpired: false,
      fitsName: true,
      sha256: 'aa',
      keySha256: `key of ${host}`,
      chainLength: 2,
    },
    bigProven: { inbound: true, outbound: true },
    tcpInfo: quietTcp,
  };
}

/** A short flow with nothing wrong. */
export function healthyFlow(port = 41_000, connectMs = 40): FlowSeen {
  return {
    localPort: port,
    connectMs,
    tookMs: connectMs * 3,
    result: 'ok',
    phase: 'quit',
    reply: null,
    error: null,
    tcpInfo: quietTcp,
    retransmits: 0,
    again: null,
  };
}

/** A pair with nothing wrong. */
export function healthyPair(wish: PairWish = {}): PairObservation {
  const { uplink = 'a', family = 4, destination = 'gmail', address } = wish;
  const host = `mx.${destination}.example`;
  return {
    uplink,
    family,
    source: family === 4 ? (SOURCES[uplink] ?? null) : null,
    interface: null,
    from: 'mx1',
    target: {
      destination,
      host,
      address:
        address ?? (family === 4 ? `192.0.2.${destination.length + 100}` : `2001:db8::${destination.length}`),
      family,
      port: 25,
    },
    session: healthySession(40, host),
    flows: Array.from({ length: 6 }, (_, at) => healthyFlow(41_000 + at)),
    ping: { sent: 100, received: 100, size: 84, rttMs: { min: 39, avg: 40, max: 41 }, error: null },
    tookMs: 2800,
    limits: [],
  };
}

export type Change = (pair: PairObservation) => PairObservation;

const withSession = (pair: PairObservation, session: SessionSeen): PairObservation => ({ ...pair, session });

/** The phases before this one went well. */
function until(session: SessionSeen, phase: Phase): readonly PhaseSeen[] {
  return session.phases.filter((one) => PHASES.indexOf(one.phase) < PHASES.indexOf(phase));
}

/** The session stands still. */
export function stall(
  phase: Phase,
  mss1200: ControlResult,
  mss400: ControlResult,
  tcp: Partial<TcpInfo> = {},
): Change {
  return (pair) => {
    const session = pair.session ?? healthySession();
    return withSession(pair, {
      ...session,
      phases: until(session, phase),
      end: {
        kind: 'stall',
        stall: { phase, afterMs: 4000, tcpInfo: { ...quietTcp, ...tcp }, controls: { mss1200, mss400 } },
      },
      banner: phase === 'banner' ? null : session.banner,
      bigProven: { inbound: false, outbound: false },
    });
  };
}

/** The server answers with a refusal. */
export function reply(phase: Phase, code: number, text = 'no'): Change {
  return (pair) => {
    const session = pair.session ?? healthySession();
    const seen = { code, enhanced: null, text };
    const isEarly = phase === 'banner' || phase === 'ehlo';
    return {
      ...withSession(pair, {
        ...session,
        phases: [...until(session, phase), { phase, ms: 40, reply: seen }],
        end: { kind: 'reply', phase, reply: seen },
      }),
      flows: isEarly
        ? pair.flows.map((flow) => ({ ...flow, result: 'reply', phase, reply: seen }))
        : pair.flows,
    };
  };
}

export function failure(phase: Phase, kind: ErrorKind, more: Partial<ErrorSeen> = {}): ErrorSeen {
  return { phase, kind, errno: null, code: null, text: kind, via: null, from: null, ...more };
}

/** The session ends in the middle. */
export function broken(phase: Phase, kind: ErrorKind): Change {
  return (pair) => {
    const session = pair.session ?? healthySession();
    return withSession(pair, {
      ...session,
      phases: until(session, phase),
      end: { kind: 'error', error: failure(phase, kind) },
    });
  };
}

/** No connection at all; the first tries may be told why. */
export function noConnect(kind: ErrorKind = 'timeout', more: Partial<ErrorSeen> = {}, pings = false): Change {
  return (pair) => {
    const session = pair.session ?? healthySession();
    const error = failure('connect', kind, more);
    const silence = failure('connect', kind === 'refused' ? 'refused' : 'timeout', { text: 'no answer' });
    return {
      ...withSession(pair, { ...session, phases: [], end: { kind: 'error', error }, banner: null }),
      flows: pair.flows.map((flow) => deadFlow(flow, silence)),
      ping: pair.ping === null ? null : { ...pair.ping, received: pings ? pair.ping.sent : 0 },
    };
  };
}

function deadFlow(flow: FlowSeen, error: ErrorSeen): FlowSeen {
  return {
    ...flow,
    connectMs: null,
    result: 'dead',
    phase: 'connect',
    error,
    retransmits: 3,
    again: { result: 'dead', retransmits: 3 },
  };
}

/** The first so many flows are dead, both times. */
export function deadFlows(count: number): Change {
  return (pair) => ({
    ...pair,
    flows: pair.flows.map((flow, at) => (at < count ? deadFlow(flow, failure('connect', 'timeout')) : flow)),
  });
}

/** Pings are lost, and segments are sent again. */
export function loss(lost: number, retransmits = 0): Change {
  return (pair) => ({
    ...pair,
    ping: pair.ping === null ? null : { ...pair.ping, received: pair.ping.sent - lost },
    flows: pair.flows.map((flow, at) => ({ ...flow, retransmits: at < retransmits ? 1 : 0 })),
  });
}

/** Everything takes longer. */
export function delayed(connectMs: number): Change {
  return (pair) => ({
    ...pair,
    session: healthySession(connectMs, pair.target.host ?? undefined),
    flows: pair.flows.map((flow) => ({ ...flow, connectMs })),
  });
}

/** Something else in the session. */
export function session(change: Partial<SessionSeen>): Change {
  return (pair) => withSession(pair, { ...(pair.session ?? healthySession()), ...change });
}

/** Three uplinks and three destinations; `faults` by uplink, by destination, or by both. */
export function world(
  faults: Readonly<Record<string, Change | readonly Change[]>> = {},
  shape: {
    readonly uplinks?: readonly string[];
    readonly destinations?: readonly string[];
    readonly family?: Family;
  } = {},
): readonly PairObservation[] {
  const { uplinks = ['a', 'b', 'c'], destinations = ['gmail', 'yahoo!', 'microsoft'], family = 4 } = shape;
  return uplinks.flatMap((uplink) =>
    destinations.map((destination) => {
      const changes = [faults[destination], faults[uplink], faults[`${uplink} ${destination}`]].flatMap(
        (one) => (one === undefined ? [] : typeof one === 'function' ? [one] : one),
      );
      return changes.reduce<PairObservation>(
        (pair, change) => change(pair),
        healthyPair({ uplink, destination, family }),
      );
    }),
  );
}
