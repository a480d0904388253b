// Random stories: one to three lanes, any number of faults, hosts that die and boot whenever they like. After a
// few resumes all hosts are back and nothing breaks any more: then the run must close. A failing seed is
// printed: MAILCTL_CRASH_SEED=N plays it alone.
import { expect, test } from 'vitest';
import { pick, randomFrom } from '../support/random.js';
import { type Mode, modesOf, type Op, type Schedule } from './faults.js';
import { play, type Story } from './story.js';
import { byLength, tell } from './tell.js';
import type { World } from './world.js';

const everyMode = [...new Set((Object.keys(modesOf) as Op[]).flatMap((op) => modesOf[op]))];

async function playSeed(seed: number): Promise<{ schedule: Schedule; story: Story }> {
  const random = randomFrom(seed);
  const faultRate = random() * 0.12;
  const hostRate = random() < 0.5 ? 0 : random() * 0.03;
  const schedule = new Map<number, Mode>();
  for (let n = 1; n < 1500; n += 1) if (random() < faultRate) schedule.set(n, pick(random, everyMode));
  const onCross = (_n: number, world: World): void => {
    if (random() >= hostRate) return;
    const host = pick(random, ['old', 'old', 'new', 'third']);
    if (!world.isUp(host)) world.boot(host);
    else world.fail(host);
  };
  const story = await play({
    schedule,
    slots: pick(random, [1, 1, 2, 3]),
    third: random() < 0.4,
    oldIsDead: random() < 0.4,
    follow: random() < 0.15 ? 'undo' : 'resume',
    healAfter: pick(random, [2, 3, 5]),
    onCross,
  });
  return { schedule, story };
}

test('random faults and hosts that come and go break no promise', {
  timeout: byLength(60_000, 900_000, 7_200_000),
}, async () => {
  const given = process.env.MAILCTL_CRASH_SEED;
  const seeds =
    given === undefined
      ? Array.from({ length: byLength(250, 5000, 50_000) }, (_, index) => index + 1)
      : [Number(given)];
  const failures: string[] = [];
  const ends = new Map<string, number>();
  for (const seed of seeds) {
    const { schedule, story } = await playSeed(seed);
    if (story.complaints.length > 0) failures.push(`seed ${seed}: ${tell(schedule, story)}`);
    for (const { state } of story.result.lanes) ends.set(state, (ends.get(state) ?? 0) + 1);
  }
  expect(failures.slice(0, 3)).toEqual([]);
  // The stories must reach both ends, or they prove little.
  if (given === undefined) {
    expect(ends.get('done')).toBeGreaterThan(50);
    expect(ends.get('reverted')).toBeGreaterThan(20);
  }
});
