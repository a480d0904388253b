import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Owner } from '../../../src/slot/content.js';
import { databaseComparisons } from '../../../src/state/comparisons.js';
import type { StateDatabase } from '../../../src/state/database.js';
import { openState } from '../../../src/state/open.js';
import { describeOnEveryState } from '../../support/state-kinds.js';

const owner = (name: string): Owner => ({ kind: 'user', name });
const [ann, ben, carl] = ['ann', "b'en \u001b", 'carl'].map(owner) as [Owner, Owner, Owner];
const base = { slot: 'store1', replica: 'imap22' };

describeOnEveryState('databaseComparisons', (fresh) => {
  let state: StateDatabase;
  beforeEach(async () => {
    state = await openState(await fresh.location(), { mode: 'write' });
  });
  afterEach(() => state.close());

  it('keeps when each was compared, and sums them up', async () => {
    const store = databaseComparisons(state);
    await store.store({
      ...base,
      at: 1000,
      all: [ann, ben, carl],
      compared: [{ owner: ann, differs: false }],
    });
    await store.store({
      ...base,
      at: 2000,
      all: [ann, ben, carl],
      compared: [{ owner: ben, differs: true }],
    });
    expect(await store.ownersAt('store1', 'imap22')).toEqual(
      new Map([
        ['ann', 1000],
        [ben.name, 2000],
      ]),
    );
    expect(await store.latest(['store1'])).toEqual([
      { ...base, at: 2000, total: 3, compared: 2, differing: 1, oldestAt: 1000 },
    ]);
    expect(await store.latest(['store2'])).toEqual([]);
  });

  it('forgets who is gone, but not who was not asked for', async () => {
    const store = databaseComparisons(state);
    const both = [ann, ben].map((one) => ({ owner: one, differs: true }));
    await store.store({ ...base, at: 1000, all: [ann, ben], compared: both });
    await store.store({ ...base, at: 2000, all: null, compared: [{ owner: ann, differs: false }] });
    expect(await store.latest()).toMatchObject([{ total: 2, compared: 2, differing: 1, oldestAt: 1000 }]);
    await store.store({ ...base, at: 3000, all: [carl], compared: [] });
    expect(await store.latest()).toMatchObject([{ total: 1, compared: 0, differing: 0, oldestAt: null }]);
  });

  it('keeps many thousands', async () => {
    const store = databaseComparisons(state);
    const all = Array.from({ length: 3000 }, (_, n) => owner(`u${n}`));
    await store.store({ ...base, at: 5, all, compared: all.map((one) => ({ owner: one, differs: false })) });
    await store.store({ ...base, at: 6, all: all.slice(2000), compared: [] });
    expect(await store.latest()).toMatchObject([{ total: 1000, compared: 1000, oldestAt: 5 }]);
  });
});
