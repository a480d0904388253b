// Patterns for addresses, domains and names of queues: `*` any text, `?` one character, everything else itself, since
// mail addresses may hold brackets and braces. Case does not count. Takes time in proportion to both texts, whatever
// they hold.

/** A test for texts: whether any of the patterns fits; no pattern: nothing does. */
export function textGlobs(patterns: readonly string[]): (text: string) => boolean {
  const lower = patterns.map((pattern) => pattern.toLowerCase());
  const exact = new Set(lower.filter((pattern) => !/[*?]/.test(pattern)));
  const globs = lower.filter((pattern) => /[*?]/.test(pattern));
  return (text) => {
    const tried = text.toLowerCase();
    return exact.has(tried) || globs.some((pattern) => matches(pattern, tried));
  };
}

function matches(pattern: string, text: string): boolean {
  let at = 0;
  let i = 0;
  // Where the last star stands, and where in the text it was tried from last.
  let star = -1;
  let from = 0;
  while (i < text.length) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at;
      at += 1;
      from = i;
    } else if (wanted === '?' || wanted === text[i]) {
      at += 1;
      i += 1;
    } else if (star >= 0) {
      at = star + 1;
      from += 1;
      i = from;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}
