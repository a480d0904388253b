// The last screen of a rejoin: who is back, what did not come over, and what to do next.
import { expect, it } from 'vitest';
import { renderLine } from '../../../../src/output/line.js';
import { rejoinEndScreen, rejoinPlanScreen } from '../../../../src/output/screens/rejoin.js';
import type { RejoinFindings } from '../../../../src/slot/actions/rejoin-parts.js';
import type { ReturnResult } from '../../../../src/slot/rejoin-outcome.js';
import { slotOn } from '../../../support/slot-sight.js';

const found = (more: Partial<RejoinFindings> = {}): RejoinFindings => ({
  isSurveyed: true,
  events: 31,
  unreadable: 0,
  oldestBirth: 1_773_289_680,
  users: ['ann', 'ben'],
  shared: [],
  newUsers: ['new.user'],
  dropped: [],
  conflicts: [],
  repaired: [],
  notBrought: [],
  compared: 205,
  keptIn: null,
  freshAfterS: 2,
  ...more,
});

function result(more: Partial<ReturnResult>, how: ReturnResult['returned']['how'] = 'rejoin'): ReturnResult {
  return {
    returned: {
      slot: slotOn('store1', ['imap22', 'imap21']),
      host: 'imap21',
      how,
      gate: null,
      isStray: false,
      events: 31,
      acceptLoss: how === 'close',
    },
    outcome: 'rejoined',
    reason: null,
    code: null,
    found: found(),
    ...more,
  };
}

function screen(results: readonly ReturnResult[], more: Partial<Parameters<typeof rejoinEndScreen>[0]> = {}) {
  return rejoinEndScreen({
    targets: ['imap21'],
    run: '7f3a',
    outcome: 'done',
    results,
    healthy: ['store1'],
    unwell: [],
    tookMs: 6200,
    exit: 0,
    ...more,
  }).map((line) => renderLine(line, false));
}

it('says that all is back, what came over, and that one may leave', () => {
  expect(screen([result({})])).toEqual([
    'DONE  1 of 1 slot back on imap21                         run 7f3a  6.2s  exit 0',
    'brought  31 events of 2 users since 2026-03-12T04:28:00Z; new there: new.user',
    'equal    205 users compared by content',
    'fresh    1 copy, at the latest 2 s after the start',
    'SAFE TO LEAVE: yes - 1 slot served, each with a second copy',
  ]);
});

it('names what did not come over, keeps to 79 columns, and lets nothing raw through', () => {
  const conflict = { mailbox: 'user.\u001b[31mboth', user: 'both', oldId: 'a1', nextId: 'b2' };
  const lines = screen(
    [
      result({
        outcome: 'partial',
        found: found({
          conflicts: [conflict],
          dropped: [
            { mailbox: 'user.ann.Gone', user: 'ann', why: 'it was deleted on the new master', events: 2 },
          ],
          notBrought: [{ who: 'ben', why: 'do_folders(): update failed' }],
          unreadable: 2,
          keptIn: '/srv/store1/conf/sync/rejoin/kept',
        }),
      }),
    ],
    {
      outcome: 'partial',
      exit: 3,
      healthy: [],
      unwell: [{ slot: 'store1', why: 'imap21: rejoin', stuck: null }],
    },
  );
  const text = lines.join('\n');
  expect(lines[0]).toContain('0 of 1 slot back on imap21');
  expect(text).toContain('imap22 (b2); imap21 stays stopped');
  expect(text).toContain('NOT OVER store1: ben: do_folders(): update failed');
  expect(text).toContain('left out store1: user.ann.Gone, 2 events: it was deleted on the new master');
  expect(text).toContain('SAFE TO LEAVE: NO - store1: imap21: rejoin');
  expect(text).not.toContain('\u001b');
  expect(lines.slice(0, -2).every((line) => line.length <= 79)).toBe(true);
});

it('says by name what was given up', () => {
  const lines = screen([result({ outcome: 'closed', found: null }, 'close')]);
  expect(lines[0]).toContain('1 slot of imap21 given up');
  expect(lines[1]).toBe('given up store1: what only imap21 had is lost; it owes nothing any more');
});

it('names the command for a slot whose replication is stuck, and folds the verdict', () => {
  const why = 'imap21 is 12 min behind (limit 5 min), 3,418 events wait for it since then';
  const unwell = [
    { slot: 'store1', why, stuck: 'blocked' as const },
    { slot: 'store2', why, stuck: 'quarantined' as const },
  ];
  const lines = screen([result({})], { outcome: 'incomplete', exit: 5, healthy: [], unwell });
  expect(lines.slice(-4)).toEqual([
    ' 1  mailctl runs resume 7f3a',
    ' 2  mailctl replication quarantine store1',
    ' 3  mailctl replication retry store2',
    ' 4  mailctl slots list',
  ]);
  expect(lines.join('\n')).toContain('SAFE TO LEAVE: NO - store1: imap21 is 12 min behind');
  expect(lines.every((line) => line.length <= 79)).toBe(true);
});

it('keeps the plan to 79 columns, also where a host runs masters that it should not', () => {
  const stray = { ...result({}).returned, isStray: true };
  const away = {
    ...stray,
    isStray: false,
    slot: slotOn('store2', ['imap22', 'imap21']),
    gate: {
      gate: 'master-not-serving' as const,
      reason: 'its master is not seen serving: imap22: no connection within 10 s (port 22)',
    },
  };
  const lines = rejoinPlanScreen(
    { targets: ['imap21'], run: '7f3a', returns: [stray, away], now: 0, tookMs: 900, all: false },
    { width: 80, color: false, table: () => [] },
  ).map((line) => renderLine(line, false));
  expect(lines[1]).toBe('imap21   runs 1 slot as master beside imap22: stopped first, its mail goes over');
  expect(lines.every((line) => line.length <= 79)).toBe(true);
});
