// Does anybody look after what is owed? Only a timer that does what is owed (`slots sample --do-owed`) does; a person
// who looks again and again will go back to bed. Pure.

/** Who looks. */
export interface Watch {
  /** A timer ran just now. */
  readonly isWatched: boolean;
  /** Milliseconds since 1970 of its last turn; null: none is known. */
  readonly lastLookAt: number | null;
}

/** It runs once a minute: one turn may be missing. */
const LATE_MS = 150_000;

/** Judges the last turn of the timer; a time that is yet to come is that of a clock which was set back. */
export function judgeWatch(lastTurnAt: number | null, now: number): Watch {
  const isWatched = lastTurnAt !== null && lastTurnAt <= now && now - lastTurnAt <= LATE_MS;
  return { isWatched, lastLookAt: lastTurnAt };
}
