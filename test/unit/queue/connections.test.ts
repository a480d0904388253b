/** Open, allowed and believed connections side by side. */
import { expect, test } from 'vitest';
import { joinConnections } from '../../../src/queue/connections.js';
import type { Socket } from '../../../src/queue/socket.js';

const sockets = (count: number, peer: string, more: Partial<Socket> = {}): readonly Socket[] =>
  Array.from({ length: count }, (_, at) => ({
    local: '198.51.100.12',
    peer,
    port: 25,
    state: 'established',
    quietMs: at * 1000,
    ...more,
  }));
const names = {
  ofAddress: (address: string) =>
    address.startsWith('192.0.2.') || address.includes(':') ? 'gmail' : address,
  ofName: (name: string) => name,
  limitOf: (name: string) => (name === 'gmail' ? 20 : null),
};

test('a sender that believes 20 while none is open and mail waits is at fault', () => {
  const rows = joinConnections(
    [
      {
        host: 'mx1',
        sockets: [],
        believed: new Map([['gmail', 20]]),
        waiting: new Map([['gmail', 604_112]]),
      },
      { host: 'mx2', sockets: sockets(3, '192.0.2.1'), believed: null, waiting: new Map() },
    ],
    names,
  );
  expect(rows).toMatchObject([
    {
      destination: 'gmail',
      verdict: 'sender',
      open: 3,
      believed: 20,
      drift: 20,
      limit: 20,
      waiting: 604_112,
    },
  ]);
});

test('more than the limit over all hosts, IPv4 and IPv6 together, is over it; what is over does not count', () => {
  const rows = joinConnections(
    [
      {
        host: 'mx1',
        sockets: [
          ...sockets(12, '192.0.2.1'),
          ...sockets(50, '192.0.2.1', { state: 'time-wait', quietMs: null }),
        ],
        believed: null,
        waiting: new Map(),
      },
      { host: 'mx2', sockets: sockets(9, '2001:db8::1'), believed: null, waiting: new Map() },
    ],
    names,
  );
  expect(rows[0]).toMatchObject({
    verdict: 'over-limit',
    open: 21,
    ipv4: 12,
    ipv6: 9,
    believed: null,
    drift: null,
  });
  expect(rows[0]?.states).toEqual([
    { state: 'time-wait', count: 50, quietMs: null },
    { state: 'established', count: 21, quietMs: 11_000 },
  ]);
});

test('a difference of two is no drift, more is; what is wrong comes first', () => {
  const at = (open: number, believed: number) =>
    joinConnections(
      [
        {
          host: 'mx1',
          sockets: sockets(open, '203.0.113.1'),
          believed: new Map([['203.0.113.1', believed]]),
          waiting: new Map(),
        },
      ],
      names,
    )[0]?.verdict;
  expect([at(10, 12), at(10, 13), at(0, 20), at(100, 118)]).toEqual(['ok', 'drift', 'drift', 'ok']);
});
