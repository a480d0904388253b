import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDeliveries, postfixDeliveries } from '../../../../src/drivers/postfix/deliveries.js';
import type { Host } from '../../../../src/fleet/host.js';
import { systemClock } from '../../../../src/lib/clock.js';
import { localTransport } from '../../../../src/transport/local.js';

const mx: Host = { name: 'mx1', transport: 'local', groups: [] };
const stores = [
  { name: 'imap21', addresses: ['198.51.100.21'] },
  { name: 'imap22', addresses: ['2001:db8::22'] },
];

describe('the last deliveries by LMTP', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'deliveries-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs the real script over a log of ours: a postconf in front of the real one names it. */
  const ask = (log: string | undefined) => {
    const file = join(folder, 'mail.log');
    if (log !== undefined) writeFileSync(file, log);
    writeFileSync(join(folder, 'postconf'), `#!/bin/sh\necho '${file}'\n`, { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env.PATH}`, TZ: 'UTC' };
    const transport = localTransport({ clock: systemClock, env, sudoFor: () => false, helloMs: 5000 });
    return postfixDeliveries(transport)(mx, stores);
  };
  const line = (time: string, relay: string, status = 'sent (250 2.1.5 Ok)') =>
    `${time} mx1 postfix/lmtp[77]: 4jX28t1RZx: to=<ann@store1>, relay=${relay}, delay=0.1, dsn=2.1.5, status=${status}\n`;

  it('are the newest that a store accepted, by its address, in both forms of time', async () => {
    const log =
      line('2026-11-21T22:42:17.123456+00:00', '198.51.100.21[198.51.100.21]:10124') +
      line('2026-11-21T22:42:10+00:00', 'imap22.example[2001:db8::22]:24') +
      line('2026-11-21T22:42:19+00:00', 'other[192.0.2.9]:24');
    expect([...(await ask(log))].sort()).toEqual([
      ['imap21', Date.parse('2026-11-21T22:42:17Z') / 1000],
      ['imap22', Date.parse('2026-11-21T22:42:10Z') / 1000],
    ]);
  });

  it('take a time without a year as of the last twelve months', async () => {
    const [, epoch = 0] = [...(await ask(line('Nov  1 04:28:26', 'imap21[198.51.100.21]:24')))][0] ?? [];
    const now = Date.now() / 1000;
    expect(epoch).toBeLessThan(now + 86_401);
    expect(epoch).toBeGreaterThan(now - 367 * 86_400);
    expect(new Date(epoch * 1000).toISOString().slice(5, 19)).toBe('11-01T04:28:26');
  });

  it('are not what was deferred, or went elsewhere by SMTP', async () => {
    const log =
      line('2026-11-21T22:42:17+00:00', 'imap21[198.51.100.21]:24', 'deferred (connection refused)') +
      line('2026-11-21T22:42:17+00:00', 'imap21[198.51.100.21]:24').replace('lmtp[', 'smtp[');
    expect([...(await ask(log))]).toEqual([]);
  });

  it('are none on a host without a log, and hostile lines are only text', async () => {
    const hostile =
      line('$(touch pwned) `id` x', 'a[198.51.100.21]:24') + line('\x1b[31m', '[198.51.100.21]');
    expect([...(await ask(hostile))]).toEqual([]);
    expect([...(await ask(''))]).toEqual([]);
  });

  it('are read from whole lines only', () => {
    expect([
      ...parseDeliveries('imap21\x1f1795290000\nimap21\x1f1795290009\nimap22\x1f\nx\nimap23\x1f1e9\n'),
    ]).toEqual([['imap21', 1795290009]]);
  });
});
