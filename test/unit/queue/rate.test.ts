// Rates from counts, their range, the time to empty, and what is lost before its turn.
import { describe, expect, it } from 'vitest';
import { expiring, rateOf, sumRates, timeToEmpty } from '../../../src/queue/rate.js';

const minutes = (...counts: readonly number[]) => counts.map((count) => ({ ms: 60_000, count }));

describe('a rate', () => {
  it('is the counts by the time, its range two standard errors', () => {
    const rate = rateOf(minutes(100, 100, 100, 100));
    expect(rate?.perMin).toBeCloseTo(100);
    expect(rate?.lowPerMin).toBeCloseTo(90);
    expect(rate?.highPerMin).toBeCloseTo(110);
  });

  it('has a wider range where the parts differ', () => {
    const rate = rateOf(minutes(0, 400, 0, 0));
    expect(rate?.perMin).toBeCloseTo(100);
    expect(rate?.lowPerMin).toBe(0);
    expect(rate?.highPerMin).toBeGreaterThan(250);
  });

  it('of nothing is 0 and perhaps not quite, and of no time is not known', () => {
    const rate = rateOf(minutes(0, 0, 0, 0, 0));
    expect([rate?.perMin, rate?.lowPerMin]).toEqual([0, 0]);
    expect(rate?.highPerMin).toBeCloseTo(0.4);
    expect(rateOf([])).toBeNull();
    expect(rateOf([{ ms: 0, count: 7 }])).toBeNull();
    expect(rateOf([{ ms: -5, count: 7 }])).toBeNull();
  });

  it('never comes out of a clock that went back, or of a count below 0', () => {
    expect(rateOf([{ ms: 60_000, count: -7 }])?.perMin).toBe(0);
  });

  it('of several is their sum, with a range that is narrower than the sum of theirs', () => {
    const one = rateOf(minutes(100));
    const both = sumRates([one, null, one]);
    expect(both?.perMin).toBeCloseTo(200);
    expect(both?.highPerMin).toBeCloseTo(200 + 20 * Math.SQRT2);
    expect(sumRates([null, null])).toBeNull();
  });
});

describe('the time to empty', () => {
  it('is what waits by what goes, with its range', () => {
    const rate = { perMin: 610, lowPerMin: 500, highPerMin: 700 };
    expect(timeToEmpty(98_240, rate)).toEqual({ seconds: 9663, lowSeconds: 8421, highSeconds: 11_789 });
    expect(timeToEmpty(0, rate).seconds).toBe(0);
    expect(timeToEmpty(5, { perMin: 0, lowPerMin: 0, highPerMin: 1 })).toEqual({
      seconds: null,
      lowSeconds: 300,
      highSeconds: null,
    });
  });
});

describe('what expires', () => {
  const day = 86_400;
  it('is what ends before its turn, if what ends first goes first', () => {
    // Ten messages that all end in ten minutes, and one goes a minute: nobody is lost. At half of that five are.
    const ends = Array(10).fill(600);
    expect(expiring(ends, 1, 0)).toBe(0);
    expect(expiring(ends, 0.5, 0)).toBe(5);
    expect(expiring(ends, 0, 0)).toBe(10);
    expect(expiring([], 0, 0)).toBe(0);
  });

  it('of a backlog that takes ten days and lives five is about half', () => {
    const ends = Array.from({ length: 14_400 }, () => 5 * day);
    expect(expiring(ends, 1, 0)).toBe(7200);
  });

  it('does not let what is lost take a turn', () => {
    expect(expiring([-5, -5, 60, 120], 1, 0)).toBe(2);
  });
});
