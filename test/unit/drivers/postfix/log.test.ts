// Lines of Postfix's log to delivery events: a real server's, both forms of time, and hostile ones.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openLog } from '../../../../src/drivers/postfix/parse-log.js';
import { cpuTime } from '../../../support/cpu-time.js';

const now = Date.parse('2026-11-27T12:00:00Z') / 1000;
const open = (tag = '') => openLog({ now, zone: '+0100', tag });
const iso = (rest: string) => `2026-11-27T11:00:00.123456+01:00 mx1 ${rest}`;
const at = Date.parse('2026-11-27T10:00:00Z') / 1000;

describe('a line of the log', () => {
  it('of a real server is no event before anything was tried', () => {
    const reader = open();
    const lines = readFileSync(
      new URL('../../../fixtures/postfix/maillog-3.7.txt', import.meta.url),
      'utf8',
    ).split('\n');
    expect(lines.filter((line) => reader.line(line) !== null)).toEqual([]);
    const sent =
      'to=<u@gmail.com>, relay=none, delay=1, delays=1/0/0/0, dsn=4.3.2, status=deferred (deferred transport)';
    expect(reader.line(iso(`postfix-qlab/error[1]: 4jX3B45H7tzCyP0: ${sent}`))?.sender).toBe(
      'bounce-1@news.example.net',
    );
  });

  it('of a delivery has relay, code, reason, and the sender of an earlier line', () => {
    const reader = open();
    reader.line(iso('postfix/qmgr[9]: B9A83394: from=<Ann@example.net>, size=472, nrcpt=1 (queue active)'));
    const line = iso(
      'postfix/smtp[7]: B9A83394: to=<bo@outlook.com>, orig_to=<b@x>, relay=mx.outlook.com[2001:db8::1]:25, conn_use=3, delay=12, delays=1/0.1/0/11, dsn=4.7.650, status=deferred (host mx.outlook.com[2001:db8::1] said: 451 4.7.650 throttled (AS3150) (in reply to RCPT TO command))',
    );
    expect(reader.line(line)).toEqual({
      at,
      id: 'B9A83394',
      outcome: 'deferred',
      recipient: 'bo@outlook.com',
      sender: 'Ann@example.net',
      relay: { name: 'mx.outlook.com', address: '2001:db8::1', port: 25 },
      source: null,
      dsn: '4.7.650',
      reason:
        'host mx.outlook.com[2001:db8::1] said: 451 4.7.650 throttled (AS3150) (in reply to RCPT TO command)',
    });
  });

  it.each([
    ['sent (250 2.0.0 Ok: queued)', 'sent'],
    ['bounced (unable to look up host x)', 'bounced'],
    ['deferred (later)', 'deferred'],
    ['SOFTBOUNCE (550 no)', 'deferred'],
    ['deliverable (probe)', undefined],
  ])('with status=%s is %s', (status, outcome) => {
    const line = iso(
      `postfix/smtp[7]: B9A83394: to=<b@x>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=${status}`,
    );
    expect(open().line(line)?.outcome).toBe(outcome);
  });

  it('of an expiry names the sender and no recipient', () => {
    for (const word of ['expired', 'force-expired'])
      expect(
        open().line(iso(`postfix/qmgr[9]: B9A83394: from=<>, status=${word}, returned to sender`)),
      ).toMatchObject({
        outcome: 'expired',
        sender: '',
        recipient: '',
      });
  });

  it('of a refusal at the door has both addresses, and no id where nothing was queued', () => {
    const seen = [
      'postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 <c@d>: Relay access denied; from=<a@b> to=<c@d> proto=ESMTP helo=<x>',
      'postfix/submission/smtpd[1]: NOQUEUE: milter-reject: MAIL from h[192.0.2.1]: 451 4.7.1 Service unavailable; from=<a@b> proto=ESMTP helo=<x>',
      'postfix/cleanup[1]: 4jX28t1RZxzD00t: milter-reject: END-OF-MESSAGE from h[192.0.2.1]: 5.7.1 spam; from=<a@b> to=<c@d> proto=ESMTP helo=<x>',
      'postfix/postscreen[1]: NOQUEUE: reject: RCPT from [192.0.2.1]:999: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.example; from=<>, to=<c@d>, proto=ESMTP, helo=<x>',
      'postfix/cleanup[1]: B9A83394: reject: header Subject: x; y: z from h[192.0.2.1]; from=<a@b> to=<c@d> proto=ESMTP helo=<x>: 5.7.1 no',
    ].map((line) => open().line(iso(line)));
    expect(seen.map((one) => [one?.outcome, one?.id, one?.sender, one?.recipient, one?.dsn])).toEqual([
      ['refused', '', 'a@b', 'c@d', '5.7.1'],
      ['refused', '', 'a@b', '', '4.7.1'],
      ['refused', '4jX28t1RZxzD00t', 'a@b', 'c@d', '5.7.1'],
      ['refused', '', '', 'c@d', '5.7.1'],
      ['refused', 'B9A83394', 'a@b', 'c@d', null],
    ]);
    expect(seen[0]?.reason).toBe('554 5.7.1 <c@d>: Relay access denied');
    expect(
      open().line(
        iso('postfix/smtpd[1]: NOQUEUE: reject_warning: RCPT from x[1]: 554 no; from=<> proto=SMTP'),
      ),
    ).toBeNull();
  });

  it('takes a time without year and zone as the host’s', () => {
    const text = (time: string) =>
      `${time} mx1 postfix/smtp[7]: B9A83394: to=<b@x>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)`;
    expect(open().line(text('Nov 27 11:00:00'))?.at).toBe(at);
    expect(open().line(text('Dec  1 11:00:00'))?.at).toBe(Date.parse('2025-12-01T10:00:00Z') / 1000);
    expect(open().line(text('Foo 27 11:00:00'))).toBeNull();
  });

  it('of another instance does not count, one of a service of ours does', () => {
    const text = (name: string) =>
      iso(
        `${name}/smtp[7]: B9A83394: to=<b@x>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)`,
      );
    expect(open('postfix').line(text('postfix'))).not.toBeNull();
    expect(open('postfix').line(text('postfix/bulk'))).not.toBeNull();
    expect(open('postfix').line(text('postfix-out'))).toBeNull();
  });

  it.each([
    '',
    'garbage',
    iso('postfix/smtp[7]: '),
    iso('postfix/smtp[7]: B9A83394: to=<b@x>, relay=none, delay=1, dsn=2.0.0, stat'),
    iso(
      'postfix/smtp[7]: ../../x: to=<b@x>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)',
    ),
    iso(
      'postfix/smtp[7]: B9A83394: host x said: to=<b@x>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)',
    ),
    `${'x'.repeat(1_000_000)} status=sent (ok)`,
    iso(`postfix/smtp[7]: B9A83394: to=<${'>, relay='.repeat(100_000)}`),
    iso(`postfix/smtpd[7]: NOQUEUE: reject: ${'; from=<'.repeat(100_000)}`),
  ])('that is none, or cut, or hostile is no delivery (%#)', (text) => {
    const began = cpuTime();
    const event = open().line(text);
    expect(event === null || event.outcome === 'refused').toBe(true);
    expect(cpuTime() - began).toBeLessThan(500);
  });

  it('keeps what is hostile as it is', () => {
    const nasty = '\u001b[31m $(id) \u202e "a b"@x, status=sent';
    const line = iso(
      `postfix/smtp[7]: B9A83394: to=<${nasty}>, relay=a[b]:1, delay=1, delays=1/0/0/0, dsn=4.0.0, status=deferred (${nasty})`,
    );
    expect(open().line(line)).toMatchObject({ outcome: 'deferred', recipient: nasty, reason: nasty });
  });
});
