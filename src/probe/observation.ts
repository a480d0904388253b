// What was seen of one way to one mail server, before anybody judges it: sessions with their phases, short flows, a
// burst of pings, routes. Data only, all of it can be printed as JSON. Texts of servers and routers are strangers'
// words: whoever sees them bounds their length, whoever shows them escapes them. Null is "not known", never "none".

import type { CertificateSeen } from '../lib/certificate.js';

/** IPv4 and IPv6 are different networks and judged apart. */
export type Family = 4 | 6;

/** The phases of a session, in their order. `ehlo-tls` is the second EHLO, `big` the commands of full packets. */
export const PHASES = [
  'connect',
  'banner',
  'ehlo',
  'starttls',
  'tls',
  'ehlo-tls',
  'big',
  'mail',
  'rcpt',
  'rset',
  'quit',
] as const;

/** A phase of a session. */
export type Phase = (typeof PHASES)[number];

/** What the kernel at the vantage says of a connection (TCP_INFO). */
export interface TcpInfo {
  /** `established`, `syn-sent`, ... in small letters. */
  readonly state: string;
  /** Of the segment that waits now, and how often its timer was doubled. */
  readonly retransmits: number;
  readonly backoff: number;
  /** Segments. */
  readonly unacked: number;
  readonly lost: number;
  readonly totalRetransmits: number;
  readonly rtoMs: number | null;
  readonly rttMs: number | null;
  readonly sendMss: number | null;
  readonly receiveMss: number | null;
  readonly pathMtu: number | null;
  /** Null: the kernel or the way of looking does not say. */
  readonly bytesAcked: number | null;
  readonly bytesReceived: number | null;
  /** Packets that came before one that is missing. */
  readonly outOfOrder: number | null;
  readonly lastReceivedMs: number | null;
}

/** A whole reply of a server. */
export interface Reply {
  readonly code: number;
  /** `4.7.1`; null: none was given. */
  readonly enhanced: string | null;
  /** Its lines without code, joined by a blank; cut where it is long. */
  readonly text: string;
}

/** A phase that ended well, or with the reply that ended the session. */
export interface PhaseSeen {
  readonly phase: Phase;
  readonly ms: number;
  /** Null where the phase has none: connect, tls. */
  readonly reply: Reply | null;
}

/** A fresh connection with small segments up to the phase that stood still. */
export type ControlResult = 'passes' | 'stalls' | 'not-tried';

/** Nothing came any more within the phase's deadline. */
export interface StallSeen {
  readonly phase: Phase;
  /** How long nothing came. */
  readonly afterMs: number;
  /** At the deadline; null: cannot be known here. */
  readonly tcpInfo: TcpInfo | null;
  readonly controls: { readonly mss1200: ControlResult; readonly mss400: ControlResult };
}

/**
 * Why a connection ended.
 * `refused`: RST to the SYN. `reset`: RST later. `unreachable`, `prohibited`: a router said so. `timeout`: no answer to
 * the SYN. `closed`: the peer ended it in the middle. `tls`: no TLS, or a broken one. `protocol`: no SMTP, or more of
 * it than anybody may send. `local`: this host could not try (no such address, port in use, no descriptor).
 */
export type ErrorKind =
  | 'refused'
  | 'reset'
  | 'unreachable'
  | 'prohibited'
  | 'timeout'
  | 'closed'
  | 'tls'
  | 'protocol'
  | 'local';

/** A connection that failed. */
export interface ErrorSeen {
  readonly phase: Phase;
  readonly kind: ErrorKind;
  readonly errno: number | null;
  /** `ECONNREFUSED`, `ERR_SSL_WRONG_VERSION_NUMBER`, ...; null: none. */
  readonly code: string | null;
  /** In words; a stranger's text at times. */
  readonly text: string;
  /** How it was told; null: nobody told, or not known. */
  readonly via: 'icmp' | 'rst' | 'fin' | null;
  /** The router that sent the ICMP message. */
  readonly from: string | null;
}

/** How a session ended. */
export type SessionEnd =
  /** All phases that were asked for. */
  | { readonly kind: 'done' }
  /** A reply that is no success ended it: a word of the server, no fault of a path. */
  | { readonly kind: 'reply'; readonly phase: Phase; readonly reply: Reply }
  | { readonly kind: 'stall'; readonly stall: StallSeen }
  | { readonly kind: 'error'; readonly error: ErrorSeen }
  /** Every phase answered in its time, all together did not: a tarpit. */
  | { readonly kind: 'too-slow'; readonly phase: Phase; readonly afterMs: number }
  /** The probe itself was stopped, or its own limits did not let it try. */
  | { readonly kind: 'given-up'; readonly why: string };

/** One session through all phases. */
export interface SessionSeen {
  /** Those that ended, in order. */
  readonly phases: readonly PhaseSeen[];
  readonly end: SessionEnd;
  /** Phases that were left out, and why: no STARTTLS offered, no PIPELINING. */
  readonly skipped: readonly { readonly phase: Phase; readonly why: string }[];
  readonly tookMs: number;
  readonly localPort: number | null;
  /** Text of the banner's reply; null: none came. */
  readonly banner: string | null;
  /** Milliseconds that the banner took, when that was longer than it should; null: in time. */
  readonly bannerLateMs: number | null;
  /** Null: no EHLO was answered. */
  readonly offersStartTls: boolean | null;
  readonly extensions: readonly string[];
  readonly tlsVersion: string | null;
  readonly certificate: CertificateSeen | null;
  /** Full packets went through: inbound by the certificate, outbound by the commands. */
  readonly bigProven: { readonly inbound: boolean; readonly outbound: boolean };
  /** At the end of the session. */
  readonly tcpInfo: TcpInfo | null;
}

/** `dead`: nothing came back. `reply`: the server refused by a code. */
export type FlowResult = 'ok' | 'dead' | 'reply' | 'error' | 'given-up';

/** One short session: connect, banner, EHLO, QUIT. */
export interface FlowSeen {
  readonly localPort: number | null;
  readonly connectMs: number | null;
  readonly tookMs: number;
  readonly result: FlowResult;
  /** The phase that it ended in, the last one when all went well. */
  readonly phase: Phase;
  readonly reply: Reply | null;
  readonly error: ErrorSeen | null;
  readonly tcpInfo: TcpInfo | null;
  readonly retransmits: number | null;
  /** A failed flow tried once more with the same source port; null: there was no reason to. */
  readonly again: { readonly result: FlowResult; readonly retransmits: number | null } | null;
}

/** A burst of small pings. */
export interface PingSeen {
  readonly sent: number;
  readonly received: number;
  readonly size: number;
  readonly rttMs: { readonly min: number; readonly avg: number; readonly max: number } | null;
  /** Why it could not be done; null: it was. */
  readonly error: string | null;
}

/** The first step of a way, as the vantage's kernel chooses it. */
export interface PolicyRoute {
  /** Null: the destination is on the link. */
  readonly gateway: string | null;
  readonly dev: string;
  readonly table: string | null;
  /** The source that the kernel takes. */
  readonly source: string | null;
}

/** One server, as it is looked at. */
export interface Target {
  /** The row's name: the destination of the configuration, the domain or the word that was asked for. */
  readonly destination: string;
  /** The server's own name; null: an address was asked for. */
  readonly host: string | null;
  readonly address: string;
  readonly family: Family;
  readonly port: number;
}

/** Everything seen of one uplink and one server. */
export interface PairObservation {
  /** The configuration's name alone. */
  readonly uplink: string;
  readonly family: Family;
  readonly source: string | null;
  readonly interface: string | null;
  /** The host that was looked from. */
  readonly from: string;
  readonly target: Target;
  /** Null: not tried. */
  readonly session: SessionSeen | null;
  readonly flows: readonly FlowSeen[];
  readonly ping: PingSeen | null;
  readonly tookMs: number;
  /** What could not be seen and why, in words for the operator. */
  readonly limits: readonly string[];
}

/** A hop that answered, or did not (no addresses). */
export interface HopSeen {
  readonly ttl: number;
  /** More than one: several ways of equal cost. */
  readonly addresses: readonly string[];
  /** By PTR, beside the addresses; null: it has none, or nobody could be asked. */
  readonly names: readonly (string | null)[];
  readonly rttMs: number | null;
  /** `!X`, `!F-1400`, ...; null: none. */
  readonly mark: string | null;
}

/** One trace. */
export interface PathSeen {
  readonly how: 'udp' | 'tcp' | 'icmp' | 'in-flow';
  /** Of the packets, in bytes. */
  readonly size: number;
  readonly hops: readonly HopSeen[];
  readonly reached: boolean;
  readonly tookMs: number;
}

/** The traces of one uplink to one server. */
export interface RouteSeen {
  readonly uplink: string;
  readonly family: Family;
  readonly target: Target;
  readonly small: PathSeen | null;
  readonly big: PathSeen | null;
  /** Beginnings of connections that shall not come far. */
  readonly begun: PathSeen | null;
  readonly inFlow: PathSeen | null;
  /** Pings of the hops themselves, the server's as the last. */
  readonly pings: readonly {
    readonly ttl: number;
    readonly address: string;
    readonly size: number;
    readonly sent: number;
    readonly lost: number;
  }[];
  readonly limits: readonly string[];
}
