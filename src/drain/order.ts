// In which order a drain lets messages go, within a destination: what would be returned before the drain could end,
// then mail of the senders that the configuration puts first, then the rest, then those that it puts last; the oldest
// first in each. Destinations do not wait for each other, so that an order among them would mean nothing. Pure.
import { textGlobs } from '../lib/text-glob.js';
import type { MessageKey } from '../queue/message.js';

/** Smaller goes first. */
export const RANKS = { expiring: 0, first: 1, rest: 2, last: 3 } as const;

/** The configuration's word: globs of envelope senders. */
export interface SenderOrder {
  readonly first: readonly string[];
  readonly last: readonly string[];
}

/** The null sender as configurations and servers write it. */
const NULL_SENDER = '<>';

/** A message's rank; `expiresBefore`: what arrived before it goes first of all, epoch seconds. A sender in both goes first. */
export function rankOf({
  first,
  last,
}: SenderOrder): (key: Pick<MessageKey, 'sender' | 'arrivedAt'>, expiresBefore: number | null) => number {
  const [isFirst, isLast] = [textGlobs(first), textGlobs(last)];
  // A million messages have a few senders each; a glob is tried once for each of them.
  const known = new Map<string, number>();
  return ({ sender, arrivedAt }, expiresBefore) => {
    if (expiresBefore !== null && arrivedAt !== null && arrivedAt < expiresBefore) return RANKS.expiring;
    if (sender === null) return RANKS.rest;
    const name = sender === '' ? NULL_SENDER : sender;
    let rank = known.get(name);
    if (rank === undefined) {
      rank = isFirst(name) ? RANKS.first : isLast(name) ? RANKS.last : RANKS.rest;
      if (known.size < MOST_KNOWN) known.set(name, rank);
    }
    return rank;
  };
}

const MOST_KNOWN = 100_000;
