// Numbers beside the words that they count. Pure.

/** `604,112`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `slot` or `slots`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return count === 1 ? noun : nouns;
}

/** `1 slot`, `3 slots`. */
export function counted(count: number, noun: string): string {
  return `${count} ${plural(count, noun)}`;
}

/** `604,112 messages`. */
export function countedGrouped(count: number, noun: string, nouns?: string): string {
  return `${grouped(count)} ${plural(count, noun, nouns)}`;
}
