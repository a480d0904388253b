// The screens of the probes: what is shown to be pasted is quoted, what was said is what was done, and a host that does
// not answer brings its hint.
import { expect, it } from 'vitest';
import type { ReadinessSeen } from '../../../../src/output/columns/probe-readiness.js';
import type { SmtpSeen } from '../../../../src/output/columns/probe-smtp.js';
import { type Line, renderLine } from '../../../../src/output/line.js';
import type { Canvas } from '../../../../src/output/output.js';
import { readinessScreen } from '../../../../src/output/screens/probe-readiness.js';
import { smtpScreen } from '../../../../src/output/screens/probe-smtp.js';
import { failure, healthySession } from '../../../support/probe-world.js';

const textOf = (lines: readonly Line[]) =>
  lines
    .map((line) => renderLine(line, false))
    .join('\n')
    .replace(/\s+/g, ' ');

const canvas: Canvas = { width: 80, color: false, table: () => [] };

const smtp = (session: SmtpSeen['session'], host = 'mx.example.net'): SmtpSeen => ({
  uplink: 'a',
  from: 'mx1',
  source: null,
  interface: null,
  how: 'perl',
  target: { destination: 'x', host, address: '192.0.2.25', family: 4, port: 25 },
  others: [],
  session,
  limits: [],
  transcript: null,
});

const big = { phase: 'big' as const, ms: 5, reply: { code: 250, enhanced: null, text: 'ok' } };

it('probe smtp quotes the name of a server in the command that it shows', () => {
  const end = { kind: 'error' as const, error: failure('ehlo', 'reset') };
  const text = textOf(smtpScreen(smtp({ ...healthySession(), end }, '$(reboot).example.net')));
  expect(text).toContain("mailctl probe '$(reboot).example.net'");
});

it('probe smtp says how many lines it sent', () => {
  const piped = { ...healthySession(), phases: [big], skipped: [] };
  expect(textOf(smtpScreen(smtp(piped)))).toContain('250 to three RSET in one packet');
  const why = 'no PIPELINING: a full packet outbound is not proven';
  const alone = { ...piped, skipped: [{ phase: 'big' as const, why }] };
  const text = textOf(smtpScreen(smtp(alone)));
  expect(text).not.toContain('three RSET');
  expect(text).toContain('250 to one RSET');
});

it('probe readiness quotes as well, and keeps the hint of a host that does not answer', () => {
  const acceptance = { kind: 'hangs' as const, phase: null, code: null, text: '', tookMs: 0 };
  const seen: ReadinessSeen = {
    from: ['mx9'],
    usual: [],
    rows: [
      {
        receiver: { name: 'x.example', recipient: 'postmaster@x.example', domain: 'x.example', server: null },
        server: 'a;b.example',
        verdict: 'hangs',
        worst: { uplink: 'mx9', host: 'mx9', acceptance },
        best: null,
        candidates: [],
        usual: [],
      },
    ],
    tookMs: 1,
    missing: [{ message: 'mx8: it does not answer', hint: 'mailctl hosts check mx8' }],
  };
  const text = textOf(readinessScreen(seen, canvas));
  expect(text).toContain("mailctl probe 'a;b.example' --from mx9");
  expect(text).toContain('! mx8: it does not answer');
  expect(text).toContain('hint: mailctl hosts check mx8');
});
