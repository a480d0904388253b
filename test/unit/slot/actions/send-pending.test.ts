// A third becomes a copy of NEW: what OLD had for it and NEW's log does not know is sent, or stays owed.
import { describe, expect, it } from 'vitest';
import { parseLaneFile } from '../../../../src/slot/lane-record.js';
import { actionWorld } from '../../../support/slot-actions.js';
import { host, instance } from '../../../support/slot-sight.js';

/** imap22 is the master by now, imap23 the third and behind; OLD is stopped. */
async function moved() {
  const it_ = actionWorld();
  const { world, slot } = it_;
  world.addHost('imap23');
  const third = { ...world.at('store1', 'imap22'), mail: new Map(), log: new Map(), lane: [] };
  slot.instances.set('imap23', third);
  for (let n = 0; n < 5; n += 1) world.deliver('store1', `user${n}`);
  const old = world.at('store1', 'imap21');
  world.replicateOne(slot, 'imap21', 'imap22');
  while ((old.log.get('imap22') ?? []).length > 0) world.replicateOne(slot, 'imap21', 'imap22');
  Object.assign(old, { running: false, configured: 'replica' });
  Object.assign(world.at('store1', 'imap22'), { runsAs: 'master', configured: 'master' });
  slot.directory = { master: 'imap22', version: 2 };
  const wish = { from: 'imap21', to: 'imap22', phase: 'settle', judged: null, started: true };
  for (const on of ['imap21', 'imap22', 'imap23'])
    await it_.leases.ensure(host(on), instance('store1', on), wish);
  const step = (more = {}) =>
    it_.step('slot.send-pending', 'imap22', {
      third: it_.data('imap23'),
      old: it_.data('imap21'),
      drained: false,
      ...more,
    });
  const giveBack = () =>
    it_.action('slot.give-lease-back').act(
      it_.step('slot.give-lease-back', 'imap22', {
        instances: ['imap21', 'imap22', 'imap23'].map((on) => it_.data(on)),
        moves: true,
        drained: false,
        owed: [],
      }),
      it_.context,
    );
  const owing = () => parseLaneFile(world.at('store1', 'imap22').lane).owed.map((one) => one.host);
  return { ...it_, third, old, step, giveBack, owing, send: it_.action('slot.send-pending') };
}

describe('slot.send-pending', () => {
  it('sends all that NEW has, is then done for any process, and the third owes nothing', async () => {
    const { send, step, context, third, notes, giveBack, owing } = await moved();
    expect(await send.check(step(), context)).toEqual({ state: 'todo' });
    expect(third.mail.size).toBe(0);
    await send.act(step(), context);
    expect(third.mail.size).toBe(5);
    expect(notes.at(-1)).toBe('5 of 5 users and mailboxes sent to imap23');
    expect(await send.check(step(), context)).toEqual({ state: 'done' });
    await giveBack();
    expect(owing()).toEqual(['imap21']);
  });

  it('leaves the third in debt when it was not done', async () => {
    const { giveBack, owing } = await moved();
    await giveBack();
    expect(owing().toSorted()).toEqual(['imap21', 'imap23']);
  });

  it('has nothing to do where OLD was drained and is seen with nothing pending', async () => {
    const { send, step, context, old } = await moved();
    old.log.clear();
    expect(await send.check(step({ drained: true }), context)).toMatchObject({ state: 'done' });
    old.log.set('imap23', [{ id: 1, user: 'ann', at: 1 }]);
    expect(await send.check(step({ drained: true }), context)).toEqual({ state: 'todo' });
  });

  it('is owed, and not tried again, when the third takes nothing', async () => {
    const { send, step, context, world } = await moved();
    world.takesReplication = () => false;
    await expect(send.act(step(), context)).rejects.toMatchObject({ code: 'slot.send' });
    expect(await send.check(step(), context)).toMatchObject({
      state: 'away',
      reason: 'imap23 did not take user0 and 4 more: Connection refused',
    });
  });

  it('is owed while the third does not run as a replica', async () => {
    const { send, step, context, third } = await moved();
    third.running = false;
    expect(await send.check(step(), context)).toMatchObject({ state: 'away' });
  });
});
