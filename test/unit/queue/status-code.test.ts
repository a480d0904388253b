// Reasons taken apart: the words of real servers, and numbers that only look like a code.
import { expect, test } from 'vitest';
import { describeStatus, parseStatusCode } from '../../../src/queue/status-code.js';

test('a reply with its code, who said it and to which command', () => {
  const words =
    'host alt1.gmail-smtp-in.l.google.com[10.25.1.2] said: 450 4.2.1 rate limited (in reply to RCPT TO command)';
  expect(parseStatusCode(words)).toEqual({
    reply: 450,
    enhanced: '4.2.1',
    class: 'transient',
    subject: 'the mailbox',
    meaning: 'the mailbox takes no mail for now, often a rate limit',
    inReplyTo: 'RCPT TO',
    remote: { name: 'alt1.gmail-smtp-in.l.google.com', address: '10.25.1.2' },
  });
});

const cases: readonly (readonly [
  reason: string,
  reply: number | null,
  enhanced: string | null,
  cls: string | null,
])[] = [
  ['host mx.example.net[192.0.2.1] refused to talk to me: 421 4.7.0 try later', 421, '4.7.0', 'transient'],
  [
    'host x.example.net[2001:db8::5] said: 550-5.7.26 not authenticated 550 5.7.26 see',
    550,
    '5.7.26',
    'permanent',
  ],
  ['550 5.7.1 Service unavailable, Client host [192.0.2.14] blocked', 550, '5.7.1', 'permanent'],
  ['451 4.7.650 The mail server [192.0.2.14] has been temporarily rate limited', 451, '4.7.650', 'transient'],
  ['SMTP error from remote mail server after RCPT TO:<a@b>: 451 4.7.1 greylisted', 451, '4.7.1', 'transient'],
  ['host mx.example.net[192.0.2.1] said: 554 denied', 554, null, 'permanent'],
  ['4.3.0 <#4.3.0 X-Unix; 75>', null, '4.3.0', 'transient'],
  ['deferred transport', null, null, null],
  ['connect to mx.example.net[192.0.2.1]:25: Connection timed out', null, null, null],
  ['Host or domain name not found. Name service error for name=4.7.1.example type=MX', null, null, null],
  ['blocked: 10.4.7.1 is listed', null, null, null],
  ['Postfix 2.5.5-1 says no', null, null, null],
  ['version v4.7.1 and 4.7.1.2', null, null, null],
  ['', null, null, null],
  ['host 5.7.1[192.0.2.1] said: 450 busy', 450, null, 'transient'],
  ['4.999.999 nobody knows it', null, '4.999.999', 'transient'],
  ['5.007.001 with noughts', null, '5.7.1', 'permanent'],
];

test.each(cases)('%s', (reason, reply, enhanced, cls) => {
  const found = parseStatusCode(reason);
  expect([found.reply, found.enhanced, found.class]).toEqual([reply, enhanced, cls]);
});

test('a code is told in words, and an unknown one by its class only', () => {
  expect(describeStatus(parseStatusCode('550 5.7.1 no'))).toBe(
    'permanent, security or policy: delivery not authorized, the message was refused',
  );
  expect(describeStatus(parseStatusCode('451 4.7.650 no'))).toBe('transient, security or policy');
  expect(describeStatus(parseStatusCode('4.999.1 no'))).toBe('transient');
  expect(describeStatus(parseStatusCode('no'))).toBe('');
});

test.each([
  'x'.repeat(5_000_000),
  '4.'.repeat(1_000_000),
  'host '.repeat(500_000),
  '5.5.5'.repeat(500_000),
  `host ${'a'.repeat(100_000)}[1.2.3.4] said: 450 4.2.1 no`,
  '\u202e\u009b4.7.1\0',
])('a hostile reason ends at once', (reason) => {
  const begun = performance.now();
  parseStatusCode(reason);
  expect(performance.now() - begun).toBeLessThan(200);
});

test('words named like properties of an object have no meaning', () => {
  expect(parseStatusCode('550 5.constructor.1 __proto__').enhanced).toBeNull();
});
