// Clocks that are off: seen, counted as possible loss, and never a reason to pass.
import { describe, expect, it } from 'vitest';
import { aheadSeconds, clockDoubt, clocksOf } from '../../../src/slot/clock-skew.js';
import { decide, type FailoverFacts, type FailoverWishes, refusal } from '../../../src/slot/decide.js';
import { estimateLoss } from '../../../src/slot/evidence.js';
import type { Sample } from '../../../src/slot/samples.js';
import { NOW_S, sightOf, silence, slotOn, state } from '../../support/slot-sight.js';

const HOUR = 3600;
const DAY = 86_400;
/** The master died here; it was sampled a minute before. */
const DEATH = NOW_S - 900;

function sample(more: Partial<Sample> = {}): Sample {
  return {
    slot: 'store1',
    host: 'imap21',
    role: 'master',
    channel: 'imap22',
    at: DEATH - 60,
    seenAt: (DEATH - 60) * 1000,
    pendingEvents: 0,
    oldestBirth: null,
    quarantined: 0,
    running: true,
    replicating: true,
    problem: null,
    ...more,
  };
}

describe('how far a clock is ahead', () => {
  it('is nothing while the answer was on its way', () => {
    expect(aheadSeconds(1000, 999_500, 1_030_000)).toBe(0);
    // Cut to the second.
    expect(aheadSeconds(1000, 1_000_900, 1_002_000)).toBe(0);
  });

  it('is what it is beyond that, in both directions', () => {
    expect(aheadSeconds(1000 + HOUR, 1_000_000, 1_001_000)).toBe(HOUR - 1);
    expect(aheadSeconds(1000 - HOUR, 1_000_000, 1_001_000)).toBe(1 - HOUR);
  });

  it('comes from the look, or from the newest sample of whoever is away', () => {
    const sight = new Map(sightOf({ imap21: silence('imap21'), imap22: [] }));
    const seen = sight.get('imap22');
    if (seen?.ok === true) sight.set('imap22', { ...seen, aheadS: -7200 });
    const old = sample({ at: 5000, seenAt: 5_000_000 });
    const clocks = clocksOf(sight, [sample({ at: DEATH + HOUR }), old, sample({ host: 'imap22', at: 1 })]);
    expect(clocks.get('imap21')).toBe(HOUR + 60);
    expect(clocks.get('imap22')).toBe(-7200);
  });

  it('is nothing where all hosts agree: then it is ours that is off', () => {
    const sight = new Map(sightOf({ imap21: silence('imap21'), imap22: [], imap23: [] }));
    const off = (host: string, aheadS: number) => {
      const seen = sight.get(host);
      if (seen?.ok === true) sight.set(host, { ...seen, aheadS });
    };
    off('imap22', -900);
    off('imap23', -897);
    const samples = [sample(), sample({ host: 'imap22' }), sample({ host: 'imap23' })];
    expect([...clocksOf(sight, samples).values()].every((aheadS) => aheadS <= 3)).toBe(true);
    // One of them alone is off.
    off('imap23', 0);
    expect(clocksOf(sight, samples).get('imap22')).toBe(-900);
  });

  it('may be told late by a sample, since the slowest host is waited for', () => {
    expect(clocksOf(new Map(), [sample({ at: DEATH - 95 })]).get('imap21')).toBe(0);
  });
});

describe('the doubt of two clocks', () => {
  it('is none when they agree, or nothing is known', () => {
    expect(clockDoubt(['imap21', 'imap22'], new Map())).toBeUndefined();
    expect(clockDoubt(['imap21', 'imap22'], new Map([['imap21', 9]]))).toBeUndefined();
  });

  it('is what is between the two that are furthest apart', () => {
    const clocks = new Map([
      ['imap21', 200],
      ['imap22', -100],
    ]);
    expect(clockDoubt(['imap21', 'imap22'], clocks)).toEqual({
      spreadS: 300,
      words: 'the clock of imap21 is 3m20s ahead, the clock of imap22 is 1m40s behind',
    });
  });
});

describe('a master whose clock was ahead', () => {
  // It lived on for 20 minutes after its last sample, as an MX logged; by its own clock the sample is later than that.
  const facts = (aheadS: number) => {
    const last = sample({ at: DEATH - 1200 + aheadS, seenAt: (DEATH - 1200) * 1000 });
    return {
      slot: 'store1',
      sample: last,
      files: undefined,
      signs: [
        { at: last.at, what: 'last observed', bySlot: null },
        { at: DEATH, what: 'LMTP by mx1', bySlot: null, mx: 'mx1' },
      ],
      recorded: null,
      clocks: clockDoubt(['imap21', 'imap22'], clocksOf(new Map(), [last])),
      maxLagS: 300,
    };
  };

  it('would seem fresh by its own clock alone', () => {
    expect(estimateLoss({ ...facts(HOUR), clocks: undefined }).possibleLossS).toBe(0);
  });

  it.each([HOUR, DAY, -HOUR, -DAY])('is not: nothing is proven (%d s)', (aheadS) => {
    const loss = estimateLoss(facts(aheadS));
    expect(loss.possibleLossS).toBeNull();
    expect(loss.evidence.at(-1)).toMatchObject({ kind: 'clock' });
  });

  it('counts a small difference as possible loss', () => {
    const loss = estimateLoss({ ...facts(100), signs: [{ at: DEATH - 1100, what: 'x', bySlot: null }] });
    expect(loss.possibleLossS).toBe(100);
    expect(loss.evidence.at(-1)?.value).toBe('the clock of imap21 is 1m40s ahead: 100 s count as missing');
  });

  it('changes nothing while the clocks agree', () => {
    const loss = estimateLoss(facts(0));
    expect(loss.possibleLossS).toBe(1200);
    expect(loss.evidence.map(({ kind }) => kind)).not.toContain('clock');
  });
});

describe('the gate', () => {
  const slot = slotOn('store1');
  const wishes: FailoverWishes = {
    to: undefined,
    maxLagS: 300,
    acceptLoss: new Set(),
    fenced: undefined,
    overrides: new Set(),
    takeOver: new Set(),
  };
  const facts = (clocks: ReadonlyMap<string, number>): FailoverFacts => ({
    sight: sightOf({ imap21: silence('imap21'), imap22: [state('store1', 'imap22', 'replica')] }),
    deaths: new Map([['imap21', { gate: null, reason: 'no ssh, no IMAP, no LMTP', witnesses: ['imap22'] }]]),
    samples: [sample()],
    files: [],
    signs: new Map([['imap21', [{ at: DEATH, what: 'LMTP by mx1', bySlot: null }]]]),
    clocks,
  });

  it('is open with clocks that agree', () => {
    expect(refusal(decide(slot, 'imap21', facts(new Map()), wishes))).toBeUndefined();
  });

  it.each([
    ['imap21', HOUR, 'the clock of imap21 is 1h ahead: nothing proves how fresh its replica is (limit 5m)'],
    ['imap22', -DAY, 'the clock of imap22 is 1d behind: nothing proves how fresh its replica is (limit 5m)'],
  ])('refuses when that of %s is off by %d s, and says so', (host, aheadS, reason) => {
    const gate = refusal(decide(slot, 'imap21', facts(new Map([[host, aheadS]])), wishes));
    expect(gate).toMatchObject({ gate: 'lag', reason });
  });

  it('is passed by the word for loss, as any lag', () => {
    const accepted = { ...wishes, acceptLoss: new Set(['store1']) };
    expect(refusal(decide(slot, 'imap21', facts(new Map([['imap21', HOUR]])), accepted))).toBeUndefined();
  });
});
