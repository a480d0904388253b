import { describe, expect, it } from 'vitest';
import { LOG_PATTERN, openLog } from '../../../../src/drivers/exim/parse-log.js';

const CLOCK = { now: 1_795_770_000, zone: '+0000' };
const AT = 1_795_763_761; // 2026-11-27 07:16:01
const T = '2026-11-27 07:16:01';

const read = (lines: readonly string[], clock = CLOCK) => {
  const reader = openLog(clock);
  return lines.map((line) => reader.line(line));
};
const one = (line: string, clock = CLOCK) => read([line], clock)[0];

describe('the main log of Exim', () => {
  it('reads what was sent, with the sender of an earlier line', () => {
    const [arrival, sent, more] = read([
      `${T} 1xWqBd-00000r-0V <= s1@b.example H=(gen) [192.0.2.9] P=esmtpa A=plain:carl S=311`,
      `${T} 1xWqBd-00000r-0V => x@lab.example R=inside T=smtp H=mx.lab.example [198.51.100.11]:25 I=[192.0.2.1]:4711 X=TLS1.3:ECDHE:256 CV=no K C="250 2.0.0 Ok: H=no [1.2.3.4] queued"`,
      `${T} 1xWqBd-00000r-0V -> y@lab.example R=inside T=smtp H=mx.lab.example [2001:db8::25] C="250 OK" QT=1s`,
    ]);
    expect(arrival).toBeNull();
    expect(sent).toEqual({
      at: AT,
      id: '1xWqBd-00000r-0V',
      outcome: 'sent',
      recipient: 'x@lab.example',
      sender: 's1@b.example',
      relay: { name: 'mx.lab.example', address: '198.51.100.11', port: 25 },
      source: '192.0.2.1',
      dsn: '2.0.0',
      reason: '250 2.0.0 Ok: H=no [1.2.3.4] queued',
    });
    expect(more).toMatchObject({ relay: { address: '2001:db8::25', port: null }, reason: '250 OK' });
  });

  it('reads deferrals, and leaves those out that were no try', () => {
    expect(
      one(
        `${T} 1xWqBd-00000r-0V == c@gmail.com R=outside T=far defer (-44) H=mx.gmail.com [192.0.2.7]: SMTP error from remote mail server after RCPT TO:<c@gmail.com>: 450 4.7.1 Greylisted`,
      ),
    ).toMatchObject({
      outcome: 'deferred',
      recipient: 'c@gmail.com',
      relay: { name: 'mx.gmail.com', address: '192.0.2.7', port: null },
      dsn: '4.7.1',
      reason:
        'H=mx.gmail.com [192.0.2.7]: SMTP error from remote mail server after RCPT TO:<c@gmail.com>: 450 4.7.1 Greylisted',
    });
    expect(
      one(
        `${T} 1xWqBd-00000r-0V == c@gmail.com R=outside T=far defer (111): Connection refused H=x [1.2.3.4]`,
      ),
    ).toMatchObject({ relay: null, dsn: null, reason: 'Connection refused H=x [1.2.3.4]' });
    expect(
      one(`${T} 1xWqBd-00000r-0V == c@g.example R=o T=f defer (-54): retry time not reached for any host`),
    ).toBeNull();
  });

  it('reads bounces and what was given up', () => {
    expect(
      one(
        `${T} 1xWqBd-00000r-0V ** c@g.example <alias@x.example> R=o T=f H=mx.g.example [192.0.2.7]: SMTP error from remote mail server after end of data: 550 5.7.1 Blocked`,
      ),
    ).toMatchObject({
      outcome: 'bounced',
      recipient: 'c@g.example',
      dsn: '5.7.1',
      relay: { address: '192.0.2.7' },
    });
    expect(one(`${T} 1xWqBd-00000r-0V ** c@g.example: Unrouteable address`)).toMatchObject({
      outcome: 'bounced',
      recipient: 'c@g.example',
      reason: 'Unrouteable address',
      relay: null,
    });
    expect(one(`${T} 1xWqBd-00000r-0V ** c@g.example R=o T=f: retry timeout exceeded`)).toMatchObject({
      outcome: 'expired',
      recipient: 'c@g.example',
    });
  });

  it('tells addresses that are quoted, made of others, files and commands', () => {
    const recipient = (words: string) => one(`${T} 1xWqBd-00000r-0V => ${words} R=r T=t`)?.recipient;
    expect(recipient('a b@web.de <"a b"@web.de>')).toBe('"a b"@web.de');
    expect(recipient('"a: R=b"@web.de')).toBe('"a: R=b"@web.de');
    expect(recipient('/var/mail/ann <ann@lab.example>')).toBe('ann@lab.example');
    expect(recipient('|/usr/bin/procmail -t <ann@lab.example>')).toBe('ann@lab.example');
    expect(recipient('real@x.example <alias@y.example>')).toBe('real@x.example');
  });

  it('reads refusals at the door', () => {
    expect(
      one(
        `${T} H=(helo) [192.0.2.66] F=<spam@x.example> rejected RCPT <ann@lab.example>: 550 5.7.1 listed: see http://x`,
      ),
    ).toEqual({
      at: AT,
      id: '',
      outcome: 'refused',
      recipient: 'ann@lab.example',
      sender: 'spam@x.example',
      relay: null,
      source: null,
      dsn: '5.7.1',
      reason: '550 5.7.1 listed: see http://x',
    });
    expect(one(`${T} H=(h) [192.0.2.66] F=<> temporarily rejected RCPT <ann@lab.example>`)).toMatchObject({
      outcome: 'refused',
      sender: '',
      reason: '',
    });
    expect(one(`${T} 1xWqBd-00000r-0V H=h [192.0.2.66] F=<s@x> rejected after DATA: virus`)).toMatchObject({
      id: '1xWqBd-00000r-0V',
      recipient: '',
    });
  });

  it('knows its times: zone, fraction, process, syslog in both forms', () => {
    const rest = '1xWqBd-00000r-0V => a@b.example R=r T=t';
    expect(one(`${T} ${rest}`, { ...CLOCK, zone: '+0100' })?.at).toBe(AT - 3600);
    expect(one(`${T} -0200 [123] ${rest}`)?.at).toBe(AT + 7200);
    expect(one(`${T}.250 ${rest}`)?.at).toBe(AT);
    expect(one(`Nov 27 07:16:01 mx1 exim[12]: ${rest}`)?.at).toBe(AT);
    expect(one(`Nov 27 09:00:00 mx1 exim4[12]: ${T} ${rest}`)?.at).toBe(AT);
    expect(one(`2026-11-27T08:16:01.5+01:00 mx1 exim[12]: ${rest}`)?.at).toBe(AT);
    expect(one(`Dec 27 07:16:01 mx1 exim[12]: ${rest}`)?.at).toBe(AT + 30 * 86_400 - 365 * 86_400);
    expect(one(`2026-11-27 07:16:01 1rQK6K-000000001Xz-0Ab9 => a@b.example R=r T=t`)?.id).toBe(
      '1rQK6K-000000001Xz-0Ab9',
    );
  });

  it('takes nothing for an event that is none, quickly', () => {
    for (const line of [
      '',
      'x',
      `${T} Start queue run: pid=1`,
      `${T} 1xWqBd-00000r-0V Completed`,
      `${T} 1xWqBd-00000r-0V == ${'a'.repeat(1_000_000)}`,
      `${T} 1xWqBd-00000r-0V ** `,
      `${T} an X-Header that was rejected by nobody`,
      `${T} 1xWqBd-00000r-0V => "${'\\'.repeat(100_000)}`,
      `${T} ${'rejected RCPT <'.repeat(10_000)}`,
    ])
      expect(one(line)).toBeNull();
  });

  it('has a pattern that keeps what it reads', () => {
    const kept = new RegExp(LOG_PATTERN.replaceAll('[*][*]', '\\*\\*'));
    for (const flag of ['<=', '=>', '->', '==', '**'])
      expect(kept.test(`${T} 1xWqBd-00000r-0V ${flag} a`)).toBe(true);
    expect(kept.test(`${T} 1xWqBd-00000r-0V Completed`)).toBe(false);
  });
});
