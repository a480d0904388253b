// Two faults: the second at any boundary after the first, also during the revert or the resume that the first
// one caused. A seeded sample of them; MAILCTL_CRASH=long plays ten times as many, =all every pair.
import { expect, test } from 'vitest';
import { randomFrom } from '../support/random.js';
import { modesOf } from './faults.js';
import { play, type StorySetup } from './story.js';
import { byLength, tell } from './tell.js';

/** Plays every pair with the given probability; gives how many. */
async function playPairs(setup: StorySetup, probability: number, seed: number): Promise<number> {
  const random = randomFrom(seed);
  const failures: string[] = [];
  let played = 0;
  for (const first of (await play(setup)).crossed) {
    for (const mode of modesOf[first.op]) {
      if (random() >= Math.sqrt(probability)) continue;
      const { crossed } = await play({ ...setup, schedule: new Map([[first.n, mode]]) });
      for (const second of crossed.slice(first.n)) {
        for (const then of modesOf[second.op]) {
          if (random() >= Math.sqrt(probability)) continue;
          const schedule = new Map([
            [first.n, mode],
            [second.n, then],
          ]);
          const story = await play({ ...setup, schedule });
          played += 1;
          if (story.complaints.length > 0) failures.push(tell(schedule, story));
        }
      }
    }
  }
  expect(failures.slice(0, 5)).toEqual([]);
  return played;
}

const share = byLength(0.012, 0.1, 1);
const least = byLength(60, 500, 5000);
const timeout = byLength(60_000, 900_000, 7_200_000);

test('a failover with OLD alive survives two faults', { timeout }, async () => {
  expect(await playPairs({}, share, 1)).toBeGreaterThan(least);
});

test('a failover with OLD dead survives two faults', { timeout }, async () => {
  expect(await playPairs({ oldIsDead: true }, share, 2)).toBeGreaterThan(least);
});

test('a run that is undone after the first execution survives two faults', { timeout }, async () => {
  expect(await playPairs({ follow: 'undo' }, share, 3)).toBeGreaterThan(least);
});
