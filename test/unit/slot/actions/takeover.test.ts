// What a lane proves before it goes on, or back, where another run may have taken it over meanwhile: in which order the
// lease, the record's version and the directory are touched, and that what only goes forward looks whether it may.
import { describe, expect, it } from 'vitest';
import { openedLine, owedLine, parseLaneFile } from '../../../../src/slot/lane-record.js';
import { Leases } from '../../../../src/slot/lease.js';
import { actionWorld } from '../../../support/slot-actions.js';
import { host, instance } from '../../../support/slot-sight.js';
import { plainRoad, type Road, worldDirectory, worldDriver } from '../../../support/slot-world.js';

const lane = { from: 'imap21', to: 'imap22', phase: 'prepare', judged: null, started: false };

/** The actions of a run over a road that notes what was done. */
function noted() {
  const it_ = actionWorld();
  const done: string[] = [];
  const road: Road = {
    ...plainRoad,
    command: async (label, on, effects) => {
      done.push(`${label} ${on}`.trim());
      await plainRoad.command(label, on, effects);
    },
  };
  const driver = worldDriver(it_.world, road);
  const leases = new Leases(driver, it_.clock, it_.leases.holder);
  Object.assign(it_.parts, { driver, leases, directory: worldDirectory(it_.world, road) });
  const other = new Leases(worldDriver(it_.world, plainRoad), it_.clock, {
    ...it_.leases.holder,
    run: '9c01',
    takeOver: ['7f3a'],
  });
  return { ...it_, done, leases, other };
}

describe('a takeover', () => {
  it("raises the record's version after it has the lease, and once", async () => {
    const { parts, action, step, context, done, slot } = noted();
    parts.takenOver.add('store1');
    await action('slot.take-lease').act(step('slot.take-lease', 'imap22'), context);
    await action('slot.take-lease').act(step('slot.take-lease', 'imap21'), context);
    expect(done.filter((what) => !what.startsWith('record'))).toEqual([
      'take store1 imap22',
      'directory raise store1',
      'take store1 imap21',
    ]);
    expect(slot.directory.version).toBe(2);
  });

  it('is noticed by who takes a lease late, on a host that had been away', async () => {
    const { leases, other } = noted();
    await leases.ensure(host('imap22'), instance('store1', 'imap22'), lane);
    await other.ensure(host('imap22'), instance('store1', 'imap22'), lane);
    await expect(leases.ensure(host('imap21'), instance('store1', 'imap21'), lane)).rejects.toMatchObject({
      code: 'slot.lease-lost',
    });
  });
});

describe('a process that stood still', () => {
  it('while it took a lease late holds nothing where the lane was ended meanwhile', async () => {
    const { leases, other, driver, parts, clock } = noted();
    await leases.ensure(host('imap22'), instance('store1', 'imap22'), lane);
    const take = driver.takeLease.bind(driver);
    const slow = {
      ...parts.driver,
      async takeLease(...args: Parameters<typeof take>) {
        await other.ensure(host('imap22'), instance('store1', 'imap22'), lane);
        await clock.sleep(6000);
        return take(...args);
      },
    };
    Object.assign(leases, { driver: slow });
    const late = leases.ensure(host('imap21'), instance('store1', 'imap21'), lane);
    await expect(late).rejects.toMatchObject({ code: 'slot.lease-lost' });
    expect(leases.has('imap21', 'store1')).toBe(false);
  });

  it('while it went back starts no OLD once another run has the lease of NEW', async () => {
    const { action, step, context, world, slot, leases, other, data } = noted();
    for (const on of ['imap22', 'imap21']) await leases.ensure(host(on), instance('store1', on), lane);
    world.stop(slot, 'imap21');
    await other.ensure(host('imap22'), instance('store1', 'imap22'), lane);
    const stopped = step('slot.stop', 'imap21', { wasRole: 'master', possibleMasters: [data('imap22')] });
    const undo = action('slot.stop').undo?.(stopped, context);
    await expect(undo).rejects.toMatchObject({ code: 'slot.lease-lost' });
    expect(world.at('store1', 'imap21').running).toBe(false);
  });
});

describe('going back with the directory', () => {
  const undone = { version: 1, next: { slot: 'store1', instance: 'store1', address: null } };

  it('raises the version, then proves the lease, then sets', async () => {
    const { world, leases, action, step, context, done, slot } = noted();
    world.fail('imap21');
    world.stop(slot, 'imap22');
    world.setDirectory('store1', 'imap22');
    await leases.ensure(host('imap22'), instance('store1', 'imap22'), lane);
    done.splice(0);
    await action('slot.set-directory').undo?.(step('slot.set-directory', '', undone), context);
    expect(done).toEqual(['directory raise store1', 'record store1 imap22', 'directory set store1 imap21']);
  });

  it('sets nothing where another run has the lease by now', async () => {
    const { world, leases, other, action, step, context, slot } = noted();
    world.stop(slot, 'imap22');
    world.stop(slot, 'imap21');
    world.setDirectory('store1', 'imap22');
    await leases.ensure(host('imap22'), instance('store1', 'imap22'), lane);
    await other.ensure(host('imap22'), instance('store1', 'imap22'), lane);
    const undo = action('slot.set-directory').undo?.(step('slot.set-directory', '', undone), context);
    await expect(undo).rejects.toMatchObject({ code: 'slot.lease-lost' });
    expect(slot.directory.master).toBe('imap22');
  });
});

describe('what an earlier run began', () => {
  const line = (run: string) =>
    openedLine({ run, ...lane, operator: 'ann', bastion: 'b', at: '2026-03-12T04:20:00Z' });
  const steps = (step: ReturnType<typeof noted>['step']) =>
    [
      step('slot.stop', 'imap22', { wasRole: 'replica' }),
      step('slot.set-role', 'imap22', { role: 'master', wasRole: 'replica' }),
      step('slot.set-role', 'imap21', { role: 'replica', wasRole: 'master' }),
    ].map((one) => ({ ...one, inherited: true }));

  it('is not taken back where the directory names NEW by now, running or down', async () => {
    const { action, step, context, world, slot } = noted();
    world.stop(slot, 'imap21');
    world.setRole(slot, 'imap21', 'replica');
    world.stop(slot, 'imap22');
    world.setRole(slot, 'imap22', 'master');
    const seen = () =>
      Promise.all(
        steps(step).map(async (one) => (await action(one.action).checkUndone?.(one, context))?.state),
      );
    // Its own file says that its role is another's: the way back waits for that.
    expect(await seen()).toEqual(['away', 'todo', 'todo']);
    world.setDirectory('store1', 'imap22');
    expect(await seen()).toEqual(['done', 'done', 'done']);
    const own = step('slot.set-role', 'imap22', { role: 'master', wasRole: 'replica' });
    expect(await action('slot.set-role').checkUndone?.(own, context)).toMatchObject({ state: 'todo' });
  });

  it('of the directory is taken back while its lane was open at the lease, and left where it was ended', async () => {
    const { action, step, context, world } = noted();
    world.setDirectory('store1', 'imap22');
    const params = { version: 1, next: { slot: 'store1', instance: 'store1', address: null } };
    const told = { ...step('slot.set-directory', '', params), inherited: true };
    const seen = async (...lines: readonly string[]) => {
      world.at('store1', 'imap22').lane = [...lines];
      return (await action('slot.set-directory').checkUndone?.(told, context))?.state;
    };
    expect(await seen(line('9c01'), line('7f3a'))).toBe('todo');
    expect(await seen(line('7f3a'))).toBe('done');
    expect(await seen(line('9c01').replace('"imap21"', '"imap23"'), line('7f3a'))).toBe('done');
  });
});

describe('a lane that only goes forward', () => {
  it('is blocked where the directory does not name the one that is to serve', async () => {
    const { action, step, context, world } = noted();
    const confirm = step('slot.confirm', 'imap22', { onlyForward: true });
    expect(await action('slot.confirm').check(confirm, context)).toMatchObject({
      state: 'blocked',
      code: 'directory-disagrees',
    });
    world.setDirectory('store1', 'imap22');
    expect(await action('slot.confirm').check(confirm, context)).toEqual({ state: 'done' });
  });
});

describe('a commit that is looked at again', () => {
  it('happened where NEW has changes of its own, also when it has died since', async () => {
    const { action, step, context, world, slot } = noted();
    world.stop(slot, 'imap22');
    const start = step('slot.start-master', 'imap22', { possibleMasters: [] });
    const undone = async () => (await action('slot.start-master').checkUndone?.(start, context))?.state;
    expect(await undone()).toBe('done');
    world.at('store1', 'imap22').log.set('imap21', [{ id: 9, user: 'ann', at: 1 }]);
    expect(await undone()).toBe('todo');
  });
});

describe('the lease that is given back on the way back', () => {
  const data = (on: string) => ({ slot: 'store1', instance: 'store1', address: null, host: on });
  const pair = [data('imap21'), data('imap22')];
  const given = async (began: string, changes: string | undefined) => {
    const { action, step, context, world, leases } = noted();
    const take = step('slot.take-lease', 'imap21', { pair, strays: [] });
    await action('slot.take-lease').act(take, context);
    await leases.ensure(host('imap22'), instance('store1', 'imap22'), lane);
    world.at('store1', 'imap22').lane.push(JSON.stringify({ kind: 'began', run: '7f3a', step: began }));
    if (changes !== undefined) world.at('store1', 'imap22').log.set(changes, [{ id: 9, user: 'ann', at: 1 }]);
    await action('slot.take-lease').undo?.(take, context);
    return parseLaneFile(world.at('store1', 'imap21').lane).owed.map((one) => [one.host, ...one.steps]);
  };

  it('says that NEW owes a rejoin where it came up as the master meanwhile, and has what OLD lacks', async () => {
    expect(await given('role-new', 'imap21')).toEqual([['imap22', 'rejoin']]);
  });

  it('says nothing of a NEW that could not come up so, or that has nothing for OLD', async () => {
    expect(await given('stop-new', 'imap21')).toEqual([]);
    expect(await given('role-new', undefined)).toEqual([]);
    // Left since it was the master long ago, for a replica that has been away.
    expect(await given('role-new', 'imap23')).toEqual([]);
  });

  it('keeps what was owed before', async () => {
    const { action, step, context, world } = noted();
    const at = '2026-03-12T04:20:00Z';
    const debt = { slot: 'store1', host: 'imap23', steps: ['rejoin'], run: 'r0', at, lastAlive: null };
    world.at('store1', 'imap21').lane.push(owedLine(debt));
    const take = step('slot.take-lease', 'imap21', { pair, strays: [] });
    await action('slot.take-lease').act(take, context);
    await action('slot.take-lease').undo?.(take, context);
    expect(parseLaneFile(world.at('store1', 'imap21').lane).owed).toMatchObject([{ host: 'imap23' }]);
  });
});
