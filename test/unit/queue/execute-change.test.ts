// Acts on messages over a model of a queue and its desk: killed at every boundary and resumed, two operators at once,
// a lease that is lost, a server that counts otherwise, an id that is another message by now.
import { describe, expect, test } from 'vitest';
import type { QueueAct } from '../../../src/queue/driver.js';
import { QueueWorld } from '../../support/queue-world.js';

const MANY = 8;
const others = (world: QueueWorld) => world.messages.get('M0');

/** The world as it was before the act under test. */
async function worldFor(act: QueueAct): Promise<QueueWorld> {
  const world = new QueueWorld(MANY, act === 'release' ? 'hold' : 'deferred');
  if (act !== 'restore') return world;
  await world.execute('delete', 'run', { key: 'abcd01234567' });
  for (const one of [...world.saved.values(), ...world.messages.values()]) one.changes = 0;
  world.calls = 0;
  return world;
}

/** All messages of the world but the one that was not meant. */
const meant = (world: QueueWorld) =>
  [...world.messages, ...world.saved].filter(([id]) => id !== 'M0').map(([, one]) => one);

describe('an act', () => {
  test.each(['hold', 'release', 'delete', 'restore', 'requeue'] as const)(
    'to %s that is killed at any boundary and resumed does it to each message once, and to no other',
    async (act) => {
      const whole = await worldFor(act);
      const first = await whole.execute(act, 'run');
      expect(first.run.closed).toBe('done');
      const boundaries = whole.calls;
      expect(boundaries).toBeGreaterThan(15);
      for (let at = 1; at <= boundaries; at += 1)
        for (const when of ['before', 'after'] as const) {
          const world = await worldFor(act);
          world.crash = { at, when };
          await world.execute(act, 'run');
          world.crash = undefined;
          const isOver = world.journalRecords().some(({ kind }) => kind === 'closed');
          if (!isOver) {
            const { run } = await world.execute(act, 'resume');
            expect([at, when, run.closed]).toEqual([at, when, 'done']);
          }
          const seen = meant(world);
          expect(seen.length).toBe(MANY - 1);
          expect([at, when, seen.map(({ changes }) => changes)]).toEqual([at, when, seen.map(() => 1)]);
          expect(others(world)?.changes).toBe(0);
          expect(world.lease).toBeNull();
        }
    },
  );

  test('that is stopped between two parts says so, and goes on there', async () => {
    const world = new QueueWorld(MANY);
    const finish = new AbortController();
    world.counts = (changed) => {
      finish.abort();
      return changed;
    };
    const { run } = await world.execute('hold', 'run', { finish: finish.signal });
    expect(run.stopped?.code).toBe('run.stopped');
    expect(meant(world).filter(({ state }) => state === 'hold').length).toBe(3);
    const { run: second, results } = await world.execute('hold', 'resume');
    expect(second.closed).toBe('done');
    expect(results.sum('mx1')).toMatchObject({ asked: 7, done: 7, counted: 7, gone: 0 });
  });

  test('on a queue that another run has does nothing and names it; of a dead run of this bastion it is taken', async () => {
    const world = new QueueWorld(MANY);
    world.lease = { key: 'eeee', operator: 'eva', bastion: 'bastion2' };
    const { run } = await world.execute('hold', 'run');
    expect(run.lanes[0]?.failure?.code).toBe('busy');
    expect(run.lanes[0]?.failure?.reason).toContain('mx1 is held by run eeee of eva on bastion2');
    expect(meant(world).every(({ changes }) => changes === 0)).toBe(true);
    expect(world.lease).toMatchObject({ key: 'eeee' });
    const { run: second } = await world.execute('hold', 'run', { isDead: true });
    expect(second.closed).toBe('done');
  });

  test('whose lease is taken between two parts stops before the next', async () => {
    const world = new QueueWorld(MANY);
    world.counts = (changed) => {
      world.lease = { key: 'eeee', operator: 'eva', bastion: 'bastion2' };
      return changed;
    };
    const { run } = await world.execute('hold', 'run');
    expect(run.closed).toBeUndefined();
    expect(run.lanes[0]?.failure?.reason).toContain('another run has taken mx1 meanwhile');
    expect(meant(world).filter(({ state }) => state === 'hold').length).toBe(3);
    // The other has given it back.
    world.lease = null;
    world.counts = (changed) => changed;
    expect((await world.execute('hold', 'resume')).run.closed).toBe('done');
    expect(meant(world).every(({ changes }) => changes === 1)).toBe(true);
  });

  test('that the server has counted otherwise is looked at once more, and only then', async () => {
    const right = new QueueWorld(MANY);
    await right.execute('hold', 'run');
    expect(right.listings).toBe(0);
    const world = new QueueWorld(MANY);
    world.counts = (changed) => changed - 1;
    const { results } = await world.execute('hold', 'run');
    expect(world.listings).toBe(1);
    expect(results.sum('mx1')).toMatchObject({ done: 7, counted: 4, left: [], wasSeen: true });
  });

  test('leaves a message alone whose id is used again, and tells it as gone', async () => {
    const world = new QueueWorld(MANY);
    const { messages } = world;
    const reused = messages.get('M3');
    if (reused === undefined) throw new Error('no message');
    world.crash = { at: 1, when: 'before' };
    await world.execute('delete', 'run');
    world.crash = undefined;
    messages.set('M3', { ...reused, arrivedAt: 5000, sender: 'new@x.example' });
    const { results } = await world.execute('delete', 'resume');
    expect(messages.get('M3')).toMatchObject({ arrivedAt: 5000, changes: 0 });
    expect(results.sum('mx1')).toMatchObject({ done: 6, gone: 1 });
  });

  test('keeps the keys of a hold beside the queue before it touches a message', async () => {
    const world = new QueueWorld(MANY);
    world.counts = (changed) => {
      const kept = [...(world.records.get('7f3a01234567')?.keys.values() ?? [])].join('');
      for (const [id, { state }] of world.messages) if (state === 'hold') expect(kept).toContain(`"${id}"`);
      return changed;
    };
    await world.execute('hold', 'run');
    expect(world.records.get('7f3a01234567')).toMatchObject({ complete: true });
  });
});
