// What else the end of a failover is judged by: the road of people and mail, and whether anybody watches.
import { describe, expect, it } from 'vitest';
import { roadLines, waitingLines, watchText } from '../../../src/output/screens/waiting.js';
import { type RoadSight, roadReasons } from '../../../src/slot/road.js';
import type { WaitingRow } from '../../../src/slot/waiting.js';
import { judgeWatch } from '../../../src/slot/watch.js';

const NOW = Date.parse('2026-03-12T04:28:00Z');

describe('a watch', () => {
  it.each<[string, number | null, boolean, string]>([
    ['a timer that ran just now', NOW - 9000, true, 'a timer watches, looked 9s ago'],
    ['a timer that stopped', NOW - 200_000, false, 'nobody watches, last look 3m20s ago'],
    ['a timer from a clock that was set back', NOW + 60_000, false, 'nobody watches, last look 0s ago'],
    ['no timer', null, false, 'nobody watches'],
  ])('%s', (_, lastTurnAt, isWatched, text) => {
    const watch = judgeWatch(lastTurnAt, NOW);
    expect(watch.isWatched).toBe(isWatched);
    expect(watchText(watch, NOW)).toBe(text);
  });
});

describe('the road', () => {
  const way = (ok: boolean, via = 'nginx1', detail = '') => ({ ok, via, detail });
  const good: RoadSight = { slot: 'store1', imap: way(true), lmtp: way(true, 'mx1') };
  const bad: RoadSight = {
    slot: 'store2',
    imap: way(false, 'nginx1', 'a2 NO'),
    lmtp: way(false, 'mx1', '550'),
  };
  it('is told, and what fails speaks against leaving', () => {
    expect(roadLines([good])).toEqual(['login by nginx1 and recipient by mx1 tried on each: ok']);
    expect(roadReasons([good])).toEqual([]);
    expect(roadLines([good, bad])).toEqual([
      'login by nginx1 and recipient by mx1 tried on each: 2 FAILED',
      'store2 by nginx1: a2 NO',
      'store2 by mx1: 550',
    ]);
    expect(roadReasons([good, bad])).toEqual([
      'no login to store2 through nginx1',
      'mx1 hands no mail over to store2',
    ]);
  });
  it('that is not configured is not spoken of', () => {
    expect(roadLines([])).toEqual([]);
    expect(roadLines([{ slot: 'store1', imap: null, lmtp: null }])).toEqual([]);
  });
});

describe('mail that waits', () => {
  const row = (more: Partial<WaitingRow>): WaitingRow => ({
    mx: 'mx1',
    slot: 'store1',
    messages: 1500,
    released: 1500,
    left: 0,
    held: 0,
    problem: null,
    ...more,
  });
  it.each<[string, readonly WaitingRow[] | null, readonly string[]]>([
    ['nothing', [], ['nothing on the MXs']],
    [
      'all gone',
      [row({}), row({ slot: 'store2', messages: 2 })],
      ['1,502 messages for 2 slots on mx1: all gone out'],
    ],
    [
      'some stuck',
      [row({ left: 3, problem: '451 4.3.0' })],
      ['1,500 messages for 1 slot on mx1: 1,497 gone out, 3 left', 'store1 on mx1: 3 left: 451 4.3.0'],
    ],
    [
      'a queue not seen',
      [row({ mx: 'mx2', slot: null, messages: null, left: null, problem: 'mx2: no answer' })],
      ['mx2 was not seen: mx2: no answer'],
    ],
  ])('%s', (_, rows, lines) => {
    expect(waitingLines(rows)).toEqual(lines);
  });
});
