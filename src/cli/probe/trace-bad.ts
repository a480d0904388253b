// The hops of the uplinks that are bad.

import type { ProbeSight } from '../../probe/gather.js';
import type { Judgement, UplinkVerdict } from '../../probe/judge.js';
import type { RouteSeen } from '../../probe/observation.js';
import type { Context } from '../context.js';

/** Where an uplink is bad. */
export interface Located {
  readonly route: RouteSeen;
  readonly finding:
    | {
        readonly hop: {
          readonly ttl: number;
          readonly address: string;
          readonly name: string | null;
          readonly evidence: string;
        };
        readonly why: null;
      }
    | { readonly hop: null; readonly why: string };
  readonly tookMs: number;
}

/** Traces them; what is not traced has no hop. */
export async function traceBad(
  _judgement: Judgement,
  _sight: ProbeSight,
  _context: Context,
): Promise<ReadonlyMap<UplinkVerdict, Located>> {
  return new Map();
}
