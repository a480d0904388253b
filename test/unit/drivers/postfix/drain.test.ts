// What the pump of Postfix is told: addresses, hops, ids; and its times.
import { expect, test } from 'vitest';
import { addressBytes, orderText, parseTime } from '../../../../src/drivers/postfix/drain.js';

test('an order names windows, connections, peers and hops; what could be no id or address is left out', () => {
  const text = orderText({
    forMs: 1000,
    lots: [
      {
        window: 18.9,
        connections: 20,
        peers: ['192.0.2.1', '2001:db8::1', 'x', '1.2.3.999'],
        perSecond: 2.5,
        watch: ['AAAAA1', '../x'],
        watchHops: ['a.example', 'b.example'],
        release: [
          { id: 'BBBBB1', arrivedAt: 5, sender: 'a b"@x', hop: 'b.example\nlot 9 - -' },
          { id: '$(id)', arrivedAt: 1, sender: null },
          { id: 'BBBBB2', arrivedAt: null, sender: null, hop: 'a.example', connections: 3 },
          { id: 'BBBBB3', arrivedAt: 7, sender: '', hop: 'a.example' },
        ],
      },
      { window: 0, perSecond: null, yields: 4, watch: ['CCCCC1'], release: [] },
    ],
  });
  expect(text.split('\n')).toEqual([
    'lot 18 2.500 20 0',
    'peer c0000201',
    'peer 20010db8000000000000000000000001',
    'hop 0',
    'watch AAAAA1',
    'hop 1',
    'BBBBB1 5 =a?b@x',
    'hop 0',
    'wide 3',
    'BBBBB2 - *',
    'wide 1',
    'BBBBB3 7 =',
    'lot 0 - - 4',
    'hop 0',
    'watch CCCCC1',
    '',
  ]);
});

test('what is left over of a rate, and what is known of kept connections, is told where there is something', () => {
  const text = orderText({
    forMs: 1000,
    lots: [{ window: 2, perSecond: 0.1, credit: -0.5, reuses: -1000, watch: [], release: [] }],
  });
  expect(text).toBe('lot 2 0.100 - 0\ncredit -0.500\nreuses -1000\n');
});

test('addresses are as the kernel has them', () => {
  expect(addressBytes('10.0.0.255')).toBe('0a0000ff');
  expect(addressBytes('::')).toBe('0'.repeat(32));
  expect(addressBytes('fe80::1:2')).toBe('fe800000000000000000000000010002');
  for (const bad of ['', '1.2.3', '1::2::3', 'g::1', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '300.1.1.1'])
    expect(addressBytes(bad)).toBeNull();
});

test('times as Postfix writes them', () => {
  expect(['5d', '30', '10m', '2w', ' 7h\n', '90s'].map(parseTime)).toEqual([
    432_000, 2_592_000, 600, 1_209_600, 25_200, 90,
  ]);
  expect(['', 'x', '5y', '-1d'].map(parseTime)).toEqual([null, null, null, null]);
});
