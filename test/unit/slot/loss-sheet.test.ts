// The loss sheet: numbers and names from what can be read, and what is not known said as such.
import { describe, expect, test } from 'vitest';
import { lossSheetLines } from '../../../src/output/screens/loss-sheet.js';
import { type LossSheetFacts, lossSheet, lossSheetJson } from '../../../src/slot/loss-sheet.js';
import { type PendingRecord, pendingRecords } from '../../../src/slot/pending-users.js';
import { AT, channelOf, sampleOf, sightOf, slotOf, stateFor } from '../../support/slot-facts.js';

const record = (more: Partial<PendingRecord> = {}): PendingRecord => ({
  slot: 'store1',
  host: 'imap21',
  replica: 'imap22',
  at: AT - 60,
  seenAt: (AT - 60) * 1000,
  events: 12,
  oldestBirth: AT - 200_000,
  users: [
    { user: 'ben', events: 10 },
    { user: 'zoe', events: 2 },
  ],
  moreUsers: 0,
  nameless: 0,
  ...more,
});
const stale = sampleOf({ pendingEvents: 12, oldestBirth: AT - 200_000 });
const facts = (more: Partial<LossSheetFacts> = {}): LossSheetFacts => ({
  slot: 'store1',
  live: undefined,
  stored: record(),
  sample: stale,
  replicaUsers: new Set(['ben', 'ann', '']),
  siteUsers: null,
  moves: [],
  problems: [],
  ...more,
});

describe('lossSheet', () => {
  test('names who waits by what was stored, and who is new: has no mailbox on the replica', () => {
    const sheet = lossSheet(facts());
    expect(sheet).toMatchObject({ source: 'stored', events: 12, oldest: AT - 200_000, newUsers: ['zoe'] });
    expect(sheet.notKnown).toEqual([]);
  });

  test("the site's list adds new users that wrote nothing yet", () => {
    expect(lossSheet(facts({ siteUsers: ['ann', 'new1', 'zoe'] })).newUsers).toEqual(['new1', 'zoe']);
  });

  test('the log itself comes before what was stored', () => {
    const live = record({ events: 3, users: [{ user: 'carl', events: 3 }] });
    expect(lossSheet(facts({ live }))).toMatchObject({ source: 'log', events: 3, newUsers: ['carl'] });
  });

  test('names of an earlier backlog are not those of this one', () => {
    const sheet = lossSheet(facts({ sample: sampleOf({ pendingEvents: 4, oldestBirth: AT - 30 }) }));
    expect(sheet).toMatchObject({ source: null, events: 4, users: null, newUsers: null });
    expect(sheet.notKnown.join()).toMatch(/older than they are.*new users: no directory.users/);
  });

  test('a log that was empty when it was seen last lacks nobody', () => {
    const sheet = lossSheet(facts({ sample: sampleOf() }));
    expect(sheet).toMatchObject({ source: 'stored', events: 0, users: [], newUsers: [] });
  });

  test('nothing known is null, not none', () => {
    const nothing = facts({ stored: undefined, sample: undefined, replicaUsers: undefined, moves: null });
    const sheet = lossSheet({ ...nothing, problems: ['who is on imap22: no answer in 10 s'] });
    expect(lossSheetJson(sheet)).toEqual({
      source: null,
      at: null,
      events: null,
      moving_events: null,
      oldest_at: null,
      users: null,
      users_total: null,
      new_users: null,
      new_users_total: null,
      moving: null,
      not_known: [
        'who is on imap22: no answer in 10 s',
        'whose changes wait: nobody stored it (slots sample, once a minute, does)',
      ],
    });
    expect(lossSheetLines(sheet).join('\n')).toMatch(
      /what waits is not known[\s\S]*not known: who is on imap22/,
    );
  });

  test('users on the way are named, and their share of the lag', () => {
    const move = { user: 'ben', from: 'store1', to: 'store9', state: 'moving', at: null };
    const sheet = lossSheet(
      facts({
        moves: [move, { ...move, user: 'dora', from: 'store7' }, { ...move, user: 'zoe', state: 'done' }],
      }),
    );
    expect(sheet.moving).toEqual([move]);
    expect(sheet.movingEvents).toBe(10);
  });

  test('a list that was cut says so, and the screen stays narrow whatever the names are', () => {
    const users = Array.from({ length: 300 }, (_, n) => ({
      user: `user-with-a-long-name-${n}@example.net`,
      events: 1,
    }));
    const sheet = lossSheet(facts({ stored: record({ users, moreUsers: 41, events: 41_220, nameless: 7 }) }));
    expect(sheet.notKnown).toEqual(['names of 41 more users', 'whose 7 events are that name nobody']);
    const lines = lossSheetLines(sheet).map(String);
    expect(lines.join(' ')).toMatch(/41,220 events of 341\s+users wait/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(79);
    expect(lossSheetJson(sheet, 5).users).toHaveLength(5);
    expect(lossSheetJson(sheet, 5).users_total).toBe(341);
  });
});

describe('pendingRecords', () => {
  const pending = (users: readonly { user: string; events: number }[]) => ({
    users,
    moreUsers: 0,
    shared: 1,
    unread: 0,
    torn: null,
    readBytes: 1,
    sizeBytes: 1,
  });
  test('what is quarantined waits for every replica, beside its own channel', () => {
    const slot = slotOf();
    const sight = sightOf({
      imap21: [stateFor('imap21', 'master', { channels: [channelOf({ channel: 'c', pending: true })] })],
      imap22: [stateFor('imap22', 'replica')],
    });
    const look = {
      slot: 'store1',
      host: 'imap21',
      at: AT,
      channels: [
        {
          channel: 'c',
          events: 3,
          oldestBirth: AT - 5,
          birthBy: null,
          pending: pending([{ user: 'ann', events: 2 }]),
          motion: 'working',
          complaint: null,
          stuckAt: null,
        },
      ],
      quarantined: [
        { file: 'q', events: 9, birth: AT - 900, pending: pending([{ user: 'ann', events: 9 }]) },
      ],
      skipped: [],
      problem: null,
    } as unknown as Parameters<typeof pendingRecords>[1];
    expect(pendingRecords(slot, look, sight, 5)).toEqual([
      {
        slot: 'store1',
        host: 'imap21',
        replica: 'imap22',
        at: AT,
        seenAt: 5,
        events: 12,
        oldestBirth: AT - 900,
        users: [{ user: 'ann', events: 11 }],
        moreUsers: 0,
        nameless: 2,
      },
    ]);
    expect(pendingRecords(slot, look, sightOf({ imap21: undefined }), 5)).toEqual([]);
  });
});
