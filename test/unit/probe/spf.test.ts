// SPF as receivers read it, without macros: every mechanism, the limits, and what cannot be judged without a message.
import { describe, expect, it } from 'vitest';
import { ipBytes, isInNetwork, reverseName } from '../../../src/lib/ip.js';
import { checkSpf, type SpfLookups } from '../../../src/probe/spf.js';

const zone: Readonly<
  Record<string, { txt?: readonly string[]; a?: readonly string[]; mx?: readonly string[] }>
> = {
  'example.net': {
    txt: ['v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 a mx include:esp.example -all', 'other text'],
  },
  'esp.example': { txt: ['v=spf1 ip4:203.0.113.5 ?all'] },
  'soft.example': { txt: ['v=spf1 ~all'] },
  'two.example': { txt: ['v=spf1 -all', 'v=spf1 +all'] },
  'redirect.example': { txt: ['v=spf1 redirect=example.net'] },
  'loop.example': { txt: ['v=spf1 include:loop.example -all'] },
  'macro.example': { txt: ['v=spf1 exists:%{i}.list.example -all'] },
  'macro-pass.example': { txt: ['v=spf1 exists:%{i}.list.example ip4:198.51.100.1 -all'] },
  'broken.example': { txt: ['v=spf1 ipv4:1.2.3.4 -all'] },
  'bad-ip.example': { txt: ['v=spf1 ip4:300.2.3.4 -all'] },
  'gone.example': { txt: ['v=spf1 include:none.example -all'] },
  'case.example': { txt: ['V=SPF1 IP4:192.0.2.7 -ALL'] },
  'mx-net.example': { txt: ['v=spf1 mx/24 -all'], mx: ['mx.example.net'] },
  'mx.example.net': { a: ['198.51.100.77'] },
};
const lookups: SpfLookups = {
  txt: async (name) => (name === 'dead.example' ? null : (zone[name]?.txt ?? [])),
  addresses: async (name) => (name === 'example.net' ? ['198.51.100.9'] : (zone[name]?.a ?? [])),
  mx: async (name) => (name === 'example.net' ? ['mx.example.net'] : (zone[name]?.mx ?? [])),
};

describe('SPF', () => {
  it.each([
    ['example.net', '192.0.2.10', 'pass'],
    ['example.net', '2001:db8:b::10', 'pass'],
    ['example.net', '198.51.100.9', 'pass'],
    ['example.net', '198.51.100.77', 'pass'],
    ['example.net', '203.0.113.5', 'pass'],
    ['example.net', '203.0.113.6', 'fail'],
    ['example.net', '2001:db9::1', 'fail'],
    ['soft.example', '192.0.2.1', 'softfail'],
    ['esp.example', '192.0.2.1', 'neutral'],
    ['none.example', '192.0.2.1', 'none'],
    ['two.example', '192.0.2.1', 'permerror'],
    ['redirect.example', '192.0.2.10', 'pass'],
    ['loop.example', '192.0.2.10', 'permerror'],
    ['macro.example', '192.0.2.10', 'unknown'],
    ['macro-pass.example', '198.51.100.1', 'pass'],
    ['broken.example', '192.0.2.10', 'permerror'],
    ['bad-ip.example', '192.0.2.10', 'permerror'],
    ['gone.example', '192.0.2.10', 'permerror'],
    ['dead.example', '192.0.2.10', 'temperror'],
    ['case.example', '192.0.2.7', 'pass'],
    ['mx-net.example', '198.51.100.3', 'pass'],
  ])('of %s says to %s: %s', async (domain, address, result) => {
    expect((await checkSpf(domain, address, lookups)).result).toBe(result);
  });

  it('names the term that decided', async () => {
    expect((await checkSpf('example.net', '203.0.113.6', lookups)).by).toBe('example.net: -all');
  });
});

describe('addresses', () => {
  it('are bytes, or none', () => {
    expect(ipBytes('192.0.2.10')).toEqual([192, 0, 2, 10]);
    expect(ipBytes('::1')?.slice(-2)).toEqual([0, 1]);
    expect(ipBytes('2001:db8::')?.slice(0, 4)).toEqual([0x20, 1, 0x0d, 0xb8]);
    expect(ipBytes('::ffff:192.0.2.10')?.slice(-4)).toEqual([192, 0, 2, 10]);
    expect(ipBytes('1:2:3:4:5:6:7:8')).toHaveLength(16);
    for (const text of [
      '',
      '1.2.3',
      '1.2.3.256',
      '1:2',
      '1::2::3',
      '1:2:3:4:5:6:7:8:9',
      'g::1',
      '1.2.3.4:5',
      '::1.2.3',
    ])
      expect(ipBytes(text), text).toBeUndefined();
  });

  it('are in networks of their own family', () => {
    expect(isInNetwork('192.0.2.130', '192.0.2.128', 25)).toBe(true);
    expect(isInNetwork('192.0.2.127', '192.0.2.128', 25)).toBe(false);
    expect(isInNetwork('192.0.2.1', '0.0.0.0', 0)).toBe(true);
    expect(isInNetwork('192.0.2.1', '::', 0)).toBe(false);
    expect(isInNetwork('192.0.2.1', '192.0.2.1', 33)).toBe(false);
  });

  it('have names in the reverse zones', () => {
    expect(reverseName('192.0.2.10')).toBe('10.2.0.192.in-addr.arpa');
    expect(reverseName('127.0.0.2', 'bl.example')).toBe('2.0.0.127.bl.example');
    expect(reverseName('2001:db8::1')).toMatch(/^1\.0\.0\..*\.8\.b\.d\.0\.1\.0\.0\.2\.ip6\.arpa$/);
    expect(reverseName('no')).toBeUndefined();
  });
});
