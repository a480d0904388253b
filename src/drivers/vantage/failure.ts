// The one error of connections from a vantage (FlowFailure), as a class to throw.
import type { TcpInfo } from '../../probe/observation.js';
import type { FlowFailure } from '../../probe/vantage.js';
import { errnoName, errnoWords } from './errno.js';

/** What is known beside the error number. */
export interface FailureFacts {
  readonly phase: FlowFailure['phase'];
  readonly errno: number | null;
  /** Instead of the error number's own. */
  readonly code?: string;
  readonly message?: string;
  readonly from?: string | null;
  readonly icmp?: FlowFailure['icmp'];
  readonly localPort?: number | null;
  readonly tcpInfo?: TcpInfo | null;
  readonly ms?: number;
}

/** Thrown by connect, and what a flow is destroyed with. */
export class FlowError extends Error implements FlowFailure {
  readonly code: string;
  readonly errno: number | null;
  readonly phase: FlowFailure['phase'];
  readonly from: string | null;
  readonly icmp: FlowFailure['icmp'];
  readonly localPort: number | null;
  readonly tcpInfo: TcpInfo | null;
  readonly ms: number;

  constructor(facts: FailureFacts) {
    super(facts.message ?? (facts.errno === null ? 'the vantage is gone' : errnoWords(facts.errno)));
    this.name = 'FlowError';
    this.code = facts.code ?? (facts.errno === null ? 'EPROTO' : errnoName(facts.errno));
    this.errno = facts.errno;
    this.phase = facts.phase;
    this.from = facts.from ?? null;
    this.icmp = facts.icmp ?? null;
    this.localPort = facts.localPort ?? null;
    this.tcpInfo = facts.tcpInfo ?? null;
    this.ms = facts.ms ?? 0;
  }
}
