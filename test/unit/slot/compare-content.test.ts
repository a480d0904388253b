import { describe, expect, it } from 'vitest';
import { compareContent } from '../../../src/slot/compare-content.js';
import { fakeClock } from '../../support/fake-clock.js';
import { host } from '../../support/slot-sight.js';
import { plainRoad, SlotWorld, worldDriver } from '../../support/slot-world.js';

function worldOf(messages: readonly string[]) {
  const world = new SlotWorld(fakeClock({ auto: true }), ['imap21', 'imap22']);
  const slot = world.add('store1', ['imap21', 'imap22']);
  for (const user of messages) world.deliver('store1', user);
  const replicateAll = () => {
    for (let n = 0; n < 100; n++) world.replicateOne(slot, 'imap21', 'imap22');
  };
  return { world, slot, replicateAll };
}

const compare = (world: SlotWorld, more: object = {}) =>
  compareContent(
    {
      slot: world.directorySlot(world.slot('store1')),
      master: { host: 'imap21', role: 'master' },
      replica: { host: 'imap22', role: 'replica' },
      owners: 'all',
      ...more,
    },
    { driver: worldDriver(world, plainRoad), clock: world.clock, hostNamed: (name) => host(name) },
  );

describe('compareContent', () => {
  it('finds both sides equal', async () => {
    const { world, replicateAll } = worldOf(['ann', 'ben']);
    replicateAll();
    const result = await compare(world);
    expect(result.compared.map(({ name }) => name)).toEqual(['ann', 'ben']);
    expect(result).toMatchObject({ total: 2, differing: [], waiting: [], unknown: [], left: [] });
  });

  it('names who differs though the log is empty', async () => {
    const { world, slot } = worldOf(['ann', 'ben']);
    world.replicateOne(slot, 'imap21', 'imap22');
    slot.instances.get('imap21')?.log.set('imap22', []);
    const result = await compare(world);
    expect(result.differing.map(({ owner }) => owner.name)).toEqual(['ben']);
    expect(result.differing[0]?.differences).toMatchObject([{ mailbox: 'user.ben', kind: 'only-master' }]);
    expect(result.compared).toHaveLength(2);
  });

  it('does not take a change on its way for a difference', async () => {
    const { world, replicateAll } = worldOf(['ann', 'ben']);
    world.clock.timer(1500, replicateAll);
    const result = await compare(world);
    expect(result.differing).toEqual([]);
    expect(result.compared).toHaveLength(2);
  });

  it('says waiting, not equal, of what stays in the log', async () => {
    const { world } = worldOf(['ann', 'ben']);
    const result = await compare(world);
    expect(result.waiting.map(({ owner }) => owner.name)).toEqual(['ann', 'ben']);
    expect(result).toMatchObject({ differing: [], compared: [] });
  });

  it('does not wait for a log that was stuck before', async () => {
    const { world } = worldOf(['ann']);
    await world.clock.sleep(3_600_000);
    const before = world.clock.monotonic();
    expect((await compare(world)).waiting).toHaveLength(1);
    expect(world.clock.monotonic() - before).toBeLessThan(5000);
  });

  it('ends at its time, and says who is left', async () => {
    const users = Array.from({ length: 250 }, (_, n) => `u${String(n).padStart(3, '0')}`);
    const { world, replicateAll } = worldOf(users);
    for (let n = 0; n < 3; n++) replicateAll();
    const result = await compare(world, { withinMs: 0 });
    expect(result.total).toBe(250);
    expect(result.compared).toHaveLength(100);
    expect(result.left.map(({ name }) => name)).toEqual(users.slice(100));
  });

  it('compares at most so many, in the order asked for', async () => {
    const { world, replicateAll } = worldOf(['ann', 'ben', 'carl']);
    replicateAll();
    const result = await compare(world, {
      most: 1,
      order: (owners: readonly { name: string }[]) => [...owners].reverse(),
    });
    expect(result.compared.map(({ name }) => name)).toEqual(['carl']);
    expect(result.left.map(({ name }) => name)).toEqual(['ann', 'ben']);
  });

  it('throws when a side cannot be asked at all', async () => {
    const { world } = worldOf(['ann']);
    world.fail('imap22');
    await expect(compare(world)).rejects.toThrow('imap22 does not answer');
  });
});
