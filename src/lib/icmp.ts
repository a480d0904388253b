// What a router or a host says by an ICMP error of "destination unreachable" and its kin (RFC 792, RFC 1812 5.2.7.1,
// RFC 4443). Pure.
import type { IpFamily } from './ip.js';

/** Type and code of a message. */
export interface IcmpCode {
  readonly type: number;
  readonly code: number;
}

/**
 * `expired`: its life ended on the way. `unreachable`: nobody listens on that port. `too-big`: it must not be cut, and
 * would have to be. `prohibited`: a rule. `no-route`: whatever else keeps it from going on.
 */
export type IcmpMeaning = 'expired' | 'unreachable' | 'too-big' | 'prohibited' | 'no-route';

/** What the message means. */
export function icmpMeaning(family: IpFamily, { type, code }: IcmpCode): IcmpMeaning {
  if (family === 6) {
    if (type === 3) return 'expired';
    if (type === 2) return 'too-big';
    if (type !== 1) return 'no-route';
    if (code === 4) return 'unreachable';
    return code === 1 || code === 5 || code === 6 ? 'prohibited' : 'no-route';
  }
  if (type === 11) return 'expired';
  if (type !== 3) return 'no-route';
  if (code === 3) return 'unreachable';
  if (code === 4) return 'too-big';
  return code === 9 || code === 10 || code === 13 ? 'prohibited' : 'no-route';
}
