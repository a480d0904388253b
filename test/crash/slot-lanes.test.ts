// The real lanes over a model world: every boundary broken in every way, hosts that die and come back on the way,
// and whoever goes on: the bastion with the journal, or another one with an empty journal that has only what the
// hosts show. The quick suite plays a seeded share.
import { expect, test } from 'vitest';
import { randomFrom } from '../support/random.js';
import type { SlotWorld } from '../support/slot-world.js';
import { type SlotMode, type SlotSchedule, slotModes } from './slot-faults.js';
import { playSlots, type SlotStory, type SlotStorySetup } from './slot-story.js';
import { byLength } from './tell.js';

/** What happens to a host when a boundary is reached, and a while later. */
type Event = (k: number) => (n: number, world: SlotWorld) => void;

const events: { readonly [name: string]: Event } = {
  'OLD loses its power': (k) => (n, world) => n === k && world.fail('imap21'),
  'OLD loses the network': (k) => (n, world) => n === k && world.cut('imap21'),
  'OLD boots on the way': (k) => (n, world) => {
    if (n === k) world.fail('imap21');
    if (n === k + 25) world.bringBack('imap21');
  },
  'OLD is away for a while': (k) => (n, world) => {
    if (n === k) world.cut('imap21');
    if (n === k + 25) world.bringBack('imap21');
  },
  'OLD comes back': (k) => (n, world) => n === k && world.bringBack('imap21'),
  'NEW boots on the way': (k) => (n, world) => {
    if (n === k) world.fail('imap22');
    if (n === k + 15) world.bringBack('imap22');
  },
  'NEW is away for a while': (k) => (n, world) => {
    if (n === k) world.cut('imap22');
    if (n === k + 15) world.bringBack('imap22');
  },
  'NEW dies': (k) => (n, world) => n === k && world.fail('imap22'),
};

const worlds: { readonly [name: string]: Partial<SlotStorySetup> } = {
  'OLD alive': {},
  'OLD alive, and its files say nothing of the other role': {
    before: (world) => {
      world.confPerRole = false;
    },
  },
  'OLD cut off': { before: (world) => world.cut('imap21') },
  'OLD without power': { before: (world) => world.fail('imap21') },
};

function tell(what: string, schedule: SlotSchedule, story: SlotStory): string {
  const faults = [...schedule].map(([n, mode]) => `${mode} at ${n} (${story.crossed[n - 1]?.label})`);
  return `${what} ${faults.join(', ')}: ${story.complaints.join('; ')}\n  ${story.told.join('\n  ')}\n  ${story.world.done.join(', ')}`;
}

/** Plays a share of all schedules of one fault; gives how many. */
async function playSingles(setup: SlotStorySetup, share: number, seed: number): Promise<number> {
  const random = randomFrom(seed);
  const calm = await playSlots(setup);
  expect(calm.complaints).toEqual([]);
  const failures: string[] = [];
  let played = 0;
  for (const { n, op } of calm.crossed) {
    for (const mode of slotModes[op]) {
      if (random() >= share) continue;
      const schedule = new Map([[n, mode]]);
      const story = await playSlots({ ...setup, schedule });
      played += 1;
      if (story.complaints.length > 0) failures.push(tell('', schedule, story));
    }
  }
  expect(failures.slice(0, 3)).toEqual([]);
  return played;
}

/** Plays an event at a share of all boundaries, alone or with a crash some boundaries later; gives how many. */
async function playEvents(
  name: string,
  setup: SlotStorySetup,
  share: number,
  crashes: readonly number[],
): Promise<number> {
  const random = randomFrom(name.length);
  const calm = await playSlots(setup);
  const failures: string[] = [];
  let played = 0;
  for (const { n } of calm.crossed) {
    for (const after of crashes) {
      if (random() >= share) continue;
      const crash: readonly (readonly [number, SlotMode])[] =
        after === 0 ? [] : [[n + after, 'crash-before']];
      const schedule = new Map(crash);
      const story = await playSlots({ ...setup, schedule, onCross: events[name]?.(n) });
      played += 1;
      if (story.complaints.length > 0)
        failures.push(tell(`${name} at ${n} (${story.crossed[n - 1]?.label})`, schedule, story));
    }
  }
  expect(failures.slice(0, 3)).toEqual([]);
  return played;
}

const timeout = byLength(120_000, 600_000, 3_600_000);
const single = byLength(0.06, 0.3, 1);
const least = byLength(12, 70, 300);

for (const [name, world] of Object.entries(worlds)) {
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

for (const name of Object.keys(events)) {
  const before = worlds[name === 'OLD comes back' ? 'OLD without power' : 'OLD alive'];
  const gone = name === 'NEW dies' ? ['imap22'] : [];
  test(`${name}, at any moment of a failover`, { timeout }, async () => {
    for (const next of ['resume', 'other-after-expiry'] as const) {
      const played = await playEvents(name, { slots: 1, ...before, gone, next }, byLength(0.25, 1, 1), [0]);
      expect(played).toBeGreaterThan(10);
    }
  });
  test(`${name}, and mailctl dies a little later`, { timeout }, async () => {
    for (const next of ['resume', 'other-after-expiry'] as const) {
      const played = await playEvents(
        name,
        { slots: 1, ...before, gone, next },
        byLength(0.04, 0.2, 1),
        [2, 7, 14, 22],
      );
      expect(played).toBeGreaterThan(5);
    }
  });
}

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
