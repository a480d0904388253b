// How much of the crash suite is played: MAILCTL_CRASH=long for CI (npm run test:crash), quick for npm test. A step is
// one boundary that was crossed while things could still break: an append, a look, an act or an undo. The long suite
// plays all single faults and all pairs of the main stories; the quick one a share of them.

const { MAILCTL_CRASH: wanted } = process.env;

/** One of two, by how much is wanted. */
export const byLength = <T>(quick: T, long: T): T => (wanted === 'long' ? long : quick);

/** Least steps of each part. What a part plays beyond that is not counted on. */
export const STEPS = byLength(
  {
    planned: 6000,
    plannedThird: 9000,
    dead: 3000,
    deadThird: 5000,
    rejoin: 11_000,
    rejoinThird: 14_000,
    singles: 28_000,
    operators: 42_000,
    hosts: 42_000,
    thirds: 42_000,
  },
  {
    planned: 300_000,
    plannedThird: 700_000,
    dead: 80_000,
    deadThird: 280_000,
    rejoin: 1_000_000,
    rejoinThird: 1_200_000,
    singles: 160_000,
    operators: 150_000,
    hosts: 150_000,
    thirds: 150_000,
  },
);

/** What all parts come to together. */
export const ALL_STEPS = byLength(200_000, 4_000_000);

/** ms that one test may take. */
export const CRASH_TIMEOUT = byLength(600_000, 1_800_000);
