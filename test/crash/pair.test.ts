// Two faults: every boundary of a failover and every one after it, also of the revert or the resume that the first
// fault caused. The quick part plays a seeded share of them, the long one as many as its steps allow.
import { test } from 'vitest';
import { STEPS, CRASH_TIMEOUT as timeout } from './length.js';
import { pairs, playWell, WORLDS } from './play.js';

const setups = [
  ['OLD alive', 'resume', 1],
  ['OLD without power', 'resume', 2],
  ['OLD alive', 'other-after-expiry', 3],
  ['OLD alive', 'undo', 4],
] as const;

for (const [name, next, seed] of setups) {
  test(`a failover with ${name} survives two faults; who goes on: ${next}`, { timeout }, async () => {
    await playWell(pairs({ slots: 1, ...WORLDS[name], next }, name, seed), STEPS.pairs / setups.length);
  });
}
