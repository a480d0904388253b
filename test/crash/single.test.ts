// The real lanes over a model world: every boundary broken in every way, and whoever goes on: the bastion with the
// journal, forward or back, or another one with an empty journal that has only what the hosts show.
import { test } from 'vitest';
import { STEPS, CRASH_TIMEOUT as timeout } from './length.js';
import { playWell, singles, WORLDS } from './play.js';

const nexts = ['resume', 'undo', 'other-after-expiry', 'other-takes-over'] as const;
const share = STEPS.singles / (Object.keys(WORLDS).length * nexts.length);

for (const [name, world] of Object.entries(WORLDS)) {
  for (const next of nexts) {
    test(`a failover with ${name} survives every single fault; who goes on: ${next}`, {
      timeout,
    }, async () => {
      await playWell(singles({ slots: 1, ...world, next }, name), share);
    });
  }
}
