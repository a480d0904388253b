// What a host has room for: a sender of 64 MiB whose every process takes a megabyte is never asked for more than fits,
// and a host with plenty is not asked to wait.
import { describe, expect, test } from 'vitest';
import { Headroom, roomText, shareRoom } from '../../../src/drain/headroom.js';
import type { HostGuards } from '../../../src/queue/drain-way.js';

const MB = 1024 ** 2;
const host = (
  usedMb: number,
  totalMb: number,
  processes: number,
  more: Partial<HostGuards> = {},
): HostGuards => ({
  at: 0,
  memory: null,
  memories: [{ availableBytes: (totalMb - usedMb) * MB, totalBytes: totalMb * MB, group: '/mail' }],
  oomKills: null,
  sockets: null,
  files: null,
  load: null,
  disk: null,
  server: { process: 'master', pid: 1, startedAt: 0, processes, residentBytes: 0 },
  ...more,
});

describe('the room for messages in flight', () => {
  test.each([0.6, 1, 3, 9])(
    'a process takes %s MB of 64: all that is used stays below nine tenths',
    (each) => {
      const headroom = new Headroom();
      let flying = 0;
      let most = 0;
      for (let now = 0; now < 60; now += 1) {
        headroom.see(host(6 + flying * each, 64, 5 + flying), flying, now);
        flying = Math.max(flying, Math.min(60, headroom.room?.most ?? 60));
        most = Math.max(most, 6 + flying * each);
      }
      expect(most).toBeLessThan(64 * 0.9);
      // ...and what there is is used.
      expect(flying).toBeGreaterThanOrEqual(Math.min(60, Math.floor((64 * 0.7 - 6) / each)));
    },
  );

  test('a host with plenty lets all go at once', () => {
    const headroom = new Headroom();
    headroom.see(host(3000, 8000, 5), 0, 0);
    expect(headroom.room?.most).toBeGreaterThan(300);
    headroom.see(host(3001, 8000, 6), 200, 1);
    expect(headroom.room?.most).toBeGreaterThan(300);
  });

  test('what was let go and has no process yet is not taken for cheap', () => {
    const headroom = new Headroom();
    headroom.see(host(6, 64, 5), 0, 0);
    const first = headroom.room?.most ?? 0;
    headroom.see(host(7, 64, 6), first, 1);
    expect(headroom.room?.most).toBeLessThan(first + 2);
  });

  test('what somebody else takes is not left to be used', () => {
    const headroom = new Headroom();
    headroom.see(host(6, 64, 5), 0, 0);
    headroom.see(host(26, 64, 25), 20, 1);
    expect(headroom.room?.most).toBe(40);
    headroom.see(host(56, 64, 25), 20, 2);
    expect(headroom.room?.most).toBeLessThan(20);
  });

  test('a host that was nearly full before still sends, one at least', () => {
    const headroom = new Headroom();
    headroom.see(host(850, 1000, 5), 0, 0);
    expect(headroom.room?.most).toBe(3);
    headroom.see(host(890, 1000, 10), 5, 1);
    expect(headroom.room?.most).toBe(3);
    headroom.see(host(999, 1000, 10), 5, 1);
    expect(headroom.room?.most).toBe(1);
  });

  test('the tighter of two pools counts, though the other is nearer to its own end', () => {
    const headroom = new Headroom();
    const memories = [
      { availableBytes: 9600 * MB, totalBytes: 32_000 * MB },
      { availableBytes: 40 * MB, totalBytes: 64 * MB, group: '/mail' },
    ];
    headroom.see(host(0, 0, 5, { memories }), 0, 0);
    expect(headroom.room).toMatchObject({ most: 3, pool: 'memory', about: '/mail' });
  });

  test('processes that a group may have bound it, too', () => {
    const headroom = new Headroom();
    const tasks = [{ tasks: 10, most: 100, group: '/mail' }];
    headroom.see(host(10, 8000, 5, { tasks }), 0, 0);
    expect(headroom.room && roomText(headroom.room)).toBe('room for 21 in flight (processes /mail)');
  });

  test('of two queues of a host each takes its part', () => {
    const [one, half] = [new Headroom(), new Headroom()];
    one.see(host(6, 64, 5), 0, 0);
    half.see(host(6, 64, 5), 0, 0, 0.5);
    expect([one.room?.most, half.room?.most]).toEqual([5, 2]);
  });

  test('where nothing is known nothing binds', () => {
    const headroom = new Headroom();
    headroom.see(
      { at: 0, memory: null, oomKills: null, sockets: null, files: null, load: null, disk: null },
      3,
      0,
    );
    expect(headroom.room).toBeNull();
  });
});

test('room is shared by what each destination wants, and what flies is never exceeded by others', () => {
  expect(
    shareRoom(100, [
      { flying: 0, wants: 20 },
      { flying: 5, wants: 40 },
    ]),
  ).toEqual([20, 40]);
  expect(
    shareRoom(30, [
      { flying: 0, wants: 20 },
      { flying: 0, wants: 40 },
    ]),
  ).toEqual([10, 20]);
  // The first has all of it in flight: the others wait for it to land.
  expect(
    shareRoom(30, [
      { flying: 30, wants: 40 },
      { flying: 0, wants: 20 },
    ]),
  ).toEqual([20, 0]);
  expect(
    shareRoom(
      2,
      [1, 1, 1].map((wants) => ({ flying: 0, wants })),
    ),
  ).toEqual([1, 1, 0]);
  expect(shareRoom(0, [{ flying: 0, wants: 3 }])).toEqual([0]);
});
