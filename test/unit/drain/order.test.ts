// Which messages of a destination go first: what would expire, then whom the configuration names, then by age.
import { expect, test } from 'vitest';
import { RANKS, rankOf } from '../../../src/drain/order.js';
import { ParcelParts, parseParcels } from '../../../src/drain/parcel-parts.js';
import { Supply } from '../../../src/drain/supply.js';

const rank = rankOf({
  first: ['*@Alerts.example', '<>', 'both@x.example'],
  last: ['news@*', 'both@x.example'],
});
const of = (sender: string | null, arrivedAt: number | null = 100, expiresBefore: number | null = null) =>
  rank({ sender, arrivedAt }, expiresBefore);

test('senders are globs without case, the null sender is <>, one in both goes first, one not known is of the rest', () => {
  expect(
    ['a@alerts.example', '', 'both@x.example', 'NEWS@b.example', 'ann@x.example', null].map((one) => of(one)),
  ).toEqual([RANKS.first, RANKS.first, RANKS.first, RANKS.last, RANKS.rest, RANKS.rest]);
});

test('what would be returned before the end goes first of all, also of a sender that is put last', () => {
  expect([
    of('news@b.example', 99, 100),
    of('news@b.example', 100, 100),
    of('news@b.example', null, 100),
  ]).toEqual([RANKS.expiring, RANKS.last, RANKS.last]);
});

test('no rule: only the age counts', () => {
  expect(rankOf({ first: [], last: [] })({ sender: 'a@b.example', arrivedAt: 1 }, null)).toBe(RANKS.rest);
});

test('the order is kept through the parts, and over next hops; a part of an older version has none', () => {
  const parts = new ParcelParts();
  const add = (id: string, arrivedAt: number, hop: string, one?: number) =>
    parts.add({ id, arrivedAt, sender: 's@x.example' }, 0, hop, one);
  add('new-first', 9, 'a.example', RANKS.first);
  add('old-last', 1, 'a.example', RANKS.last);
  add('old-rest', 2, 'b.example');
  add('older-rest', 1, 'b.example', RANKS.rest);
  add('expires', 5, 'b.example', RANKS.expiring);
  const text = parts
    .parts()
    .map(({ bytes }) => bytes.toString())
    .join('');
  const supply = new Supply();
  supply.fill(parseParcels(text, ['gmail'], 'here'));
  expect(supply.take(10, 0).map(({ key }) => key.id)).toEqual([
    'expires',
    'new-first',
    'older-rest',
    'old-rest',
    'old-last',
  ]);
});

test('the hops that have most are known by name', () => {
  const supply = new Supply();
  const of = (hop: string, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      key: { id: `${hop}${at}`, arrivedAt: at, sender: 's', hop },
      destination: 'big',
      tries: 0,
      notBefore: 0,
    }));
  supply.fill([...of('a', 2), ...of('b', 9), ...of('c', 5), ...of('d', 1)]);
  expect(supply.largest(3)).toEqual(['b', 'c', 'a']);
  supply.take(8, 0, (hop) => hop !== 'b');
  expect(supply.largest(2)).toEqual(['c', 'a']);
});
