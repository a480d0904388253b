// What ssh's own words mean, when it could not open a connection. Its texts are stable and never translated; those
// here are of OpenSSH 7.4 to 9.9. They come partly from the other side, so that nothing of them goes into a message:
// the detail carries them, raw and cut. What we do not know is never called dead.
import type { TransportFailure } from '../errors.js';

/** `closed-early`: worth one more try (MaxStartups drops at random when many log in at once). */
export interface SshFailure {
  readonly kind: TransportFailure | 'closed-early' | 'local-config';
  /** For a message, after the host's name. */
  readonly what: string;
}

// The first that matches wins. Order: what was seen of the host beats what is said of the way to it, and a host key
// that does not fit is named even if a login is refused after it.
const FAILURES: readonly (readonly [RegExp, SshFailure['kind'], string])[] = [
  [
    /bad configuration option|bad owner or permissions on|can't open user config file|no argument after keyword|unsupported option|bad stricthostkeychecking|missing argument/i,
    'local-config',
    'ssh does not accept its configuration',
  ],
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|host identification has changed/i,
    'host-key',
    'its host key has CHANGED',
  ],
  [/revoked|REVOKED HOST KEY/, 'host-key', 'its host key is revoked'],
  [
    /host key verification failed|host key is known for|no hostkey alg|host certificate/i,
    'host-key',
    'its host key is not known here',
  ],
  [
    /permission denied|too many authentication failures|no more authentication methods|no supported authentication methods/i,
    'auth',
    'it refused the login',
  ],
  [/timed out during banner exchange/i, 'hung', 'TCP opens and no ssh banner comes'],
  [
    /unable to negotiate|no matching (host key|key exchange|cipher|mac)/i,
    'unsupported',
    'its ssh and ours have no algorithm in common',
  ],
  [
    /no ssh version received|remote protocol version|protocol mismatch|bad remote protocol|invalid banner|banner line contains invalid/i,
    'unsupported',
    'what listens there is no ssh server',
  ],
  [/connection refused/i, 'refused', 'it refuses the ssh port'],
  [
    /could not resolve|name or service not known|temporary failure in name resolution|nodename nor servname/i,
    'unreachable',
    'its name has no address',
  ],
  [
    /no route to host|network is unreachable|network is down|host is down|connection timed out|operation timed out|cannot assign requested address/i,
    'unreachable',
    'no answer',
  ],
  [
    /kex_exchange_identification|ssh_exchange_identification|banner exchange: connection/i,
    'closed-early',
    'it closes the connection before its banner',
  ],
  [/administratively prohibited|open failed/i, 'unsupported', 'its jump host does not let us through'],
  [
    /connection (closed|reset|to \S+ closed)|broken pipe|disconnected from/i,
    'closed-early',
    'it closes the connection before the login',
  ],
  [
    /connection to \S+ (port \d+ )?timed out|timeout, server/i,
    'hung',
    'it stopped answering before the login was done',
  ],
];

/** Reads ssh's stderr or log of a failed connection. */
export function classifySshFailure(text: string): SshFailure {
  for (const [pattern, kind, what] of FAILURES) if (pattern.test(text)) return { kind, what };
  return { kind: 'unsupported', what: 'ssh failed' };
}
