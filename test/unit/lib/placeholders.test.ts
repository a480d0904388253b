import { expect, it } from 'vitest';
import { fillPlaceholders, placeholdersIn } from '../../../src/lib/placeholders.js';

it('fills in every placeholder, also twice in one word', () => {
  expect(fillPlaceholders('/srv/{slot}/{slot}@{host}', { slot: 'store1', host: 'imap21' })).toBe(
    '/srv/store1/store1@imap21',
  );
});

it('does not look again at what it filled in', () => {
  expect(fillPlaceholders('{slot}-{host}', { slot: '{host}', host: '$&$1' })).toBe('{host}-$&$1');
});

it('leaves braces alone that are no placeholder', () => {
  const script = 'awk {print $1} {x y} {} { slot } {1}';
  expect(placeholdersIn(script)).toEqual([]);
  expect(fillPlaceholders(script, {})).toBe(script);
});

it('finds the names in order', () => {
  expect(placeholdersIn('{a}{b-c}{{d}}')).toEqual(['a', 'b-c', 'd']);
});

it('refuses to guess a value that it was not given', () => {
  expect(() => fillPlaceholders('{slot}', {})).toThrow('no value for {slot}');
  expect(() => fillPlaceholders('{toString}', {})).toThrow('no value for {toString}');
});
