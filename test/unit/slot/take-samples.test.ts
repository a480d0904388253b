import { describe, expect, it } from 'vitest';
import { samplesOf } from '../../../src/slot/take-samples.js';
import { channel, NOW_S, sightOf, silence, slotOn, state, stopped } from '../../support/slot-sight.js';

const slot = slotOn('store1');
const take = (hosts: Parameters<typeof sightOf>[0], of = slot) => samplesOf([of], sightOf(hosts), 1234);
const towards = (samples: ReturnType<typeof take>) => samples.filter((sample) => sample.channel !== '');

describe('samplesOf', () => {
  it('keeps each instance that was seen, and the master’s log towards its replica', () => {
    const log = channel({ pending: true, events: 6, oldestBirth: NOW_S - 9 });
    const samples = take({
      imap21: [state('store1', 'imap21', 'master', { channels: [log] })],
      imap22: [state('store1', 'imap22', 'replica')],
    });
    expect(samples.map(({ host, channel: to, role }) => [host, to, role])).toEqual([
      ['imap21', '', 'master'],
      ['imap21', 'imap22', 'master'],
      ['imap22', '', 'replica'],
    ]);
    expect(samples[1]).toMatchObject({
      at: NOW_S,
      seenAt: 1234,
      pendingEvents: 6,
      oldestBirth: NOW_S - 9,
      replicating: true,
    });
  });

  it('keeps nothing of a host that did not answer, nor by a clock that is no number', () => {
    expect(
      take({ imap21: silence('imap21'), imap22: [state('store1', 'imap22', 'replica', { at: Number.NaN })] }),
    ).toEqual([]);
  });

  it('says 0 events for an empty log, and at least 1 for a log that is there', () => {
    const seen = (more: Parameters<typeof channel>[0]) =>
      towards(take({ imap21: [state('store1', 'imap21', 'master', { channels: [channel(more)] })] }))[0]
        ?.pendingEvents;
    expect(seen({})).toBe(0);
    expect(seen({ pending: true, events: 0, oldestBirth: NOW_S })).toBe(1);
  });

  it.each([
    ['a log without birth time', { channels: [channel({ pending: true, events: 5 })] }],
    ['a master that does not log', { logging: false }],
  ])('says unknown, not fine, of %s', (_, more) => {
    expect(
      towards(take({ imap21: [state('store1', 'imap21', 'master', more)] }))[0]?.pendingEvents,
    ).toBeNull();
  });

  it('says nothing of a log’s state when the instance is no running master', () => {
    expect(towards(take({ imap21: [stopped('store1', 'imap21', 'master')] }))).toEqual([]);
    expect(towards(take({ imap21: [state('store1', 'imap21', 'replica')] }))).toEqual([]);
  });

  it('leaves out a replica that no channel leads to', () => {
    const three = slotOn('store1', ['imap21', 'imap22', 'imap23']);
    const channels = [channel({ channel: 'a', syncHost: 'imap22' })];
    const samples = take({ imap21: [state('store1', 'imap21', 'master', { channels })] }, three);
    expect(towards(samples).map((sample) => sample.channel)).toEqual(['imap22']);
  });

  it('carries what is quarantined, since it blocks a failover for ever', () => {
    const quarantined = { files: 2, events: 11, oldestBirth: NOW_S - 5 };
    const samples = take({ imap21: [state('store1', 'imap21', 'master', { quarantined })] });
    expect(samples.every((sample) => sample.quarantined === 11)).toBe(true);
  });

  it('counts a replica that serves reading as a replica', () => {
    expect(take({ imap22: [state('store1', 'imap22', 'readonly')] })[0]?.role).toBe('replica');
  });
});
