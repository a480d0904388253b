// Where a queue is going: by the log, by earlier looks, by successive looks, and by nothing.
import { describe, expect, it } from 'vitest';
import type { DeliveryEvent } from '../../../src/queue/delivery-event.js';
import type { QueueMessage } from '../../../src/queue/message.js';
import { OutFold } from '../../../src/queue/out-fold.js';
import { looksOf, type QueueLook } from '../../../src/queue/queue-look.js';
import { QueueStats } from '../../../src/queue/stats.js';
import { unionOf } from '../../../src/queue/stats-union.js';
import {
  baseOf,
  flowsOf,
  intervalOf,
  type QueueNow,
  trendOf,
  waitingOf,
  watchedFlows,
} from '../../../src/queue/trend.js';

const NOW = 1_800_000_000;
const MS = NOW * 1000;
const message = (id: string, domain = 'x.example', more: Partial<QueueMessage> = {}): QueueMessage => ({
  queue: 'mx1',
  host: 'mx1',
  id,
  state: 'deferred',
  arrivedAt: NOW - 100,
  sizeBytes: 10,
  sender: 'bo@example.org',
  submitter: null,
  recipients: [{ address: `a@${domain}`, reason: null }],
  ...more,
});
const look = (at: number, domains: Readonly<Record<string, number>>, isWhole = true): QueueLook => ({
  queue: 'mx1',
  host: 'mx1',
  at,
  messages: Object.values(domains).reduce((sum, one) => sum + one, 0),
  recipients: 0,
  sizeBytes: 0,
  oldestAt: null,
  held: 0,
  domains: new Map(Object.entries(domains)),
  isWhole,
});
const now = (more: Partial<QueueNow> = {}): QueueNow => ({
  queue: 'mx1',
  host: 'mx1',
  at: MS,
  messages: 90,
  domains: new Map([
    ['x.example', 60],
    ['y.example', 30],
  ]),
  base: look(MS - 300_000, { 'x.example': 100, 'y.example': 10 }),
  arrived: new Map([
    ['mx1', 30],
    ['mx1\nx.example', 10],
    ['mx1\ny.example', 20],
  ]),
  left: null,
  ...more,
});
const byDomain = (_: QueueNow, domain: string) => domain;
const event = (id: string, at: number, more: Partial<DeliveryEvent> = {}): DeliveryEvent => ({
  at,
  id,
  outcome: 'sent',
  recipient: 'a@x.example',
  sender: null,
  relay: null,
  source: null,
  dsn: null,
  reason: '',
  ...more,
});

describe('by an earlier look', () => {
  it('what came is what waits and arrived since, what went is the rest', () => {
    const { total, groups, source, windowS } = flowsOf([now()], byDomain, false);
    expect([source, windowS]).toEqual(['listings', 300]);
    expect(total.inPerMin).toBeCloseTo(6);
    expect(total.out?.perMin).toBeCloseTo((110 + 30 - 90) / 5);
    expect(total.growthPerMin).toBeCloseTo(-4);
    expect(groups.get('x.example')?.out?.perMin).toBeCloseTo(10);
    expect(groups.get('y.example')?.growthPerMin).toBeCloseTo(4);
  });

  it('a domain that the look may not have kept is not known, and one that is gone was worked off', () => {
    const base = look(MS - 60_000, { 'gone.example': 5 }, false);
    const { groups } = flowsOf([now({ base })], byDomain, false);
    expect(groups.get('x.example')).toEqual({ out: null, inPerMin: null, growthPerMin: null });
    expect(groups.get('gone.example')?.out?.perMin).toBeCloseTo(5);
  });

  it('without one nothing is known', () => {
    const { total, source } = flowsOf([now({ base: null })], byDomain, false);
    expect(total).toEqual({ out: null, inPerMin: null, growthPerMin: null });
    expect(source).toBeNull();
  });

  it('the oldest of the window counts, else the last before it, never one of just now or of the future', () => {
    const at = (...agos: readonly number[]) => agos.map((ago) => look(MS - ago * 1000, {}));
    expect(baseOf(at(4000, 290, 60, 3), MS)?.at).toBe(MS - 290_000);
    expect(baseOf(at(9000, 4000, 3), MS)?.at).toBe(MS - 4_000_000);
    expect(baseOf(at(3, -500), MS)).toBeNull();
  });
});

describe('by the log', () => {
  const left = new OutFold();
  for (let at = 0; at < 50; at++) left.add(event(`A${at}`, NOW - 290 + at * 5), 'mx1', NOW);
  // A second recipient of the same message, a try that failed, one of long ago, one of the future, one that expired.
  left.add(event('A0', NOW - 290, { recipient: 'b@x.example' }), 'mx1', NOW);
  left.add(event('B', NOW - 5, { outcome: 'deferred' }), 'mx1', NOW);
  left.add(event('C', NOW - 4000), 'mx1', NOW);
  left.add(event('D', NOW + 4000), 'mx1', NOW);
  left.add(event('E', NOW - 10, { outcome: 'expired', recipient: '' }), 'mx1', NOW);

  it('what went is what was sent, bounced or has expired, each message once', () => {
    const { total, groups, source } = flowsOf([now({ left: left.parts(NOW) })], byDomain, false);
    expect(source).toBe('log');
    expect(total.out?.perMin).toBeCloseTo(51 / 5, 0);
    expect(groups.get('x.example')?.out?.perMin).toBeCloseTo(50 / 5, 0);
    expect(groups.get('y.example')?.out?.perMin).toBe(0);
    expect(total.inPerMin).toBeCloseTo((total.out?.perMin ?? 0) + (total.growthPerMin ?? 0));
  });

  it('what somebody removed is no way of going, and what came is at least what is here of it', () => {
    const base = look(MS - 300_000, { 'x.example': 400 });
    const { total } = flowsOf([now({ base, left: left.parts(NOW) })], byDomain, false);
    expect(total.out?.perMin).toBeCloseTo(51 / 5, 0);
    expect(total.growthPerMin).toBeCloseTo(-62);
    expect(total.inPerMin).toBeCloseTo(6);
  });

  it('what came is not known from a look of hours ago, the growth is', () => {
    const base = look(MS - 7_200_000, { 'x.example': 0 });
    const { total, growthWindowS } = flowsOf([now({ base, left: left.parts(NOW) })], byDomain, false);
    expect(total.inPerMin).toBeNull();
    expect(total.growthPerMin).toBeCloseTo(90 / 120);
    expect(growthWindowS).toBe(7200);
  });
});

describe('by successive looks', () => {
  const watched = (at: number, all: readonly QueueMessage[], before?: QueueStats) => {
    const stats = new QueueStats({ by: ['domain'], now: Math.floor(at / 1000) });
    const fresh = new Set<number>();
    for (const one of all) {
      const isNew = before !== undefined && !before.has(one);
      const row = stats.add(one);
      if (isNew) fresh.add(row);
    }
    return { stats, at, isFresh: (row: number) => fresh.has(row) };
  };

  it('ids tell what came and what went, although the number stays', () => {
    const first = watched(MS, [message('A'), message('B'), message('C', 'y.example')]);
    const second = watched(MS + 60_000, [message('B'), message('D'), message('E')], first.stats);
    const { total, groups, others } = watchedFlows([[intervalOf(first, second)]]);
    expect([total.inPerMin, total.out?.perMin, total.growthPerMin]).toEqual([2, 2, 0]);
    expect(groups.get('["x.example"]')).toMatchObject({ inPerMin: 2, growthPerMin: 1 });
    expect(groups.get('["y.example"]')?.out?.perMin).toBe(1);
    expect(others.out?.perMin).toBe(0);
  });

  it('a short id that was used again, and a message that comes twice, are no news', () => {
    const first = watched(MS, [message('A')]);
    const second = watched(MS + 1000, [message('A'), message('A', 'y.example')], first.stats);
    expect(watchedFlows([[intervalOf(first, second)]]).total.inPerMin).toBe(0);
  });

  it('before the second look nothing is known', () => {
    expect(watchedFlows([[], []])).toMatchObject({ source: null, windowS: null });
  });
});

it('what waits is neither held nor corrupt, and is lost where its life ends before its turn', () => {
  const stats = new QueueStats({ by: ['domain'], now: NOW });
  stats.add(message('A', 'x.example', { arrivedAt: NOW - 5 * 86_400 + 30 }));
  stats.add(message('B'));
  stats.add(message('C', 'x.example', { state: 'hold' }));
  stats.add(message('D', 'y.example', { arrivedAt: null }));
  const waiting = waitingOf([stats], () => 5 * 86_400);
  expect(waiting.total.messages).toBe(3);
  expect(waiting.groups.get('["y.example"]')?.ends).toBeNull();
  const flow = { out: { perMin: 1, lowPerMin: 0, highPerMin: 2 }, inPerMin: null, growthPerMin: null };
  const flows = {
    total: flow,
    groups: new Map([['["x.example"]', flow]]),
    others: { ...flow, out: null },
    source: 'log' as const,
    windowS: 300,
    growthWindowS: null,
  };
  const trend = trendOf(flows, waiting, NOW);
  expect(trend.groupOf('["x.example"]')).toMatchObject({ waiting: 2, expiring: 1, empty: { seconds: 120 } });
  expect(trend.groupOf('["y.example"]')).toMatchObject({ waiting: 1, expiring: null, empty: null });
  expect(trend.total.expiring).toBeNull();
});

it('looks keep the domains with the most, and say when there were more', () => {
  const stats = new QueueStats({ by: ['queue', 'domain'], now: NOW });
  for (let at = 0; at < 150; at++) stats.add(message(`A${at}`, `d${at}.example`));
  for (let at = 0; at < 5; at++) stats.add(message(`B${at}`, 'd7.example'));
  stats.add(message('C', 'z'.repeat(300)));
  const queues = [
    { queue: 'mx1', host: 'mx1' },
    { queue: 'mx2', host: 'mx2' },
  ];
  const [first, empty] = looksOf(stats, queues, MS);
  expect(first?.domains.size).toBe(100);
  expect([...(first?.domains ?? [])][0]).toEqual(['d7.example', 6]);
  expect(first).toMatchObject({ messages: 156, isWhole: false });
  expect(empty).toMatchObject({ messages: 0, isWhole: true });
});

it('what is within a queue counts for it, and a message that names no recipient waits and comes like any other', () => {
  const stats = new QueueStats({ by: ['queue', 'domain'], now: NOW });
  const within = { host: 'lists1', arrivedAt: NOW - 60, recipients: [] };
  stats.add(message('A', '', { ...within, queue: 'lists1:out' }));
  stats.add(message('B', '', { ...within, queue: 'lists1:retry', arrivedAt: NOW - 90 }));
  stats.add(message('C', 'x', { queue: 'lists10', host: 'lists10' }));
  const queues = [
    { queue: 'lists1', host: 'lists1' },
    { queue: 'lists10', host: 'lists10' },
  ];
  const [lists] = looksOf(stats, queues, MS);
  expect(lists).toMatchObject({ messages: 2, oldestAt: NOW - 90, isWhole: true });
  expect(waitingOf([stats], () => 100).total).toEqual({
    messages: 3,
    ends: expect.arrayContaining([NOW + 10, NOW + 40]),
  });
  let seen = 0;
  stats.eachMessage(() => {
    seen += 1;
  });
  expect(seen).toBe(3);
});

it('statistics of several hosts are one: groups and the rest of them are added up', () => {
  const of = (host: string, domains: readonly string[]) => {
    const stats = new QueueStats({ by: ['domain'], now: NOW });
    domains.forEach((domain, at) => {
      stats.add(message(`A${at}`, domain, { host, queue: host }));
    });
    return stats;
  };
  const all = unionOf([of('mx1', ['x', 'x', 'y']), of('mx2', ['x', 'z', '__proto__'])]);
  expect([...all.groups].map(({ key, messages }) => [key[0], messages])).toEqual([
    ['x', 3],
    ['__proto__', 1],
    ['y', 1],
    ['z', 1],
  ]);
  expect(all.groups.rest(1).messages).toBe(3);
  expect(all.total.messages).toBe(6);
  expect(all.queues.map(({ queue, messages }) => [queue, messages])).toEqual([
    ['mx1', 3],
    ['mx2', 3],
  ]);
});
