// The real lanes over a model world: every boundary broken in every way, and whoever goes on: the bastion with the
// journal, or another one with an empty journal that has only what the hosts show. The quick suite plays a seeded
// share.
import { expect, test } from 'vitest';
import { playSingles, CRASH_TIMEOUT as timeout, WORLDS } from './slot-play.js';
import { playSlots } from './slot-story.js';
import { byLength } from './tell.js';

const single = byLength(0.06, 0.3, 1);
const least = byLength(12, 70, 300);

for (const [name, world] of Object.entries(WORLDS)) {
  for (const next of ['resume', 'other-after-expiry', 'other-takes-over'] as const) {
    test(`a failover with ${name} survives every single fault; who goes on: ${next}`, {
      timeout,
    }, async () => {
      expect(
        await playSingles({ slots: 1, ...world, next }, single, name.length + next.length),
      ).toBeGreaterThan(least);
    });
  }
}

test('lanes of two slots do not touch each other, whatever breaks', { timeout }, async () => {
  const setup = { slots: 2, hooks: true, next: 'other-after-expiry' } as const;
  expect(await playSingles(setup, byLength(0.02, 0.1, 0.5), 5)).toBeGreaterThan(5);
});

test('a story that breaks a promise is noticed', async () => {
  // OLD is started again behind everybody's back as soon as NEW serves: the world must not call that well.
  const story = await playSlots({
    slots: 1,
    next: 'resume',
    onCross: (_n, world) => {
      const old = world.at('store1', 'imap21');
      if (world.at('store1', 'imap22').runsAs === 'master' && !old.running) {
        old.running = true;
        old.runsAs = 'master';
      }
    },
  });
  expect(story.complaints.join()).toMatch(/two masters|runs as a master/);
});
