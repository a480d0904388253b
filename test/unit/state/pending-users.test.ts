// Whose changes wait, in the state database.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PendingRecord } from '../../../src/slot/pending-users.js';
import type { StateDatabase } from '../../../src/state/database.js';
import { openState } from '../../../src/state/open.js';
import { databasePendingUsers } from '../../../src/state/pending-users.js';
import { describeOnEveryState } from '../../support/state-kinds.js';

const record: PendingRecord = {
  slot: "store'1",
  host: 'imap21',
  replica: 'imap22',
  at: 1000,
  seenAt: 1_000_000,
  events: 3,
  oldestBirth: null,
  users: [
    { user: 'b"e\'n \u001b[31m \ud800', events: 2 },
    { user: 'ann', events: 1 },
  ],
  moreUsers: 0,
  nameless: 0,
};

describeOnEveryState('databasePendingUsers', (fresh) => {
  let state: StateDatabase;
  beforeEach(async () => {
    state = await openState(await fresh.location(), { mode: 'write' });
  });
  afterEach(() => state.close());

  it('keeps the last record of each slot and replica, whatever the names are', async () => {
    const store = databasePendingUsers(state);
    await store.store([record, { ...record, replica: 'imap23', events: 7 }]);
    const later = { ...record, at: 2000.7, events: 1, users: [{ user: 'ann', events: 1 }], oldestBirth: 5 };
    await store.store([later]);
    const found = await store.latest(["store'1", 'store2']);
    expect(found.find(({ replica }) => replica === 'imap22')).toEqual({ ...later, at: 2000 });
    expect(found.find(({ replica }) => replica === 'imap23')?.users).toEqual(record.users);
    expect(await store.latest(['store2'])).toEqual([]);
  });

  it('keeps so many names, and counts the others', async () => {
    const store = databasePendingUsers(state);
    const users = Array.from({ length: 6000 }, (_, n) => ({ user: `u${n}`, events: 1 }));
    await store.store([{ ...record, users }]);
    expect((await store.latest(["store'1"]))[0]).toMatchObject({ moreUsers: 1000 });
  });

  it('what another tool wrote into it is an error, and only where it is asked for', async () => {
    const store = databasePendingUsers(state);
    await store.store([record, { ...record, slot: 'store2' }]);
    await state.write('a test', (queries) =>
      queries.updateTable('pending_users').set({ users: '{"a":1}' }).where('slot', '=', 'store2').execute(),
    );
    expect(await store.latest(["store'1"])).toHaveLength(1);
    await expect(store.latest(['store2'])).rejects.toThrow(/pending_users of store2/);
  });
});
