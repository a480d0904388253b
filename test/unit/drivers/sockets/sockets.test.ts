/** Connections outwards as ss and /proc tell them. */
import { expect, test } from 'vitest';
import { parseSockets } from '../../../../src/drivers/sockets/sockets.js';

test('ss: details stand on a line of their own, or on the same', () => {
  const text = `ss
ESTAB 0      0      198.51.100.12:47152 198.51.100.1:25
	 cubic wscale:7,7 rto:204 rtt:0.05/0.02 lastsnd:5000 lastrcv:7000 lastack:4990 pacing_rate 1Gbps
SYN-SENT 0 1 [2001:db8::12]:40000 [2001:db8:1::25]:25
ESTAB 0 0 [::ffff:198.51.100.12]:4000 [::ffff:198.51.100.2]:25 cubic lastsnd:10 lastrcv:20
ESTAB 0 0 [fe80::1%eth0]:4000 [fe80::2%eth0]:25
TIME-WAIT 0 0 198.51.100.12:4001 198.51.100.1:25
`;
  expect(parseSockets(text)).toEqual([
    { local: '198.51.100.12', peer: '198.51.100.1', port: 25, state: 'established', quietMs: 5000 },
    { local: '2001:db8::12', peer: '2001:db8:1::25', port: 25, state: 'syn-sent', quietMs: null },
    { local: '198.51.100.12', peer: '198.51.100.2', port: 25, state: 'established', quietMs: 10 },
    { local: 'fe80::1', peer: 'fe80::2', port: 25, state: 'established', quietMs: null },
    { local: '198.51.100.12', peer: '198.51.100.1', port: 25, state: 'time-wait', quietMs: null },
  ]);
});

test('/proc: addresses are words in the order of the machine', () => {
  const text = `proc
0C6433C6:B830 016433C6:0019 01
B80D0120000000000000000012000000:9C40 B80D0120000000000000000025000000:0019 02
0000000000000000FFFF00000C6433C6:9C41 0000000000000000FFFF0000026433C6:0019 08
`;
  expect(parseSockets(text).map(({ peer, state }) => `${peer} ${state}`)).toEqual([
    '198.51.100.1 established',
    '2001:db8::25 syn-sent',
    '198.51.100.2 close-wait',
  ]);
});

test.each([
  '',
  'ss',
  'ss\n\tlastsnd:1\n',
  'ss\nESTAB',
  'ss\n\u001b[31m x y z\n',
  'proc\nzz zz zz\n0:0\n',
  'what\nESTAB 0 0 1:2 3:4',
])('hostile or empty text gives nothing: %j', (text) => {
  expect(parseSockets(text)).toEqual([]);
});
