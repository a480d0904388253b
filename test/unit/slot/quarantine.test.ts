import { describe, expect, it } from 'vitest';
import { blockedChannel } from '../../../src/slot/blocked.js';
import { quarantinedFor } from '../../../src/slot/freshness.js';
import { openedLine, parseLaneFile, TENDING } from '../../../src/slot/lane-record.js';
import { type EventLine, eventGroups, noteLine, parseNote, rangesOf } from '../../../src/slot/quarantine.js';
import type { ChannelLook } from '../../../src/slot/replication-look.js';
import { channel, NOW_S, state } from '../../support/slot-sight.js';

const line = (number: number, users: readonly string[], more: Partial<EventLine> = {}): EventLine => ({
  number,
  users,
  shared: null,
  torn: false,
  text: '',
  ...more,
});

describe('eventGroups', () => {
  it('keeps together what is about the same people, over renames too', () => {
    const groups = eventGroups([
      line(1, ['ann']),
      line(2, ['ben', 'bob']),
      line(3, ['ann']),
      line(4, ['bob', 'carl']),
      line(5, [], { shared: 'team.x' }),
      line(6, []),
      line(7, ['dora'], { torn: true }),
    ]);
    expect(groups.map(({ who, lines }) => [who, lines])).toEqual([
      ['ann', [1, 3]],
      ['ben, bob, carl', [2, 4]],
      ['shared mailbox team.x', [5]],
      ['lines that name nobody', [6]],
    ]);
  });

  it('takes many thousands', () => {
    const lines = Array.from({ length: 50_000 }, (_, n) => line(n + 1, [`u${n}`, `u${n + 1}`]));
    expect(eventGroups(lines)).toHaveLength(1);
  });
});

describe('rangesOf', () => {
  it.each([
    [[], ''],
    [[3], '3'],
    [[1, 2, 3, 7, 9, 8], '1-3,7-9'],
    [[5, 5], '5'],
  ])('%j', (numbers, ranges) => {
    expect(rangesOf(numbers)).toBe(ranges);
  });
});

describe('a note', () => {
  it('is one line that begins with the birth, and comes back as it was', () => {
    const note = {
      birth: null,
      birthBy: '',
      channel: 'imap23',
      replica: 'imap23',
      run: '7f3a',
      operator: 'ann@b',
      reason: 'a\nb\u001f\u007f "c"',
      owner: 'mail on call',
      asideAt: 5,
      tries: 2,
      triedAt: 7,
      kept: [{ who: 'ben', kind: 'index' as const, text: 't', repair: ['r'] }],
      more: 3,
    };
    const text = noteLine(note);
    expect(text).toMatch(/^\{"birth":0,"birthBy":"","channel":"imap23",/);
    expect(text).not.toMatch(/[\x00-\x1f\x7f]/);
    expect(parseNote(text)).toEqual(note);
  });
});

describe('blockedChannel', () => {
  const look = (more: Partial<ChannelLook>): ChannelLook => ({
    channel: '',
    events: 5,
    oldestBirth: NOW_S - 600,
    birthBy: 'birth',
    pending: { users: [], moreUsers: 0, shared: 0, unread: 0, torn: null, readBytes: 0, sizeBytes: 0 },
    motion: 'looping',
    complaint: null,
    stuckAt: null,
    ...more,
  });
  it('is one whose sender fails again and again, or gets no further with one file for long', () => {
    expect(blockedChannel(look({}), NOW_S, 300)).toContain('again and again');
    expect(blockedChannel(look({ motion: 'busy' }), NOW_S, 300)).toContain('no further');
  });
  it.each(['idle', 'working', 'waiting', 'stopped', 'disabled'] as const)(
    'is not one that is %s',
    (motion) => {
      expect(blockedChannel(look({ motion }), NOW_S, 300)).toBeNull();
    },
  );
  it('is not one that was just begun, nor one with nothing in it', () => {
    expect(blockedChannel(look({ motion: 'busy', oldestBirth: NOW_S - 40 }), NOW_S, 300)).toBeNull();
    expect(blockedChannel(look({ motion: 'busy', oldestBirth: null }), NOW_S, 300)).toBeNull();
    expect(blockedChannel(look({ events: 0 }), NOW_S, 300)).toBeNull();
  });
});

describe('quarantinedFor', () => {
  const quarantined = {
    files: 3,
    events: 6,
    oldestBirth: 1,
    byChannel: [
      { channel: 'a', events: 1, oldestBirth: 3 },
      { channel: 'b', events: 2, oldestBirth: 1 },
      { channel: null, events: 3, oldestBirth: 2 },
    ],
  };
  const master = state('store1', 'imap21', 'master', { quarantined });
  it('counts a file for the replica that did not get it, and for all where that is not known', () => {
    expect(quarantinedFor(master, channel({ channel: 'a' }))).toEqual({
      files: 2,
      events: 4,
      oldestBirth: 2,
    });
    expect(quarantinedFor(master, channel({ channel: 'c' }))).toEqual({
      files: 1,
      events: 3,
      oldestBirth: 2,
    });
    expect(quarantinedFor(master, undefined)).toBe(quarantined);
  });
});

describe('a lane that moves nothing', () => {
  it('is nobody’s to finish', () => {
    const opened = openedLine({
      run: '7f3a',
      from: 'imap21',
      to: 'imap21',
      operator: 'ann',
      bastion: 'b',
      at: '2026-03-12T04:28:00Z',
      judged: null,
      way: TENDING,
    });
    expect(parseLaneFile([opened, '{"kind":"began","run":"7f3a","step":"aside-log"}'])).toEqual({
      open: null,
      owed: [],
      malformed: 0,
    });
  });
});
