// Verdicts: every fault of the measured table on one uplink, the servers' own faults, two at once, what one vantage
// cannot know, and how often healthy ways are called bad.
import { describe, expect, it } from 'vitest';
import { type Judgement, judge } from '../../../src/probe/judge.js';
import type { FlowSeen, PairObservation } from '../../../src/probe/observation.js';
import { VERDICT_SENTENCES, VERDICTS, type Verdict, worstVerdict } from '../../../src/probe/verdict.js';
import {
  broken,
  type Change,
  deadFlows,
  delayed,
  failure,
  healthyFlow,
  healthySession,
  loss,
  noConnect,
  reply,
  session,
  stall,
  world,
} from '../../support/probe-world.js';
import { randomFrom } from '../../support/random.js';

const verdicts = ({ uplinks }: Judgement) => uplinks.map(({ verdict }) => verdict).join(' ');
const destinations = (judged: Judgement) =>
  judged.destinations.map(({ destination, verdict }) => `${destination} ${verdict}`).join(', ');
const uplink = ({ uplinks }: Judgement, name: string) => {
  const found = uplinks.find((one) => one.uplink === name);
  if (found === undefined) throw new Error(`no uplink ${name}`);
  return found;
};
const cell = ({ cells }: Judgement, name: string, destination: string) =>
  cells.find((one) => one.uplink === name && one.destination === destination);

/** A connection that no answer came to. */
const died = (flow: FlowSeen): FlowSeen => ({
  ...flow,
  connectMs: null,
  result: 'dead',
  phase: 'connect',
  error: failure('connect', 'timeout'),
  tcpInfo: null,
  retransmits: null,
});

const big = { unacked: 2, totalRetransmits: 5, backoff: 4 };

describe('a fault of one uplink', () => {
  it.each<readonly [string, Change, Verdict, RegExp]>([
    ['loss of 30 %', loss(30, 5), 'lossy', /30 % of all packets/],
    ['loss of 5 %', loss(5, 1), 'lossy', /5 % of all packets.*/],
    [
      'packets above 500 bytes dropped, out',
      stall('big', 'stalls', 'passes', big),
      'hangs',
      /bytes vanish, outwards/,
    ],
    [
      'packets above 500 bytes dropped, in',
      stall('tls', 'stalls', 'passes', {}),
      'hangs',
      /bytes vanish, inwards/,
    ],
    ['a flow that dies', stall('tls', 'stalls', 'stalls', big), 'hangs', /dies, whatever the size/],
    ['an MTU of 1400 without ICMP', stall('tls', 'passes', 'passes', { outOfOrder: 1 }), 'mtu', /MTU/],
    ['an MTU without controls', stall('tls', 'not-tried', 'not-tried', { outOfOrder: 1 }), 'mtu', /MTU/],
    ['dead members of an ECMP pair', deadFlows(3), 'hangs', /9 of 18 connections are dead/],
    ['+200 ms', delayed(240), 'slow', /240 ms/],
    ['a black hole', noConnect(), 'unreachable', /pings do not pass/],
    ['port 25 dropped', noConnect('timeout', {}, true), 'unreachable', /port is filtered/],
    ['port 25 prohibited', noConnect('prohibited', { from: '192.0.2.14' }), 'unreachable', /192.0.2.14 says/],
    ['port 25 reset', noConnect('refused', {}, true), 'unreachable', /reset at once/],
    [
      'port 25 intercepted',
      session({ banner: 'filter.provider.example ESMTP', offersStartTls: false }),
      'intercepted',
      /STARTTLS/,
    ],
    [
      'another server in the middle',
      session({ banner: 'filter.provider.example ESMTP' }),
      'intercepted',
      /greets as/,
    ],
    ['resets after STARTTLS', broken('tls', 'reset'), 'intercepted', /broken off at tls/],
    ['refusals', reply('banner', 554, 'Your address is blocked\u001b[2J'), 'refused', /554 "Your/],
  ])('%s is called so, and no other is blamed', (_, change, verdict, words) => {
    for (const bad of ['a', 'b', 'c']) {
      const judged = judge(world({ [bad]: change }));
      expect(uplink(judged, bad).verdict).toBe(verdict);
      expect(uplink(judged, bad).summary).toMatch(words);
      expect(uplink(judged, bad).evidence.length).toBeGreaterThan(0);
      for (const one of judged.uplinks) if (one.uplink !== bad) expect(one.verdict).toBe('ok');
      for (const one of judged.cells) if (one.uplink !== bad) expect(one.verdict).toBe('ok');
      expect(judged.destinations.every((one) => one.verdict === 'ok')).toBe(true);
      expect(judged.isComplete).toBe(true);
    }
  });

  it('is not there when a working path MTU discovery sends three segments again', () => {
    const judged = judge(world({ a: loss(0, 1) }));
    expect(verdicts(judged)).toBe('ok ok ok');
  });

  it('is named with the phase in its cells, and with a server to trace', () => {
    const judged = judge(world({ b: stall('tls', 'stalls', 'passes', big) }));
    expect(cell(judged, 'b', 'gmail')).toMatchObject({ verdict: 'hangs', phase: 'tls' });
    expect(uplink(judged, 'b').suspect?.uplink).toBe('b');
    expect(uplink(judged, 'b').facts).toMatchObject({ sessions: 3, sessionsStalled: 3, servers: 3 });
  });

  it('needs most of its servers: one that stalls is told beside an ok', () => {
    const judged = judge(world({ 'c yahoo!': reply('rcpt', 450, 'greylisted') }));
    expect(verdicts(judged)).toBe('ok ok ok');
    expect(uplink(judged, 'c').summary).toMatch(/ok, but mx.yahoo!.example .* answers rcpt with 450/);
    expect(cell(judged, 'c', 'yahoo!')).toMatchObject({ verdict: 'refused', phase: 'rcpt', code: 450 });
    expect(destinations(judged)).toContain('yahoo! refused');
  });

  it('is loss before it is a stall, since loss stalls single sessions', () => {
    expect(verdicts(judge(world({ b: [loss(30, 5), stall('big', 'passes', 'stalls', big)] })))).toBe(
      'ok lossy ok',
    );
  });

  it('is not ok where two connections died as they began, and were not or could not be tried again', () => {
    const dies: Change = (pair) => ({
      ...pair,
      flows: pair.flows.map((flow, at) => (at === 2 ? died(flow) : flow)),
    });
    const judged = judge(world({ 'b gmail': dies, 'b yahoo!': dies }));
    expect(verdicts(judged)).toBe('ok unknown ok');
    expect(uplink(judged, 'b').summary).toMatch(/2 of \d+ connections died as they began/);
    // One is nobody's fault, and what every uplink sees is the server's.
    expect(verdicts(judge(world({ 'b gmail': dies })))).toBe('ok ok ok');
    expect(verdicts(judge(world({ 'a gmail': dies, 'b gmail': dies, 'c gmail': dies })))).toBe('ok ok ok');
  });

  it('is a dead way of several where a full session dies twice as it begins', () => {
    const dies: Change = (pair) => ({
      ...session({
        end: { kind: 'error', error: failure('connect', 'timeout') },
        phases: [],
        localPort: 40_000,
      })(pair),
      flows: [{ ...died(healthyFlow(40_000)), again: { result: 'dead', retransmits: null } }, ...pair.flows],
    });
    const judged = judge(world({ 'b gmail': dies }));
    expect(verdicts(judged)).toBe('ok hangs ok');
    // It counts once, though it was tried as a session and as a flow.
    expect(uplink(judged, 'b').facts.connections).toBe(uplink(judged, 'a').facts.connections);
  });

  it('is not known, and not ok, where sessions did not end in time', () => {
    const cut = session({ end: { kind: 'given-up', why: 'tls: not known within 7.5 s' } });
    const one = judge(world({ 'b gmail': cut }));
    expect(cell(one, 'b', 'gmail')).toMatchObject({
      verdict: 'unknown',
      evidence: 'tls: not known within 7.5 s',
    });
    expect(verdicts(judge(world({ b: cut })))).toBe('ok unknown ok');
  });

  it('of two uplinks at once is named twice', () => {
    const judged = judge(
      world({
        a: stall('tls', 'stalls', 'passes', big),
        b: stall('tls', 'passes', 'passes', { outOfOrder: 1 }),
      }),
    );
    expect(verdicts(judged)).toBe('hangs mtu ok');
    expect(verdicts(judge(world({ a: noConnect(), b: loss(20, 4) })))).toBe('unreachable lossy ok');
    expect(verdicts(judge(world({ a: deadFlows(2), c: delayed(300) })))).toBe('hangs ok slow');
    expect(verdicts(judge(world({ a: deadFlows(2), b: deadFlows(3) })))).toBe('hangs hangs ok');
    // Where nothing connects all flows are dead twice: that clears nobody else.
    const nothing: Change = (pair) => ({ ...deadFlows(6)(pair), session: noConnect()(pair).session });
    expect(verdicts(judge(world({ a: nothing, c: deadFlows(2) })))).toBe('unreachable ok hangs');
  });
});

describe('a fault of one server', () => {
  it.each<readonly [string, Change]>([
    ['421', reply('banner', 421)],
    ['554', reply('ehlo', 554)],
    ['450 to RCPT', reply('rcpt', 450)],
    ['454 to STARTTLS', reply('starttls', 454)],
    ['RST', noConnect('refused')],
    ['nothing listens', noConnect('refused', {}, true)],
    ['no banner', stall('banner', 'not-tried', 'not-tried', {})],
    ['a hang at EHLO', stall('ehlo', 'stalls', 'stalls', {})],
    ['a hang in TLS', stall('tls', 'stalls', 'stalls', {})],
    ['a hang at RCPT', stall('rcpt', 'stalls', 'stalls', {})],
    ['an expired certificate', session({ certificate: { ...certificate(), isExpired: true } })],
    ['a wrong certificate', session({ certificate: { ...certificate(), fitsName: false } })],
    ['a tarpit', session({ end: { kind: 'too-slow', phase: 'tls', afterMs: 8000 } })],
    ['a reset in the middle', broken('ehlo', 'reset')],
    ['garbage for TLS', broken('tls', 'tls')],
  ])('%s is its own, whichever of the three it is', (_, change) => {
    const judged = judge(world({ gmail: change }));
    expect(verdicts(judged)).toBe('ok ok ok');
    expect(destinations(judged)).toBe('gmail remote, yahoo! ok, microsoft ok');
    expect(judged.cells.filter(({ verdict }) => verdict === 'remote')).toHaveLength(3);
  });

  it('in its certificate hides no fault of an uplink on the way to it', () => {
    const expired = session({ certificate: { ...certificate(), isExpired: true } });
    const all = { gmail: expired, 'yahoo!': expired, microsoft: expired };
    const lossy = judge(world({ ...all, b: loss(30, 5) }));
    expect(uplink(lossy, 'b').verdict).toBe('lossy');
    const some = judge(world({ gmail: expired, 'b gmail': deadFlows(2) }));
    expect(verdicts(some)).toBe('ok hangs ok');
    expect(destinations(some)).toBe('gmail remote, yahoo! ok, microsoft ok');
    expect(cell(some, 'a', 'gmail')?.verdict).toBe('remote');
    // The same pair with both: the row says that the way hangs, and so does its cell.
    const both = judge(world({ gmail: expired, b: deadFlows(2) }));
    expect(uplink(both, 'b').verdict).toBe('hangs');
    expect(cell(both, 'b', 'gmail')).toMatchObject({ verdict: 'hangs', phase: 'connect' });
    expect(destinations(both)).toContain('gmail remote');
    const healthy = judge(world(all));
    expect(verdicts(healthy)).toBe('unknown unknown unknown');
    expect(uplink(healthy, 'a').summary).toMatch(/certificate/);
    expect(destinations(healthy)).toBe('gmail remote, yahoo! remote, microsoft remote');
  });

  it('does not hide behind an uplink that is dead', () => {
    const judged = judge(world({ gmail: reply('banner', 554), a: noConnect() }));
    expect(verdicts(judged)).toBe('unreachable ok ok');
    expect(destinations(judged)).toContain('gmail remote');
    expect(cell(judged, 'a', 'gmail')?.verdict).toBe('unreachable');
  });

  it('everywhere is no verdict on any uplink', () => {
    const judged = judge(world({ a: noConnect(), b: noConnect(), c: noConnect() }));
    expect(verdicts(judged)).toBe('unknown unknown unknown');
    expect(destinations(judged)).toBe('gmail remote, yahoo! remote, microsoft remote');
    expect(uplink(judged, 'a').summary).toMatch(/every destination is bad from every uplink/);
  });

  it('that drops connections of all uplinks is not an ECMP of one', () => {
    const judged = judge(world({ gmail: deadFlows(1) }));
    expect(verdicts(judged)).toBe('ok ok ok');
    expect(destinations(judged)).toContain('gmail remote');
  });

  it('that greets late for one address is slow there, and the PTR is named', () => {
    const late = (pair: PairObservation): PairObservation => ({
      ...pair,
      session: {
        ...healthySession(),
        phases: healthySession().phases.map((one) => (one.phase === 'banner' ? { ...one, ms: 5000 } : one)),
      },
    });
    const judged = judge(world({ b: late }));
    expect(verdicts(judged)).toBe('ok slow ok');
    expect(uplink(judged, 'b').evidence.join(' ')).toMatch(/PTR of 198.51.100.10/);
    expect(verdicts(judge(world({ gmail: late })))).toBe('ok ok ok');
  });

  it('without a banner is never called a fault of the path when nothing was resent', () => {
    const judged = judge(world({ b: stall('banner', 'not-tried', 'not-tried', {}) }));
    expect(verdicts(judged)).toBe('ok unknown ok');
    expect(uplink(judged, 'b').summary).toMatch(/no fault of the path before 20 s/);
    expect(verdicts(judge(world({ b: stall('banner', 'stalls', 'stalls', big) })))).toBe('ok hangs ok');
  });
});

describe('pings', () => {
  it('that nobody answers say nothing', () => {
    const silent: Change = (pair) => ({ ...pair, ping: pair.ping && { ...pair.ping, received: 0 } });
    expect(verdicts(judge(world({ a: silent })))).toBe('ok ok ok');
    expect(verdicts(judge(world({ a: silent, b: silent, c: silent })))).toBe('ok ok ok');
  });

  it('that are limited are denied by TCP', () => {
    expect(verdicts(judge(world({ a: loss(40, 0) })))).toBe('ok ok ok');
  });

  it('that are refused leave retransmissions to speak', () => {
    const silent: Change = (pair) => ({ ...pair, ping: pair.ping && { ...pair.ping, received: 0 } });
    const judged = judge(world({ a: silent, b: [silent, (pair) => loss(100, 4)(pair)], c: silent }));
    expect(verdicts(judged)).toBe('ok lossy ok');
    expect(uplink(judged, 'b').facts).toMatchObject({ retransmits: 12, pingsSent: 0 });
  });
});

describe('families', () => {
  it('are judged apart, and each has its row', () => {
    const judged = judge([
      ...world({ a: noConnect() }, { family: 6 }),
      ...world({}, { family: 4, uplinks: ['a', 'b', 'c'] }),
    ]);
    expect(judged.uplinks.map((one) => `${one.uplink}${one.family} ${one.verdict}`)).toEqual([
      'a4 ok',
      'b4 ok',
      'c4 ok',
      'a6 unreachable',
      'b6 ok',
      'c6 ok',
    ]);
    expect(judged.destinations.map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok']);
  });
});

describe('one vantage', () => {
  const alone = { uplinks: ['a'] };

  it('compares destinations', () => {
    expect(verdicts(judge(world({}, alone)))).toBe('ok');
    expect(uplink(judge(world({}, alone)), 'a').evidence.join(' ')).toMatch(/one vantage/);
    const judged = judge(world({ gmail: stall('ehlo', 'stalls', 'stalls') }, alone));
    expect(verdicts(judged)).toBe('ok');
    expect(cell(judged, 'a', 'gmail')?.evidence).toMatch(/one uplink only: the server or the way/);
    expect(destinations(judged)).toContain('gmail hangs');
  });

  it('blames the way when several servers at once hang by size', () => {
    const judged = judge(world({ a: stall('tls', 'stalls', 'passes') }, alone));
    expect(verdicts(judged)).toBe('hangs');
    expect(uplink(judged, 'a').evidence.join(' ')).toMatch(/one vantage/);
  });

  it('does not know what one silent server means', () => {
    const judged = judge(world({ a: noConnect() }, { uplinks: ['a'], destinations: ['gmail'] }));
    expect(verdicts(judged)).toBe('unknown');
    expect(cell(judged, 'a', 'gmail')?.verdict).toBe('unreachable');
    expect(verdicts(judge(world({ a: noConnect() }, alone)))).toBe('unreachable');
  });
});

describe('too little', () => {
  const unseen: Change = (pair) => ({
    ...pair,
    session: null,
    flows: [],
    ping: null,
    limits: ['cannot probe: no perl, no python3, no nc'],
  });

  it('is unknown, with the reason, and blames nobody', () => {
    const judged = judge(world({ b: unseen }));
    expect(verdicts(judged)).toBe('ok unknown ok');
    expect(uplink(judged, 'b').summary).toMatch(/no perl/);
    expect(judged.isComplete).toBe(false);
    expect(cell(judged, 'b', 'gmail')?.verdict).toBe('unknown');
  });

  it('is an address that is not on the host, too', () => {
    const wrong: Change = (pair) => ({
      ...pair,
      session: {
        ...healthySession(),
        phases: [],
        end: {
          kind: 'error',
          error: {
            phase: 'connect',
            kind: 'local',
            errno: 99,
            code: 'EADDRNOTAVAIL',
            text: '203.0.113.10 is no address of mx1',
            via: null,
            from: null,
          },
        },
      },
      flows: [],
      ping: null,
    });
    const judged = judge(world({ c: wrong }));
    expect(verdicts(judged)).toBe('ok ok unknown');
    expect(uplink(judged, 'c').summary).toMatch(/no address of mx1/);
  });

  it('is a host that was not reached', () => {
    const judged = judge(world({}, { uplinks: ['a', 'b'] }), [
      { uplink: 'c', family: 4, why: 'mx9: no ssh banner in 5s' },
    ]);
    expect(verdicts(judged)).toBe('ok ok unknown');
    expect(judged.isComplete).toBe(false);
  });

  it('is nothing at all', () => {
    expect(judge([])).toEqual({ uplinks: [], cells: [], destinations: [], isComplete: true });
  });
});

describe('healthy ways', () => {
  it('are called bad less than once in two hundred runs of nine pairs, with 0.5 % of loss', () => {
    const random = randomFrom(20_261_127);
    const healthy = world();
    // How many of 100 are lost, by the binomial distribution's sums.
    const sums = cumulated(100, 0.005);
    const resends = cumulated(24, 0.01);
    const draw = (of: readonly number[]) => {
      const at = random();
      return of.findIndex((sum) => at < sum);
    };
    const runs = 100_000;
    const seen = new Map<string, PairObservation>();
    let bad = 0;
    let badUplinks = 0;
    let judgedRuns = 0;
    for (let run = 0; run < runs; run += 1) {
      const drawn = healthy.map(() => [draw(sums), draw(resends)] as const);
      // Nothing below these reaches a threshold (7 of 300, 5 of 100, 5 of 18); the others are judged in full.
      const sumOf = (from: number, which: 0 | 1) =>
        drawn.slice(from, from + 3).reduce((sum, one) => sum + one[which], 0);
      if (
        drawn.every(([lost]) => lost < 4) &&
        [0, 3, 6].every((from) => sumOf(from, 0) < 6 && sumOf(from, 1) < 4)
      )
        continue;
      judgedRuns += 1;
      const judged = judge(
        healthy.map((pair, at) => {
          const [lost, again] = drawn[at] ?? [0, 0];
          const key = `${at} ${lost} ${again}`;
          const known = seen.get(key) ?? loss(lost, again)(pair);
          seen.set(key, known);
          return known;
        }),
      );
      const wrong = judged.uplinks.filter(({ verdict }) => verdict !== 'ok').length;
      badUplinks += wrong;
      if (wrong > 0 || judged.cells.some(({ verdict }) => verdict !== 'ok')) bad += 1;
    }
    expect(judgedRuns).toBeGreaterThan(runs / 100);
    expect(bad / runs).toBeLessThan(0.008);
    expect(badUplinks / (3 * runs)).toBeLessThan(0.002);
  }, 60_000);

  function cumulated(tries: number, chance: number): readonly number[] {
    const sums: number[] = [];
    let term = (1 - chance) ** tries;
    let sum = 0;
    for (let hits = 0; hits <= tries; hits += 1) {
      sum += term;
      sums.push(hits === tries ? 1 : sum);
      term *= ((tries - hits) / (hits + 1)) * (chance / (1 - chance));
    }
    return sums;
  }
});

describe('the list of verdicts', () => {
  it('is closed, with a sentence each', () => {
    expect([...VERDICTS].sort()).toEqual(
      [
        'hangs',
        'intercepted',
        'lossy',
        'mtu',
        'ok',
        'refused',
        'remote',
        'slow',
        'unknown',
        'unreachable',
      ].sort(),
    );
    for (const verdict of VERDICTS) expect(VERDICT_SENTENCES[verdict]).not.toBe('');
  });

  it('has a worst of several, where unknown is no ok and hides nothing', () => {
    expect(worstVerdict([])).toBe('unknown');
    expect(worstVerdict(['ok', 'unknown'])).toBe('unknown');
    expect(worstVerdict(['unknown', 'mtu', 'ok'])).toBe('mtu');
    expect(worstVerdict(['lossy', 'hangs'])).toBe('hangs');
  });
});

function certificate() {
  const found = healthySession().certificate;
  if (found === null) throw new Error('a healthy session has one');
  return found;
}
