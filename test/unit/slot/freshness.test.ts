import { describe, expect, it } from 'vitest';
import { channelTowards, judgeFreshness } from '../../../src/slot/freshness.js';
import { channel, host, instance, NOW_S, slotOn, state } from '../../support/slot-sight.js';

const master = (channels = [channel()]) => state('store1', 'imap21', 'master', { channels });
const three = slotOn('store1', ['imap21', 'imap22', 'imap23']);
const to = (syncHost: string, name = syncHost) => channel({ syncHost, channel: name });

describe('channelTowards', () => {
  it('finds the channel by the replica’s host', () => {
    const found = channelTowards(
      master([to('imap23'), to('imap22')]),
      instance('store1', 'imap22'),
      undefined,
      three,
    );
    expect(found?.syncHost).toBe('imap22');
  });

  it.each([
    ['its own address', instance('store1', 'imap22', { address: '203.0.113.81' }), undefined, '203.0.113.81'],
    [
      'the host’s address',
      instance('store1', 'imap22'),
      host('imap22', { address: '198.51.100.22' }),
      '198.51.100.22',
    ],
    ['its own name', instance('store1', 'imap22', { instance: 't01b' }), undefined, 't01b'],
    ['the host’s name with a domain', instance('store1', 'imap22'), undefined, 'imap22.example.org'],
  ])('finds it by %s', (_, replica, on, syncHost) => {
    expect(channelTowards(master([to('other'), to(syncHost)]), replica, on, three)?.syncHost).toBe(syncHost);
  });

  it('does not shorten an address to its first number', () => {
    const replica = instance('store1', '198');
    expect(channelTowards(master([to('198.51.100.22'), to('x')]), replica, undefined, three)).toBeUndefined();
  });

  it('takes the only channel for the only replica, whatever the site calls it', () => {
    const two = slotOn('store1');
    expect(
      channelTowards(master([to('alias')]), instance('store1', 'imap22'), undefined, two)?.syncHost,
    ).toBe('alias');
  });

  it('guesses nothing with two replicas, or with two channels', () => {
    expect(
      channelTowards(master([to('alias')]), instance('store1', 'imap22'), undefined, three),
    ).toBeUndefined();
    const two = slotOn('store1');
    expect(
      channelTowards(master([to('a'), to('b')]), instance('store1', 'imap22'), undefined, two),
    ).toBeUndefined();
  });

  it('does not take the slot’s own name for a replica’s: both instances have it', () => {
    expect(
      channelTowards(master([to('store1'), to('x')]), instance('store1', 'imap22'), undefined, three),
    ).toBeUndefined();
  });

  it('leaves out logs whose target is not configured', () => {
    const left = channel({ syncHost: undefined, pending: true });
    expect(
      channelTowards(master([left]), instance('store1', 'imap22'), undefined, slotOn('store1')),
    ).toBeUndefined();
  });
});

describe('judgeFreshness', () => {
  const judge = (more: Parameters<typeof channel>[0], of: Parameters<typeof state>[3] = {}) => {
    const log = channel(more);
    return judgeFreshness(state('store1', 'imap21', 'master', { channels: [log], ...of }), log, 300);
  };

  it('is fresh with nothing pending, also while no sync_client runs', () => {
    expect(judge({ clientAlive: false })).toEqual({
      freshness: 'fresh',
      lagS: 0,
      pendingEvents: 0,
      observedAt: NOW_S,
      reason: null,
    });
  });

  it.each([
    [299, 'fresh'],
    [300, 'stale'],
    [3000, 'stale'],
  ])('is %d s behind: %s at a limit of 300 s', (lagS, freshness) => {
    expect(judge({ pending: true, events: 4, oldestBirth: NOW_S - lagS })).toMatchObject({
      freshness,
      lagS,
      pendingEvents: 4,
    });
  });

  it('is unknown when events wait and no sync_client runs', () => {
    expect(judge({ pending: true, oldestBirth: NOW_S - 3, clientAlive: false })).toMatchObject({
      freshness: 'unknown',
      lagS: 3,
    });
  });

  it('is unknown when the file system has no birth times', () => {
    expect(judge({ pending: true, events: 9, oldestBirth: null })).toMatchObject({
      freshness: 'unknown',
      lagS: null,
      pendingEvents: 9,
    });
  });

  it('is unknown when sync_log is off: what is not logged is never sent', () => {
    expect(judge({}, { logging: false })).toMatchObject({ freshness: 'unknown', lagS: null });
  });

  it('is unknown when no channel leads there', () => {
    expect(judgeFreshness(master([]), undefined, 300)).toMatchObject({
      freshness: 'unknown',
      observedAt: NOW_S,
    });
  });

  it('is stale with a quarantined event, however empty the log', () => {
    const quarantined = { files: 1, events: 3, oldestBirth: NOW_S - 86_400 };
    expect(judge({}, { quarantined })).toMatchObject({ freshness: 'stale', lagS: 86_400, pendingEvents: 3 });
    expect(judge({}, { quarantined: { ...quarantined, oldestBirth: null } })).toMatchObject({
      freshness: 'stale',
      lagS: null,
    });
  });

  it('is never negative: a log born in the future of a clock that was set back is not fresh by it', () => {
    const seen = judge({ pending: true, events: 2, oldestBirth: NOW_S + 7200 });
    expect(seen.freshness).toBe('unknown');
    expect(seen.lagS).toBeNull();
  });

  it('takes a birth of this very second, rounded up, as now', () => {
    expect(judge({ pending: true, events: 2, oldestBirth: NOW_S + 1 })).toMatchObject({
      freshness: 'fresh',
      lagS: 0,
    });
  });
});
