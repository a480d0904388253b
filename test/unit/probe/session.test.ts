// Sessions with an SMTP server of the tests, over a real relay on this machine: what a healthy one shows, and that no
// behaviour of a server does more than end a session with its name.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openVantage } from '../../../src/drivers/vantage/vantage.js';
import { systemClock } from '../../../src/lib/clock.js';
import type { SessionSeen, Target } from '../../../src/probe/observation.js';
import { runSession, type SessionPlan } from '../../../src/probe/session.js';
import type { Vantage } from '../../../src/probe/vantage.js';
import { localTransport } from '../../../src/transport/local.js';
import { type PeerFault, smtpPeer } from '../../support/smtp-peer.js';

const HERE = { source: '127.0.0.1', interface: null };
const PLAN: SessionPlan = { helo: 'probe.example.net', light: false, recipient: null, controls: true };

let vantage: Vantage;

beforeAll(async () => {
  const transport = localTransport({
    clock: systemClock,
    env: process.env,
    sudoFor: () => false,
    helloMs: 20_000,
  });
  vantage = await openVantage({
    transport,
    host: { name: 'here', transport: 'local', groups: [] },
    clock: systemClock,
    only: 'perl',
  });
});

afterAll(() => vantage.close());

async function speak(
  fault: PeerFault,
  plan: Partial<SessionPlan> = {},
): Promise<SessionSeen & { heard: string[]; sent: number }> {
  const peer = await smtpPeer(fault);
  const target: Target = {
    destination: 'mx.example.net',
    host: 'mx.example.net',
    address: '127.0.0.1',
    family: 4,
    port: peer.port,
  };
  try {
    const session = await runSession(vantage, HERE, target, { ...PLAN, ...plan }, systemClock);
    return { ...session, heard: peer.heard, sent: peer.sent() };
  } finally {
    await peer.close();
  }
}

const phasesOf = ({ phases }: SessionSeen) => phases.map(({ phase }) => phase);

describe('a session', () => {
  test('goes through all phases of a healthy server and proves full packets both ways', async () => {
    const seen = await speak('none');
    expect(seen.end).toEqual({ kind: 'done' });
    expect(phasesOf(seen)).toEqual([
      'connect',
      'banner',
      'ehlo',
      'starttls',
      'tls',
      'ehlo-tls',
      'big',
      'quit',
    ]);
    expect(seen.bigProven).toEqual({ inbound: true, outbound: true });
    expect(seen.heard.filter((line) => line.startsWith('RSET'))).toHaveLength(3);
    expect(seen.heard.every((line) => line.length <= 510)).toBe(true);
    expect(seen.heard.some((line) => /^(?:DATA|MAIL|RCPT)/.test(line))).toBe(false);
    expect(seen.certificate).toMatchObject({
      error: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      fitsName: true,
      isExpired: false,
    });
    expect(seen.tcpInfo?.bytesReceived).toBeGreaterThan(1500);
  });

  test('names a recipient only when it is told to, and never says DATA', async () => {
    const seen = await speak('none', { recipient: 'ann@example.net' });
    expect(phasesOf(seen).slice(-4)).toEqual(['mail', 'rcpt', 'rset', 'quit']);
    expect(seen.heard).toContain('MAIL FROM:<>');
    expect(seen.heard).toContain('RCPT TO:<ann@example.net>');
    expect(seen.heard).not.toContain('DATA');
  });

  test('a light one leaves out the second EHLO and the full packets', async () => {
    const seen = await speak('none', { light: true });
    expect(phasesOf(seen)).toEqual(['connect', 'banner', 'ehlo', 'starttls', 'tls', 'quit']);
  });

  test('without PIPELINING one line is sent, and full packets are not proven', async () => {
    const seen = await speak('no-pipelining');
    expect(seen.heard.filter((line) => line.startsWith('RSET'))).toHaveLength(1);
    expect(seen.bigProven.outbound).toBe(false);
    expect(seen.skipped).toContainEqual({ phase: 'big', why: expect.stringContaining('PIPELINING') });
  });

  test('an old server is greeted with HELO', async () => {
    const seen = await speak('old-helo');
    expect(seen.heard).toContain('HELO probe.example.net');
    expect(seen.end.kind).toBe('done');
  });

  test('a server that hangs up at QUIT is no fault', async () => {
    expect((await speak('hang-up-at-quit')).end.kind).toBe('done');
  });

  test('what is said in the clear behind STARTTLS is not believed', async () => {
    const seen = await speak('said-behind-starttls');
    expect(seen.phases.some(({ reply }) => reply?.text.includes('injected'))).toBe(false);
  });
});

describe('a reply code ends it as the word of the server', () => {
  test.each([
    ['421-banner', 'banner', 421],
    ['554-banner', 'banner', 554],
    ['454-starttls', 'starttls', 454],
    ['450-rcpt', 'rcpt', 450],
  ] as const)('%s', async (fault, phase, code) => {
    const { end } = await speak(fault, { recipient: 'ann@example.net' });
    expect(end).toMatchObject({ kind: 'reply', phase, reply: { code } });
  });
});

describe('a hostile server', () => {
  test('that sends a line without an end is cut off, and its bytes stay with it', async () => {
    const seen = await speak('endless-line');
    expect(seen.end).toMatchObject({
      kind: 'error',
      error: { kind: 'protocol', text: expect.stringContaining('a line of more') },
    });
    expect(seen.tcpInfo?.bytesReceived ?? 0).toBeLessThan(2_000_000);
  });

  test('that sends a reply without an end is cut off', async () => {
    const { end } = await speak('endless-reply');
    expect(end).toMatchObject({
      kind: 'error',
      error: { kind: 'protocol', text: 'a reply of more than 128 lines' },
    });
  });

  test('that speaks no SMTP is named', async () => {
    const { end } = await speak('no-smtp');
    expect(end).toMatchObject({
      kind: 'error',
      error: { kind: 'protocol', text: expect.stringContaining('SSH-2.0') },
    });
  });

  test('may put what it likes into its texts', async () => {
    const seen = await speak('nul-and-escapes');
    expect(seen.end.kind).toBe('done');
    expect(seen.banner).toContain('\x1b]0;owned');
  });

  test('that speaks no TLS behind STARTTLS is named in the words of TLS', async () => {
    const { end } = await speak('garbage-tls');
    expect(end).toMatchObject({
      kind: 'error',
      error: { phase: 'tls', kind: 'tls', text: 'TLS: wrong version number' },
    });
  });

  test('that resets in the handshake is a reset, at once', async () => {
    const seen = await speak('reset-tls');
    expect(seen.end).toMatchObject({ kind: 'error', error: { phase: 'tls', kind: 'reset', via: 'rst' } });
  });

  test('that closes instead of answering is named', async () => {
    const { end } = await speak('close-ehlo');
    expect(end).toMatchObject({ kind: 'error', error: { phase: 'ehlo', kind: 'closed' } });
  });
});

describe.concurrent('a server that stands still', { timeout: 30_000 }, () => {
  test.each([
    ['hang-ehlo', 'ehlo'],
    ['hang-tls', 'tls'],
    ['hang-rcpt', 'rcpt'],
  ] as const)('%s: the phase, the kernel, and small segments that hang too', async (fault, phase) => {
    const { end } = await speak(fault, { recipient: 'ann@example.net' });
    expect(end).toMatchObject({
      kind: 'stall',
      stall: {
        phase,
        tcpInfo: { state: 'established', unacked: 0 },
        controls: { mss1200: 'stalls', mss400: 'stalls' },
      },
    });
  });

  test('a late banner is waited for while everything sent was acknowledged', async () => {
    const { end } = await speak('no-banner');
    expect(end).toMatchObject({ kind: 'stall', stall: { phase: 'banner' } });
    expect(end.kind === 'stall' ? end.stall.afterMs : 0).toBeGreaterThan(6000);
  });

  test('a reply that drips is slow, not dead', async () => {
    const { end } = await speak('dripping-reply');
    expect(end).toMatchObject({ kind: 'too-slow', phase: 'banner' });
  });

  test('a tarpit runs into the deadline of the whole session', async () => {
    const { end } = await speak('tarpit');
    expect(end.kind).toBe('too-slow');
  });
});
