// Every boundary of a failover, each broken in every way once, then gone on with until the run is closed.
import { expect, test } from 'vitest';
import { modesOf } from './faults.js';
import { play, type StorySetup } from './story.js';
import { tell } from './tell.js';

/** All schedules of one fault for a setup, by the boundaries of its undisturbed run. Gives their number. */
async function playSingles(setup: StorySetup): Promise<number> {
  const calm = await play(setup);
  expect(calm.complaints).toEqual([]);
  const failures: string[] = [];
  let played = 0;
  for (const { n, op } of calm.crossed) {
    for (const mode of modesOf[op]) {
      const schedule = new Map([[n, mode]]);
      const story = await play({ ...setup, schedule });
      played += 1;
      if (story.complaints.length > 0) failures.push(tell(schedule, story));
    }
  }
  expect(failures.slice(0, 5)).toEqual([]);
  return played;
}

test('a failover with OLD alive survives every single fault', { timeout: 60_000 }, async () => {
  expect(await playSingles({})).toBeGreaterThan(200);
});

test('a failover with OLD dead survives every single fault', { timeout: 60_000 }, async () => {
  expect(await playSingles({ oldIsDead: true })).toBeGreaterThan(150);
});

test('a failover with OLD crashed on a living host survives every single fault', {
  timeout: 60_000,
}, async () => {
  expect(await playSingles({ oldHasCrashed: true })).toBeGreaterThan(200);
});

test('a failover with a third instance survives every single fault', { timeout: 60_000 }, async () => {
  expect(await playSingles({ third: true })).toBeGreaterThan(200);
});

test('a run that is undone after any single fault is reverted, or done if it had committed', {
  timeout: 60_000,
}, async () => {
  expect(await playSingles({ follow: 'undo' })).toBeGreaterThan(200);
});
