// DNS findings: a dead resolver blames no uplink, lame and silent servers are told apart, names must lead back, and a
// block list that does not answer is not a clean bill.
import { describe, expect, it } from 'vitest';
import type { AskServer } from '../../../src/probe/ask-server.js';
import { type DnsFinding, type DnsWish, dnsShares, lookAtDns } from '../../../src/probe/dns.js';
import type { DnsQuestion, DnsReply } from '../../../src/transport/dns-message.js';
import { decodeReply, encodeQuestion, withLength } from '../../../src/transport/dns-message.js';

const RESOLVER = '192.0.2.53';
const NS1 = '203.0.113.1';
const NS2 = '203.0.113.2';

type Zone = Readonly<Record<string, readonly string[] | string>>;

const usual: Zone = {
  'example.net NS': ['ns1.example.net', 'ns2.example.net'],
  'ns1.example.net A': [NS1],
  'ns2.example.net A': [NS2],
  'example.net MX': ['mx.example.net'],
  'mx.example.net A': ['203.0.113.25'],
  'example.net TXT': ['v=spf1 ip4:192.0.2.0/24 -all'],
  '10.2.0.192.in-addr.arpa PTR': ['mail.example.net'],
  'mail.example.net A': ['192.0.2.10'],
  '10.100.51.198.in-addr.arpa PTR': ['other.example.net'],
  'other.example.net A': ['192.0.2.99'],
  '2.0.0.127.bl.example A': ['127.0.0.2'],
  '10.100.51.198.bl.example A': ['127.0.0.4'],
};

function answer(zone: Zone, { name, type }: DnsQuestion, authoritative: boolean): DnsReply {
  const found = zone[`${name} ${type}`];
  return {
    rcode: typeof found === 'string' ? found : 'NOERROR',
    isAuthoritative: authoritative,
    isAuthentic: false,
    isTruncated: false,
    extendedError: null,
    answers: Array.isArray(found)
      ? found.map((value: string) => ({
          name,
          ttl: 60,
          type,
          value,
          ...(type === 'MX' ? { preference: 10 } : {}),
        }))
      : [],
    authorities: [],
    additionals: [],
    bytes: 100,
  };
}

/** A world in which some servers are silent to some uplinks. */
function ask(uplink: string | null, zone: Zone, silent: readonly string[]): AskServer {
  return async (server, question, options) => {
    const overTcp = options?.tcp === true;
    const dead = [`${uplink} ${server}`, `* ${server}`, `${uplink} ${server} ${overTcp ? 'tcp' : 'udp'}`];
    if (dead.some((one) => silent.includes(one)))
      return { kind: 'silent', why: 'no answer', ms: 3000, overTcp };
    return { kind: 'reply', reply: answer(zone, question, server !== RESOLVER), ms: 2, overTcp };
  };
}

async function look(
  silent: readonly string[] = [],
  zone: Zone = usual,
  more: Partial<DnsWish> = {},
): Promise<readonly DnsFinding[]> {
  return lookAtDns({ ...wishOf(zone, silent), ...more });
}

function wishOf(zone: Zone = usual, silent: readonly string[] = []): DnsWish {
  const row = (uplink: string, source: string) => ({
    row: { uplink, family: 4 as const, host: 'mx1', source, interface: null },
    ask: ask(uplink, zone, silent),
  });
  const sources = [
    { uplink: 'a', address: '192.0.2.10' },
    { uplink: 'b', address: '198.51.100.10' },
  ];
  return {
    domains: ['example.net'],
    ownDomains: ['example.net'],
    ways: [row('a', '192.0.2.10'), row('b', '198.51.100.10')],
    resolvers: [RESOLVER],
    plain: ask(null, zone, silent),
    sources,
    senders: sources,
    blockLists: ['bl.example'],
  };
}

describe('of several hosts', () => {
  const uplinks = [
    { uplink: 'a', host: 'mx1', sources: ['192.0.2.10'], interface: undefined },
    { uplink: 'b', host: 'mx2', sources: ['198.51.100.10', '2001:db8::b'], interface: undefined },
    { uplink: 'c', host: 'mx3', sources: [], interface: undefined },
  ];
  const addresses = (sources: readonly { readonly address: string }[] = []) =>
    sources.map(({ address }) => address).join(' ');

  it('the first asks about the domains, for the addresses of all', () => {
    const shares = dnsShares(['mx1', 'mx2', 'mx3'], uplinks);
    expect([...shares.keys()]).toEqual(['mx1', 'mx2', 'mx3']);
    expect([...shares.values()].map(({ asksOfDomains }) => asksOfDomains)).toEqual([true, false, false]);
    expect(addresses(shares.get('mx1')?.senders)).toBe('192.0.2.10 198.51.100.10 2001:db8::b');
    expect(addresses(shares.get('mx1')?.sources)).toBe('192.0.2.10');
    expect(addresses(shares.get('mx2')?.sources)).toBe('198.51.100.10 2001:db8::b');
  });

  it('the next one does where the first is down, and looks up its addresses as well', () => {
    const shares = dnsShares(['mx2', 'mx3'], uplinks);
    expect(shares.get('mx2')?.asksOfDomains).toBe(true);
    expect(addresses(shares.get('mx2')?.senders)).toBe('192.0.2.10 198.51.100.10 2001:db8::b');
    expect(addresses(shares.get('mx2')?.sources)).toBe('192.0.2.10 198.51.100.10 2001:db8::b');
    expect(addresses(shares.get('mx3')?.sources)).toBe('');
    expect(dnsShares([], uplinks).size).toBe(0);
  });
});

const of = (findings: readonly DnsFinding[], topic: string) =>
  findings
    .filter((one) => one.topic === topic)
    .map(({ uplink, level, text }) => `${uplink} ${level}: ${text}`);

describe('probe dns', () => {
  it('sees what is in order, and what is not, of each uplink', async () => {
    const findings = await look();
    expect(of(findings, 'server').every((line) => / ok: /.test(line))).toBe(true);
    expect(of(findings, 'server')).toHaveLength(4);
    expect(of(findings, 'mx')).toEqual(['null ok: 10 mx.example.net']);
    expect(of(findings, 'spf')).toEqual([
      'a ok: 192.0.2.10: pass (example.net: ip4:192.0.2.0/24)',
      'b bad: 198.51.100.10: fail (example.net: -all)',
    ]);
    expect(of(findings, 'reverse')).toEqual([
      'a ok: mail.example.net, which leads back',
      'b bad: other.example.net does not lead back to it: receivers do not trust the name',
    ]);
    expect(of(findings, 'blocklist')).toEqual(['a ok: not on bl.example', 'b bad: ON bl.example: 127.0.0.4']);
  });

  it('goes on by another uplink where the resolver is silent to the host itself', async () => {
    const findings = await look([`null ${RESOLVER}`, `a ${RESOLVER}`]);
    expect(of(findings, 'mx')).toEqual(['null ok: 10 mx.example.net']);
    expect(of(findings, 'resolver').map((line) => line.split(':')[0])).toEqual(['null bad', 'a bad', 'b ok']);
  });

  it('is unknown about everything when no resolver answers at all', async () => {
    const findings = await look([`* ${RESOLVER}`]);
    for (const topic of ['server', 'mx', 'spf', 'reverse', 'blocklist'])
      expect(
        of(findings, topic).every((line) => / unknown: /.test(line)),
        topic,
      ).toBe(true);
  });

  it('tells a server that is silent by one uplink from a dead one and from TCP alone', async () => {
    const lines = of(await look([`b ${NS1}`, `* ${NS2}`, `a ${NS1} tcp`]), 'server');
    expect(lines).toEqual([
      'a bad: no answer by TCP, by UDP it answers: large answers are lost',
      'b bad: no answer',
      'a bad: no answer',
      'b bad: no answer',
    ]);
  });

  it('takes the first good answer, and waits for no way that is dead', async () => {
    const stuck: AskServer = () => new Promise(() => {});
    const { plain, ways } = wishOf();
    const findings = look([], usual, {
      resolvers: [RESOLVER, '192.0.2.54'],
      plain: (server, question, options) =>
        server === RESOLVER && question.name !== '.'
          ? stuck(server, question, options)
          : plain(server, question, options),
      ways: ways.map(({ row, ask: one }) => ({
        row,
        ask: (server, question, options) =>
          server === RESOLVER && question.name !== '.'
            ? stuck(server, question, options)
            : one(server, question, options),
      })),
    });
    expect(of(await findings, 'mx')).toEqual(['null ok: 10 mx.example.net']);
  });

  it('ends with the command although nobody waits for the other answers', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    const { plain } = wishOf();
    const stop = new AbortController();
    const late: AskServer = (_, question) =>
      question.name === '.'
        ? Promise.resolve({ kind: 'silent', why: 'no answer', ms: 1, overTcp: false })
        : new Promise((__, reject) => {
            stop.signal.addEventListener('abort', () => reject(new Error('interrupted')));
          });
    await look([], usual, {
      resolvers: [RESOLVER, '192.0.2.54'],
      plain: (server, question, options) => (server === RESOLVER ? plain : late)(server, question, options),
    });
    stop.abort();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('checks the addresses of all uplinks against SPF, and those of its own host only otherwise', async () => {
    const findings = await look([], usual, { sources: [{ uplink: 'a', address: '192.0.2.10' }] });
    expect(of(findings, 'spf').map((line) => line.split(':')[0])).toEqual(['a ok', 'b bad']);
    expect(of(findings, 'reverse')).toHaveLength(1);
  });

  it('calls a server that does not know the zone lame', async () => {
    const findings = await look([], { ...usual, 'example.net SOA': 'REFUSED' });
    expect(of(findings, 'server')[0]).toBe('a bad: answers REFUSED: it does not know the zone (lame)');
  });

  it('does not take the silence of a list for a clean address', async () => {
    const { '2.0.0.127.bl.example A': _, ...without } = usual;
    const lines = of(await look([], without), 'blocklist');
    expect(lines.every((line) => / unknown: /.test(line))).toBe(true);
    const refusing = await look([], { ...usual, '2.0.0.127.bl.example A': ['127.255.255.254'] });
    expect(of(refusing, 'blocklist').join()).toMatch(/refuses this resolver/);
  });

  it('knows a null MX, and a domain that is not there', async () => {
    expect(of(await look([], { ...usual, 'example.net MX': ['.'] }), 'mx')).toEqual([
      'null info: it takes no mail (null MX)',
    ]);
    expect(of(await look([], { ...usual, 'example.net MX': 'NXDOMAIN' }), 'mx')[0]).toMatch(/no such domain/);
  });
});

describe('messages', () => {
  it('are questions with EDNS, and answers only to them', () => {
    const { bytes, id } = encodeQuestion({ name: 'example.net', type: 'MX', recursion: true });
    expect(bytes.length).toBeGreaterThan(30);
    expect(withLength(bytes).readUInt16BE(0)).toBe(bytes.length);
    // A question that comes back is no answer.
    expect(decodeReply(bytes, id)).toBe('the answer is to another question');
    const reply = Buffer.from(bytes);
    reply.writeUInt8(reply.readUInt8(2) | 0x80, 2);
    expect(decodeReply(reply, id)).toMatchObject({ rcode: 'NOERROR', answers: [] });
    expect(decodeReply(reply, (id % 60_000) + 1)).toBe('the answer is to another question');
  });

  it('that are nonsense are broken answers and nothing worse', () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    for (let run = 0; run < 500; run += 1) {
      const bytes = Buffer.from(
        Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256)),
      );
      expect(() => decodeReply(bytes, 1)).not.toThrow();
    }
    expect(decodeReply(Buffer.alloc(0), 1)).toMatch(/broken/);
  });
});
