// A place on the network to look from, as the probes use it: connections with a chosen source address or interface,
// what the kernel there says of them, pings, single packets with a short life, and routes. Everything leaves from the
// vantage's own host, whoever asks. Types only; drivers/vantage has the ways.
import type { Duplex } from 'node:stream';
import type { CertificateSeen } from '../lib/certificate.js';
import type { PingSeen, PolicyRoute, TcpInfo } from './observation.js';

/** How it is done there. `perl` knows everything, the others less: see `can`. */
export type VantageHow = 'perl' | 'python3' | 'nc' | 'node';

/** What a vantage can do; what it cannot is left out of an observation and said in its `limits`. */
export interface VantageAbilities {
  readonly ttl: boolean;
  readonly mss: boolean;
  readonly ping: boolean;
  readonly sourcePort: boolean;
  /** `hop` and `datagram`. */
  readonly datagrams: boolean;
}

/** Where packets leave; null: the host's own choice. */
export interface Way {
  readonly source: string | null;
  readonly interface: string | null;
  /** Destination, always an address. */
  readonly address: string;
}

/** A connection to make. */
export interface ConnectOptions extends Way {
  readonly port: number;
  /** Largest segment, both ways; undefined: the kernel's own. */
  readonly mss?: number | undefined;
  readonly sourcePort?: number | undefined;
  /** Of all its packets, the first one too: a beginning of a connection that shall not come far. */
  readonly ttl?: number | undefined;
  /** ICMP errors end neither connection nor silence: they are in its `errors` (IP_RECVERR). */
  readonly errorQueue?: boolean | undefined;
  /** ms; the connection fails with ETIMEDOUT after them. */
  readonly timeoutMs: number;
  /** Waits behind no other connection of the same probe (limits.ts). */
  readonly urgent?: boolean | undefined;
  /** Called when the waiting is over and the connection begins; whoever keeps no queue need not call it. */
  readonly onPlace?: (() => void) | undefined;
}

/** An ICMP error, or a failed call, on a connection that goes on. */
export interface FlowError {
  /** `EHOSTUNREACH` */
  readonly code: string;
  readonly errno: number;
  /** ms on the vantage's clock. */
  readonly at: number;
}

/** Why no connection was made, or why one ended: thrown by `connect`, and the error that a Flow is destroyed with. */
export interface FlowFailure extends Error {
  /** `ECONNREFUSED`, `EADDRNOTAVAIL`, `ETIMEDOUT`, `ECONNRESET`, `EPROTO` (the vantage itself broke) ... */
  readonly code: string;
  readonly errno: number | null;
  /** `local`: the vantage could not even try; `connect`: no connection; `open`: one that stood ended. */
  readonly phase: 'local' | 'connect' | 'open';
  /** The router that sent an ICMP error, where the kernel tells. */
  readonly from: string | null;
  /** ICMP type and code of it. */
  readonly icmp: { readonly type: number; readonly code: number } | null;
  readonly localPort: number | null;
  /** As it was at the end; null: not known. */
  readonly tcpInfo: TcpInfo | null;
  readonly ms: number;
}

/** One TCP connection of a vantage. Destroyed with a FlowFailure when the peer or the vantage ends it badly. */
export interface Flow extends Duplex {
  readonly localPort: number;
  /** On the vantage's clock where it has one, else seen from here. */
  readonly connectMs: number;
  /** Of the peer, so far. */
  readonly bytesReceived: number;
  /** When bytes last came, and when the last write (at first: the connection) had left, in ms on one clock; null: not known. */
  readonly receivedAt: number | null;
  readonly sentAt: number | null;
  /** Null: cannot be known, or the connection is gone. */
  tcpInfo(): Promise<TcpInfo | null>;
  /** Time to live of what is sent from now on. Resolves when it is set. */
  setTtl(ttl: number): Promise<void>;
  /** Errors on a connection with `errorQueue`; the oldest first. */
  readonly errors: readonly FlowError[];
}

/** A TLS session over a flow. */
export interface SecureFlow {
  readonly stream: Duplex;
  readonly version: string | null;
  readonly certificate: CertificateSeen | null;
}

/** Pings, evenly spaced. */
export interface PingOptions extends Way {
  readonly count: number;
  readonly intervalMs: number;
  /** ms to wait for the last answer. */
  readonly waitMs: number;
  /** Of the IP packet, with its headers; undefined: 84. */
  readonly size?: number | undefined;
}

/** One packet (UDP to a high port, or to `port`) that shall not come far. */
export interface HopOptions extends Way {
  readonly ttl: number;
  readonly port?: number | undefined;
  readonly sourcePort?: number | undefined;
  /** Of the IP packet, with its headers; undefined: 60. Never fragmented. */
  readonly size?: number | undefined;
  readonly timeoutMs: number;
}

/** Who answered to it. */
export interface HopAnswer {
  /** Null: nobody did. */
  readonly from: string | null;
  readonly ms: number;
  /**
   * `expired`: a router on the way. `unreachable`: the destination's own "port unreachable". `reply`: it answered
   * itself. `too-big`: with `mtu`. `prohibited`, `no-route`: a router refused. `local`: it could not be sent.
   */
  readonly what:
    | 'expired'
    | 'unreachable'
    | 'reply'
    | 'too-big'
    | 'prohibited'
    | 'no-route'
    | 'local'
    | 'silent';
  readonly mtu: number | null;
  readonly icmp: { readonly type: number; readonly code: number } | null;
  readonly error: string | null;
}

/** A question by UDP and its answer (DNS). */
export interface DatagramOptions extends Way {
  readonly port: number;
  readonly payload: Buffer;
  readonly timeoutMs: number;
}

/** A place on the network to look from. */
export interface Vantage {
  /** The host's name in the configuration. */
  readonly host: string;
  /** Its own, for EHLO. */
  readonly name: string;
  readonly how: VantageHow;
  readonly can: VantageAbilities;
  /** In words, what it cannot do and why; empty: everything. */
  readonly limits: readonly string[];
  /** @throws FlowFailure */
  connect(options: ConnectOptions, signal?: AbortSignal): Promise<Flow>;
  /**
   * TLS over a flow, as a client. `serverName` null: an address was asked for. The certificate is judged, not enforced.
   * @throws Error with a `code`; the flow is the caller's to destroy
   */
  secure(flow: Duplex, serverName: string | null, signal?: AbortSignal): Promise<SecureFlow>;
  /** Never throws: what is not possible is its `error`. */
  ping(options: PingOptions, signal?: AbortSignal): Promise<PingSeen>;
  /** One packet with a short life; never throws. */
  hop(options: HopOptions, signal?: AbortSignal): Promise<HopAnswer>;
  /** The first answer. @throws FlowFailure */
  datagram(options: DatagramOptions, signal?: AbortSignal): Promise<Buffer>;
  /** The kernel's choice for packets to it. @throws FlowFailure with the kernel's words when there is none */
  route(way: Way, signal?: AbortSignal): Promise<PolicyRoute>;
  /** Ends everything that is open. Never throws. */
  close(): Promise<void>;
}
