// Vantages without perl: the same relay in python3 and, where there is neither, nc once per connection. The nc here is a
// stand-in of a few lines that speaks as the real ones do.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openVantage } from '../../../../src/drivers/vantage/vantage.js';
import { systemClock } from '../../../../src/lib/clock.js';
import type { Target } from '../../../../src/probe/observation.js';
import { runSession } from '../../../../src/probe/session.js';
import type { Vantage } from '../../../../src/probe/vantage.js';
import { localTransport } from '../../../../src/transport/local.js';
import { type PeerFault, smtpPeer } from '../../../support/smtp-peer.js';

const NC = String.raw`#!/usr/bin/perl
use strict; use Socket; use IO::Select;
if ($ARGV[0] eq '-h') { print "usage: nc [-s sourceaddr] host port\n"; exit 1 }
my ($source, $port) = ('0.0.0.0', 0);
while (@ARGV && $ARGV[0] =~ /^-/) { my $o = shift; $source = shift if $o eq '-s'; $port = shift if $o eq '-p' }
my ($to, $at) = @ARGV;
socket(my $s, PF_INET, SOCK_STREAM, 6) or die;
bind($s, pack_sockaddr_in($port, inet_aton($source))) or die "nc: bind failed: $!\n";
connect($s, pack_sockaddr_in($at, inet_aton($to))) or die "nc: connect to $to port $at (tcp) failed: $!\n";
print STDERR "Connection to $to $at port [tcp/*] succeeded!\n";
my $both = IO::Select->new(\*STDIN, $s);
while (1) {
  for my $from ($both->can_read) {
    my $n = sysread $from, my $data, 16384;
    exit 0 unless $n;
    syswrite $from == $s ? \*STDOUT : $s, $data;
  }
}
`;

const dir = mkdtempSync(join(tmpdir(), 'mailctl-nc-'));
writeFileSync(join(dir, 'nc'), NC, { mode: 0o755 });
afterAll(() => rmSync(dir, { recursive: true }));

async function withVantage(only: 'python3' | 'nc', use: (vantage: Vantage) => Promise<void>): Promise<void> {
  const env = { ...process.env, PATH: `${dir}:${process.env.PATH}` };
  const transport = localTransport({ clock: systemClock, env, sudoFor: () => false, helloMs: 20_000 });
  const host = { name: 'here', transport: 'local' as const, groups: [] };
  const vantage = await openVantage({ transport, host, clock: systemClock, only });
  try {
    await use(vantage);
  } finally {
    await vantage.close();
  }
}

async function speak(vantage: Vantage, fault: PeerFault) {
  const peer = await smtpPeer(fault);
  const target: Target = {
    destination: 'x',
    host: 'mx.example.net',
    address: '127.0.0.1',
    family: 4,
    port: peer.port,
  };
  const plan = {
    helo: 'probe.example.net',
    light: false,
    recipient: null,
    controls: false,
    phaseMs: 2500,
    totalMs: 20_000,
  };
  try {
    return await runSession(vantage, { source: '127.0.0.1', interface: null }, target, plan, systemClock);
  } finally {
    await peer.close();
  }
}

const connectTo = (port: number, source = '127.0.0.1') => ({
  source,
  interface: null,
  address: '127.0.0.1',
  port,
  timeoutMs: 3000,
});

const hasPython = spawnSync('python3', ['-c', 'import select']).status === 0;

describe.each(hasPython ? (['python3', 'nc'] as const) : (['nc'] as const))('a vantage by %s', (only) => {
  test('speaks whole sessions, is cut off from what never ends, and names what fails', {
    timeout: 30_000,
  }, async () => {
    await withVantage(only, async (vantage) => {
      expect(vantage.how).toBe(only);
      expect(vantage.limits.join()).toContain(only === 'nc' ? 'nc is used' : '');
      const good = await speak(vantage, 'none');
      expect(good.end).toEqual({ kind: 'done' });
      expect(good.bigProven.outbound).toBe(true);
      expect(good.tcpInfo === null).toBe(only === 'nc');
      expect((await speak(vantage, 'endless-line')).end).toMatchObject({
        kind: 'error',
        error: { kind: 'protocol' },
      });
      expect((await speak(vantage, 'hang-ehlo')).end).toMatchObject({
        kind: 'stall',
        stall: { phase: 'ehlo' },
      });
      await expect(vantage.connect(connectTo(1))).rejects.toMatchObject({
        code: 'ECONNREFUSED',
        phase: 'connect',
      });
      await expect(vantage.connect(connectTo(1, '192.0.2.77'))).rejects.toMatchObject({
        code: 'EADDRNOTAVAIL',
        phase: 'local',
      });
    });
  });
});

test.skipIf(!hasPython)('an address that is none costs its own connection and not the relay', async () => {
  await withVantage('python3', async (vantage) => {
    const peer = await smtpPeer('none');
    for (const address of ['1:2:3', 'no-address', ''])
      await expect(vantage.connect({ ...connectTo(peer.port), source: null, address })).rejects.toMatchObject(
        {
          phase: 'local',
        },
      );
    (await vantage.connect(connectTo(peer.port))).destroy();
    await peer.close();
  });
});

test.skipIf(!hasPython)(
  'a relay that is stopped takes nothing with it: what waits gets its end',
  {
    timeout: 20_000,
  },
  async () => {
    await withVantage('python3', async (vantage) => {
      const peer = await smtpPeer('none');
      const flow = await vantage.connect(connectTo(peer.port));
      const ended = new Promise((resolve) => flow.once('close', resolve));
      await vantage.close();
      await ended;
      expect(flow.errored).toMatchObject({ code: 'EPROTO' });
      await expect(vantage.connect(connectTo(peer.port))).rejects.toThrow();
      expect(
        (await vantage.ping({ ...connectTo(1), count: 1, intervalMs: 10, waitMs: 10 })).error,
      ).not.toBeNull();
      await peer.close();
    });
  },
);
