/** Recipient domains joined into destinations. */
import { expect, test } from 'vitest';
import {
  failedText,
  type MxAnswer,
  registeredDomain,
  resolveDestinations,
} from '../../../src/queue/destination.js';

const found = (...hosts: readonly (readonly [number, string])[]): MxAnswer => ({
  kind: 'found',
  hosts: hosts.map(([preference, name]) => ({ preference, name })),
});
const lookups = (answers: Readonly<Record<string, MxAnswer>>) => {
  const asked: string[] = [];
  return {
    asked,
    lookup: async (domain: string): Promise<MxAnswer> => {
      asked.push(domain);
      return Object.hasOwn(answers, domain) ? (answers[domain] as MxAnswer) : { kind: 'none' };
    },
  };
};

test('400 hosted domains of one provider are one destination', async () => {
  const domains = Array.from({ length: 400 }, (_, at) => `shop${at}.example`);
  const google = found(
    [1, 'aspmx.l.google.com'],
    [5, 'alt1.aspmx.l.google.com'],
    [10, 'backup.other.example'],
  );
  const { of } = await resolveDestinations([...domains, 'gmail.com'], [], { lookup: async () => google });
  expect(new Set(domains.map(of))).toEqual(new Set(['google.com']));
  expect(of('gmail.com')).toBe('google.com');
});

test('the configuration comes before the MX, by domain and by pattern', async () => {
  const rules = [
    { name: 'gmail', domains: ['gmail.com', 'googlemail.com'], mx: ['*.google.com'] },
    { name: 'microsoft', domains: [], mx: ['*.mail.protection.outlook.com'] },
  ];
  const { lookup, asked } = lookups({
    'hosted.example': found([1, 'ASPMX.L.GOOGLE.COM.']),
    'firm.example': found([0, 'firm-example.mail.protection.outlook.com']),
  });
  const { of, mxOf } = await resolveDestinations(
    ['gmail.com', 'hosted.example', 'firm.example', 'own.example'],
    rules,
    { lookup },
  );
  expect(['gmail.com', 'hosted.example', 'firm.example', 'own.example', 'never.seen'].map(of)).toEqual([
    'gmail',
    'gmail',
    'microsoft',
    'own.example',
    'never.seen',
  ]);
  expect(asked).not.toContain('gmail.com');
  expect(mxOf('hosted.example')).toEqual(['aspmx.l.google.com']);
});

test('without DNS the configuration alone counts, and nothing has failed', async () => {
  const rules = [{ name: 'gmail', domains: ['gmail.com'], mx: ['*.google.com'] }];
  const all = await resolveDestinations(['gmail.com', 'hosted.example'], rules, { lookup: undefined });
  expect([all.of('gmail.com'), all.of('hosted.example')]).toEqual(['gmail', 'hosted.example']);
  expect(failedText(all)).toBeNull();
});

test('a lookup that fails leaves the domain to itself and is counted', async () => {
  const all = await resolveDestinations(['b.example', 'a.example'], [], {
    lookup: async () => ({ kind: 'failed', why: 'the resolver did not answer' }),
  });
  expect(all.of('a.example')).toBe('a.example');
  expect(failedText(all)).toBe(
    '2 domains stand for themselves, the MX was not found out: a.example: the resolver did not answer',
  );
});

test('only so many domains are looked up, the first ones', async () => {
  const { lookup, asked } = lookups({});
  const all = await resolveDestinations(['a.example', 'b.example', 'c.example'], [], { lookup, most: 2 });
  expect(asked).toEqual(['a.example', 'b.example']);
  expect(all.failed.map(({ domain }) => domain)).toEqual(['c.example']);
});

test('address literals, nothing, and names of JavaScript stand for themselves', async () => {
  const { lookup, asked } = lookups({ 'constructor.example': found([1, 'mx.__proto__.example']) });
  const odd = [
    '',
    '[192.0.2.1]',
    '[ipv6:2001:db8::1]',
    'localhost',
    '__proto__',
    'constructor',
    'a b.example',
  ];
  const { of } = await resolveDestinations([...odd, 'constructor.example'], [], { lookup });
  expect(odd.map(of)).toEqual(odd);
  expect(asked).toEqual(['constructor.example']);
  expect(of('constructor.example')).toBe('__proto__.example');
});

test('an exchanger that is no host name does not count', async () => {
  const evil = found([1, 'x\u001b[31m.evil.example'], [1, '-o.evil'], [1, ''], [2, 'mx.good.example']);
  const { of } = await resolveDestinations(['d.example'], [], { lookup: async () => evil });
  expect(of('d.example')).toBe('good.example');
});

test('of several best exchangers the owner of most wins, then the alphabet', async () => {
  const { lookup } = lookups({
    'a.example': found([1, 'mx1.z.example'], [1, 'mx2.z.example'], [1, 'mx.b.example']),
    'b.example': found([1, 'mx.z.example'], [1, 'mx.c.example']),
  });
  const { of } = await resolveDestinations(['a.example', 'b.example'], [], { lookup });
  expect([of('a.example'), of('b.example')]).toEqual(['z.example', 'c.example']);
});

test.each([
  ['aspmx.l.google.com', 'google.com'],
  ['mta5.am0.yahoodns.net', 'yahoodns.net'],
  ['firm-example.mail.protection.outlook.com', 'outlook.com'],
  ['mx.provider.co.uk', 'provider.co.uk'],
  ['mx.provider.com.br', 'provider.com.br'],
  ['mx1.mail.de', 'mail.de'],
  ['example.org', 'example.org'],
  ['192.0.2.1', '192.0.2.1'],
])('%s is registered as %s', (host, owner) => {
  expect(registeredDomain(host)).toBe(owner);
});
