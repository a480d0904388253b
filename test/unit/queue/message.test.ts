// Domains of addresses as the counting rules want them.
import { expect, it } from 'vitest';
import { domainOf } from '../../../src/queue/message.js';

it.each([
  ['bo@Example.NET', 'example.net'],
  ['bo@example.net.', 'example.net'],
  ['"at@sign"@example.net', 'example.net'],
  ['user@[192.0.2.1]', '[192.0.2.1]'],
  ['nobody', ''],
  ['', ''],
  ['x@', ''],
])('domain of %j is %j', (address, domain) => {
  expect(domainOf(address)).toBe(domain);
});
