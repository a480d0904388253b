// Messages of a drain on disk and in order; which deferrals are push-back; statuses that are read back.
import { expect, test } from 'vitest';
import { ParcelParts, parseParcels } from '../../../src/drain/parcel-parts.js';
import { isKeptBack, isPushBack } from '../../../src/drain/push-back.js';
import { parseStatus } from '../../../src/drain/status.js';
import { Supply } from '../../../src/drain/supply.js';
import type { DeliveryEvent } from '../../../src/queue/delivery-event.js';

test('messages come back from their parts as they went in, hostile senders too', () => {
  const parts = new ParcelParts();
  parts.add({ id: 'A', arrivedAt: 5, sender: 'a"\n]@x' }, 1, 'x.example');
  parts.add({ id: 'B', arrivedAt: null, sender: null }, 0, '');
  const text = parts.parts()[0]?.bytes.toString() ?? '';
  expect(parseParcels(text, ['one', 'two'], 'here')).toMatchObject([
    { key: { id: 'A', arrivedAt: 5, sender: 'a"\n]@x', hop: 'x.example' }, destination: 'two' },
    { key: { id: 'B', hop: '' }, destination: 'one' },
  ]);
  expect(() => parseParcels('["A",1,"a",7,"x"]\n', ['one'], 'here')).toThrow('without its destination');
  expect(() => parseParcels('["A",1,"a"', ['one'], 'here')).toThrow();
});

test('the oldest go first, a hop that is kept back is passed over, and what waits comes when it is time', () => {
  const parcel = (id: string, arrivedAt: number, hop: string) => ({
    key: { id, arrivedAt, sender: null, hop },
    destination: 'd',
    tries: 0,
    notBefore: 0,
  });
  const supply = new Supply();
  supply.fill([parcel('c', 3, 'x'), parcel('a', 1, 'y'), parcel('b', 2, 'x')]);
  expect(supply.take(2, 0, (hop) => hop === 'y').map(({ key }) => key.id)).toEqual(['b', 'c']);
  expect(supply.count).toBe(1);
  const late = { ...parcel('z', 0, 'x'), notBefore: 9 };
  supply.giveBack([late]);
  expect(supply.take(5, 8).map(({ key }) => key.id)).toEqual(['a']);
  expect(supply.all()).toEqual([late]);
  expect(supply.take(5, 9)).toEqual([late]);
  expect(supply.count).toBe(0);
});

test('too much is told from a misfortune of the message', () => {
  const event = (dsn: string | null, reason: string) =>
    ({ outcome: 'deferred', dsn, reason }) as unknown as DeliveryEvent;
  expect(isPushBack(event('4.7.0', '421 4.7.0 too many connections'))).toBe(true);
  expect(isPushBack(event(null, 'host x refused to talk to me: 421 try later'))).toBe(true);
  expect(isPushBack(event('4.4.1', 'connect to x: Connection timed out'))).toBe(true);
  expect(isPushBack(event('4.2.2', '452 4.2.2 mailbox full'))).toBe(false);
  expect(isPushBack(event('4.7.1', '450 4.7.1 Greylisted for 5 minutes'))).toBe(false);
  expect(isPushBack({ ...event('4.7.0', ''), outcome: 'sent' })).toBe(false);
  expect(
    isKeptBack(event('4.7.0', 'delivery temporarily suspended: host x refused to talk to me: 421')),
  ).toBe(true);
  expect(isKeptBack(event('4.7.0', 'host x said: delivery temporarily suspended'))).toBe(false);
});

test('a status that is none is none', () => {
  for (const bad of [
    undefined,
    {},
    { run: 'a', at: 'x', lanes: [null] },
    { run: 'a', at: 'x', lanes: [{ queue: 1 }] },
  ])
    expect(parseStatus(bad)).toBeUndefined();
  expect(parseStatus({ run: 'a', at: 'x', lanes: [] })).toMatchObject({
    run: 'a',
    changes: [],
    deadAfterS: 600,
  });
});
