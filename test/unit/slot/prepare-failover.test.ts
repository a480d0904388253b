import { describe, expect, it } from 'vitest';
import { RefusedError, UsageError } from '../../../src/errors.js';
import { type FailoverWishes, mayGo } from '../../../src/slot/decide.js';
import { storeSamples } from '../../../src/slot/list.js';
import { lookAtSlots, type Surroundings } from '../../../src/slot/look-around.js';
import { prepareFailover } from '../../../src/slot/prepare-failover.js';
import type { Sample, SampleStore } from '../../../src/slot/samples.js';
import { fakeClock } from '../../support/fake-clock.js';
import {
  plainRoad,
  SlotWorld,
  worldDirectory,
  worldDriver,
  worldHosts,
  worldPing,
} from '../../support/slot-world.js';

function siteOf() {
  const clock = fakeClock({ auto: true });
  const world = new SlotWorld(clock, ['imap21', 'imap22', 'mx1', 'mx2']);
  for (const name of ['store1', 'store2', 'store3']) world.add(name, ['imap21', 'imap22']);
  const around = {
    driver: worldDriver(world, plainRoad),
    hosts: worldHosts(world),
    ping: worldPing(world, plainRoad),
    concurrency: 8,
    mxs: [],
  } as unknown as Surroundings;
  const directory = worldDirectory(world, plainRoad);
  const kept = new Map<string, Sample>();
  const samples: SampleStore = {
    store: async (list) => {
      for (const one of list) kept.set(`${one.slot} ${one.host} ${one.channel}`, one);
    },
    latest: async () => [...kept.values()],
    lastEmpty: async () => [],
    history: async () => [],
  };
  const wishes: FailoverWishes = {
    to: undefined,
    maxLagS: 300,
    acceptLoss: new Set(),
    fenced: undefined,
    overrides: new Set(),
    takeOver: new Set(),
  };
  return {
    clock,
    world,
    around,
    prepare: (targets: readonly string[], more: Partial<FailoverWishes> = {}) =>
      prepareFailover(targets, { ...wishes, ...more }, { directory, samples, around, clock }),
    sample: async () => {
      const all = await directory.list();
      await storeSamples(samples, all, await lookAtSlots(all, around), clock);
    },
  };
}

describe('prepareFailover', () => {
  it('decides for every slot of a host, and changes nothing', async () => {
    const { world, prepare } = siteOf();
    const before = JSON.stringify([...world.slots.values()].map((slot) => [...slot.instances]));
    const { decisions, empty } = await prepare(['imap21']);
    expect(decisions.map(({ slot, kind }) => [slot.slot, kind])).toEqual([
      ['store1', 'planned'],
      ['store2', 'planned'],
      ['store3', 'planned'],
    ]);
    expect(empty).toEqual([]);
    expect(JSON.stringify([...world.slots.values()].map((slot) => [...slot.instances]))).toBe(before);
  });

  it('moves the fresh and refuses the one that lagged when its master died, at once and a quarter of an hour later', async () => {
    for (const waitMs of [0, 900_000]) {
      for (const sampled of [true, false]) {
        const { clock, world, prepare, sample } = siteOf();
        // Mail to all for a while; store3 replicates nothing.
        for (let n = 0; n < 40; n += 1) {
          for (const slot of world.slots.values()) {
            world.deliver(slot.slot);
            if (slot.slot !== 'store3' || n < 2) world.replicateOne(slot, 'imap21', 'imap22');
          }
          await clock.sleep(15_000);
        }
        if (sampled) await sample();
        world.cut('imap21');
        await clock.sleep(waitMs);
        const { decisions } = await prepare(['imap21']);
        expect(decisions.map((one) => [one.slot.slot, mayGo(one), one.gates[0]?.gate])).toEqual([
          ['store1', true, undefined],
          ['store2', true, undefined],
          ['store3', false, 'lag'],
        ]);
      }
    }
  });

  it('asks witnesses again whose replica was slow to answer', async () => {
    const { world, around, prepare, sample } = siteOf();
    await sample();
    world.cut('imap21');
    const { observe } = around.driver;
    around.driver.observe = async (on, ...rest) => {
      if (on.name === 'imap22') await world.clock.sleep(2500);
      return observe(on, ...rest);
    };
    const { decisions, silences } = await prepare(['imap21']);
    expect(silences.deaths.get('imap21')?.gate).toBeNull();
    expect(decisions.every(mayGo)).toBe(true);
  });

  it('does not take a host that hangs for dead', async () => {
    const { world, prepare, sample } = siteOf();
    await sample();
    world.host('imap21').hangs = true;
    expect((await prepare(['imap21'])).silences.deaths.get('imap21')?.gate).toBe('not-proven-dead');
  });

  it('knows hosts without slots, and says what a word was meant to be', async () => {
    const { prepare } = siteOf();
    expect(await prepare(['mx1'])).toMatchObject({ decisions: [], empty: ['mx1'] });
    await expect(prepare(['imap12'])).rejects.toMatchObject({
      hint: expect.stringMatching(/did you mean imap2/),
    });
    await expect(prepare(['imap12'])).rejects.toThrow(UsageError);
    await expect(prepare(['store1'], { acceptLoss: new Set(['store2']) })).rejects.toThrow(
      /--accept-loss names store2/,
    );
    await expect(prepare(['imap21'], { overrides: new Set(['disk:stroe1']) })).rejects.toThrow(
      /--override names stroe1/,
    );
    await expect(prepare(['imap21'], { to: 'imap99' })).rejects.toThrow(/--to imap99/);
  });

  it('refuses before anything when the directory is away', async () => {
    const { world, prepare } = siteOf();
    world.directoryAway = true;
    const error = await prepare(['imap21']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({ code: 'directory-away' });
  });
});
