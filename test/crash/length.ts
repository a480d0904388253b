// How much of the crash suite is played: MAILCTL_CRASH=long for CI (npm run test:crash), quick for npm test. A step is
// one boundary that was crossed while things could still break: an append, a look, an act or an undo.

const { MAILCTL_CRASH: wanted } = process.env;

/** One of two, by how much is wanted. */
export const byLength = <T>(quick: T, long: T): T => (wanted === 'long' ? long : quick);

/** Least steps of each part. What a part plays beyond that is not counted on. */
export const STEPS = byLength(
  { singles: 60_000, pairs: 40_000, operators: 30_000, hosts: 35_000, thirds: 35_000 },
  { singles: 200_000, pairs: 350_000, operators: 150_000, hosts: 150_000, thirds: 150_000 },
);

/** What all parts come to together. */
export const ALL_STEPS = byLength(200_000, 1_000_000);

/** ms that one test may take. */
export const CRASH_TIMEOUT = byLength(240_000, 1_800_000);
