// Stories that random schedules found once, told as what they are: what happens to the hosts, and where in the lane. Each
// broke a promise before it was mended.
import { expect, test } from 'vitest';
import { parseLaneFile } from '../../src/slot/lane-record.js';
import type { SlotWorld } from '../support/slot-world.js';
import { randomSetup } from './play.js';
import { playSlots, type StorySetup } from './story.js';

type Event = readonly [place: string, event: (world: SlotWorld) => void];

/** Things that happen at places, one after the other; a place is what is appended, acted or looked at there. */
function when(...events: readonly Event[]): Required<Pick<StorySetup, 'onCross'>> & { left(): string[] } {
  const left = [...events];
  return {
    onCross(_n, world, label) {
      const [next] = left;
      if (next === undefined || label.trim() !== next[0]) return;
      left.shift();
      next[1](world);
    },
    left: () => left.map(([place]) => place),
  };
}

/** Somebody has given an instance the role of a master, and started it. */
function stray(world: SlotWorld, host: string, isRunning = true): void {
  const instance = world.at('store1', host);
  Object.assign(instance, { running: isRunning, configured: 'master', stray: isRunning });
  if (isRunning) instance.runsAs = 'master';
  world.host(host).disturbedAt = world.clock.monotonic();
  world.dirty = true;
}

/** Plays it; all events must have happened. */
async function play(events: readonly Event[], setup: Partial<StorySetup>) {
  const { onCross, left } = when(...events);
  const story = await playSlots({ slots: 1, next: 'resume', ...setup, onCross });
  expect(left()).toEqual([]);
  expect(story.complaints).toEqual([]);
  return story;
}

const dead = (world: SlotWorld) => world.fail('imap21');

test('a NEW that serves for a moment while its lane goes back owes what it took', async () => {
  const { world } = await play(
    [
      // It dies when the directory names it, and is back before the directory names OLD again.
      ['did store1 directory', (world) => world.fail('imap22')],
      ['reverting store1', (world) => world.bringBack('imap22')],
    ],
    { before: dead, wishes: { fenced: 'console: no power' } },
  );
  expect(world.slot('store1').directory.master).toBe('imap21');
  const { owed } = parseLaneFile(world.at('store1', 'imap22').lane);
  expect(owed).toMatchObject([{ host: 'imap22', steps: ['rejoin'] }]);
});

test('a third that is made a master under a lane is stopped by who goes on with it', async () => {
  const { world } = await play([['did store1 role-new', (world) => stray(world, 'imap23')]], {
    third: true,
    next: 'other-after-expiry',
    before: dead,
  });
  expect(world.done).toContain('stop store1@imap23');
  expect(world.done).toContain('role store1@imap23 replica');
});

test('a third that would come up as a master is made none by who goes on', async () => {
  const { world } = await play([['did store1 role-new', (world) => stray(world, 'imap23', false)]], {
    third: true,
    next: 'other-after-expiry',
    before: dead,
  });
  expect(world.done).toContain('role store1@imap23 replica');
});

test('a former master that is stopped takes a third that runs as one with it', async () => {
  const { world } = await play(
    [
      [
        'did store1 give-back',
        (world) => {
          world.bringBack('imap21');
          stray(world, 'imap23');
        },
      ],
    ],
    { third: true, next: 'other-after-expiry', before: dead },
  );
  expect(world.done).toContain('stop store1@imap21');
  expect(world.done).toContain('stop store1@imap23');
});

test('a NEW that was started, took mail and died before anybody looked is no commit that never happened', async () => {
  await play(
    [
      ['start store1 imap22', () => {}],
      [
        'look store1 imap22',
        (world) => {
          world.deliver('store1', 'late');
          world.crash('store1', 'imap22');
        },
      ],
    ],
    { next: 'undo' },
  );
});

test('a third whose stop was owed, and that is back at the commit, is stopped before NEW is started', async () => {
  const { world } = await play(
    [
      ['began store1 stop-new', (world) => world.cut('imap23')],
      ['role store1 imap22', (world) => world.bringBack('imap23')],
    ],
    { third: true, next: 'resume', before: dead },
  );
  expect(world.done.indexOf('stop store1@imap23')).toBeGreaterThanOrEqual(0);
});

test('a stray that is stopped by a lane that is cut off then owes a rejoin', async () => {
  const { world } = await play(
    [
      [
        'did store1 give-back',
        (world) => {
          world.bringBack('imap21');
          stray(world, 'imap23');
          world.deliverTo('store1', 'imap23', 'elsewhere');
        },
      ],
      // Whoever goes on finds an instance that looks like any replica that is down.
      ['began store1 role-imap23', (world) => world.fail('imap22')],
    ],
    { third: true, next: 'other-after-expiry', before: dead },
  );
  const { owed } = parseLaneFile(world.at('store1', 'imap23').lane);
  expect(owed.find(({ host }) => host === 'imap23')?.steps).toContain('rejoin');
});

test('a process that stood still while OLD came back sends nobody to a NEW that is stopped', async () => {
  const schedule = new Map<number, 'pause'>();
  const standStill = (world: SlotWorld) => schedule.set(world.boundary + 1, 'pause');
  const { world } = await play(
    [
      [
        'owed store1 role-old',
        (world) => {
          world.bringBack('imap21');
          standStill(world);
        },
      ],
      ['did store1 stop-new', standStill],
    ],
    { before: dead, schedule },
  );
  const told = world.done.indexOf('directory store1 imap22');
  expect(told).toBeGreaterThan(world.done.indexOf('stop store1@imap21'));
  expect(world.done.filter((one) => one.startsWith('directory'))).toEqual(['directory store1 imap22']);
});

// Stories of two faults and more that no few words tell; what each broke is with it.
test.each([
  // NEW had served, was down, and the run that went on with it was planned before: OLD was drained into it.
  ['three hosts', 7102, true],
  ['three hosts', 21_001_173, true],
  ['three hosts', 21_001_854, true],
  // The same, over a lane that had been ended meanwhile.
  ['three hosts', 21_000_535, true],
  // The same, and NEW's mail was on no disk that anybody would have looked at.
  ['two operators', 31_003_539, false],
  ['two operators', 31_003_390, false],
  // NEW booted as the master while its lane went back, and was left running.
  ['two operators', 22_002_508, false],
  ['two operators', 23_000_239, false],
  // A run that was planned before another ended the lane made the master a replica: it took back what that one began.
  ['two operators', 41_004_099, false],
  ['two operators', 42_005_140, false],
  // The same with the directory: it could not be taken back, and the lane that was over stood open again.
  ['three hosts', 31_001_511, true],
  // NEW was a replica again before OLD served, and a third that was silent could have written to it.
  ['three hosts', 31_001_015, true],
  // OLD's lease was taken by a process that stood still meanwhile, after the lane was over: a good replica was stopped.
  ['three hosts', 61_000_855, true],
  // OLD was started again while another run, that did not see it and had NEW's lease by now, made NEW a master.
  ['two operators', 61_000_554, false],
  // It said that the slot was as before, where another run had left it half way under its hands.
  ['three hosts', 31_002_879, true],
  ['three hosts', 41_001_071, true],
  ['three hosts', 61_000_784, true],
  // The same, and it had not even come to a lease.
  ['three hosts', 875, true],
  // OLD was away when it was to be stopped and swapped, was back, and the lane did not try again before it started NEW.
  ['two operators', 91_002_628, false],
])('a story of %s, seed %i', async (_, seed, third) => {
  const { complaints, told } = await playSlots(randomSetup(seed, { third, second: true, hosts: true }));
  expect(complaints, told.join('\n')).toEqual([]);
});
