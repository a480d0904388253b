// A former master comes back, and its rejoin breaks at every boundary in every way, and at pairs of them; then the
// same bastion goes on, or another begins anew. No second master, nothing lost, nothing of what was deleted brought
// back, and no debt is closed before it is paid.
import { expect, test } from 'vitest';
import { pick, randomFrom } from '../support/random.js';
import { allModes, modesOf, type Schedule } from './boundaries.js';
import { byLength, CRASH_TIMEOUT as timeout } from './length.js';
import { shuffled } from './play.js';
import { playRejoin, type RejoinSetup } from './rejoin-story.js';

const COMES_BACK: { readonly [name: string]: Pick<RejoinSetup, 'stray' | 'third' | 'strayThird'> } = {
  'demoted before': { stray: false },
  'as a stray that takes mail': { stray: true },
  'as a stray, beside a third': { stray: true, third: true },
  'demoted, beside a third that is a stray': { stray: false, third: true, strayThird: true },
};
const nexts = ['resume', 'other-after-expiry', 'other-takes-over'] as const;

async function failuresOf(setup: RejoinSetup, schedules: Iterable<Schedule>): Promise<string[]> {
  const failures: string[] = [];
  for (const schedule of schedules) {
    const { complaints, told, crossed, world } = await playRejoin({ ...setup, schedule });
    if (complaints.length === 0) continue;
    const faults = [...schedule].map(([n, mode]) => `${mode} at ${n} (${crossed[n - 1]?.label})`);
    failures.push(
      `${faults.join(', ')}: ${complaints.join('; ')}\n  ${told.join('\n  ')}\n  ${world.done.join(', ')}`,
    );
    if (failures.length >= 3) break;
  }
  return failures;
}

/** The quick part plays one of so many. */
const SHARE = 41;

let turn = 0;
for (const [name, back] of Object.entries(COMES_BACK)) {
  test(`without a fault, ${name}: everything is on the master, and its copy is one`, async () => {
    const story = await playRejoin({ ...back, next: 'resume' });
    expect(story.complaints).toEqual([]);
    expect(story.told.join('\n')).toMatch(/first: store1 done/);
    expect(story.told.at(-1)).toMatch(/nothing to do$/);
  });

  for (const next of nexts) {
    const at = turn;
    turn += 4;
    test(`every single fault, ${name}; who goes on: ${next}`, { timeout }, async () => {
      const calm = await playRejoin({ ...back, next });
      const rounds = calm.crossed
        .slice(0, calm.steps)
        .flatMap(({ n, op }) => modesOf[op].map((mode): Schedule => new Map([[n, mode]])))
        // The quick part shares them out among its tests; the long one plays all.
        .filter((_, index) => index % byLength(SHARE, 1) === byLength(at, 0));
      expect(await failuresOf({ ...back, next }, rounds)).toEqual([]);
    });
  }
}

test('pairs of faults', { timeout }, async () => {
  const random = randomFrom(5);
  for (const next of nexts) {
    const setup = { stray: true, next };
    const calm = await playRejoin(setup);
    const firsts = shuffled(random, calm.crossed.slice(0, calm.steps)).slice(0, byLength(8, 400));
    const schedules = firsts.map(
      ({ n, op }): Schedule =>
        new Map([
          [n, pick(random, modesOf[op])],
          [n + 1 + Math.floor(random() * 40), pick(random, allModes)],
        ]),
    );
    expect(await failuresOf(setup, schedules)).toEqual([]);
  }
});

test('a replica before its own mail was sent loses it: the suite sees that', async () => {
  const story = await playRejoin({
    stray: true,
    next: 'resume',
    alter: (lane) => {
      const late = lane.steps.filter(({ action }) => action === 'slot.replay');
      const rest = lane.steps.filter(({ action }) => action !== 'slot.replay');
      const at = rest.findIndex(({ action }) => action === 'slot.make-equal') + 1;
      return { ...lane, steps: [...rest.slice(0, at), ...late, ...rest.slice(at)] };
    },
  });
  expect(story.complaints.join()).toMatch(/acknowledged messages|are not on imap22/);
});

test('what was kept for the next rejoin is cleared by who goes on and finds it over', async () => {
  // It stood still while it compared, so that somebody seemed to differ; it was cut off before its end.
  for (const [first, second, mode] of [
    [57, 111, 'abort'],
    [57, 114, 'unseen'],
    [60, 83, 'crash-before'],
  ] as const) {
    const schedule: Schedule = new Map([
      [first, 'pause'],
      [second, mode],
    ]);
    expect(await failuresOf({ stray: true, next: 'resume' }, [schedule])).toEqual([]);
  }
});
