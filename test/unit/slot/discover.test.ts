import { describe, expect, it } from 'vitest';
import { type Findings, judgeDiscovery, slotsToLookAt } from '../../../src/slot/discover.js';
import type { FoundInstance } from '../../../src/slot/driver.js';
import { findAndLook } from '../../../src/slot/find-slots.js';
import { openedLine, owedLine } from '../../../src/slot/lane-record.js';
import type { Surroundings } from '../../../src/slot/look-around.js';
import type { Slot } from '../../../src/slot/slot.js';
import { fakeClock } from '../../support/fake-clock.js';
import { sightOf, silence, slotOn, state, stopped } from '../../support/slot-sight.js';
import {
  plainRoad,
  SlotWorld,
  worldDirectory,
  worldDriver,
  worldHosts,
  worldPing,
} from '../../support/slot-world.js';

const found = (slot: string | undefined, instance?: string): FoundInstance => ({
  path: `/srv/${slot ?? instance}/conf`,
  slot,
  instance,
  address: undefined,
});

describe('slotsToLookAt', () => {
  it('joins what the hosts have, in the order of the directory', () => {
    const findings: Findings = new Map([
      ['imap21', [found('store1'), found('store2')]],
      ['imap22', [found('store1')]],
      ['imap23', [found('store1')]],
    ]);
    const { slots, unclear } = slotsToLookAt(findings, [slotOn('store1', ['imap23', 'imap21'])]);
    expect(slots.map((slot) => [slot.slot, slot.instances.map(({ host }) => host)])).toEqual([
      ['store1', ['imap23', 'imap21', 'imap22']],
      ['store2', ['imap21']],
    ]);
    expect(unclear).toEqual([]);
  });

  it('knows an instance by the directory, or by a name that hosts share, and else says that it does not', () => {
    const findings: Findings = new Map([
      ['imap21', [found(undefined, 't01a'), found(undefined, 'mail7'), found(undefined, 'lonely')]],
      ['imap22', [found(undefined, 'mail7')]],
    ]);
    const known: Slot = {
      ...slotOn('store1'),
      instances: [{ slot: 'store1', host: 'imap21', instance: 't01a', address: '192.0.2.1' }],
    };
    const { slots, unclear } = slotsToLookAt(findings, [known]);
    expect(slots.map(({ slot, instances }) => [slot, instances.length])).toEqual([
      ['mail7', 2],
      ['store1', 1],
    ]);
    expect(slots[1]?.instances[0]?.address).toBe('192.0.2.1');
    expect(unclear).toEqual([
      { slot: null, host: 'imap21', why: '/srv/lonely/conf: nothing says which slot it is of' },
    ]);
  });

  it('takes no name that could be an option or hold blanks', () => {
    const { slots, unclear } = slotsToLookAt(new Map([['imap21', [found('-rf'), found('a b')]]]), []);
    expect(slots).toEqual([]);
    expect(unclear).toHaveLength(2);
  });

  it('keeps what the directory has on a silent host', () => {
    const { slots } = slotsToLookAt(
      new Map([
        ['imap21', null],
        ['imap22', [found('store1')]],
      ]),
      [slotOn('store1')],
    );
    expect(slots[0]?.instances.map(({ host }) => host)).toEqual(['imap21', 'imap22']);
  });
});

describe('judgeDiscovery', () => {
  const master = (host: string, more = {}) => state('store1', host, 'master', more);
  const replica = (host: string, more = {}) => state('store1', host, 'replica', more);
  const judge = (
    hosts: Parameters<typeof sightOf>[0],
    { directory = [] as readonly Slot[], slot = slotOn('store1') } = {},
  ) => {
    const findings: Findings = new Map(slot.instances.map(({ host }) => [host, [found('store1')]]));
    return judgeDiscovery(
      [{ ...slot, master: directory[0]?.master ?? '' }],
      findings,
      sightOf(hosts),
      directory,
    );
  };

  it('names the one that runs as master', () => {
    const { entries, unclear } = judge({ imap21: [replica('imap21')], imap22: [master('imap22')] });
    expect(entries).toMatchObject([{ slot: 'store1', master: 'imap22' }]);
    expect(entries[0]?.instances.map(({ host }) => host)).toEqual(['imap22', 'imap21']);
    expect(unclear).toEqual([]);
  });

  it('guesses nothing: two masters, none, one that may be elsewhere, a run that is not finished', () => {
    const whys = [
      judge({ imap21: [master('imap21')], imap22: [master('imap22')] }),
      judge({ imap21: [replica('imap21')], imap22: [replica('imap22')] }),
      judge({ imap21: silence('imap21'), imap22: [replica('imap22')] }),
      judge(
        { imap21: silence('imap21'), imap22: [master('imap22')] },
        { directory: [slotOn('store1', ['imap21', 'imap22'])] },
      ),
      judge({
        imap21: [stopped('store1', 'imap21', 'master')],
        imap22: [stopped('store1', 'imap22', 'master')],
      }),
      judge({
        imap21: [master('imap21')],
        imap22: [
          replica('imap22', {
            laneLines: [
              openedLine({
                run: 'r7',
                from: 'imap21',
                to: 'imap22',
                operator: 'ann',
                bastion: 'b',
                at: '',
                judged: null,
              }),
            ],
          }),
        ],
      }),
      judge({
        imap21: [master('imap21')],
        imap22: [
          replica('imap22', {
            laneLines: [
              owedLine({
                slot: 'store1',
                host: 'imap21',
                steps: ['stop', 'role'],
                run: 'r7',
                at: '',
                lastAlive: null,
              }),
            ],
          }),
        ],
      }),
    ].map(({ entries, unclear }) => [entries.length, unclear.map(({ why }) => why).join('; ')]);
    expect(whys).toEqual([
      [0, 'runs as master on imap21 and imap22'],
      [0, 'no master was seen'],
      [0, 'no master was seen, and imap21 could be it'],
      [0, 'runs as master on imap22, and the directory names imap21, which was not seen'],
      [0, 'is stopped, and would come up as master on imap21 and imap22'],
      [0, 'run r7 of ann is not finished with it'],
      [0, 'runs as master on imap21, which owes a stop since run r7'],
    ]);
  });

  it('takes the only one that would come up as master where nothing runs', () => {
    const { entries } = judge({
      imap21: [stopped('store1', 'imap21', 'master')],
      imap22: [stopped('store1', 'imap22', 'replica')],
    });
    expect(entries).toMatchObject([{ master: 'imap21' }]);
  });
});

it('findAndLook finds a whole world, names silent hosts, and leaves slots of other hosts alone', async () => {
  const clock = fakeClock({ auto: true });
  const world = new SlotWorld(clock, ['imap21', 'imap22', 'imap23']);
  world.add('store1', ['imap21', 'imap22']);
  world.add('store2', ['imap22', 'imap23']);
  const around = {
    driver: worldDriver(world, plainRoad),
    hosts: worldHosts(world),
    ping: worldPing(world, plainRoad),
    concurrency: 8,
  } as unknown as Surroundings;
  const hosts = [...worldHosts(world).values()];
  const whole = await findAndLook(hosts, [], around);
  expect(whole.discovery.entries.map(({ slot, master }) => [slot, master])).toEqual([
    ['store1', 'imap21'],
    ['store2', 'imap22'],
  ]);
  const directory = await worldDirectory(world, plainRoad).list();
  world.cut('imap23');
  const cut = await findAndLook(hosts, directory, around);
  expect(cut.silent.map(({ host }) => host.name)).toEqual(['imap23']);
  expect(cut.discovery.entries[1]?.instances.map(({ host }) => host)).toEqual(['imap22', 'imap23']);
  const some = await findAndLook(
    hosts.filter(({ name }) => name === 'imap21'),
    directory,
    around,
  );
  expect(some.discovery.entries.map(({ slot }) => slot)).toEqual(['store1']);
  expect(some.discovery.unclear).toEqual([]);
});
