// The hops of the uplinks that are bad, within a time of their own; names of routers are an ornament and get less.
import { setMaxListeners } from 'node:events';
import type { ProbeSight } from '../../probe/gather.js';
import type { Judgement, UplinkVerdict } from '../../probe/judge.js';
import { type Located, locate } from '../../probe/locate.js';
import type { Context } from '../context.js';
import { routerNames } from './router-names.js';

export type { Located } from '../../probe/locate.js';

/** ms for all bad uplinks together. */
const TRACE_MS = 6000;
/** ms from the beginning of the command until the last trace ends, and what a trace gets however late it begins. */
const ALL_MS = 11_200;
const LEAST_MS = 1500;

/** The hops of the bad uplinks, within a time of their own. */
export async function traceBad(
  { uplinks }: Judgement,
  { vantages, observations }: ProbeSight,
  context: Context,
  elapsedMs: number,
): Promise<ReadonlyMap<UplinkVerdict, Located>> {
  const { clock, interruption } = context;
  const found = new Map<UplinkVerdict, Located>();
  const late = new AbortController();
  const traceMs = Math.max(LEAST_MS, Math.min(TRACE_MS, ALL_MS - elapsedMs));
  const stop = clock.timer(traceMs, () => late.abort(new Error('no time left')));
  const signal = AbortSignal.any([late.signal, interruption.abort]);
  setMaxListeners(0, signal);
  const nameOf = routerNames(context);
  try {
    await Promise.all(
      uplinks.map(async (verdict) => {
        const { suspect } = verdict;
        const vantage = suspect === null ? undefined : vantages.get(suspect.from);
        if (suspect === null || vantage === undefined || !observations.includes(suspect)) return;
        const located = await locate(vantage, verdict.verdict, suspect, { clock, signal, nameOf });
        if (located !== null) found.set(verdict, located);
      }),
    );
  } finally {
    stop();
  }
  interruption.abort.throwIfAborted();
  return found;
}
