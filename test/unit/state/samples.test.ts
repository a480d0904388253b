import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Sample } from '../../../src/slot/samples.js';
import type { StateDatabase } from '../../../src/state/database.js';
import { openState } from '../../../src/state/open.js';
import { databaseSamples } from '../../../src/state/samples.js';
import { fakeClock } from '../../support/fake-clock.js';
import { describeOnEveryState, type Fresh } from '../../support/state-kinds.js';

let state: StateDatabase;
const openFresh = (fresh: Fresh) => {
  beforeEach(async () => {
    state = await openState(await fresh.location(), { mode: 'write' });
  });
  afterEach(() => state.close());
};

const DAY = 86_400_000;
const clock = fakeClock({ start: '2026-03-12T04:28:00Z' });
const now = clock.now();
const sample = (change: Partial<Sample> = {}): Sample => ({
  slot: 'store1',
  host: 'imap21',
  role: 'master',
  channel: 'imap22',
  at: Math.floor(now / 1000),
  seenAt: now,
  pendingEvents: 4,
  oldestBirth: 1_773_289_000,
  quarantined: 0,
  running: true,
  replicating: false,
  problem: null,
  ...change,
});

describeOnEveryState('databaseSamples', (fresh) => {
  openFresh(fresh);

  it('gives back what it was given', async () => {
    const store = databaseSamples(state, clock);
    const bare = sample({
      channel: '',
      role: null,
      pendingEvents: null,
      oldestBirth: null,
      quarantined: null,
      running: null,
      replicating: null,
      problem: 'no birth times on /srv: \u001b[31m é "quoted"',
    });
    await store.store([sample(), bare]);
    expect(await store.latest()).toEqual([sample(), bare]);
    expect(await store.history('store1', 60)).toEqual([sample(), bare]);
  });

  it('gives the last per slot, host and channel, of the slots asked for', async () => {
    const store = databaseSamples(state, clock);
    await store.store([sample({ at: 1 }), sample({ channel: 'imap23' }), sample({ slot: 'store2' })]);
    await store.store([sample({ at: 2 }), sample({ host: 'imap22', role: 'replica', channel: '' })]);
    const latest = await store.latest(['store1', "it's no slot"]);
    expect(latest.map(({ slot, host, channel, at }) => [slot, host, channel, at])).toEqual([
      ['store1', 'imap21', 'imap23', sample().at],
      ['store1', 'imap21', 'imap22', 2],
      ['store1', 'imap22', '', sample().at],
    ]);
    expect(await store.latest()).toHaveLength(4);
    expect(await store.latest([])).toEqual([]);
  });

  it('is not blinded by a clock that once ran ahead', async () => {
    const store = databaseSamples(state, clock);
    await store.store([sample({ at: 9_999_999_999, seenAt: now + 100 * DAY })]);
    await store.store([sample({ at: 5 })]);
    expect((await store.latest()).map(({ at }) => at)).toEqual([5]);
  });

  it('gives the history of one slot from a time on, oldest first', async () => {
    const store = databaseSamples(state, clock);
    await store.store([
      sample({ seenAt: now - 120_000, at: 1 }),
      sample({ seenAt: now - 30_000, at: 2 }),
      sample({ at: 3 }),
    ]);
    expect((await store.history('store1', 60)).map(({ at }) => at)).toEqual([2, 3]);
    expect(await store.history('store2', 60)).toEqual([]);
  });

  it('stores nothing of nothing, and many at once', async () => {
    const store = databaseSamples(state, clock);
    await store.store([]);
    expect(await store.latest()).toEqual([]);
    await store.store(Array.from({ length: 4000 }, (_, i) => sample({ slot: `s${i}` })));
    expect(await store.latest()).toHaveLength(4000);
  });

  it('takes numbers that are no whole ones without ending the process', async () => {
    const store = databaseSamples(state, clock);
    await store.store([sample({ at: 12.9, seenAt: now + 0.5, oldestBirth: 7.7, pendingEvents: Number.NaN })]);
    expect(await store.latest()).toMatchObject([{ at: 12, oldestBirth: 7, pendingEvents: null }]);
  });

  it('lets old samples go as new ones come, but keeps the last of each series as evidence', async () => {
    const store = databaseSamples(state, clock);
    await store.store([
      sample({ slot: 'gone', seenAt: now - 200 * DAY }),
      sample({ slot: 'dead', seenAt: now - 31 * DAY, at: 1 }),
      sample({ slot: 'dead', seenAt: now - 30 * DAY, at: 2 }),
      sample({ seenAt: now - 15 * DAY, at: 3 }),
    ]);
    await store.store([sample({ at: 4 })]);
    const left = await state.run('looking', (queries) =>
      queries.selectFrom('samples').select('at').orderBy('id').execute(),
    );
    expect(left.map(({ at }) => at)).toEqual([2, 4]);
    expect((await store.latest(['dead'])).map(({ at }) => at)).toEqual([2]);
  });

  it('keeps a series of one a minute from growing for ever, whichever turn it has', async () => {
    const store = databaseSamples(state, clock);
    const series = ['a', 'b', 'c'];
    await store.store(
      series.flatMap((slot) => Array.from({ length: 3050 }, (_, i) => sample({ slot, at: i }))),
    );
    for (let i = 0; i < 12; i++) await store.store(series.map((slot) => sample({ slot, at: 10_000 + i })));
    for (const slot of series) {
      const history = await store.history(slot, 60);
      expect(history.length).toBeLessThan(3012);
      expect(history.length).toBeGreaterThanOrEqual(3000);
      expect(history.at(-1)?.at).toBe(10_011);
    }
  });
});
