// The deliveries that the MXs' logs say a dead master accepted last, looked up on a replica: proof of what is there,
// and the only one besides the canary that finds what is not. Pure. A message that is not there may also have been
// discarded by a filter, or taken away by its user: so one is only missed if nothing later has come over.
import { formatIso } from '../lib/clock.js';

/** One delivery by LMTP to a slot, as an MX logged it. Texts are the log's, raw. */
export interface MxDelivery {
  readonly mx: string;
  readonly slot: string;
  /** Epoch seconds by the MX's clock. */
  readonly at: number;
  readonly recipient: string;
  readonly queueId: string;
  /** With its angle brackets; null: the log does not say. */
  readonly messageId: string | null;
}

/** Messages that lie on a replica's disk. */
export interface RecentMessages {
  readonly slot: string;
  readonly messages: readonly {
    readonly messageId: string;
    /** Its arrival on the master, epoch seconds by the master's clock. */
    readonly arrivedAt: number;
  }[];
  /** False: not everything since then was walked, so that absence says nothing. */
  readonly complete: boolean;
}

/** What the look-up of one slot on one replica came to. Epoch seconds by the stores' clock. */
export interface LookupJudgement {
  /** All deliveries up to then are there; null: not even the first, or none could be told. */
  readonly foundUntil: number | null;
  /** The first one that is missed; null: none is. */
  readonly missingSince: number | null;
  /** The newest delivery of all. */
  readonly newest: number;
  readonly asked: number;
  readonly found: number;
  readonly missing: number;
  /** Not there, although later ones are: filtered or deleted since. */
  readonly gone: number;
  readonly unknown: number;
  /** Seconds that a store's clock is ahead of an MX's, as the messages found show. */
  readonly skews: ReadonlyMap<string, number>;
}

/** A delivery to somebody else that is there and was this much later shows that the log has moved on. */
const MOVED_ON_S = 60;
/** Differences of clocks below this are not told from the way that a message takes. */
const SKEW_S = 2;
/** How far before a delivery its message may have arrived by the store's clock. */
export const SKEW_TOLERANCE_S = 900;

/** Where the look-up of a slot on a host is kept. */
export function lookupKey(slot: string, host: string): string {
  return `${slot}\n${host}`;
}

type State = 'found' | 'missing' | 'unknown';

/** Judges the deliveries of one slot; undefined: there are none. */
export function judgeLookup(
  deliveries: readonly MxDelivery[],
  recent: RecentMessages,
): LookupJudgement | undefined {
  if (deliveries.length === 0) return undefined;
  const arrivals = new Map<string, number[]>();
  for (const { messageId, arrivedAt } of recent.messages)
    arrivals.set(messageId, [...(arrivals.get(messageId) ?? []), arrivedAt]);
  const skews = skewsOf(deliveries, arrivals);
  const marked = deliveries
    .map((delivery) => ({
      ...delivery,
      at: delivery.at + (skews.get(delivery.mx) ?? 0),
      state: stateOf(delivery, arrivals, recent.complete),
    }))
    .sort((a, b) => a.at - b.at);
  const isGone = (index: number): boolean => {
    const own = marked[index] as (typeof marked)[number];
    const later = marked.slice(index + 1);
    const same = later.filter(({ recipient }) => recipient === own.recipient);
    // A mailbox comes over as a whole: a later message of the same one brings what was before it.
    if (same.some(({ state }) => state === 'found')) return true;
    if (same.some(({ state }) => state === 'missing')) return false;
    return later.some(({ state, at }) => state === 'found' && at - own.at >= MOVED_ON_S);
  };
  let foundUntil: number | null = null;
  let missingSince: number | null = null;
  let gone = 0;
  for (const [index, { state, at }] of marked.entries()) {
    if (state === 'missing') {
      if (isGone(index)) gone += 1;
      else missingSince ??= at;
    } else if (state === 'found' && missingSince === null) foundUntil = at;
  }
  const count = (wanted: State) => marked.filter(({ state }) => state === wanted).length;
  return {
    foundUntil,
    missingSince,
    newest: marked.at(-1)?.at ?? 0,
    asked: marked.length,
    found: count('found'),
    missing: count('missing') - gone,
    gone,
    unknown: count('unknown'),
    skews,
  };
}

function stateOf(
  { messageId }: MxDelivery,
  arrivals: ReadonlyMap<string, readonly number[]>,
  complete: boolean,
): State {
  if (messageId === null) return 'unknown';
  if (arrivals.has(messageId)) return 'found';
  return complete ? 'missing' : 'unknown';
}

/** The middle of what the messages that are there show, per MX; small differences are none. */
function skewsOf(
  deliveries: readonly MxDelivery[],
  arrivals: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, number> {
  const differences = new Map<string, number[]>();
  for (const { mx, at, messageId } of deliveries) {
    const own = messageId === null ? undefined : arrivals.get(messageId);
    if (own === undefined) continue;
    const nearest = own.map((one) => one - at).sort((a, b) => Math.abs(a) - Math.abs(b))[0] as number;
    differences.set(mx, [...(differences.get(mx) ?? []), nearest]);
  }
  return new Map(
    [...differences].map(([mx, list]) => {
      const middle = [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
      const isReal = Math.abs(middle) > SKEW_S && Math.abs(middle) <= SKEW_TOLERANCE_S;
      return [mx, isReal ? Math.round(middle) : 0] as const;
    }),
  );
}

/** For people: `17 of the last 20 deliveries are there, 3 missing since 2026-03-12T04:12:09Z`. */
export function describeLookup(lookup: LookupJudgement): string {
  const { asked, found, missing, missingSince, gone, unknown, skews } = lookup;
  const since = missingSince === null ? '' : ` since ${formatIso(missingSince * 1000)}`;
  const parts = [
    `${found} of the last ${asked} ${asked === 1 ? 'delivery is' : 'deliveries are'} there`,
    ...(missing > 0 ? [`${missing} missing${since}`] : []),
    ...(gone > 0 ? [`${gone} filtered or deleted since`] : []),
    ...(unknown > 0 ? [`${unknown} could not be told`] : []),
    ...[...skews]
      .filter(([, skew]) => skew !== 0)
      .map(([mx, skew]) => `the clock of ${mx} is ${Math.abs(skew)} s ${skew > 0 ? 'behind' : 'ahead'}`),
  ];
  return parts.join(', ');
}
