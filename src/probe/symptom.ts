// From what is wrong with an uplink to the kind of packets that shows where: only packets that meet the fault can find
// its hop. Small packets find nothing where only large ones vanish, new connections nothing where old ones die. Pure.
import type { PairObservation } from './observation.js';
import { readPair } from './reading.js';
import type { Verdict } from './verdict.js';

/** What is looked for, and so how. */
export type Symptom =
  /** Nothing: the way as it is. */
  | { readonly kind: 'none' }
  /** No connection: beginnings of connections that shall not come far. */
  | { readonly kind: 'no-connect' }
  /** Some connections are dead: beginnings on this source port, which is one of them. */
  | { readonly kind: 'some-flows'; readonly sourcePort: number }
  /** Large packets vanish. */
  | { readonly kind: 'size' }
  /** Connections die whatever their packets. */
  | { readonly kind: 'flow' }
  | { readonly kind: 'loss' }
  | { readonly kind: 'slow' }
  /** Somebody on the way answers. */
  | { readonly kind: 'intercepted' };

/** What to look for where an uplink has this verdict, by the pair that shows it; null: no trace would show anything. */
export function symptomOf(verdict: Verdict, suspect: PairObservation): Symptom | null {
  const { fault } = readPair(suspect);
  const dead = suspect.flows.find(({ again, localPort }) => again?.result === 'dead' && localPort !== null);
  switch (verdict) {
    case 'unreachable':
      return { kind: 'no-connect' };
    case 'slow':
      return { kind: 'slow' };
    case 'lossy':
      return { kind: 'loss' };
    case 'mtu':
      return { kind: 'size' };
    case 'intercepted':
      return { kind: 'intercepted' };
    case 'hangs':
      if (fault?.kind === 'stall') return { kind: fault.size === 'flow' ? 'flow' : 'size' };
      return dead?.localPort == null ? { kind: 'flow' } : { kind: 'some-flows', sourcePort: dead.localPort };
    // A reply, a server's own fault, nothing seen: no matter of the way.
    default:
      return null;
  }
}
