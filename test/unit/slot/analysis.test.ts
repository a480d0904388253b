import { describe, expect, it } from 'vitest';
import { analyseSlot } from '../../../src/slot/analysis.js';
import { owedLine } from '../../../src/slot/lane-record.js';
import type { Sample } from '../../../src/slot/samples.js';
import { channel, NOW_S, sightOf, silence, slotOn, state, stopped } from '../../support/slot-sight.js';

type Hosts = Parameters<typeof sightOf>[0];

const slot = slotOn('store1');
const master = (more: Parameters<typeof state>[3] = {}) => state('store1', 'imap21', 'master', more);
const replica = (more: Parameters<typeof state>[3] = {}) => state('store1', 'imap22', 'replica', more);
const view = (hosts: Hosts, samples: readonly Sample[] = [], of = slot) =>
  analyseSlot(of, { sight: sightOf(hosts), samples, maxLagS: 300 });
const debt = (steps: readonly string[]) =>
  owedLine({
    slot: 'store1',
    host: 'imap22',
    steps,
    run: '7f3a',
    at: '2026-03-12T04:20:00Z',
    lastAlive: null,
  });
const behind = (seconds: number) => ({
  channels: [channel({ pending: true, events: 7, oldestBirth: NOW_S - seconds })],
});

describe('the verdict of a slot', () => {
  it.each<[string, Hosts, string, string | RegExp]>([
    ['all is well', { imap21: [master()], imap22: [replica()] }, 'healthy', ''],
    [
      'the replica is behind the limit',
      { imap21: [master(behind(900))], imap22: [replica()] },
      'replica-stale',
      'imap22 is 15m behind (limit 5m), 7 events wait',
    ],
    [
      'an event is quarantined',
      { imap21: [master({ quarantined: { files: 1, events: 2, oldestBirth: null } })], imap22: [replica()] },
      'replica-stale',
      /unknown time behind/,
    ],
    [
      'nothing is logged',
      { imap21: [master({ logging: false })], imap22: [replica()] },
      'replica-unknown',
      /sync_log is off/,
    ],
    [
      'the replica’s host is away',
      { imap21: [master()], imap22: silence('imap22') },
      'replica-unknown',
      'imap22: host not seen',
    ],
    [
      'the replica does not run',
      { imap21: [master()], imap22: [stopped('store1', 'imap22', 'replica')] },
      'replica-unknown',
      'imap22: not running',
    ],
    [
      'the replica’s ports tell no role',
      { imap21: [master()], imap22: [replica({ role: null, problem: 'its ports tell no role' })] },
      'replica-unknown',
      /tell no role/,
    ],
    [
      'the replica owes a rejoin',
      { imap21: [master({ laneLines: [debt(['rejoin'])] })], imap22: [replica()] },
      'rejoin-owed',
      'imap22: rejoin',
    ],
    [
      'the master’s host is away',
      { imap21: silence('imap21'), imap22: [replica()] },
      'master-unreachable',
      'imap21 does not answer (5 s)',
    ],
    [
      'the same, and a stray serves',
      { imap21: silence('imap21'), imap22: [state('store1', 'imap22', 'master')] },
      'master-unreachable',
      /imap22 runs as master/,
    ],
    [
      'the master is stopped',
      { imap21: [stopped('store1', 'imap21', 'master')], imap22: [replica()] },
      'no-master',
      'imap21 does not run it',
    ],
    [
      'the master runs as a replica',
      { imap21: [state('store1', 'imap21', 'replica')], imap22: [replica()] },
      'no-master',
      'imap21 runs it as replica',
    ],
    [
      'nobody knows whether the master runs',
      {
        imap21: [master({ running: null, role: null, problem: 'group 17 still runs' })],
        imap22: [replica()],
      },
      'no-master',
      'imap21: group 17 still runs',
    ],
    [
      'a port of the master is deaf',
      { imap21: [master({ started: false, problem: 'does not listen for lmtp' })], imap22: [replica()] },
      'no-master',
      /does not listen for lmtp/,
    ],
    [
      'two run as masters',
      { imap21: [master()], imap22: [state('store1', 'imap22', 'master')] },
      'two-masters',
      'runs as master on imap21 and imap22',
    ],
    [
      'another one runs as the master',
      { imap21: [stopped('store1', 'imap21', 'replica')], imap22: [state('store1', 'imap22', 'master')] },
      'role-mismatch',
      /imap22 runs as master, the directory names imap21/,
    ],
    [
      'the master would come up as a replica',
      { imap21: [master({ configuredRole: 'replica' })], imap22: [replica()] },
      'role-mismatch',
      /would come up as replica/,
    ],
    [
      'the replica would come up as a master',
      { imap21: [master()], imap22: [replica({ configuredRole: 'master' })] },
      'role-mismatch',
      'imap22 would come up as a second master',
    ],
  ])('%s', (_, hosts, verdict, why) => {
    const judged = view(hosts);
    expect(judged.verdict).toBe(verdict);
    if (typeof why === 'string') expect(judged.why).toBe(why);
    else expect(judged.why).toMatch(why);
  });

  it('is no-replica when the directory names none', () => {
    expect(view({ imap21: [master({ channels: [] })] }, [], slotOn('store1', ['imap21'])).verdict).toBe(
      'no-replica',
    );
  });

  it('is master-unreachable when the configuration does not know the host', () => {
    expect(view({ imap22: [replica()] })).toMatchObject({
      verdict: 'master-unreachable',
      why: 'imap21 is not in the configuration',
    });
  });

  it('names strays, also under another verdict', () => {
    expect(view({ imap21: silence('imap21'), imap22: [state('store1', 'imap22', 'master')] }).strays).toEqual(
      ['imap22'],
    );
  });

  it('does not call a replica that owes a rejoin a second master in waiting', () => {
    const hosts = {
      imap21: [master({ laneLines: [debt(['role', 'rejoin'])] })],
      imap22: [stopped('store1', 'imap22', 'master')],
    };
    expect(view(hosts).verdict).toBe('rejoin-owed');
  });

  it('lets the worst replica speak when there are two', () => {
    const three = slotOn('store1', ['imap21', 'imap22', 'imap23']);
    const channels = [
      channel(),
      channel({ channel: 'b', syncHost: 'imap23', pending: true, oldestBirth: NOW_S - 4000 }),
    ];
    const judged = view(
      { imap21: [master({ channels })], imap22: [replica()], imap23: [state('store1', 'imap23', 'replica')] },
      [],
      three,
    );
    expect(judged.verdict).toBe('replica-stale');
    expect(judged.replicas.map(({ host, freshness }) => [host, freshness])).toEqual([
      ['imap22', 'fresh'],
      ['imap23', 'stale'],
    ]);
  });
});

describe('a replica', () => {
  it('is never fresh when it is not seen running as one, whatever the master’s log says', () => {
    for (const seen of [
      [stopped('store1', 'imap22', 'replica')],
      [state('store1', 'imap22', 'readonly')],
      silence('imap22'),
    ]) {
      expect(view({ imap21: [master()], imap22: seen }).replicas[0]?.freshness).toBe('unknown');
    }
  });

  it('stays stale when it is behind and away', () => {
    expect(view({ imap21: [master(behind(9999))], imap22: silence('imap22') }).replicas[0]?.freshness).toBe(
      'stale',
    );
  });

  it('of a silent master has the last stored observation with its time, and is not fresh by it', () => {
    const sample: Sample = {
      slot: 'store1',
      host: 'imap21',
      role: 'master',
      channel: 'imap22',
      at: NOW_S - 60,
      seenAt: 0,
      pendingEvents: 0,
      oldestBirth: null,
      quarantined: 0,
      running: true,
      replicating: true,
      problem: null,
    };
    const hosts = { imap21: silence('imap21'), imap22: [replica()] };
    expect(view(hosts, [sample]).replicas[0]).toMatchObject({
      freshness: 'unknown',
      lagS: 0,
      pendingEvents: 0,
      observedAt: NOW_S - 60,
    });
    const late = { ...sample, pendingEvents: 5, oldestBirth: NOW_S - 90 };
    expect(view(hosts, [late]).replicas[0]).toMatchObject({ lagS: 30, pendingEvents: 5 });
    expect(view(hosts, [{ ...sample, channel: 'imap23' }]).replicas[0]).toMatchObject({
      lagS: null,
      observedAt: null,
    });
    expect(view(hosts, [{ ...sample, slot: 'store2' }]).replicas[0]?.observedAt).toBeNull();
  });
});
