// Durations as operators write and read them: `90s 5m 2h 3d 500ms` in, `2d14h 41s 6h02m` out. Numbers inside
// the program are always milliseconds. Knows no clock. What it prints for people it also reads back.

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

const DURATION = /^(?:(\d{1,12})d)?(?:(\d{1,12})h)?(?:(\d{1,12})m)?(?:(\d{1,12})s)?(?:(\d{1,12})ms)?$/;

/**
 * Text to milliseconds: whole numbers with a unit, largest unit first (`90s`, `1h30m`). undefined: not a
 * duration; a number without a unit is none either, because nobody knows whether it means seconds.
 */
export function parseDuration(text: string): number | undefined {
  const match = text === '' ? null : DURATION.exec(text);
  if (match === null) return undefined;
  let ms = 0;
  UNITS.forEach(([, size], index) => {
    ms += Number(match[index + 1] ?? 0) * size;
  });
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/**
 * For people, two units at most: `0s 41s 4m59s 41m 6h02m 2d14h`; from ten minutes on without seconds. Rounds
 * down, as ages do; `up` is for figures that must not be understated (a possible loss against its limit).
 * A duration that is no finite number is `?`.
 */
export function formatDuration(ms: number, rounding: 'down' | 'up' = 'down'): string {
  if (!Number.isFinite(ms)) return '?';
  if (ms < 0) return `-${formatDuration(-ms, rounding === 'up' ? 'down' : 'up')}`;
  const round = rounding === 'up' ? Math.ceil : Math.floor;
  const seconds = round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 600) return pair(Math.floor(seconds / 60), 'm', seconds % 60, 's');
  const minutes = round(ms / 60_000);
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 1440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
  const hours = round(ms / 3_600_000);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** How long something took, with the tenth of a second that tells 5.4s from 5.9s; `formatDuration` from 100 s on. */
export function formatElapsed(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0 || ms >= 99_950) return formatDuration(ms);
  return `${(ms / 1000).toFixed(1)}s`;
}

/** Without loss and as configuration files say it: `5m`, `90s`, `1500ms`. Takes whole, not negative milliseconds. */
export function formatExactDuration(ms: number): string {
  const [unit, size] = (ms > 0 && UNITS.find(([, candidate]) => ms % candidate === 0)) || UNITS[3];
  return `${ms / size}${unit}`;
}

function pair(major: number, majorUnit: string, minor: number, minorUnit: string): string {
  return minor === 0
    ? `${major}${majorUnit}`
    : `${major}${majorUnit}${String(minor).padStart(2, '0')}${minorUnit}`;
}
