/** DNS lookups against a small name server, and their cache. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/lib/clock.js';
import { openDns } from '../../../src/transport/dns.js';
import { openDnsCache } from '../../../src/transport/dns-cache.js';
import { type DnsServer, startDnsServer } from '../../support/dns-server.js';

let server: DnsServer;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dns-'));
  server = await startDnsServer(
    new Map([
      [
        'hosted.example',
        {
          mx: [
            [5, 'aspmx.l.google.com'],
            [1, 'mx.google.com'],
          ] as const,
        },
      ],
      ['null.example', { mx: [[0, '']] as const }],
      ['broken.example', { says: 'servfail' as const }],
      ['silent.example', { says: 'nothing' as const }],
      ['xn--bcher-kva.example', { mx: [[1, 'mx.books.example']] as const }],
      ['mx.google.com', { a: ['192.0.2.26'] }],
      ['26.2.0.192.in-addr.arpa', { ptr: ['mx-in-f26.1e100.net'] }],
    ]),
  );
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});
const dnsOf = (more: object = {}) =>
  openDns({ clock: systemClock, servers: [server.address], tryMs: 150, ...more });

test('exchangers, addresses and names are found', async () => {
  const dns = dnsOf();
  expect(await dns.mx('hosted.example')).toEqual({
    kind: 'found',
    values: expect.arrayContaining([{ name: 'mx.google.com', preference: 1 }]),
  });
  expect(await dns.addresses('mx.google.com')).toEqual({ kind: 'found', values: ['192.0.2.26'] });
  expect(await dns.names('192.0.2.26')).toEqual({ kind: 'found', values: ['mx-in-f26.1e100.net'] });
});

test('what is not there is told from what failed', async () => {
  const dns = dnsOf();
  expect(await dns.mx('nobody.example')).toEqual({ kind: 'none' });
  expect(await dns.mx('mx.google.com')).toEqual({ kind: 'none' });
  expect(await dns.mx('null.example')).toEqual({ kind: 'none', isNull: true });
  expect(await dns.mx('broken.example')).toEqual({
    kind: 'failed',
    why: 'the resolver could not find out (SERVFAIL)',
  });
  expect(await dns.mx('silent.example')).toEqual({ kind: 'failed', why: 'the resolver did not answer' });
  expect(await dns.mx(`${'a'.repeat(300)}.example`)).toMatchObject({ kind: 'failed' });
});

test('a domain of other letters is asked by its ASCII name', async () => {
  expect(await dnsOf().mx('bücher.example')).toMatchObject({ kind: 'found' });
  expect(server.asked).toContain('MX xn--bcher-kva.example');
});

test('many lookups of a dead resolver end together at the deadline', async () => {
  const dns = dnsOf({ tryMs: 5000, allMs: 400, atOnce: 4 });
  const began = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => 'silent.example').map((one, at) =>
      dns.mx(at % 2 === 0 ? one : 'silent.example'),
    ),
  );
  expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['failed']));
  const more = await Promise.all(Array.from({ length: 50 }, (_, at) => dns.mx(`d${at}.example`)));
  expect(more[0]).toEqual({ kind: 'failed', why: 'there was no time left' });
  expect(performance.now() - began).toBeLessThan(3000);
});

test('with a time for each lookup a dead name costs the later ones nothing', async () => {
  const dns = dnsOf({ tryMs: 5000, eachMs: 200 });
  expect(await dns.mx('silent.example')).toEqual({ kind: 'failed', why: 'there was no time left' });
  await systemClock.sleep(100);
  expect(await dns.mx('hosted.example')).toMatchObject({ kind: 'found' });
});

test('the same question is asked once, and never again from the file for an hour', async () => {
  const file = join(folder, 'dns-cache.json');
  let now = 1_000_000_000_000;
  const cache = await openDnsCache(file, () => now);
  const dns = dnsOf({ cache });
  await Promise.all([dns.mx('hosted.example'), dns.mx('hosted.example'), dns.mx('broken.example')]);
  await dns.mx('hosted.example');
  expect(server.asked.filter((one) => one === 'MX hosted.example')).toHaveLength(1);
  await cache.save();
  expect((await stat(file)).mode & 0o777).toBe(0o600);

  const again = await openDnsCache(file, () => now);
  expect(again.get('mx hosted.example')).toMatchObject({ kind: 'found' });
  expect(again.get('mx broken.example')).toBeUndefined();
  now += 3_600_001;
  expect(again.get('mx hosted.example')).toBeUndefined();
});

test('a cache that is broken, hostile or from the future is empty', async () => {
  const file = join(folder, 'dns-cache.json');
  const now = 1_000_000_000_000;
  const texts = [
    '',
    '{',
    'null',
    '{"a":1}',
    '[1,[2],["mx a.example"],["mx a.example",null]]',
    '[["mx a.example",{"until":1000000000500,"answer":{"kind":"found","values":[1]}}]]',
    '[["mx a.example",{"until":9000000000000,"answer":{"kind":"none"}}]]',
  ];
  for (const text of texts) {
    await writeFile(file, text);
    expect((await openDnsCache(file, () => now)).get('mx a.example'), text).toBeUndefined();
  }
});

test('a folder that cannot be written costs nothing', async () => {
  const cache = await openDnsCache(join(folder, 'missing', 'dns-cache.json'), () => 1);
  cache.set('mx a.example', { kind: 'none' });
  await cache.save();
  await expect(readFile(join(folder, 'missing', 'dns-cache.json'))).rejects.toThrow();
});
