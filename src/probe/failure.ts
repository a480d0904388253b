// What a failed connection says of the way: who ended it, and how that was told. Rests on the kernel's error numbers
// and, where it passes them on, on the ICMP message behind them (RFC 792, RFC 1812, RFC 4443).
import { icmpMeaning } from '../lib/icmp.js';
import { familyOf } from '../lib/ip.js';
import type { ErrorKind, ErrorSeen, Phase } from './observation.js';
import { ProtocolFault, StreamEnd } from './reply.js';
import type { FlowFailure } from './vantage.js';

/** Whether it came from a vantage. */
export function isFlowFailure(error: unknown): error is FlowFailure {
  return error instanceof Error && 'phase' in error && 'errno' in error;
}

/** The vantage itself is gone: nothing was seen of any server. */
export function isVantageGone(error: unknown): boolean {
  return isFlowFailure(error) && error.code === 'EPROTO' && error.errno === null;
}

/** An error as an observation; `address` is the destination's. */
export function errorSeen(phase: Phase, error: unknown, address: string): ErrorSeen {
  const { kind, via } = readError(phase, error, address);
  const facts = isFlowFailure(error) ? error : undefined;
  return {
    phase,
    kind,
    errno: facts?.errno ?? null,
    code: codeOf(error),
    text: textOf(error).slice(0, 300),
    via,
    from: facts?.from ?? null,
  };
}

function readError(
  phase: Phase,
  error: unknown,
  address: string,
): { readonly kind: ErrorKind; readonly via: ErrorSeen['via'] } {
  if (error instanceof ProtocolFault) return { kind: 'protocol', via: null };
  if (error instanceof StreamEnd) return { kind: 'closed', via: 'fin' };
  if (!isFlowFailure(error)) {
    const code = codeOf(error);
    if (code === 'ECONNRESET' || code === 'EPIPE') return { kind: 'closed', via: 'fin' };
    return {
      kind: phase === 'tls' || phase === 'ehlo-tls' || code?.startsWith('ERR_SSL') ? 'tls' : 'closed',
      via: null,
    };
  }
  if (error.phase === 'local') return { kind: 'local', via: null };
  const { icmp } = error;
  const via = icmp === null ? null : ('icmp' as const);
  switch (error.code) {
    case 'ETIMEDOUT':
      return { kind: 'timeout', via: null };
    case 'ECONNREFUSED':
      // A port unreachable of the server's own firewall is its refusal; a router's is a rule on the way.
      if (icmp === null) return { kind: 'refused', via: 'rst' };
      return { kind: error.from === null || error.from === address ? 'refused' : 'prohibited', via };
    case 'ECONNRESET':
    case 'ECONNABORTED':
      return { kind: 'reset', via: 'rst' };
    case 'EPIPE':
      return { kind: 'closed', via: 'fin' };
    case 'EPROTO':
    case 'EBADF':
      return { kind: 'local', via: null };
    default:
      return { kind: isProhibition(icmp, address) ? 'prohibited' : 'unreachable', via };
  }
}

const isProhibition = (icmp: FlowFailure['icmp'], address: string) =>
  icmp !== null && icmpMeaning(familyOf(address), icmp) === 'prohibited';

/** Of a TLS error the reason: its message has file names of OpenSSL. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { reason } = error as { reason?: unknown };
  return typeof reason === 'string' && reason !== '' ? `TLS: ${reason}` : error.message;
}

function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code.slice(0, 100) : null;
}
