// A host that was replaced, and that comes back with its old role: nobody would look at it by the directory alone.
import { describe, expect, it } from 'vitest';
import { analyseSlot } from '../../../src/slot/analysis.js';
import { decide, refusal } from '../../../src/slot/decide.js';
import { formersOf, withFormers } from '../../../src/slot/former.js';
import { formerLine, owedLine, parseLaneFile } from '../../../src/slot/lane-record.js';
import { lookAtSlots, type Surroundings } from '../../../src/slot/look-around.js';
import { dueWork } from '../../../src/slot/owed-work.js';
import { prepareFailover } from '../../../src/slot/prepare-failover.js';
import { memorySamples } from '../../crash/story.js';
import { fakeClock } from '../../support/fake-clock.js';
import { sightOf, slotOn, state } from '../../support/slot-sight.js';
import {
  plainRoad,
  SlotWorld,
  worldDirectory,
  worldDriver,
  worldHosts,
  worldPing,
} from '../../support/slot-world.js';

const former = (host = 'imap21', at = '2026-03-12T04:20:00Z', slot = 'store1') =>
  formerLine({ slot, host, instance: slot, address: undefined, run: 'r1', at });
const wishes = {
  to: undefined,
  maxLagS: 300,
  acceptLoss: new Set<string>(),
  fenced: undefined,
  overrides: new Set<string>(),
  takeOver: new Set<string>(),
};

/** store1 on imap22 and imap23; imap21 had it once, and is on record. */
function replaced() {
  const clock = fakeClock({ auto: true });
  const world = new SlotWorld(clock, ['imap21', 'imap22', 'imap23', 'mx1']);
  const slot = world.add('store1', ['imap22', 'imap21', 'imap23']);
  slot.unlisted.add('imap21');
  Object.assign(world.at('store1', 'imap21'), { running: false });
  world.at('store1', 'imap22').lane.push(former());
  const around: Surroundings = {
    driver: worldDriver(world, plainRoad),
    hosts: worldHosts(world),
    ping: worldPing(world, plainRoad),
    concurrency: 16,
    clock,
  };
  const directory = worldDirectory(world, plainRoad);
  const look = async () => {
    const slots = await directory.list();
    return withFormers(slots, await lookAtSlots(slots, around), around);
  };
  const serve = () =>
    Object.assign(world.at('store1', 'imap21'), { running: true, runsAs: 'master', configured: 'master' });
  return { clock, world, around, directory, look, serve };
}

describe('the record', () => {
  it('is read from any host of the slot, the newest line of each', () => {
    const sight = sightOf({
      imap22: [
        state('store1', 'imap22', 'master', {
          laneLines: [former(), former('imap24', '2026-01-01T00:00:00Z')],
        }),
      ],
      imap23: [state('store1', 'imap23', 'replica', { laneLines: [former()] })],
    });
    const found = formersOf(slotOn('store1', ['imap22', 'imap23']), sight);
    expect(found.map(({ host }) => host)).toEqual(['imap21', 'imap24']);
    expect(found[0]).toEqual({
      slot: 'store1',
      host: 'imap21',
      instance: 'store1',
      address: undefined,
      former: true,
    });
  });

  it('says nothing of a host that is listed again', () => {
    const sight = sightOf({ imap22: [state('store1', 'imap22', 'master', { laneLines: [former()] })] });
    expect(formersOf(slotOn('store1', ['imap22', 'imap21']), sight)).toEqual([]);
  });

  it.each(['../../etc', '-oProxyCommand=x', '', 'a b'])('with the host %j counts as malformed', (host) => {
    const file = parseLaneFile([former(host)]);
    expect(file).toEqual({ open: null, owed: [], malformed: 1 });
  });

  it('with an instance that is none counts as malformed', () => {
    const line = JSON.stringify({ ...JSON.parse(former()), instance: '../x' });
    expect(parseLaneFile([line])).toEqual({ open: null, owed: [], malformed: 1 });
  });
});

describe('a replaced host', () => {
  it('that is dead, or stopped as a replica, is nobody', async () => {
    const { world, look } = replaced();
    Object.assign(world.at('store1', 'imap21'), { configured: 'replica' });
    expect((await look()).slots[0]?.instances).toHaveLength(2);
    world.fail('imap21');
    expect((await look()).slots[0]?.instances).toHaveLength(2);
    expect((await look()).sight.has('imap21')).toBe(false);
  });

  it('that serves is a stray, and no replica', async () => {
    const { look, serve } = replaced();
    serve();
    const { slots, sight } = await look();
    const [slot] = slots;
    if (slot === undefined) throw new Error('no slot');
    const view = analyseSlot(slot, { sight, samples: [], maxLagS: 300 });
    expect(view).toMatchObject({ verdict: 'two-masters', strays: ['imap21'] });
    expect(view.replicas.map(({ host }) => host)).toEqual(['imap23']);
    expect([...dueWork(slots, sight).demote]).toEqual([['imap21', new Set(['store1'])]]);
  });

  it('is a gate for a move, is no choice, and is stopped where it is named', async () => {
    const { clock, world, around, directory, serve } = replaced();
    serve();
    const sources = { directory, samples: memorySamples(), around, clock };
    const [move] = (await prepareFailover(['store1'], wishes, sources)).decisions;
    expect(move === undefined ? undefined : refusal(move)).toMatchObject({ gate: 'two-masters' });
    expect(move?.to).toBe('imap23');
    const named = await prepareFailover(['imap21'], wishes, sources);
    expect(named.decisions).toMatchObject([{ kind: 'demote', from: 'imap21', to: 'imap22', gates: [] }]);
    expect(world.violations).toEqual([]);
  });

  it('counts while it owes a rejoin, although it is stopped by then', async () => {
    const { world, look } = replaced();
    Object.assign(world.at('store1', 'imap21'), { configured: 'replica' });
    const owed = {
      slot: 'store1',
      host: 'imap21',
      steps: ['rejoin'],
      run: 'r2',
      at: '2026-03-12T05:00:00Z',
      lastAlive: null,
    };
    world.at('store1', 'imap22').lane.push(owedLine(owed));
    const { slots, sight } = await look();
    expect(slots[0]?.instances.map(({ host }) => host)).toEqual(['imap22', 'imap23', 'imap21']);
    const decision = decide(
      slots[0] as (typeof slots)[number],
      'imap22',
      { sight, deaths: new Map(), samples: [], files: [], signs: new Map() },
      { ...wishes, to: 'imap21' },
    );
    expect(refusal(decision)).toMatchObject({ gate: 'no-replica' });
  });
});
