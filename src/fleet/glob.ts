// Globs over host and group names: `*`, `?`, `[ab]`, `{a,b}`; case counts, `!` means nothing. Loads picomatch,
// so it is reached only when a pattern has a glob character.
import picomatch from 'picomatch';

/** A test for names. @throws SyntaxError or TypeError when the pattern is too long or not a pattern. */
export function globMatcher(pattern: string): (name: string) => boolean {
  const matches = picomatch(pattern, { dot: true, nonegate: true, noextglob: true, noglobstar: true });
  // A second argument would make picomatch return an object, which is always true; filter() gives one.
  return (name) => matches(name);
}
