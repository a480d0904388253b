// Rates as operators write them: `50/s 3000/m 100/h`. Numbers inside the program are events per second.

const SECONDS = { s: 1, m: 60, h: 3600 } as const;
const RATE = /^(\d{1,9})\/([smh])$/;

/** Text to events per second. undefined: not a rate; a rate of nothing is none either. */
export function parseRate(text: string): number | undefined {
  const match = RATE.exec(text);
  if (match === null) return undefined;
  const perSecond = Number(match[1]) / SECONDS[match[2] as keyof typeof SECONDS];
  return perSecond > 0 ? perSecond : undefined;
}

/** The same rate in the largest unit that makes it whole: `50/s`, `90/m`, `1/h`. */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return '?';
  for (const [unit, seconds] of Object.entries(SECONDS)) {
    const count = perSecond * seconds;
    // 100/60 times 60 is not exactly 100 in binary.
    if (Math.abs(count - Math.round(count)) < 1e-6 * Math.max(1, count))
      return `${Math.round(count)}/${unit}`;
  }
  return `${(perSecond * SECONDS.h).toFixed(1)}/h`;
}
