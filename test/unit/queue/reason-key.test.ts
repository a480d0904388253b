// Delay reasons as keys of statistics: one group for one cause, whatever differs from message to message.
import { expect, it } from 'vitest';
import { reasonKeys } from '../../../src/queue/reason-key.js';

it('is the same for texts that differ by ids, numbers and addresses, and says the code once', () => {
  const keyOf = reasonKeys();
  const text = (id: string, ip: string) =>
    `host mx.example.net[${ip}] said: 451 4.7.99 [${id}] strange weather for <user${id}@example.net>, wait 17 s`;
  const key = keyOf(text('a8f3bc71d', '192.0.2.1'));
  expect(keyOf(text('77aa91bcdeff', '198.51.100.7'))).toBe(key);
  expect(key).toMatch(/^451 4\.7\.99 .*strange weather/);
  expect(key?.match(/451/g)).toHaveLength(1);
});

it('is the cause where it is known, and null for what was not tried', () => {
  const keyOf = reasonKeys();
  expect(keyOf('connect to mx.example[192.0.2.1]:25: Connection timed out')).toBe(
    keyOf('connect to other.example.org[192.0.2.99]:25: Connection timed out'),
  );
  expect(keyOf(null)).toBeNull();
  expect(keyOf('')).toBeNull();
});

it('becomes one group where somebody invents texts', () => {
  const keyOf = reasonKeys();
  const letters = (n: number) => n.toString(26).replace(/\d/g, (d) => 'qrstuvwxyz'[Number(d)] ?? '');
  const keys = new Set<string | null>();
  for (let at = 0; at < 5000; at++) keys.add(keyOf(`the ${letters(at)} is ${letters(at * 7)}`));
  expect(keys.size).toBeLessThanOrEqual(2001);
  expect(keys).toContain('other texts');
});
