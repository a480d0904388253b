// Does anybody look after what is owed? A timer stores what it sees once a minute, so that its samples tell. Pure.

/** Who looks, as the stored samples show. */
export interface Watch {
  /** Somebody has looked again and again, and just now. */
  readonly isWatched: boolean;
  /** Milliseconds since 1970 of the newest look; null: none is known. */
  readonly lastLookAt: number | null;
}

/** Looks of this run and before it; a timer makes one a minute. */
const WINDOW_MS = 330_000;
const LATE_MS = 150_000;
const ENOUGH = 3;
/** Samples of one look are stored within this. */
const ONE_LOOK_MS = 20_000;

/** Judges the times at which samples were stored, without those of this run itself (`before`). */
export function judgeWatch(seenAt: readonly number[], before: number): Watch {
  const looks: number[] = [];
  for (const at of [...seenAt].sort((a, b) => a - b)) {
    if (at >= before || at < before - WINDOW_MS) continue;
    if (looks.length === 0 || at - (looks.at(-1) as number) > ONE_LOOK_MS) looks.push(at);
  }
  const earlier = seenAt.filter((at) => at < before);
  const last = earlier.length === 0 ? null : Math.max(...earlier);
  return {
    isWatched: looks.length >= ENOUGH && last !== null && before - last <= LATE_MS,
    lastLookAt: last,
  };
}
