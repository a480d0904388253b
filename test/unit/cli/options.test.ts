import { expect, test } from 'vitest';
import { duration, size, text, timeSpan, wholeNumber } from '../../../src/cli/options.js';
import { UsageError } from '../../../src/errors.js';

test('durations are milliseconds', () => {
  expect(duration('90s')).toBe(90_000);
  expect(duration('5m')).toBe(300_000);
  expect(duration('1h30m')).toBe(5_400_000);
});

test.each(['5', '5 m', 'm', '-5m', '5x', '', '5m5m', '1e3s', '５m'])('%j is no duration', (word) => {
  expect(() => duration(word)).toThrow(UsageError);
});

test('a deadline of nothing is refused', () => {
  expect(() => timeSpan('0s')).toThrow(/longer than 0/);
});

test('sizes are bytes, in powers of 1024', () => {
  expect(size('10k')).toBe(10_240);
  expect(size('5M')).toBe(5 * 1024 ** 2);
  expect(size('2G')).toBe(2 * 1024 ** 3);
  expect(size('100')).toBe(100);
});

test.each(['k', '-1k', '1kk', '0x10', '1e9', ''])('%j is no size', (word) => {
  expect(() => size(word)).toThrow(UsageError);
});

test('a number has its limits, and they are named', () => {
  const parse = wholeNumber(1, 512);
  expect(parse('16')).toBe(16);
  for (const word of ['0', '513', '1.5', '-1', 'x', '', '0x1', '999999999999']) {
    expect(() => parse(word)).toThrow(/from 1 to 512/);
  }
});

test('an empty word and one with NUL are no text', () => {
  expect(text('a b')).toBe('a b');
  expect(() => text('')).toThrow(UsageError);
  expect(() => text('a\0b')).toThrow(UsageError);
});
