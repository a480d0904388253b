// Plays the real lanes over a model world, with faults and with hosts that die and come back on the way, and tells
// the stories that broke a promise. Shared by the slot-*.test.ts files, which run beside each other.
import { expect, test } from 'vitest';
import { randomFrom } from '../support/random.js';
import type { SlotWorld } from '../support/slot-world.js';
import { type SlotMode, type SlotSchedule, slotModes } from './slot-faults.js';
import { playSlots, type SlotStory, type SlotStorySetup } from './slot-story.js';
import { byLength } from './tell.js';

/** What happens to a host when a boundary is reached, and a while later. */
type Event = (k: number) => (n: number, world: SlotWorld) => void;

const EVENTS: { readonly [name: string]: Event } = {
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

/** What the hosts are like before the failover. */
export const WORLDS: { readonly [name: string]: Partial<SlotStorySetup> } = {
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
export async function playSingles(setup: SlotStorySetup, share: number, seed: number): Promise<number> {
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
      const story = await playSlots({ ...setup, schedule, onCross: EVENTS[name]?.(n) });
      played += 1;
      if (story.complaints.length > 0)
        failures.push(tell(`${name} at ${n} (${story.crossed[n - 1]?.label})`, schedule, story));
    }
  }
  expect(failures.slice(0, 3)).toEqual([]);
  return played;
}

/** ms that one test may take. */
export const CRASH_TIMEOUT = byLength(120_000, 600_000, 3_600_000);

/** One test at each moment of a failover, and one with a crash of mailctl a little later. */
export function testEvents(isMeant: (name: string) => boolean): void {
  for (const name of Object.keys(EVENTS).filter(isMeant)) {
    const before = WORLDS[name === 'OLD comes back' ? 'OLD without power' : 'OLD alive'];
    const gone = name === 'NEW dies' ? ['imap22'] : [];
    test(`${name}, at any moment of a failover`, { timeout: CRASH_TIMEOUT }, async () => {
      for (const next of ['resume', 'other-after-expiry'] as const) {
        const played = await playEvents(name, { slots: 1, ...before, gone, next }, byLength(0.25, 1, 1), [0]);
        expect(played).toBeGreaterThan(10);
      }
    });
    test(`${name}, and mailctl dies a little later`, { timeout: CRASH_TIMEOUT }, async () => {
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
}
