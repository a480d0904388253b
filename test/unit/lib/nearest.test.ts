import { expect, it } from 'vitest';
import { nearest } from '../../../src/lib/nearest.js';

const words = ['defaults', 'hosts', 'stores', 'directory', 'state', 'destinations', 'uplinks'];

it.each([
  ['host', 'hosts'],
  ['hots', 'hosts'],
  ['storse', 'stores'],
  ['directroy', 'directory'],
  ['Defaults', 'defaults'],
  ['uplink', 'uplinks'],
])('%s is meant to be %s', (word, meant) => {
  expect(nearest(word, words)[0]).toBe(meant);
});

it('offers nothing when nothing is near', () => {
  expect(nearest('queue', words)).toEqual([]);
  expect(nearest('', words)).toEqual([]);
  expect(nearest('hosts', [])).toEqual([]);
  expect(nearest('hosts', [''])).toEqual([]);
});

it('offers at most as many as asked for, the nearest first, then by name', () => {
  expect(nearest('imap23', ['imap29', 'imap31', 'imap21', 'imap22', 'mx1'], 2)).toEqual(['imap21', 'imap22']);
});

it('is not slowed down by a word of a megabyte', () => {
  expect(nearest('x'.repeat(1_000_000), words)).toEqual([]);
});
