// The word of a server: a domain stands for its first MX and not for its web server, what DNS says is never taken as it
// came, and a resolver that does not answer is no mistake of the command line.
import { describe, expect, it } from 'vitest';
import { findServer, serverWord } from '../../../src/cli/probe/server.js';
import type { Dns } from '../../../src/transport/dns.js';

type Mx = Awaited<ReturnType<Dns['mx']>>;

const mx = (...hosts: string[]): Mx => ({
  kind: 'found',
  values: hosts.map((name, at) => ({ name, preference: 10 * (at + 1) })),
});

function dnsOf(exchangers: Readonly<Record<string, Mx>>, addresses: Readonly<Record<string, string>>): Dns {
  return {
    mx: async (name) => exchangers[name] ?? { kind: 'none' },
    addresses: async (name) => {
      const address = addresses[name];
      if (address === 'dead') return { kind: 'failed', why: 'the resolver did not answer' };
      return address === undefined ? { kind: 'none' } : { kind: 'found', values: [address] };
    },
    names: async () => ({ kind: 'none' }),
  };
}

const WEB = '192.0.2.80';
const MAIL = '192.0.2.25';
const word = { host: 'example.net', port: undefined };
const find = (dns: Dns, order?: Parameters<typeof findServer>[4]) =>
  findServer(word, dns, undefined, undefined, order);

describe('a server of the command line', () => {
  it('is the first MX of a domain, although the domain has an address', async () => {
    const dns = dnsOf(
      { 'example.net': mx('MX.example.net.') },
      { 'example.net': WEB, 'mx.example.net': MAIL },
    );
    expect((await find(dns, 'mx-first')).target).toMatchObject({ host: 'mx.example.net', address: MAIL });
    expect((await find(dns, 'host-first')).target).toMatchObject({ host: 'example.net', address: WEB });
  });

  it('is the name itself where its MX cannot be asked for, but no domain that mail is sent to', async () => {
    const dns = dnsOf(
      { 'example.net': { kind: 'failed', why: 'the resolver could not find out (SERVFAIL)' } },
      { 'example.net': MAIL },
    );
    expect((await find(dns, 'mx-first')).target).toMatchObject({ host: 'example.net', address: MAIL });
    await expect(find(dns, 'mail-of')).rejects.toThrow(/SERVFAIL/);
  });

  it.each(['mx-first', 'mail-of'] as const)('is none where the domain takes no mail (%s)', async (order) => {
    const dns = dnsOf({ 'example.net': { kind: 'none', isNull: true } }, { 'example.net': WEB });
    await expect(find(dns, order)).rejects.toThrow('example.net takes no mail (null MX)');
  });

  it('never has a name that an exchanger may not have', async () => {
    const hostile = mx('$(reboot).example.net', '-oProxyCommand=x', "a'b.example.net", '\u001b]0;x');
    const addresses = { '$(reboot).example.net': MAIL, 'mx.example.net': MAIL };
    await expect(find(dnsOf({ 'example.net': hostile }, addresses), 'mx-first')).rejects.toThrow(
      'its MX is no host',
    );
    const mixed = mx('$(reboot).example.net', 'mx.example.net');
    const found = await find(dnsOf({ 'example.net': mixed }, addresses), 'mx-first');
    expect(found.target.host).toBe('mx.example.net');
  });

  it('that no resolver knows is told from one that no resolver was asked about', async () => {
    await expect(find(dnsOf({}, { 'example.net': 'dead' }), 'mx-first')).rejects.toMatchObject({
      code: 'probe.no-address',
      exitCode: 3,
      hint: expect.stringContaining('give its address'),
    });
    await expect(find(dnsOf({}, {}), 'mx-first')).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
  });

  it.each(['999.1.1.1', '1:2:3', '[1:2:3]:25', '[::1::]', '2001:db8::g', '[fe80::1%2]:25'])(
    '%s is no address',
    (text) => {
      expect(() => serverWord(text)).toThrow('is no server');
    },
  );

  it.each([
    '192.0.2.25:2525',
    '2001:db8::25',
    '[2001:db8::25]:25',
    '::ffff:192.0.2.1',
    'mx1.example.net:587',
  ])('%s is understood', (text) => {
    expect(serverWord(text).host).not.toBe('');
  });
});
