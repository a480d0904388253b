import { describe, expect, it } from 'vitest';
import { formatSize, parseSize } from '../../../src/lib/size.js';

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['512', 512],
    ['10k', 10_240],
    ['10K', 10_240],
    ['5M', 5_242_880],
    ['2G', 2_147_483_648],
    ['1.5G', 1_610_612_736],
    ['1t', 1_099_511_627_776],
  ])('reads %s in steps of 1024', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    '',
    'k',
    '-1',
    '1.',
    '.5k',
    '1 k',
    '10kB',
    '10KiB',
    '1e3',
    '1,5G',
    '5m\n',
    '99999999999999T',
    '٣k',
  ])('refuses %j', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});

describe('formatSize', () => {
  it.each([
    [0, '0'],
    [1023, '1023'],
    [1024, '1k'],
    [1536, '1.5k'],
    [65_713_600_000, '61.2G'],
    [125_829_120, '120M'],
    [1_048_575, '1M'],
    [-2048, '-2k'],
    [Number.NaN, '?'],
    [2 ** 60, '1048576T'],
  ])('shows %d as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});
