// "Did you mean": the known words that are near to one that nobody knows. Pure; at most a few thousand words.

/** The nearest of `known`, best first, at most `limit`; empty when nothing is near enough to be meant. */
export function nearest(word: string, known: Iterable<string>, limit = 3): readonly string[] {
  const wanted = word.toLowerCase().slice(0, 64);
  const allowed = Math.max(1, Math.floor(wanted.length / 3));
  const scored: { name: string; distance: number }[] = [];
  for (const name of known) {
    const candidate = name.toLowerCase().slice(0, 64);
    // A word that begins like a known one (or the other way round) may be meant, however long the rest is; a
    // slip of one letter is the better guess.
    const isPrefix =
      wanted.length >= 3 &&
      candidate.length >= 3 &&
      (candidate.startsWith(wanted) || wanted.startsWith(candidate));
    const edits = editDistance(wanted, candidate, allowed);
    const distance = isPrefix ? Math.min(edits, 1.5) : edits;
    if (distance <= allowed || isPrefix) scored.push({ name, distance });
  }
  scored.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return scored.slice(0, limit).map((entry) => entry.name);
}

/** Insertions, deletions, replacements and swaps of neighbours that make one of the other; above `limit` is Infinity. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return Number.POSITIVE_INFINITY;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? Number.POSITIVE_INFINITY;
}
