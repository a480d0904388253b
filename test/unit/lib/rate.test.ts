import { describe, expect, it } from 'vitest';
import { formatRate, parseRate } from '../../../src/lib/rate.js';

describe('parseRate', () => {
  it.each([
    ['50/s', 50],
    ['3000/m', 50],
    ['3600/h', 1],
    ['90/m', 1.5],
  ])('reads %s', (text, perSecond) => {
    expect(parseRate(text)).toBe(perSecond);
  });

  it.each(['', '50', '/s', '0/s', '-1/s', '1.5/s', '50/d', '50 /s', '50/S', '50/s\n', '99999999999/s'])(
    'refuses %j',
    (text) => {
      expect(parseRate(text)).toBeUndefined();
    },
  );
});

describe('formatRate', () => {
  it.each([
    ['50/s', '50/s'],
    ['3000/m', '50/s'],
    ['100/m', '100/m'],
    ['7/h', '7/h'],
  ])('shows %s as %s', (text, shown) => {
    expect(formatRate(parseRate(text) ?? Number.NaN)).toBe(shown);
  });

  it('shows what is no rate as ?', () => {
    expect(formatRate(Number.NaN)).toBe('?');
  });
});
