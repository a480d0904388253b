import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  formatElapsed,
  formatExactDuration,
  parseDuration,
} from '../../../src/lib/duration.js';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['3d', 259_200_000],
    ['1h30m', 5_400_000],
    ['2d14h', 223_200_000],
    ['6h02m', 21_720_000],
    ['4m59s', 299_000],
    ['1m1ms', 60_001],
    ['0s', 0],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '5',
    's',
    'ms',
    '5 m',
    ' 5m',
    '5m ',
    '-5m',
    '+5m',
    '1.5h',
    '5M',
    '5min',
    '30m1h',
    '5m5m',
    '5mm',
    '1e3s',
    '٣m',
    '5m\n',
    '0x5m',
    '9999999999999d',
    '999999999999d',
    `${'1'.repeat(100_000)}s`,
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [999, '0s'],
    [41_000, '41s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [299_999, '4m59s'],
    [300_000, '5m'],
    [305_000, '5m05s'],
    [12 * 60_000 + 30_000, '12m'],
    [3_599_999, '59m'],
    [6 * 3_600_000 + 2 * 60_000, '6h02m'],
    [9 * 3_600_000, '9h'],
    [86_399_999, '23h59m'],
    [62 * 3_600_000, '2d14h'],
    [48 * 3_600_000, '2d'],
    [50 * 3_600_000, '2d02h'],
    [-3_000, '-3s'],
    [Number.NaN, '?'],
    [Number.POSITIVE_INFINITY, '?'],
  ])('shows %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('never understates when it rounds up', () => {
    expect(formatDuration(300_001, 'up')).toBe('5m01s');
    expect(formatDuration(59_001, 'up')).toBe('1m');
    expect(formatDuration(3_541_000, 'up')).toBe('1h');
    expect(formatDuration(86_340_001, 'up')).toBe('1d');
  });

  it('is read back by parseDuration, and means no more than it was', () => {
    for (let ms = 0; ms < 400_000_000; ms += 1_234_567) {
      const back = parseDuration(formatDuration(ms)) ?? -1;
      expect(back).toBeGreaterThanOrEqual(0);
      expect(back).toBeLessThanOrEqual(ms);
      expect(parseDuration(formatDuration(ms, 'up')) ?? -1).toBeGreaterThanOrEqual(ms);
    }
  });
});

describe('formatElapsed', () => {
  it('keeps the tenth of a second while it matters', () => {
    expect([0, 5_430, 16_900, 99_940, 99_950, 100_000, 3_700_000].map(formatElapsed)).toEqual([
      '0.0s',
      '5.4s',
      '16.9s',
      '99.9s',
      '1m39s',
      '1m40s',
      '1h01m',
    ]);
  });
});

describe('formatExactDuration', () => {
  it.each([
    [0, '0s'],
    [1500, '1500ms'],
    [90_000, '90s'],
    [300_000, '5m'],
    [7_200_000, '2h'],
    [86_400_000, '1d'],
  ])('writes %d ms as %s, which reads back as the same', (ms, text) => {
    expect(formatExactDuration(ms)).toBe(text);
    expect(parseDuration(text)).toBe(ms);
  });
});
