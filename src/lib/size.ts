// Sizes as operators write and read them: `10k 5M 2G`, steps of 1024. Numbers inside the program are bytes.

const UNITS = ['', 'k', 'M', 'G', 'T'] as const;
const SIZE = /^(\d{1,15}(?:\.\d{1,3})?)([kmgt]?)$/i;

/** Text to bytes: `512`, `10k`, `1.5G`; the case of the unit does not matter. undefined: not a size. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const power = UNITS.findIndex((unit) => unit.toLowerCase() === match[2]?.toLowerCase());
  const bytes = Math.floor(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** For people: `0`, `512`, `1.5k`, `61.2G`, `120M`: a tenth below 100, whole numbers above. */
export function formatSize(bytes: number): string {
  if (!Number.isFinite(bytes)) return '?';
  if (bytes < 0) return `-${formatSize(-bytes)}`;
  let value = Math.floor(bytes);
  let power = 0;
  // 1023.95k would round to 1024k, so the step is taken at what is shown, not at 1024 exactly.
  while (power < UNITS.length - 1 && value >= (power === 0 ? 1024 : 1023.5)) {
    value /= 1024;
    power += 1;
  }
  if (power === 0) return String(value);
  const shown = value < 99.95 ? value.toFixed(1).replace(/\.0$/, '') : value.toFixed(0);
  return `${shown}${UNITS[power]}`;
}
