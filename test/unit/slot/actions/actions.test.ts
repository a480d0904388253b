import { describe, expect, it } from 'vitest';
import { hasEnded } from '../../../../src/plan/look.js';
import { owedLine, parseLaneFile } from '../../../../src/slot/lane-record.js';
import { actionWorld } from '../../../support/slot-actions.js';
import { host, instance, silence } from '../../../support/slot-sight.js';

const onOld = instance('store1', 'imap21');
const onNew = instance('store1', 'imap22');

describe('slot.drain', () => {
  /** OLD stopped with three messages waiting for NEW. */
  function stoppedOld() {
    const it = actionWorld();
    for (let n = 0; n < 3; n += 1) it.world.deliver('store1');
    it.world.stop(it.slot, 'imap21');
    const drain = (more = {}) =>
      it.step('slot.drain', 'imap21', {
        target: { slot: 'store1', instance: 'store1', address: null },
        ...more,
      });
    return { ...it, drain, act: (more = {}) => it.action('slot.drain').act(drain(more), it.context) };
  }

  it('sends what waits, by the old configuration, and is done when the lists agree', async () => {
    const { world, act, drain, action, context } = stoppedOld();
    await act();
    expect(world.at('store1', 'imap22').mail.size).toBe(3);
    expect(await action('slot.drain').check(drain(), context)).toEqual({ state: 'done' });
  });

  it('finds what no log knows, sends those users whole, and compares again', async () => {
    const { world, act, notes } = stoppedOld();
    const old = world.at('store1', 'imap21');
    old.mail.set(99, { id: 99, user: 'zoe', at: 1 });
    await act();
    expect(world.at('store1', 'imap22').mail.has(99)).toBe(true);
    expect(notes.at(-1)).toBe('1 users differ, sending them whole');
  });

  it('fails when the log does not empty in time, with what the sender said', async () => {
    const { world, act } = stoppedOld();
    world.at('store1', 'imap21').log.set('imap22', [{ id: 1, user: 'ann', at: 1 }]);
    world.takesReplication = () => false;
    await expect(act()).rejects.toMatchObject({
      code: 'slot.drain',
      message: '1 events of store1 did not reach imap22 in 5 s',
      detail: 'Connection refused',
    });
  });

  it('has ended when a look at NEW gets no answer: nothing of it can land later', async () => {
    const { world, act } = stoppedOld();
    world.hang('imap22');
    const error = await act().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'transport.hung', message: expect.stringMatching(/^imap22 /) });
    expect(hasEnded(error)).toBe(true);
  });

  it('goes on with --accept-loss, whatever is left', async () => {
    const { world, act, drain, action, context } = stoppedOld();
    world.takesReplication = () => false;
    await act({ acceptLoss: true });
    expect(await action('slot.drain').check(drain(), context)).toEqual({ state: 'done' });
  });

  it('fails when users differ that cannot be sent', async () => {
    const { world, act } = stoppedOld();
    world.at('store1', 'imap22').mail.set(77, { id: 77, user: 'onlythere', at: 1 });
    await expect(act()).rejects.toMatchObject({
      code: 'slot.differs',
      message: expect.stringMatching(/1 users of store1 differ .*: onlythere/),
    });
  });

  it('brings NEW back as a replica first, from any half-way state: only that can receive', async () => {
    for (const [running, runsAs, configured] of [
      [false, 'replica', 'replica'],
      [false, 'master', 'master'],
      [true, 'master', 'master'],
    ] as const) {
      const { world, act } = stoppedOld();
      Object.assign(world.at('store1', 'imap22'), { running, runsAs, configured });
      await act();
      expect(world.at('store1', 'imap22')).toMatchObject({
        running: true,
        runsAs: 'replica',
        configured: 'replica',
      });
      expect(world.at('store1', 'imap22').mail.size).toBe(3);
    }
  });

  it('puts OLD’s role back to drain it, where only the files in force can be read', async () => {
    const { world, act } = stoppedOld();
    world.confPerRole = false;
    world.at('store1', 'imap21').configured = 'replica';
    await act();
    expect(world.at('store1', 'imap22').mail.size).toBe(3);
    expect(world.done).toContain('role store1@imap21 master');
  });

  it('is done where OLD runs as a replica already, and owed where it is away', async () => {
    const { world, drain, action, context } = stoppedOld();
    Object.assign(world.at('store1', 'imap21'), { running: true, runsAs: 'replica' });
    expect(await action('slot.drain').check(drain(), context)).toMatchObject({ state: 'done' });
    world.fail('imap21');
    expect(await action('slot.drain').check(drain(), context)).toMatchObject({ state: 'away' });
  });
});

describe('slot.stop', () => {
  const others = (word: string | null = null) => [
    { slot: 'store1', instance: 'store1', address: null, host: 'imap22', word },
  ];

  it('is undone only while the directory names OLD', async () => {
    const { world, slot, action, step, context } = actionWorld();
    world.stop(slot, 'imap21');
    slot.directory = { master: 'imap22', version: 5 };
    const undo = action('slot.stop').undo?.(
      step('slot.stop', 'imap21', { wasRole: 'master', possibleMasters: others() }),
      context,
    );
    await expect(undo).rejects.toMatchObject({ code: 'slot.directory-disagrees' });
    expect(world.at('store1', 'imap21').running).toBe(false);
  });

  it.each([
    ['runs as a master', { runsAs: 'master', configured: 'master' }],
    ['is stopped and would come up as one', { running: false, configured: 'master' }],
    ['is not known to be stopped', { problem: 'its master process is gone, others of group 9 still run' }],
  ] as const)('is not undone while NEW %s', async (_, more) => {
    const { world, slot, action, step, context } = actionWorld();
    world.stop(slot, 'imap21');
    Object.assign(world.at('store1', 'imap22'), more);
    const undo = action('slot.stop').undo?.(
      step('slot.stop', 'imap21', { wasRole: 'master', possibleMasters: others() }),
      context,
    );
    await expect(undo).rejects.toMatchObject({ code: 'slot.two-masters' });
    expect(world.violations).toEqual([]);
  });

  it('is undone when NEW is dead, as others see it, or by the operator’s word when it hangs', async () => {
    const { world, slot, action, step, context } = actionWorld();
    world.stop(slot, 'imap21');
    world.host('imap22').hangs = true;
    const undo = (word: string | null) =>
      action('slot.stop').undo?.(
        step('slot.stop', 'imap21', { wasRole: 'master', possibleMasters: others(word) }),
        context,
      );
    await expect(undo(null)).rejects.toMatchObject({ code: 'slot.not-proven-dead' });
    await undo('--fenced pulled');
    expect(world.at('store1', 'imap21').runsAs).toBe('master');
  });

  it('is undone where NEW has come up as a master by itself: it is stopped and made the replica that it was', async () => {
    const { world, action, step, context } = actionWorld();
    Object.assign(world.at('store1', 'imap22'), { runsAs: 'master', configured: 'master', stray: true });
    const one = step('slot.stop', 'imap22', { wasRole: 'replica' });
    await action('slot.stop').undo?.(one, context);
    expect(world.at('store1', 'imap22')).toMatchObject({
      running: true,
      runsAs: 'replica',
      configured: 'replica',
    });
    expect(await action('slot.stop').checkUndone?.(one, context)).toMatchObject({ state: 'done' });
  });

  it('is not undone by stopping whoever the directory names', async () => {
    const { world, slot, action, step, context } = actionWorld();
    Object.assign(world.at('store1', 'imap22'), { runsAs: 'master', configured: 'master' });
    slot.directory = { master: 'imap22', version: 5 };
    const undo = action('slot.stop').undo?.(step('slot.stop', 'imap22', { wasRole: 'replica' }), context);
    await expect(undo).rejects.toMatchObject({ code: 'slot.two-masters' });
    expect(world.at('store1', 'imap22').running).toBe(true);
  });

  it('counts as done what has come further: OLD a replica, NEW the master', async () => {
    const { world, action, step, context } = actionWorld();
    const check = (on: string, wasRole: string) =>
      action('slot.stop').check(step('slot.stop', on, { wasRole }), context);
    expect(await check('imap21', 'master')).toMatchObject({ state: 'todo' });
    Object.assign(world.at('store1', 'imap21'), { runsAs: 'replica' });
    expect(await check('imap21', 'master')).toMatchObject({ state: 'done' });
    Object.assign(world.at('store1', 'imap22'), { runsAs: 'master' });
    expect(await check('imap22', 'replica')).toMatchObject({ state: 'done' });
  });
});

describe('what a rejoin stops and compares', () => {
  it('is never the master that the directory names by now, whatever an old plan says', async () => {
    const { world, action, step, data, context } = actionWorld();
    const stop = step('slot.stop', 'imap21', { wasRole: 'replica', third: true, master: data('imap22') });
    await expect(action('slot.stop').act(stop, context)).rejects.toMatchObject({ code: 'slot.two-masters' });
    expect(world.at('store1', 'imap21').runsAs).toBe('master');
  });

  it('is compared again by a process that has not seen the comparison: the debt is judged by it', () => {
    expect(actionWorld().action('slot.make-equal').lapses).toBe(true);
  });
});

describe('slot.set-role', () => {
  it('swaps and swaps back', async () => {
    const { world, slot, action, step, context } = actionWorld();
    world.stop(slot, 'imap21');
    const one = step('slot.set-role', 'imap21', { role: 'replica', wasRole: 'master' });
    await action('slot.set-role').act(one, context);
    expect(world.at('store1', 'imap21').configured).toBe('replica');
    expect(await action('slot.set-role').checkUndone?.(one, context)).toMatchObject({ state: 'todo' });
    await action('slot.set-role').undo?.(one, context);
    expect(world.at('store1', 'imap21').configured).toBe('master');
  });

  it('stops an instance first that came up in the role that the lane had given it', async () => {
    const { world, action, step, context } = actionWorld();
    Object.assign(world.at('store1', 'imap22'), { runsAs: 'master', configured: 'master' });
    await action('slot.set-role').undo?.(
      step('slot.set-role', 'imap22', { role: 'master', wasRole: 'replica' }),
      context,
    );
    expect(world.at('store1', 'imap22')).toMatchObject({ running: false, configured: 'replica' });
  });
});

describe('slot.set-directory', () => {
  const params = { version: 1, next: { slot: 'store1', instance: 'store1', address: null } };

  it('sets, finds it set, and never overwrites anybody else', async () => {
    const { slot, action, step, context } = actionWorld();
    const one = step('slot.set-directory', '', params);
    await action('slot.set-directory').act(one, context);
    expect(slot.directory.master).toBe('imap22');
    await action('slot.set-directory').act(one, context);
    slot.directory = { master: 'imap23', version: 9 };
    expect(await action('slot.set-directory').check(one, context)).toMatchObject({
      state: 'blocked',
      code: 'directory-disagrees',
    });
    await expect(action('slot.set-directory').act(one, context)).rejects.toMatchObject({
      code: 'slot.directory-disagrees',
    });
    expect(slot.directory.master).toBe('imap23');
  });

  it('voids what is still on its way before it goes back', async () => {
    const { slot, parts, action, step, context } = actionWorld();
    const one = step('slot.set-directory', '', params);
    await action('slot.set-directory').act(one, context);
    await action('slot.set-directory').undo?.(one, context);
    expect(slot.directory.master).toBe('imap21');
    const late = await parts.directory.setMaster({
      slot: 'store1',
      from: 'imap21',
      to: 'imap22',
      version: 1,
    });
    expect(late.outcome).toBe('conflict');
  });

  it('does not go back from a NEW that came up by itself: whom the directory names takes mail', async () => {
    const { world, slot, action, step, context } = actionWorld();
    const one = step('slot.set-directory', '', params);
    await action('slot.set-directory').act(one, context);
    Object.assign(world.at('store1', 'imap22'), { runsAs: 'master' });
    await expect(action('slot.set-directory').undo?.(one, context)).rejects.toMatchObject({
      code: 'slot.two-masters',
    });
    expect(slot.directory.master).toBe('imap22');
  });

  it('says that the directory no longer knows the slot', async () => {
    const { world, action, step, context } = actionWorld();
    const one = step('slot.set-directory', '', params);
    world.slots.delete('store1');
    expect(await action('slot.set-directory').check(one, context)).toMatchObject({
      state: 'blocked',
      reason: 'the directory no longer knows it',
    });
  });
});

describe('slot.start-master', () => {
  const start = (it: ReturnType<typeof actionWorld>, more = {}) =>
    it.step('slot.start-master', 'imap22', {
      possibleMasters: [{ slot: 'store1', instance: 'store1', address: null, host: 'imap21', word: null }],
      ...more,
    });

  it('is blocked while OLD may accept mail, and goes back to its stop where the plan says so', async () => {
    const it = actionWorld();
    const check = (more = {}) => it.action('slot.start-master').check(start(it, more), it.context);
    expect(await check()).toMatchObject({ state: 'blocked', code: 'two-masters' });
    expect(await check({ rewindTo: 'stop-old' })).toMatchObject({ state: 'rewind', to: 'stop-old' });
    it.world.stop(it.slot, 'imap21');
    expect(await check()).toMatchObject({
      state: 'blocked',
      reason: 'store1 on imap21 is stopped, and would come up as master',
    });
    it.world.setRole(it.slot, 'imap21', 'replica');
    expect(await check()).toMatchObject({ state: 'todo' });
  });

  it('believes the silence of a dead OLD, and not that of one that hangs', async () => {
    const it = actionWorld();
    it.world.fail('imap21');
    it.watch.add('imap21', silence('imap21'));
    expect(await it.action('slot.start-master').check(start(it), it.context)).toMatchObject({
      state: 'todo',
    });
    const hung = actionWorld();
    hung.world.host('imap21').hangs = true;
    expect(await hung.action('slot.start-master').check(start(hung), hung.context)).toMatchObject({
      state: 'blocked',
      code: 'not-proven-dead',
    });
  });

  it('is done when NEW serves, whatever OLD is', async () => {
    const it = actionWorld();
    Object.assign(it.world.at('store1', 'imap22'), { runsAs: 'master' });
    expect(await it.action('slot.start-master').check(start(it), it.context)).toMatchObject({
      state: 'done',
    });
    it.world.at('store1', 'imap22').listens = false;
    expect(await it.action('slot.start-master').check(start(it), it.context)).toMatchObject({
      state: 'todo',
    });
  });
});

describe('slot.see-replication', () => {
  const replicate = (it: ReturnType<typeof actionWorld>) =>
    it.step('slot.see-replication', 'imap22', {
      replica: { slot: 'store1', instance: 'store1', address: null, host: 'imap21' },
    });
  function moved() {
    const it = actionWorld();
    Object.assign(it.world.at('store1', 'imap21'), { runsAs: 'replica', configured: 'replica' });
    Object.assign(it.world.at('store1', 'imap22'), { runsAs: 'master', configured: 'master' });
    it.slot.directory = { master: 'imap22', version: 2 };
    return it;
  }

  it('waits for an empty log, or for one that moves', async () => {
    const it = moved();
    const check = () => it.action('slot.see-replication').check(replicate(it), it.context);
    expect(await check()).toMatchObject({ state: 'done' });
    it.world.deliver('store1');
    expect(await check()).toMatchObject({ state: 'todo', note: '1 events wait' });
    await it.clock.sleep(5000);
    it.world.deliver('store1');
    it.world.replicateOne(it.slot, 'imap22', 'imap21');
    expect(await check()).toMatchObject({ state: 'done', note: 'it moves' });
  });

  it('is owed when OLD does not run as a replica: waiting would not help', async () => {
    const it = moved();
    it.world.stop(it.slot, 'imap21');
    it.world.deliver('store1');
    expect(await it.action('slot.see-replication').check(replicate(it), it.context)).toMatchObject({
      state: 'away',
    });
  });
});

describe('slot.give-lease-back', () => {
  const give = (it: ReturnType<typeof actionWorld>, more = {}) =>
    it.step('slot.give-lease-back', 'imap22', {
      instances: [it.data('imap21'), it.data('imap22')],
      owed: [],
      moves: true,
      drained: true,
      lossAccepted: false,
      neverMaster: false,
      ...more,
    });
  async function given(prepare: (it: ReturnType<typeof actionWorld>) => void, more = {}) {
    const it = actionWorld();
    const lane = { from: 'imap21', to: 'imap22', phase: 'settle', judged: null, started: true };
    await it.leases.ensure(host('imap22'), onNew, lane);
    await it.leases.ensure(host('imap21'), onOld, lane);
    prepare(it);
    await it.action('slot.give-lease-back').act(give(it, more), it.context);
    const file = it.world.at('store1', 'imap22');
    return { it, file, owed: parseLaneFile(file.lane).owed.map(({ host: on, steps }) => [on, ...steps]) };
  }
  const old = (it: ReturnType<typeof actionWorld>, more: object) =>
    Object.assign(it.world.at('store1', 'imap21'), more);

  it('leaves nothing behind when OLD is a replica with nothing left', async () => {
    const { it, file, owed } = await given((one) => old(one, { runsAs: 'replica', configured: 'replica' }));
    expect(owed).toEqual([]);
    expect(file).toMatchObject({ lane: [], lease: { run: undefined } });
    expect(it.leases.hostsOf('store1')).toEqual([]);
  });

  it.each<[string, object, object, readonly string[]]>([
    ['stopped with its role swapped', { running: false, configured: 'replica' }, {}, ['imap21', 'rejoin']],
    ['stopped as a master', { running: false, configured: 'master' }, {}, ['imap21', 'role', 'rejoin']],
    ['a stray', {}, {}, ['imap21', 'stop', 'role', 'rejoin']],
    [
      'a replica by its role alone, its log never drained',
      { runsAs: 'replica', configured: 'replica' },
      { drained: false },
      ['imap21', 'rejoin'],
    ],
  ])('records what OLD owes: %s', async (_, more, params, expected) => {
    expect((await given((one) => old(one, more), params)).owed).toEqual([expected]);
  });

  it('records the rest of a log that was accepted as lost', async () => {
    const { owed } = await given(
      (one) => {
        one.world.deliver('store1');
        old(one, { runsAs: 'replica', configured: 'replica' });
      },
      { lossAccepted: true },
    );
    expect(owed).toEqual([['imap21', 'rejoin']]);
  });

  it('records everything of a host that is away, and no rejoin of one that never was a master', async () => {
    const away = (one: ReturnType<typeof actionWorld>) => {
      one.world.fail('imap21');
      one.watch.add('imap21', silence('imap21'));
    };
    // That NEW owes nothing any more answers what the one that is away may say of it.
    const paid = ['imap22'];
    expect((await given(away)).owed).toEqual([['imap21', 'stop', 'role', 'rejoin'], paid]);
    expect((await given(away, { neverMaster: true })).owed).toEqual([['imap21', 'stop', 'role'], paid]);
  });

  it('keeps what others owe', async () => {
    const debt = {
      slot: 'store1',
      host: 'imap23',
      steps: ['rejoin'],
      run: 'r0',
      at: '2026-01-01T00:00:00Z',
      lastAlive: null,
    };
    const { owed } = await given((one) => {
      old(one, { runsAs: 'replica', configured: 'replica' });
      one.world.at('store1', 'imap22').lane.unshift(owedLine(debt));
    });
    expect(owed).toEqual([['imap23', 'rejoin']]);
  });
});

describe('an instance whose role is not what the lane goes back to', () => {
  it('is not started on the way back: it would be a second master', async () => {
    const it = actionWorld();
    it.world.stop(it.slot, 'imap22');
    it.world.setRole(it.slot, 'imap22', 'master');
    const stop = it.step('slot.stop', 'imap22', { wasRole: 'replica', planned: true });
    expect(await it.action('slot.stop').checkUndone?.(stop, it.context)).toEqual({
      state: 'away',
      reason: 'store1 on imap22 would come up as master',
    });
    it.world.setRole(it.slot, 'imap22', 'replica');
    expect(await it.action('slot.stop').checkUndone?.(stop, it.context)).toMatchObject({ state: 'todo' });
  });

  it('is not started as a replica', async () => {
    const it = actionWorld();
    it.world.stop(it.slot, 'imap21');
    const start = it.step('slot.start-replica', 'imap21');
    expect(await it.action('slot.start-replica').check(start, it.context)).toEqual({
      state: 'away',
      reason: 'store1 on imap21 would come up as master',
    });
  });
});

describe('what is owed when a lane ends', () => {
  const debt = (host: string, steps: readonly string[], at: string) =>
    owedLine({ slot: 'store1', host, steps, run: 'r0', at, lastAlive: null });
  async function ended(lines: readonly string[], params: object) {
    const it = actionWorld();
    const lane = { from: 'imap21', to: 'imap22', phase: 'settle', judged: null, started: true };
    await it.leases.ensure(host('imap22'), onNew, lane);
    Object.assign(it.world.at('store1', 'imap21'), { runsAs: 'replica', configured: 'replica' });
    it.world.at('store1', 'imap22').lane.unshift(...lines);
    const step = it.step('slot.give-lease-back', 'imap22', {
      instances: [it.data('imap21'), it.data('imap22')],
      moves: false,
      drained: true,
      lossAccepted: false,
      neverMaster: true,
      ...params,
    });
    await it.action('slot.give-lease-back').act(step, it.context);
    const { owed } = parseLaneFile(it.world.at('store1', 'imap22').lane);
    return owed.map(({ host: on, steps }) => [on, ...steps]);
  }

  it('is what the hosts say now: a plan that waited brings no paid debt back, and forgets no new one', async () => {
    const planned = {
      slot: 'store1',
      host: 'imap24',
      steps: ['rejoin'],
      run: 'r0',
      at: '2026-01-01T00:00:00Z',
    };
    const now = debt('imap23', ['rejoin'], '2026-01-02T00:00:00Z');
    // imap21 was not held, and may still say that it owes: answered by a line without a step.
    expect(await ended([now], { owed: [planned] })).toEqual([['imap23', 'rejoin'], ['imap21']]);
  });

  it('answers a debt that another host may still tell of, until everybody was told', async () => {
    const lines = [debt('imap21', ['stop', 'role'], '2026-01-01T00:00:00Z')];
    expect(await ended(lines, {})).toEqual([['imap21']]);
  });
});

describe('slot.confirm', () => {
  it('refuses to go on towards a NEW that the directory names, and that has served and is down', async () => {
    const it = actionWorld();
    it.world.stop(it.slot, 'imap21');
    Object.assign(it.world.at('store1', 'imap22'), { running: false, configured: 'master' });
    it.slot.directory = { master: 'imap22', version: 5 };
    const confirm = () => it.action('slot.confirm').check(it.step('slot.confirm', 'imap22'), it.context);
    expect(await confirm()).toEqual({ state: 'done' });
    it.world.at('store1', 'imap22').log.set('imap21', [{ id: 99, user: 'ann', at: 1 }]);
    expect(await confirm()).toMatchObject({ state: 'blocked', code: 'slot.moved-meanwhile' });
  });
});

describe('slot.take-lease, slot.confirm, slot.see-serving and hooks', () => {
  it('gives a lease back with what was owed before', async () => {
    const it = actionWorld();
    it.world.at('store1', 'imap22').lane = [
      '{"kind":"owed","slot":"store1","host":"imap23","steps":["rejoin"]}',
    ];
    const take = it.step('slot.take-lease', 'imap22');
    await it.action('slot.take-lease').act(take, it.context);
    expect(await it.action('slot.take-lease').check(take, it.context)).toEqual({ state: 'done' });
    await it.action('slot.take-lease').undo?.(take, it.context);
    expect(parseLaneFile(it.world.at('store1', 'imap22').lane)).toMatchObject({
      open: null,
      owed: [{ host: 'imap23' }],
    });
  });

  it('refuses what got worse since the operator’s word', async () => {
    const it = actionWorld();
    const confirm = (more = {}) =>
      it.action('slot.confirm').check(it.step('slot.confirm', 'imap22', more), it.context);
    expect(await confirm()).toEqual({ state: 'done' });
    Object.assign(it.world.at('store1', 'imap22'), { runsAs: 'master' });
    expect(await confirm()).toMatchObject({ state: 'blocked', code: 'two-masters' });
    expect(await confirm({ mayBeMaster: true })).toEqual({ state: 'done' });
    Object.assign(it.world.at('store1', 'imap22'), { runsAs: 'replica', problem: 'group 9 still runs' });
    expect(await confirm()).toMatchObject({ state: 'blocked', code: 'no-replica' });
    it.slot.directory = { master: 'imap23', version: 2 };
    expect(await confirm()).toMatchObject({ state: 'blocked', code: 'directory-disagrees' });
  });

  it('sees an instance serve, or says what the server said', async () => {
    const it = actionWorld();
    const check = (on: string) =>
      it.action('slot.see-serving').check(it.step('slot.see-serving', on), it.context);
    expect(await check('imap21')).toMatchObject({ state: 'done', note: 'greeting only' });
    expect(await check('imap22')).toMatchObject({ state: 'todo' });
  });

  it('runs a hook’s words as they are, and once per process', async () => {
    const it = actionWorld();
    const hook = it.step('slot.run-hook', 'mx1', {
      run: ['reload', '{slot}', 'from {from} to {to}', '{run}', '$(reboot)'],
      timeoutMs: 5000,
    });
    expect(await it.action('slot.run-hook').check(hook, it.context)).toEqual({ state: 'todo' });
    await it.action('slot.run-hook').act(hook, it.context);
    expect(it.hooks).toEqual([['mx1', 'reload', 'store1', 'from imap21 to imap22', '7f3a', '$(reboot)']]);
    expect(await it.action('slot.run-hook').check(hook, it.context)).toEqual({ state: 'done' });
  });

  it('shows every step’s commands before it does anything', () => {
    const it = actionWorld();
    for (const name of [
      'slot.stop',
      'slot.set-role',
      'slot.start-master',
      'slot.drain',
      'slot.set-directory',
      'slot.take-lease',
    ]) {
      const one = it.step(name, 'imap21', { role: 'replica', target: it.data('imap22') });
      expect(it.action(name).preview(one).length).toBeGreaterThan(0);
    }
    expect(it.world.done).toEqual([]);
  });
});
