// The looks at queues in the state database: what comes back, what is last, what is taken out.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { QueueLook } from '../../../src/queue/queue-look.js';
import type { StateDatabase } from '../../../src/state/database.js';
import { openState } from '../../../src/state/open.js';
import { databaseLooks } from '../../../src/state/queue-looks.js';
import { fakeClock } from '../../support/fake-clock.js';
import { describeOnEveryState } from '../../support/state-kinds.js';

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000;
const look = (more: Partial<QueueLook> = {}): QueueLook => ({
  queue: 'mx1',
  host: 'mx1',
  at: NOW,
  messages: 912_408,
  recipients: 1_000_000,
  sizeBytes: 2 ** 53 - 1,
  oldestAt: 1_799_990_000,
  held: 3,
  domains: new Map([
    ['gmail.com', 604_112],
    ['__proto__', 1],
    ['b"e\'n\ud800\u0000', 1],
  ]),
  isWhole: true,
  ...more,
});

describeOnEveryState('databaseLooks', (fresh) => {
  let state: StateDatabase;
  const at = (now: number) => databaseLooks(state, fakeClock({ start: now }));
  beforeEach(async () => {
    state = await openState(await fresh.location(), { mode: 'write' });
  });
  afterEach(() => state.close());

  it('gives back what was stored, and the last of each queue by when it was stored', async () => {
    const ahead = look({ at: NOW + HOUR, messages: 1 });
    await at(NOW).store([ahead, look({ queue: "mx2:o'ne", host: 'mx2', oldestAt: null, isWhole: false })]);
    await at(NOW).store([look()]);
    await at(NOW).store([]);
    expect(await at(NOW).since(NOW)).toEqual([
      ahead,
      look({ queue: "mx2:o'ne", host: 'mx2', oldestAt: null, isWhole: false }),
      look(),
    ]);
    expect((await at(NOW).latest()).map(({ queue, messages }) => [queue, messages])).toEqual([
      ["mx2:o'ne", 912_408],
      ['mx1', 912_408],
    ]);
  });

  it('keeps a day of them, and the last of each queue for half a year', async () => {
    for (let hour = 0; hour < 60; hour += 1)
      await at(NOW + hour * HOUR).store([
        look({ at: NOW + hour * HOUR }),
        ...(hour === 0 ? [look({ queue: 'mx9', host: 'mx9' })] : []),
      ]);
    const now = NOW + 59 * HOUR;
    expect((await at(now).since(0)).filter(({ queue }) => queue === 'mx1')).toHaveLength(27);
    expect((await at(now).latest()).map(({ queue }) => queue)).toEqual(['mx9', 'mx1']);
    await at(NOW + 24 * 181 * HOUR).store([look({ at: NOW + 24 * 181 * HOUR })]);
    expect((await at(now).latest()).map(({ queue }) => queue)).toEqual(['mx1']);
  });

  it('knows nothing of the domains where another tool has written', async () => {
    await at(NOW).store([look()]);
    await state.write('a test', (queries) =>
      queries.updateTable('queue_looks').set({ domains: '{"a":' }).execute(),
    );
    expect((await at(NOW).since(0))[0]).toMatchObject({
      isWhole: false,
      messages: 912_408,
      domains: new Map(),
    });
  });
});
