// The guards of a drain: limits with a way back, one odd figure is none, memory waits for no second look.
import { expect, test } from 'vitest';
import { Guards } from '../../../src/drain/guards.js';
import type { HostGuards } from '../../../src/queue/drain-way.js';

const host = (more: Partial<HostGuards> = {}): HostGuards => ({
  at: 0,
  memory: { availableBytes: 60, totalBytes: 100 },
  oomKills: 0,
  sockets: null,
  files: null,
  load: null,
  disk: null,
  ...more,
});
const used = (share: number) => host({ memory: { availableBytes: 100 - share, totalBytes: 100 } });

test('memory slows, pauses at once, and is free again only at a better figure', () => {
  const guards = new Guards();
  guards.see(used(40), 0, 0);
  expect(guards.factor).toBe(1);
  guards.see(used(85), 0, 1);
  guards.see(used(85), 0, 2);
  expect([guards.state, guards.factor]).toEqual(['slow', 0.5]);
  expect(guards.see(used(95), 0, 3)).toEqual(['memory 95% of 90%: PAUSED until it is better']);
  expect(guards.factor).toBe(0);
  guards.see(used(88), 0, 4);
  guards.see(used(88), 0, 5);
  expect(guards.state).toBe('paused');
  guards.see(used(82), 0, 6);
  guards.see(used(82), 0, 7);
  expect(guards.state).toBe('slow');
  guards.see(used(60), 0, 8);
  expect(guards.see(used(60), 0, 9)).toEqual(['memory 60% of 90%: clear, full speed']);
});

test('one odd figure changes nothing', () => {
  const guards = new Guards();
  const files = (open: number) => host({ files: { process: 'smtp', open, limit: 100 } });
  guards.see(files(10), 0, 0);
  expect(guards.see(files(99), 0, 1)).toEqual([]);
  expect(guards.see(files(10), 0, 2)).toEqual([]);
  expect(guards.state).toBe('ok');
});

test('a process that was killed for lack of memory pauses, then slows', () => {
  const guards = new Guards();
  guards.see(host({ oomKills: 3 }), 0, 0);
  expect(guards.state).toBe('ok');
  guards.see(host({ oomKills: 4 }), 0, 10);
  expect(guards.state).toBe('paused');
  guards.see(host({ oomKills: 4 }), 0, 140);
  expect(guards.state).toBe('slow');
  guards.see(host({ oomKills: 4 }), 0, 300);
  expect(guards.state).toBe('ok');
});

test('other mail that waits longer than before the drain slows and pauses it', () => {
  const guards = new Guards();
  guards.setBaseline(30);
  guards.see(host(), 80, 0);
  guards.see(host(), 80, 1);
  expect(guards.state).toBe('ok');
  guards.see(host(), 100, 2);
  guards.see(null, 100, 3);
  expect(guards.state).toBe('slow');
  guards.see(null, 400, 4);
  guards.see(null, 400, 5);
  expect(guards.state).toBe('paused');
  guards.see(null, 31, 6);
  guards.see(null, 31, 7);
  expect(guards.state).toBe('ok');
});

test('what cannot be seen guards nothing and breaks nothing', () => {
  const guards = new Guards();
  guards.see(host({ memory: null, oomKills: null }), null, 0);
  expect(guards.sights).toEqual([]);
  guards.see(host({ memory: { availableBytes: 1, totalBytes: 0 } }), null, 1);
  expect(guards.state).toBe('ok');
});

test('other mail that was seen late once stays one sighting through every heartbeat', () => {
  const guards = new Guards();
  guards.setBaseline(0);
  guards.see(null, 10, 0);
  guards.see(null, 400, 2);
  for (let at = 3; at < 30; at += 5) expect(guards.see(null, undefined, at)).toEqual([]);
  expect(guards.sights).toMatchObject([{ guard: 'other-mail', value: 400, state: 'ok' }]);
  expect(guards.see(null, 400, 40).join()).toContain('PAUSED');
  // Between two looks it stays so.
  guards.see(null, undefined, 41);
  expect(guards.state).toBe('paused');
});

test('other mail that waits on while nothing of the drain is in flight is not its doing: it goes on', () => {
  const guards = new Guards();
  guards.setBaseline(0);
  for (const now of [0, 2]) guards.see(null, 400 + now, now);
  expect(guards.state).toBe('paused');
  const said: string[] = [];
  for (let now = 4; now <= 80; now += 2) said.push(...guards.see(null, 400 + now, now, true));
  expect(said[0]).toMatch(/^other-mail waits \d+s though nothing of the drain was in flight/);
  expect([guards.state, guards.sights.find(({ guard }) => guard === 'other-mail')?.limit]).toEqual([
    'ok',
    600,
  ]);
  // While something is in flight nobody can tell, and the pause holds.
  const busy = new Guards();
  busy.setBaseline(0);
  for (let now = 0; now <= 200; now += 2) busy.see(null, 400 + now, now, false);
  expect(busy.state).toBe('paused');
});
