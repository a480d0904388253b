import { describe, expect, it } from 'vitest';
import { BusyError, TransportError } from '../../../src/errors.js';
import { parseLaneFile } from '../../../src/slot/lane-record.js';
import { Leases } from '../../../src/slot/lease.js';
import { fakeClock } from '../../support/fake-clock.js';
import { host, instance } from '../../support/slot-sight.js';
import { plainRoad, SlotWorld, worldDriver } from '../../support/slot-world.js';

const lane = {
  from: 'imap21',
  to: 'imap22',
  phase: 'prepare',
  judged: { provenUntil: 5, lastAlive: 9 },
  started: false,
};
const store1 = instance('store1', 'imap22');

function leasesOf(run = '7f3a', takeOver: readonly string[] = []) {
  const clock = fakeClock({ auto: true });
  const world = new SlotWorld(clock, ['imap21', 'imap22']);
  world.add('store1', ['imap21', 'imap22']);
  const holder = (name: string, over: readonly string[]) =>
    new Leases(worldDriver(world, plainRoad), clock, {
      run: name,
      operator: 'ann',
      bastion: 'bastion1',
      takeOver: over,
    });
  return { clock, world, leases: holder(run, takeOver), holder };
}

describe('Leases', () => {
  it('takes a lease once, and writes the lane’s first line with it', async () => {
    const { world, leases } = leasesOf();
    await leases.ensure(host('imap22'), store1, lane);
    await leases.ensure(host('imap22'), store1, lane);
    const file = world.at('store1', 'imap22');
    expect(file.lease).toMatchObject({
      token: 1,
      run: '7f3a',
      phase: 'prepare',
      from: 'imap21',
      to: 'imap22',
    });
    expect(parseLaneFile(file.lane).open).toMatchObject({
      run: '7f3a',
      judged: { provenUntil: 5, lastAlive: 9 },
    });
    expect(leases.hostsOf('store1')).toEqual(['imap22']);
    expect(leases.hostsOf('store2')).toEqual([]);
  });

  it('gives the proof of it, with the line to be written', async () => {
    const { leases } = leasesOf();
    await leases.ensure(host('imap22'), store1, lane);
    expect(leases.grip('imap22', 'store1', 'began')).toEqual({
      run: '7f3a',
      token: 1,
      phase: 'prepare',
      record: 'began',
    });
    expect(() => leases.grip('imap21', 'store1')).toThrow('no lease of store1 on imap21');
    leases.forget('imap22', 'store1');
    expect(() => leases.grip('imap22', 'store1')).toThrow();
  });

  it('says who holds it, for how long, and the word that takes it', async () => {
    const { leases, holder } = leasesOf();
    await leases.ensure(host('imap22'), store1, lane);
    const other = holder('9c01', []);
    const error = await other.ensure(host('imap22'), store1, lane).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BusyError);
    expect(error).toMatchObject({
      exitCode: 6,
      message: expect.stringMatching(
        /^store1 on imap22 is held by run 7f3a of ann on bastion1, lease for another (59|60) s$/,
      ),
      hint: 'when that run is dead: --take-over 7f3a',
    });
    expect(other.has('imap22', 'store1')).toBe(false);
  });

  it('takes it from a run that is named as dead, at once and with the next token', async () => {
    const { world, leases, holder } = leasesOf();
    await leases.ensure(host('imap22'), store1, lane);
    await holder('9c01', ['7f3a']).ensure(host('imap22'), store1, lane);
    expect(world.at('store1', 'imap22').lease).toMatchObject({ token: 2, run: '9c01' });
  });

  it('takes it from anyone after its expiry', async () => {
    const { world, clock, leases, holder } = leasesOf();
    await leases.ensure(host('imap22'), store1, lane);
    await clock.sleep(62_000);
    await holder('9c01', []).ensure(host('imap22'), store1, lane);
    expect(world.at('store1', 'imap22').lease?.run).toBe('9c01');
  });

  it('keeps it alive for as long as the run lives', async () => {
    const { world, clock, leases, holder } = leasesOf();
    await leases.ensure(host('imap22'), store1, lane);
    const end = new AbortController();
    const renewing = leases.renew(end.signal);
    await clock.sleep(300_000);
    expect(world.at('store1', 'imap22').lease?.expires).toBeGreaterThan(world.now);
    await expect(holder('9c01', []).ensure(host('imap22'), store1, lane)).rejects.toThrow(BusyError);
    end.abort();
    await renewing;
    await clock.sleep(62_000);
    await holder('9c01', []).ensure(host('imap22'), store1, lane);
  });

  it('goes on renewing when a host does not answer for a while', async () => {
    const { world, clock, leases } = leasesOf();
    await leases.ensure(host('imap22'), store1, lane);
    await leases.ensure(host('imap21'), instance('store1', 'imap21'), lane);
    const end = new AbortController();
    const renewing = leases.renew(end.signal);
    world.cut('imap21');
    await clock.sleep(100_000);
    world.bringBack('imap21');
    await clock.sleep(40_000);
    for (const name of ['imap21', 'imap22'])
      expect(world.at('store1', name).lease?.expires).toBeGreaterThan(world.now);
    end.abort();
    await renewing;
  });

  it('is not held when the host could not be asked', async () => {
    const { world, leases } = leasesOf();
    world.fail('imap22');
    await expect(leases.ensure(host('imap22'), store1, lane)).rejects.toThrow(TransportError);
    expect(leases.has('imap22', 'store1')).toBe(false);
  });
});
