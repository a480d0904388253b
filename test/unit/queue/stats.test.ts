// The statistics of queues: the counting rules, one key and two, destinations joined afterwards, and what hostile
// listings may hold.
import { describe, expect, it } from 'vitest';
import type { QueueMessage } from '../../../src/queue/message.js';
import type { StatKey } from '../../../src/queue/stat-keys.js';
import { AGE_STEPS, QueueStats } from '../../../src/queue/stats.js';

const NOW = 1_800_000_000;
const message = (more: Partial<QueueMessage> & { readonly to?: readonly string[] } = {}): QueueMessage => {
  const { to = ['ann@example.net'], ...fields } = more;
  return {
    queue: 'mx1',
    host: 'mx1',
    id: 'A1',
    state: 'deferred',
    arrivedAt: NOW - 100,
    sizeBytes: 10,
    sender: 'bo@example.org',
    submitter: null,
    recipients: to.map((address) => ({ address, reason: null })),
    ...fields,
  };
};
const statsOf = (messages: readonly QueueMessage[], ...by: readonly StatKey[]) => {
  const stats = new QueueStats({ by: by.length === 0 ? ['domain'] : by, now: NOW });
  for (const one of messages) stats.add(one);
  return stats;
};
const figures = (stats: QueueStats) =>
  [...stats.groups()].map(({ key, messages, recipients }) => [...key, messages, recipients]);

describe('the statistics', () => {
  it('count a message once for each domain that it has a recipient in, and all recipients there', () => {
    const stats = statsOf([
      message({ to: ['a@x.example', 'b@x.example', 'c@y.example'] }),
      message({ id: 'B', to: ['d@y.example'] }),
    ]);
    expect(figures(stats)).toEqual([
      ['y.example', 2, 2],
      ['x.example', 1, 2],
    ]);
    const { total } = stats.totals();
    expect([total.messages, total.recipients, total.sizeBytes]).toEqual([2, 4, 20]);
  });

  it('take what was said last of an id that comes twice, and tell queues apart', () => {
    const stats = statsOf([
      message({ to: ['a@x.example', 'b@y.example'], state: 'active' }),
      message({ to: ['a@z.example'] }),
      message({ queue: 'mx2', host: 'mx2', to: ['a@z.example'] }),
    ]);
    expect(figures(stats)).toEqual([['z.example', 2, 2]]);
    const { total, queues } = stats.totals();
    expect([total.states.get('active'), total.states.get('deferred')]).toEqual([0, 2]);
    expect(queues.map(({ queue, messages }) => [queue, messages])).toEqual([
      ['mx1', 1],
      ['mx2', 1],
    ]);
  });

  it('know a domain by what follows the last @, in any letters, without a trailing dot', () => {
    const to = ['"a@b"@X.Example', 'c@x.example.', 'nobody', 'd@[192.0.2.1]'];
    expect(figures(statsOf([message({ to })]))).toEqual([
      ['', 1, 1],
      ['[192.0.2.1]', 1, 1],
      ['x.example', 1, 2],
    ]);
  });

  it('put ages into steps that double, a time ahead of ours into the first, an unknown one into none', () => {
    const ages = [-50, 299, 300, 76_799, 76_800];
    const stats = statsOf([
      ...ages.map((age, at) => message({ id: `A${at}`, arrivedAt: NOW - age })),
      message({ id: 'B', arrivedAt: null }),
    ]);
    const [group] = stats.groups();
    expect(group?.ages.map(({ messages }) => messages)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 1, 1]);
    expect(group?.messages).toBe(6);
    expect(group?.ages).toHaveLength(AGE_STEPS.length + 1);
    expect(group?.oldestAt).toBe(NOW - 76_800);
  });

  it('group by two keys at once', () => {
    const stats = statsOf(
      [
        message({ to: ['a@x.example', 'b@y.example'] }),
        message({ id: 'B', to: ['c@x.example'], arrivedAt: NOW - 400 }),
      ],
      'domain',
      'age',
    );
    expect(figures(stats)).toEqual([
      ['x.example', 300, 1, 1],
      ['x.example', 600, 1, 1],
      ['y.example', 300, 1, 1],
    ]);
  });

  it.each([
    ['state', [['deferred', 1, 1]]],
    ['host', [['mx1', 1, 1]]],
    ['sender', [['bo@example.org', 1, 1]]],
    ['sender-domain', [['example.org', 1, 1]]],
    ['submitter', [[null, 1, 1]]],
    ['reason', [[null, 1, 1]]],
    ['age', [[300, 1, 1]]],
  ] as const)('group by %s', (key, wanted) => {
    expect(figures(statsOf([message()], key))).toEqual(wanted);
  });

  it('join domains that are one destination: a message in two of them is in it once', () => {
    const stats = statsOf([message({ to: ['a@x.example', 'b@y.example', 'c@z.example'] })], 'destination');
    expect(stats.domains()).toEqual(['x.example', 'y.example', 'z.example']);
    stats.joinDestinations((domain) => (domain === 'z.example' ? domain : 'big'));
    expect(figures(stats)).toEqual([
      ['big', 1, 2],
      ['z.example', 1, 1],
    ]);
  });

  it('sum up what is not shown, each message once', () => {
    const groups = statsOf([
      message({ to: ['a@x.example', 'b@y.example', 'c@z.example'] }),
      message({ id: 'B', to: ['d@x.example'] }),
    ]).groups();
    expect(groups.first(1).map(({ key }) => key[0])).toEqual(['x.example']);
    const { messages, recipients } = groups.rest(1);
    expect([messages, recipients]).toEqual([1, 2]);
  });

  it('are safe from names of JavaScript, from huge numbers and from numbers that are none', () => {
    const to = ['a@__proto__', 'b@constructor', 'c@toString'];
    const stats = statsOf([
      message({ to, state: '__proto__', sizeBytes: 2 ** 53 - 1, arrivedAt: 2 ** 53 - 1 }),
      message({ id: 'B', to: [], sizeBytes: Number.NaN, arrivedAt: -5 }),
    ]);
    expect(figures(stats).map(([key]) => key)).toEqual(['__proto__', 'constructor', 'tostring']);
    const { total } = stats.totals();
    expect(total.states.get('__proto__')).toBe(1);
    expect(total.sizeBytes).toBe(2 ** 53 - 1);
  });

  it('hold a hundred thousand messages, each found again', () => {
    const stats = new QueueStats({ by: ['domain'], now: NOW });
    for (let round = 0; round < 2; round++)
      for (let at = 0; at < 100_000; at++)
        stats.add(message({ id: `4jX${at.toString(36)}z`, to: [`u@d${at % 7}.example`], sizeBytes: at }));
    expect(stats.size).toBe(100_000);
    expect(stats.totals().total.sizeBytes).toBe((100_000 * 99_999) / 2);
    expect(stats.groups().count).toBe(7);
  });
});
