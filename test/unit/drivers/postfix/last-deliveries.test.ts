// The last deliveries to single slots, by the real script over logs of ours, hostile ones too.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  parseLastDeliveries,
  parseLogTime,
  postfixLastDeliveries,
} from '../../../../src/drivers/postfix/last-deliveries.js';
import type { Host } from '../../../../src/fleet/host.js';
import { formatIso, systemClock } from '../../../../src/lib/clock.js';
import { localTransport } from '../../../../src/transport/local.js';

const mx: Host = { name: 'mx1', transport: 'local', groups: [] };
const ends = [
  { slot: 'store1', names: ['198.51.100.21'], port: 10_124 },
  { slot: 'store2', names: ['198.51.100.21'], port: 10_224 },
  { slot: 'store3', names: ['2001:db8::21'], port: 24 },
];

describe('the last deliveries to slots', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'last-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const ask = (log: string, before?: string) => {
    const file = join(folder, 'mail.log');
    writeFileSync(file, log);
    if (before !== undefined) writeFileSync(`${file}.1`, before);
    writeFileSync(join(folder, 'postconf'), `#!/bin/sh\necho '${file}'\n`, { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env.PATH}`, TZ: 'UTC' };
    const transport = localTransport({ clock: systemClock, env, sudoFor: () => false, helloMs: 5000 });
    return postfixLastDeliveries(transport)(mx, ends);
  };
  const now = Math.floor(Date.now() / 1000);
  const when = (ago: number) => `${formatIso((now - ago) * 1000).slice(0, -1)}.123456+00:00`;
  const cleanup = (ago: number, id: string, messageId: string) =>
    `${when(ago)} mx1 postfix/cleanup[171]: ${id}: message-id=${messageId}\n`;
  const sent = (ago: number, id: string, to: string, relay: string, status = 'sent (250 2.1.5 Ok)') =>
    `${when(ago)} mx1 postfix/lmtp[174]: ${id}: to=<${to}>, relay=${relay}, delay=0.07, delays=0.01/0.02/0.03/0.01, dsn=2.1.5, status=${status}\n`;
  const at21 = (port: number) => `198.51.100.21[198.51.100.21]:${port}`;

  it('have slot, time, recipient, queue id and message id', async () => {
    const log =
      cleanup(90, 'B9A83394', '<1.1b@lab.example>') +
      sent(89, 'B9A83394', 'ann@store1', at21(10_124)) +
      cleanup(80, '4jX28t1RZxzD00t', '<2@x>') +
      sent(79, '4jX28t1RZxzD00t', 'ben@store3>, orig_to=<x@y', 'imap21.example[2001:db8::21]:24') +
      sent(70, 'C0FFEE11', 'carl@store2', at21(10_224));
    expect(await ask(log)).toEqual([
      {
        mx: 'mx1',
        slot: 'store1',
        at: now - 89,
        recipient: 'ann@store1',
        queueId: 'B9A83394',
        messageId: '<1.1b@lab.example>',
      },
      {
        mx: 'mx1',
        slot: 'store3',
        at: now - 79,
        recipient: 'ben@store3',
        queueId: '4jX28t1RZxzD00t',
        messageId: '<2@x>',
      },
      {
        mx: 'mx1',
        slot: 'store2',
        at: now - 70,
        recipient: 'carl@store2',
        queueId: 'C0FFEE11',
        messageId: null,
      },
    ]);
  });

  it('are the last twenty of each slot, also over a log that was just begun', async () => {
    const many = (from: number, to: number) =>
      Array.from({ length: from - to }, (_, index) =>
        sent(from - index, `A${from - index}`, 'a@b', at21(10_124)),
      ).join('');
    const found = await ask(many(15, 0) + sent(3, 'B1', 'a@b', at21(10_224)), many(60, 15));
    expect(found.filter(({ slot }) => slot === 'store1').map(({ at }) => now - at)).toEqual(
      Array.from({ length: 20 }, (_, index) => 20 - index),
    );
    expect(found.filter(({ slot }) => slot === 'store2')).toHaveLength(1);
  });

  it('are not what was deferred, went elsewhere, is old, or only looks like it', async () => {
    const log =
      sent(9, 'A1', 'a@b', at21(10_124), 'deferred (sent)') +
      sent(9, 'A2', 'a@b', at21(10_924)) +
      sent(13 * 3600, 'A3', 'a@b', at21(10_124)) +
      sent(9, 'A4', 'a@b', 'none') +
      sent(9, 'A5', 'a@b', at21(10_124)).replace('/lmtp[', '/smtp[') +
      sent(9, '$(id)', 'a@b', at21(10_124)) +
      `${when(9)} mx1 postfix/smtpd[1]: warning: /lmtp[1]: X: to=<a>, relay=x[198.51.100.21]:10124, status=sent \n`;
    expect(await ask(log)).toEqual([]);
  });

  it('survive what a log may hold', async () => {
    const log =
      `${'\u0000\u0007\u001f garbage'.repeat(500)}\n` +
      cleanup(9, 'A1', `<x${'y'.repeat(5000)}@z>`) +
      sent(9, 'A1', '"$(touch /tmp/x) `id`"@b', at21(10_124)) +
      cleanup(8, 'A2', '<two words@x>') +
      sent(8, 'A2', 'a%sb@b', at21(10_124));
    expect(await ask(log)).toMatchObject([
      { recipient: '"$(touch /tmp/x) `id`"@b', messageId: null },
      { recipient: 'a%sb@b', messageId: null },
    ]);
    expect(await ask('')).toEqual([]);
  });
});

describe('the answer', () => {
  it.each([
    '',
    'rubbish',
    'now\x1fx\x1f+0000',
    'now\x1f1\x1f+0000\n0\x1f-\x1fA\x1f<a>\x1fb',
    'now\x1f1\x1f+0000\n9\x1f1970-01-01T00:00:00Z\x1fA\x1f<a>\x1fb',
  ])('%j tells nothing', (text) => {
    expect(parseLastDeliveries(text, 'mx1', ends)).toEqual([]);
  });
});

describe('a log’s time', () => {
  const noon = Date.parse('2026-01-02T12:00:00Z') / 1000;
  it.each([
    ['2026-01-02T11:59:58.123456+00:00', '+0000', '2026-01-02T11:59:58Z'],
    ['2026-01-02T12:59:58+01:00', '+0000', '2026-01-02T11:59:58Z'],
    ['2026-01-02T12:59:58+0100', '+0000', '2026-01-02T11:59:58Z'],
    ['Jan  2 12:59:58', '+0100', '2026-01-02T11:59:58Z'],
    ['Dec 31 23:00:00', '-0330', '2026-01-01T02:30:00Z'],
    ['Nov 27 02:51:21', '+0000', '2025-11-27T02:51:21Z'],
  ])('%s at %s', (text, zone, iso) => {
    expect(formatIso((parseLogTime(text, noon, zone) ?? 0) * 1000)).toBe(iso);
  });

  it.each(['', 'Foo  2 12:00:00', '2026-99-99T00:00:00Z', 'Jan 2'])('%j is none', (text) => {
    expect(parseLogTime(text, noon, '+0000')).toBeNull();
  });
});
