// Delay reasons as keys of statistics: the causes that `queue why` knows, so that a thousand texts which differ by a
// number, an id or an address are one group. Texts that nobody knows are grouped by their words, up to a bound. Pure.
import { type Cause, reasonReader } from './reasons.js';

/** Different texts that nobody knows, beyond which they become one group. */
const MOST_OTHER = 2000;

/** What a text is counted under: its code and its cause; null: the recipient was not tried yet. */
export type ReasonKeyOf = (reason: string | null) => string | null;

/** One for a command: what it remembers grows to a bound. */
export function reasonKeys(): ReasonKeyOf {
  const read = reasonReader();
  const others = new Set<string>();
  const keys = new Map<Cause, string | null>();
  const keyOf = (cause: Cause): string | null => {
    if (cause.id === 'not-tried') return null;
    const key = [cause.code, withoutCode(cause)].filter(Boolean).join(' ');
    if (cause.id !== 'other' || others.has(key)) return key;
    if (others.size >= MOST_OTHER) return 'other texts';
    others.add(key);
    return key;
  };
  return (reason) => {
    const cause = read(reason);
    const known = keys.get(cause);
    if (known !== undefined) return known;
    if (keys.size >= 20_000) keys.clear();
    const key = keyOf(cause);
    keys.set(cause, key);
    return key;
  };
}

/** The words of an unknown text mostly begin with its code, which is said once. */
function withoutCode({ id, title, code }: Cause): string {
  if (id !== 'other') return title;
  let words = title;
  for (const one of code.split(' ')) if (words.startsWith(one)) words = words.slice(one.length).trimStart();
  return words;
}
