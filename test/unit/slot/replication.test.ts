import { expect, test } from 'vitest';
import { exitOfReplication } from '../../../src/cli/replication/status.js';
import { replicationDocument } from '../../../src/cli/replication/status-json.js';
import { createOutput } from '../../../src/output/output.js';
import { replicationScreen } from '../../../src/output/screens/replication.js';
import { analyseSlot } from '../../../src/slot/analysis.js';
import type { ChannelState } from '../../../src/slot/driver.js';
import { withAges } from '../../../src/slot/log-ages.js';
import type { UserMove } from '../../../src/slot/moves.js';
import {
  type ComparisonFact,
  judgeReplication,
  names,
  type SlotReplication,
} from '../../../src/slot/replication.js';
import type { ChannelLook, PendingUsers, ReplicationLook } from '../../../src/slot/replication-look.js';
import type { FleetSight } from '../../../src/slot/sight.js';
import { AT, channelOf, sightOf, slotOf, stateFor } from '../../support/slot-facts.js';

const nobody: PendingUsers = {
  users: [],
  moreUsers: 0,
  shared: 0,
  unread: 0,
  torn: null,
  readBytes: 0,
  sizeBytes: 0,
};
const waiting = (...users: readonly string[]): PendingUsers => ({
  ...nobody,
  users: users.map((user, index) => ({ user, events: users.length - index })),
});

function near(more: Partial<ChannelLook> = {}, whole: Partial<ReplicationLook> = {}): ReplicationLook {
  return {
    slot: 'store1',
    host: 'imap21',
    at: AT,
    channels: [
      {
        channel: '',
        events: 0,
        oldestBirth: null,
        birthBy: null,
        pending: nobody,
        motion: 'idle',
        complaint: null,
        stuckAt: null,
        ...more,
      },
    ],
    hasGivenUp: false,
    quarantined: [],
    skipped: [],
    problem: null,
    ...whole,
  };
}

function seen(channel: Partial<ChannelState> = {}): FleetSight {
  return sightOf({
    imap21: [stateFor('imap21', 'master', { channels: [channelOf(channel)] })],
    imap22: [stateFor('imap22', 'replica')],
  });
}

function judge(
  sight: FleetSight,
  look: ReplicationLook | undefined = near(),
  more: { readonly moves?: readonly UserMove[]; readonly comparisons?: readonly ComparisonFact[] } = {},
): SlotReplication {
  const slot = slotOf();
  return judgeReplication({
    slot,
    view: analyseSlot(slot, { sight, samples: [], maxLagS: 300 }),
    sight,
    look,
    moves: more.moves ?? null,
    comparisons: more.comparisons ?? [],
    maxLagS: 300,
  });
}

async function screenOf(slots: readonly SlotReplication[], width = 80): Promise<string> {
  let text = '';
  const output = createOutput({
    format: 'table',
    color: false,
    columns: () => width,
    write: async (more) => {
      text += more;
    },
    isClosed: () => false,
  });
  await output.print({
    schema: 'x',
    document: () => ({}),
    rows: [],
    columns: [],
    screen: (canvas) =>
      replicationScreen({ slots, silent: [], hostsAsked: 2, now: AT * 1000, all: false }, canvas),
  });
  return text;
}

const behind = (ageS: number) => ({ pending: true, events: 12, oldestBirth: AT - ageS });

test('a slot that is well says nothing', () => {
  expect(judge(seen())).toMatchObject({ level: 'ok', reasons: [], isStuck: false, since: null });
});

test.each([
  [299, 'ok'],
  [300, 'critical'],
  [223_200, 'critical'],
])('%i s behind, working, is %s', (ageS, level) => {
  const judged = judge(seen(behind(ageS)), near({ motion: 'working', pending: waiting('ann') }));
  expect(judged.level).toBe(level);
});

test('a channel that fails on the same events is stuck before it is far behind', () => {
  const look = near({ motion: 'looping', stuckAt: 'ben', complaint: 'IOERROR', pending: waiting('ben') });
  // Its sender may be gone at the moment of the other look.
  for (const clientAlive of [true, false]) {
    const judged = judge(seen({ ...behind(20), clientAlive }), look);
    expect(judged).toMatchObject({ level: 'warning', isStuck: true });
    expect(judged.reasons).toEqual([
      'stuck at ben: replication to imap22 fails on the same events again and again: IOERROR',
    ]);
  }
});

test('a stopped or given up sender with nothing to send is a warning, with something it is critical', () => {
  expect(judge(seen({ clientAlive: false }), near({ motion: 'stopped' }))).toMatchObject({
    level: 'warning',
  });
  const given = judge(seen({ ...behind(5), clientAlive: false }), near({ motion: 'disabled' }));
  expect(given.level).toBe('critical');
  expect(given.reasons.join()).toContain('kill -HUP');
});

test('a master that nobody saw is critical, since unknown is not less than the limit', () => {
  const judged = judge(sightOf({ imap21: undefined, imap22: [stateFor('imap22', 'replica')] }), undefined);
  expect(judged).toMatchObject({ level: 'critical', masterSeen: false });
  expect(judged.reasons).toEqual(['no replica known under 5m: imap21 was not seen']);
});

test('users on the way are marked, and lag that they alone make is called so', () => {
  const move = { user: 'ann', from: 'store1', to: 'store2', state: 'copying', at: null };
  const moves = [
    move,
    { ...move, user: 'old', state: 'done' },
    { ...move, user: 'x', from: 'store8', to: 'y' },
  ];
  const alone = judge(seen(behind(900)), near({ motion: 'working', pending: waiting('ann') }), { moves });
  expect(alone).toMatchObject({ level: 'critical', onlyMoves: true });
  expect(alone.moving?.map(({ user }) => user)).toEqual(['ann']);
  expect(alone.reasons.at(-1)).toContain('user moves make this lag');
  const both = judge(seen(behind(900)), near({ motion: 'working', pending: waiting('ann', 'ben') }), {
    moves,
  });
  expect(both.onlyMoves).toBe(false);
  const more = near({ motion: 'working', pending: { ...waiting('ann'), moreUsers: 1 } });
  expect(judge(seen(behind(900)), more, { moves }).onlyMoves).toBe(false);
});

test('quarantined, skipped, differing and torn are warnings with their names', () => {
  const look = near(
    { pending: { ...nobody, torn: 'MAILBOX "user.x' } },
    {
      quarantined: [{ file: 'run.1', events: 3, birth: AT - 60, pending: waiting('ben') }],
      skipped: [{ channel: '', user: 'carl' }],
    },
  );
  const comparisons = [
    { slot: 'store1', replica: 'imap22', at: AT * 1000, total: 9, compared: 9, differing: 1 },
  ];
  const judged = judge(seen(), look, { comparisons });
  expect(judged.level).toBe('warning');
  expect(judged.reasons).toEqual([
    'a broken line in the log towards imap22 (MAILBOX "user.x) makes Cyrus drop all that follows it',
    '1 user differed on imap22 when the content was compared',
    '3 events quarantined',
    'carl kept from replication by a skipuser file',
  ]);
});

test('a log without a birth is as old as the last sample that saw none, and never younger', () => {
  const sight = seen({ pending: true, events: 2, oldestBirth: null });
  expect(judge(sight).level).toBe('critical');
  const known = (at: number) => [{ slot: 'store1', host: 'imap21', channel: 'imap22', at }];
  const aged = judge(withAges([slotOf()], sight, known(AT - 50)));
  expect(aged).toMatchObject({ level: 'ok', replicas: [{ lagS: 50, lagBy: 'seen empty' }] });
  expect(judge(withAges([slotOf()], sight, known(AT - 500))).level).toBe('critical');
  // A clock that was set back, and the log of somebody else.
  expect(judge(withAges([slotOf()], sight, known(AT + 9))).level).toBe('critical');
  const other = [{ slot: 'store1', host: 'imap22', channel: 'imap21', at: AT }];
  expect(judge(withAges([slotOf()], sight, other)).level).toBe('critical');
});

test('its last change proves such a log stale, and never fresh', () => {
  const stale = judge(seen({ pending: true, events: 2, oldestBirth: null, changedAt: AT - 4000 }));
  expect(stale.replicas[0]).toMatchObject({ freshness: 'stale', lagS: 4000 });
  const young = judge(seen({ pending: true, events: 2, oldestBirth: null, changedAt: AT - 4 }));
  expect(young.replicas[0]?.freshness).toBe('unknown');
});

test('the screen says what is wrong, whose mail that is and what comes next, within 80 columns', async () => {
  const look = near({
    motion: 'looping',
    stuckAt: 'ben',
    complaint: `IOERROR ${'x'.repeat(200)} \x1b[31m`,
    pending: waiting('ann', 'ben', 'carl', 'dora', 'eve', 'fred', 'g\u202eil'),
  });
  const screen = await screenOf([judge(seen(behind(223_200)), look), { ...judge(seen()), slot: 'store2' }]);
  const lines = screen.split('\n');
  expect(lines.slice(0, 3)).toEqual([
    'REPLICATION 2: 1 critical  1 ok    04:20:11Z  2 of 2 hosts',
    'SLOT    MASTER  REPLICAS, LAG  EVENTS  SENDER   LEVEL  SINCE',
    'store1  imap21  imap22 2d14h       12  looping  CRIT   2d14h',
  ]);
  expect(screen).toContain(' + 1 ok, at most 0s behind (--all)\n');
  expect(screen).toContain('        7 users at risk: ann, ben, carl, dora, eve and 2 more\n');
  expect(screen).toContain('next  mailctl replication quarantine store1   sets aside what blocks\n');
  expect(screen).not.toMatch(/[\x1b\u202e]/);
  expect(lines.every((line) => line.length <= 80)).toBe(true);
});

test('a document names everything, and an exit code says the worst', () => {
  const stuck = judge(seen(behind(900)), near({ motion: 'working', pending: waiting('ann') }));
  expect(replicationDocument([stuck], AT * 1000)).toMatchObject({
    slots: [
      {
        slot: 'store1',
        level: 'critical',
        since: '2026-03-12T04:05:11Z',
        replicas: [{ host: 'imap22', lag_s: 900, lag_by: 'birth', pending: { users: 1 }, sender: 'working' }],
        users_at_risk: { count: 1, users: [{ user: 'ann', events: 1, move: null }] },
      },
    ],
  });
  expect(exitOfReplication([judge(seen())], false)).toBe(0);
  expect(exitOfReplication([stuck], false)).toBe(1);
  expect(exitOfReplication([judge(seen())], true)).toBe(3);
});

test('names are bounded', () => {
  expect(names(['a', 'b'])).toBe('a, b');
  expect(names(['a', 'b', 'c'], 2, 4)).toBe('a, b and 5 more');
});
