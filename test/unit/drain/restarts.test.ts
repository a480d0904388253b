// A sender that is started again and again, and one that is about to run out of the memory that it may have: named,
// and left alone until it has lived for a while.
import { expect, test } from 'vitest';
import { Guards } from '../../../src/drain/guards.js';
import type { HostGuards } from '../../../src/queue/drain-way.js';

const at = (now: number, startedAt: number, more: Partial<HostGuards> = {}): HostGuards => ({
  at: now,
  memory: { availableBytes: 60, totalBytes: 100 },
  oomKills: 0,
  sockets: null,
  files: null,
  load: null,
  disk: null,
  server: { process: 'senderd', pid: startedAt, startedAt, processes: 1, residentBytes: 1 },
  ...more,
});

test('started again once is no fault, twice is half speed, three times is a pause until it has lived for a while', () => {
  const guards = new Guards();
  guards.see(at(1000, 100), null, 0);
  guards.see(at(1005, 1003), null, 5);
  expect([guards.state, guards.sights.find(({ guard }) => guard === 'restarts')?.value]).toEqual(['ok', 1]);
  expect(guards.see(at(1015, 1013), null, 15)).toEqual(['restarts (senderd) 2 of 3: half speed']);
  expect(guards.see(at(1025, 1024), null, 25)).toEqual([
    'restarts (senderd) 3 of 3: PAUSED until it is better',
  ]);
  guards.see(at(1050, 1024), null, 50);
  expect(guards.state).toBe('paused');
  guards.see(at(1055, 1024), null, 55);
  expect(guards.state).toBe('slow');
  guards.see(at(1090, 1024), null, 90);
  expect(guards.state).toBe('ok');
  guards.see(at(1700, 1024), null, 700);
  expect(guards.sights.map(({ guard }) => guard)).toEqual(['memory']);
});

test('one that is between its end and its start, a second more or less, and a delivery of Exim are no start', () => {
  const guards = new Guards();
  guards.see(at(1000, 100), null, 0);
  guards.see(at(1005, 0, { server: null }), null, 5);
  const same = at(1010, 100);
  guards.see(
    { ...same, server: { ...(same.server as object), startedAt: 101 } as NonNullable<HostGuards['server']> },
    null,
    10,
  );
  for (let now = 1015; now < 1050; now += 5) {
    const other = at(now, now - 1);
    guards.see(
      {
        ...other,
        server: { ...(other.server as object), isShortLived: true } as NonNullable<HostGuards['server']>,
      },
      null,
      now,
    );
  }
  expect(guards.sights.map(({ guard }) => guard)).toEqual(['memory']);
});

test('a process near the memory that it may have is named, and its pause waits for no second look', () => {
  const guards = new Guards();
  const addressSpace = { process: 'senderd (pid 7)', bytes: 95, limit: 100 };
  expect(guards.see(at(1000, 100, { addressSpace }), null, 0)).toEqual([
    'memory (senderd (pid 7)) 95% of 90%: PAUSED until it is better',
  ]);
  expect(guards.sights[0]).toMatchObject({
    guard: 'memory',
    value: 0.95,
    about: 'senderd (pid 7)',
    state: 'paused',
  });
  // The host's own is nearer to its end than that of any process.
  guards.see(at(1005, 100, { addressSpace: { ...addressSpace, bytes: 10 } }), null, 5);
  expect(guards.sights[0]).toMatchObject({ value: 0.4, about: '' });
});
