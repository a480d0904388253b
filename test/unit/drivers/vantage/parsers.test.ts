// What comes from a vantage, taken apart: frames however they are cut, TCP_INFO of old and new kernels, routes and
// pings as their programs print them, and all of it broken.
import { describe, expect, test } from 'vitest';
import { type Frame, FrameReader, formatFrame } from '../../../../src/drivers/vantage/frames.js';
import { parseRoute, routeWords } from '../../../../src/drivers/vantage/ip-route.js';
import { parsePing, pingWords } from '../../../../src/drivers/vantage/ping-command.js';
import { parseTcpInfo } from '../../../../src/drivers/vantage/tcp-info.js';

function framesOf(...chunks: readonly (string | Buffer)[]): readonly Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  for (const chunk of chunks) reader.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk);
  return frames;
}

describe('frames', () => {
  const text =
    'H 1 perl clock=hires\no 1 250 40000 1000\nd 1 6 2000\n220 \n\n\nw 1 2100\nd 2 0 5\n\nz 1 3000\n';

  test('are read however the chunks are cut', () => {
    const whole = framesOf(text);
    expect(whole.map(({ word }) => word)).toEqual(['H', 'o', 'd', 'w', 'd', 'z']);
    expect(whole[2]?.data.toString()).toBe('220 \n\n');
    expect(framesOf(...text)).toEqual(whole);
  });

  test('bytes behind a line may be anything', () => {
    const data = Buffer.from([0, 10, 13, 255, 30, 10]);
    const [frame] = framesOf(Buffer.concat([Buffer.from('d 7 6 1\n'), data, Buffer.from('\n')]));
    expect(frame?.data).toEqual(data);
  });

  test.each(['d 1 -5 1\n', 'd 1 x 1\n', 'd 1 99999999999 1\n', 'x'.repeat(5000)])(
    'what no relay writes is refused: %#',
    (bad) => {
      expect(() => framesOf(bad)).toThrow();
    },
  );

  test('are written with their length', () => {
    expect(formatFrame(['O', 1, null]).toString()).toBe('O 1 -\n');
    expect(formatFrame(['D', 1], Buffer.from('a\n')).toString()).toBe('D 1 2\na\n');
  });
});

describe('TCP_INFO', () => {
  const bytes = (length: number) => {
    const data = Buffer.alloc(length);
    data[0] = 1;
    data[2] = 4;
    data[4] = 3;
    data.writeUInt32LE(1448, 16);
    data.writeUInt32LE(2, 24);
    data.writeUInt32LE(1500, 60);
    data.writeUInt32LE(25_300, 68);
    data.writeUInt32LE(5, 100);
    if (length >= 136) data.writeBigUInt64LE(700n, 128);
    if (length >= 228) data.writeUInt32LE(1, 224);
    return data.toString('hex');
  };

  test('of a kernel of today', () => {
    expect(parseTcpInfo(bytes(240))).toMatchObject({
      state: 'established',
      retransmits: 4,
      backoff: 3,
      unacked: 2,
      totalRetransmits: 5,
      rttMs: 25.3,
      sendMss: 1448,
      pathMtu: 1500,
      bytesReceived: 700,
      outOfOrder: 1,
    });
  });

  test('of an old one: what it does not give is null', () => {
    expect(parseTcpInfo(bytes(104))).toMatchObject({
      totalRetransmits: 5,
      bytesReceived: null,
      outOfOrder: null,
    });
  });

  test.each(['-', '', 'zz', '00'.repeat(40)])('%j is nothing', (text) =>
    expect(parseTcpInfo(text)).toBeNull(),
  );
});

describe('a route', () => {
  test('as JSON', () => {
    const text =
      '[{"dst":"203.0.113.131","from":"192.0.2.10","gateway":"192.0.2.9","dev":"pa","table":"101","flags":[],"uid":0,"cache":[]}]';
    expect(parseRoute(text)).toEqual({ gateway: '192.0.2.9', dev: 'pa', table: '101', source: '192.0.2.10' });
  });

  test('in words, of an iproute2 without JSON', () => {
    expect(
      parseRoute('203.0.113.131 from 192.0.2.10 via 192.0.2.9 dev pa table 101 uid 0 \n    cache \n'),
    ).toEqual({
      gateway: '192.0.2.9',
      dev: 'pa',
      table: '101',
      source: '192.0.2.10',
    });
  });

  test.each([
    '',
    'RTNETLINK answers: Network is unreachable',
    '[{"type":"unreachable","dev":"lo"}]',
    '[]',
    '[1]',
    '{',
    'unreachable 1.2.3.4 dev lo',
  ])('%j is none', (text) => expect(parseRoute(text)).toBeNull());

  test('is asked for with source and interface', () => {
    expect(routeWords({ source: '192.0.2.10', interface: 'eth1', address: '203.0.113.1' }, true)).toEqual([
      'ip',
      '-j',
      'route',
      'get',
      '203.0.113.1',
      'from',
      '192.0.2.10',
      'oif',
      'eth1',
    ]);
  });
});

describe('ping(8)', () => {
  test('of iputils', () => {
    const text = `PING 203.0.113.131 (203.0.113.131) from 192.0.2.10 : 56(84) bytes of data.

--- 203.0.113.131 ping statistics ---
100 packets transmitted, 93 received, +2 errors, 7% packet loss, time 1985ms
rtt min/avg/max/mdev = 20.031/20.514/31.220/1.204 ms
`;
    expect(parsePing(text, 84)).toEqual({
      sent: 100,
      received: 93,
      size: 84,
      rttMs: { min: 20.031, avg: 20.514, max: 31.22 },
      error: null,
    });
  });

  test('nothing came', () => {
    expect(
      parsePing(
        '\n--- x ping statistics ---\n5 packets transmitted, 0 received, 100% packet loss, time 4ms\n\n',
        84,
      ),
    ).toMatchObject({
      sent: 5,
      received: 0,
      rttMs: null,
      error: null,
    });
  });

  test('it could not be done', () => {
    expect(parsePing('ping: socket: Operation not permitted\n', 84).error).toBe(
      'ping: socket: Operation not permitted',
    );
    expect(parsePing('', 84).error).toBe('ping gave no answer');
  });

  test('leaves by the interface before the source', () => {
    const way = { address: '203.0.113.1', count: 5, intervalMs: 20, waitMs: 1000 };
    expect(pingWords({ ...way, source: '192.0.2.10', interface: null }, 4).join(' ')).toBe(
      'ping -n -q -c 5 -i 0.02 -W 1 -s 56 -I 192.0.2.10 203.0.113.1',
    );
    expect(pingWords({ ...way, source: '192.0.2.10', interface: 'eth1' }, 4)).toContain('eth1');
  });
});
