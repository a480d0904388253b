import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CanaryRecord } from '../../../src/slot/canary.js';
import { databaseCanaries } from '../../../src/state/canaries.js';
import type { StateDatabase } from '../../../src/state/database.js';
import { openState } from '../../../src/state/open.js';
import { describeOnEveryState } from '../../support/state-kinds.js';

const record = (more: Partial<CanaryRecord> = {}): CanaryRecord => ({
  slot: 'store1',
  replica: 'imap22',
  master: 'imap21',
  sentAt: 1_773_289_211,
  foundAt: null,
  seenAt: 1_773_289_211_500,
  ...more,
});

describeOnEveryState('databaseCanaries', (fresh) => {
  let state: StateDatabase;
  beforeEach(async () => {
    state = await openState(await fresh.location(), { mode: 'write' });
  });
  afterEach(() => state.close());

  it('keeps the last one of each slot and replica, whatever their names', async () => {
    const store = databaseCanaries(state);
    const odd = record({ slot: `sto"re';--`, replica: 'imap23', master: 'ü' });
    await store.store([record(), odd]);
    await store.store([record({ foundAt: 1_773_289_200 })]);
    await store.store([]);
    expect(await store.latest(['store1'])).toEqual([record({ foundAt: 1_773_289_200 })]);
    expect(await store.latest([odd.slot, 'nobody'])).toEqual([odd]);
    expect(await store.latest([])).toEqual([]);
  });

  it('takes more than one statement holds', async () => {
    const store = databaseCanaries(state);
    const many = Array.from({ length: 1200 }, (_, index) => record({ slot: `store${index}` }));
    await store.store(many);
    expect(await store.latest(many.map(({ slot }) => slot))).toHaveLength(1200);
  });
});
