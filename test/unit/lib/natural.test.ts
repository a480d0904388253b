import { describe, expect, it } from 'vitest';
import { compareNames } from '../../../src/lib/natural.js';

describe('compareNames', () => {
  it('orders runs of digits by their value', () => {
    const names = ['store10', 'store2', 'store1', 'store', 'a10b2', 'a10b10', 'a9b99'];
    expect([...names].sort(compareNames)).toEqual([
      'a9b99',
      'a10b2',
      'a10b10',
      'store',
      'store1',
      'store2',
      'store10',
    ]);
  });

  it('orders numbers that no number can hold', () => {
    expect(compareNames('x10000000000000000000000000', 'x9999999999999999999999999')).toBeGreaterThan(0);
  });

  it('is a total order: only the same name is equal', () => {
    const names = ['', '1', '01', '001', 'a', 'a1', 'a01', '1a', 'é', '٣', 'B', 'b'];
    for (const a of names) {
      for (const b of names) {
        expect(compareNames(a, b) === 0).toBe(a === b);
        expect(Math.sign(compareNames(a, b))).toBe(-Math.sign(compareNames(b, a)) + 0);
        for (const c of names) {
          if (compareNames(a, b) < 0 && compareNames(b, c) < 0) expect(compareNames(a, c)).toBeLessThan(0);
        }
      }
    }
  });
});
