// The numbers that thresholds rest on, as they were worked out beside the measurements.
import { describe, expect, it } from 'vitest';
import {
  chanceOfAtLeast,
  chanceOfFalseStall,
  chanceOfMissing,
  isDeniedByTcp,
  lossAlarmAt,
  retransmitAlarmAt,
  SEQUENTIAL,
  sequentialTest,
  undetectedShare,
  wilson,
} from '../../../src/probe/statistics.js';

describe('loss', () => {
  it('is called at 7 of 300 packets, where a healthy provider gets with 0.09 % and three with 0.3 %', () => {
    expect(lossAlarmAt(300)).toBe(7);
    expect(lossAlarmAt(300, 3)).toBe(7);
    const one = chanceOfAtLeast(7, 300, 0.005);
    expect(one).toBeCloseTo(0.0009, 4);
    expect(1 - (1 - one) ** 3).toBeCloseTo(0.003, 3);
    expect(chanceOfAtLeast(6, 300, 0.005)).toBeCloseTo(0.0043, 3);
    expect(chanceOfAtLeast(3, 300, 0.005)).toBeCloseTo(0.19, 2);
  });

  it.each([
    [0.05, 0.993],
    [0.03, 0.8],
    [0.02, 0.39],
  ])('of %d is seen with a chance of %d', (loss, chance) => {
    expect(chanceOfAtLeast(7, 300, loss)).toBeCloseTo(chance, 2);
  });

  it('needs more of fewer packets, and more again when many ways are tested at once', () => {
    expect(lossAlarmAt(100, 9)).toBe(5);
    expect(lossAlarmAt(100, 500)).toBe(6);
    expect(lossAlarmAt(20)).toBe(3);
    expect(lossAlarmAt(1)).toBe(2);
    expect(lossAlarmAt(0)).toBe(1);
    expect(500 * chanceOfAtLeast(6, 100, 0.005)).toBeLessThan(0.01);
  });

  it('has the intervals of the notes', () => {
    const percent = (hits: number, tries: number) => {
      const { low, high } = wilson(hits, tries);
      return [low, high].map((one) => Math.round(one * 1000) / 10);
    };
    expect(percent(7, 300)).toEqual([0.9, 5.8]);
    expect(percent(0, 300)).toEqual([0, 2.2]);
    expect(percent(0, 100)).toEqual([0, 6.2]);
    expect(wilson(0, 0)).toEqual({ low: 0, high: 1 });
  });

  it('is denied by TCP when no segment had to be sent again', () => {
    expect(isDeniedByTcp({ lost: 90, sent: 300 }, { retransmits: 0, flows: 18 })).toBe(true);
    expect(isDeniedByTcp({ lost: 90, sent: 300 }, { retransmits: 15, flows: 18 })).toBe(false);
    expect(isDeniedByTcp({ lost: 15, sent: 300 }, { retransmits: 0, flows: 18 })).toBe(false);
    expect(isDeniedByTcp({ lost: 90, sent: 300 }, { retransmits: 0, flows: 0 })).toBe(false);
  });
});

describe('the sequential test', () => {
  it('has the steps and limits of the notes', () => {
    expect(SEQUENTIAL.perLost).toBeCloseTo(Math.LN10, 3);
    expect(SEQUENTIAL.perGood).toBeCloseTo(-0.0463, 4);
    expect(SEQUENTIAL.alarm).toBeCloseTo(6.9, 2);
    expect(SEQUENTIAL.fine).toBeCloseTo(-4.6, 1);
  });

  it('alarms at three losses among the first few, and is content with 100 good ones in a row', () => {
    expect(sequentialTest(3, 3)).toBe('faulty');
    expect(sequentialTest(2, 2)).toBe('open');
    expect(sequentialTest(0, 100)).toBe('healthy');
    expect(sequentialTest(0, 99)).toBe('open');
    expect(sequentialTest(15, 300)).toBe('faulty');
    expect(sequentialTest(1, 300)).toBe('healthy');
  });
});

describe('flows', () => {
  it.each([
    [1 / 4, 18, 0.006],
    [1 / 6, 18, 0.038],
    [1 / 8, 18, 0.09],
    [1 / 4, 6, 0.18],
    [1 / 6, 6, 0.33],
    [1 / 8, 6, 0.45],
  ])('miss a dead share of %d with %d flows as often as the notes say', (share, flows, chance) => {
    expect(chanceOfMissing(share, flows)).toBeCloseTo(chance, 2);
  });

  it('leave a share open that 18 of them cannot exclude', () => {
    expect(undetectedShare(18)).toBeCloseTo(0.226, 3);
    expect(undetectedShare(0)).toBe(1);
  });

  it('stall by chance as seldom as the notes say', () => {
    expect(chanceOfFalseStall(0.01, 5)).toBeCloseTo(1e-10, 12);
    expect(chanceOfFalseStall(0.05, 5)).toBeCloseTo(3e-7, 7);
    expect(chanceOfFalseStall(0.01, 3)).toBeCloseTo(1e-6, 8);
    expect(chanceOfFalseStall(0.3, 3)).toBeCloseTo(0.027, 3);
    expect(chanceOfFalseStall(0.3, 6)).toBeCloseTo(0.0007, 4);
  });

  it('show loss by what they send again, where pings are refused', () => {
    expect(retransmitAlarmAt(18)).toBe(5);
    expect(chanceOfAtLeast(5, 72, 0.3)).toBeGreaterThan(0.999);
  });
});

describe('a tail of the binomial distribution', () => {
  it('is exact at its ends', () => {
    expect(chanceOfAtLeast(0, 10, 0.5)).toBe(1);
    expect(chanceOfAtLeast(11, 10, 0.5)).toBe(0);
    expect(chanceOfAtLeast(1, 10, 0)).toBe(0);
    expect(chanceOfAtLeast(10, 10, 1)).toBe(1);
    expect(chanceOfAtLeast(1, 1, 0.25)).toBeCloseTo(0.25, 12);
    expect(chanceOfAtLeast(5, 10, 0.5)).toBeCloseTo(0.623046875, 9);
    expect(chanceOfAtLeast(1, 100_000, 0.5)).toBeCloseTo(1, 9);
  });
});
