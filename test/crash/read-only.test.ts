// A slot that is made readable, and its reading ended, over a model world: every boundary broken in every way, OLD
// coming back at any moment, and whoever goes on. Nobody reads a second copy while the master serves, and in the
// end the slot is as it was, with all of its mail.
import { expect, test } from 'vitest';
import type { SlotWorld } from '../support/slot-world.js';
import { byLength, CRASH_TIMEOUT as timeout } from './length.js';
import { playWell, singles } from './play.js';
import { playSlots } from './story.js';

/** OLD dies with mail that its replica does not have. */
function diesBehind(world: SlotWorld): void {
  for (const slot of world.slots.keys()) for (let n = 0; n < 5; n += 1) world.deliver(slot, 'late');
  world.fail('imap21');
}

const wishes = { readOnly: new Set(['store1']) };
const setup = { slots: 1, before: diesBehind, wishes } as const;

test('a story without a fault: readable, then ended, and nothing is lost', async () => {
  const story = await playSlots({ ...setup, next: 'resume' });
  expect(story.complaints).toEqual([]);
  expect(story.told[0]).toMatch(/store1 readonly imap21->imap22$/);
  expect(story.told.join('\n')).toMatch(/reading ended0: store1 end-readonly imap21->imap22/);
  const done = story.world.done.join(', ');
  expect(done).toMatch(/role store1@imap22 readonly, start store1@imap22 readonly/);
  expect(done).toMatch(/role store1@imap22 replica, start store1@imap22 replica/);
  expect(story.world.slot('store1').directory.state ?? 'normal').toBe('normal');
});

for (const next of ['resume', 'other-after-expiry', 'other-takes-over'] as const) {
  test(`every single fault on the way; who goes on: ${next}`, { timeout }, async () => {
    await playWell(singles({ ...setup, next }, 'read only'), byLength(2000, 12_000));
  });
}

test('OLD comes back at any moment of it', { timeout }, async () => {
  const calm = await playSlots({ ...setup, next: 'resume' });
  const complaints: string[] = [];
  for (const next of ['resume', 'other-after-expiry'] as const) {
    for (const { n, label } of calm.crossed.filter((_, at) => at % byLength(9, 2) === 0)) {
      const story = await playSlots({
        ...setup,
        next,
        onCross: (at, world) => at === n && world.bringBack('imap21'),
      });
      if (story.complaints.length > 0)
        complaints.push(`back at ${n} (${label}): ${story.complaints.join()}\n${story.told.join('\n')}`);
    }
  }
  expect(complaints.slice(0, 3)).toEqual([]);
});
