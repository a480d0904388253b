// Rates from counts over stretches of time, with the range that so few counts allow, and what follows from them: the
// time to empty, and what reaches the end of its life before its turn. Pure.

/** What was counted in a stretch of time. */
export interface Part {
  readonly ms: number;
  readonly count: number;
}

/** Counts per minute, and where the true rate lies in all likelihood (two standard errors). */
export interface Rate {
  readonly perMin: number;
  readonly lowPerMin: number;
  readonly highPerMin: number;
}

const MINUTE = 60_000;

/** The rate of these parts; null: no time has passed. Parts that differ widen the range, and so does a small count. */
export function rateOf(parts: readonly Part[]): Rate | null {
  const timed = parts.filter(({ ms }) => ms > 0);
  const ms = timed.reduce((sum, part) => sum + part.ms, 0);
  if (ms <= 0) return null;
  const count = timed.reduce((sum, part) => sum + Math.max(0, part.count), 0);
  const perMs = count / ms;
  // Mail that comes one by one, or in bursts that the parts show.
  const single = Math.max(1, count) / ms ** 2;
  const spread =
    timed.length < 3
      ? 0
      : (timed.reduce((sum, part) => sum + (part.count - perMs * part.ms) ** 2, 0) / ms ** 2) *
        (timed.length / (timed.length - 1));
  const error = 2 * Math.sqrt(Math.max(single, spread));
  return {
    perMin: perMs * MINUTE,
    lowPerMin: Math.max(0, perMs - error) * MINUTE,
    highPerMin: (perMs + error) * MINUTE,
  };
}

/** The rate of several that have nothing to do with each other; null: of none it is known. */
export function sumRates(rates: readonly (Rate | null)[]): Rate | null {
  const known = rates.filter((rate) => rate !== null);
  if (known.length === 0) return null;
  const perMin = known.reduce((sum, rate) => sum + rate.perMin, 0);
  const error = Math.sqrt(known.reduce((sum, rate) => sum + (rate.highPerMin - rate.perMin) ** 2, 0));
  return { perMin, lowPerMin: Math.max(0, perMin - error), highPerMin: perMin + error };
}

/** How long what waits takes to go, in seconds; null: it does not go at that rate. */
export interface TimeToEmpty {
  readonly seconds: number | null;
  readonly lowSeconds: number | null;
  readonly highSeconds: number | null;
}

/** At this rate, whatever comes meanwhile. */
export function timeToEmpty(waiting: number, { perMin, lowPerMin, highPerMin }: Rate): TimeToEmpty {
  const at = (rate: number): number | null =>
    waiting === 0 ? 0 : rate <= 0 ? null : Math.round((waiting / rate) * 60);
  return { seconds: at(perMin), lowSeconds: at(highPerMin), highSeconds: at(lowPerMin) };
}

/**
 * Messages that reach the end of their life before their turn, if those that end first have the first turns: a server
 * that takes them in another order loses more. `ends`: epoch seconds, ascending.
 */
export function expiring(ends: ArrayLike<number>, perMin: number, now: number): number {
  const perSecond = perMin / 60;
  let served = 0;
  let lost = 0;
  for (let at = 0; at < ends.length; at++) {
    const end = ends[at] ?? 0;
    if (perSecond > 0 && now + (served + 1) / perSecond <= end) served += 1;
    else lost += 1;
  }
  return lost;
}
