/** Delay reasons and bounce texts read as causes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CAUSE_RULES } from '../../../src/queue/reason-rules.js';
import { clearsText, judgeReason, reasonPattern, reasonReader } from '../../../src/queue/reasons.js';
import { cpuTime } from '../../support/cpu-time.js';

const said = (name: string, words: string, to = 'MAIL FROM') =>
  `host ${name}[198.51.100.25] said: ${words} (in reply to ${to} command)`;
const outlook = 'eur.olc.protection.outlook.com';
const gmail = 'gmail-smtp-in.l.google.com';
const yahoo = 'mta5.am0.yahoodns.net';

describe('well-known answers', () => {
  test.each([
    [
      said(
        outlook,
        "550 5.7.1 Unfortunately, messages from [192.0.2.14] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors. [Name=Protocol Filter Agent][AGT=PFA]",
      ),
      'blocklist-microsoft',
      'our IP blocklisted, S3150',
      '550 5.7.1',
      'NO: delist',
      '192.0.2.14',
    ],
    [
      said(
        outlook,
        "550 5.7.1 Unfortunately, messages from [2001:db8::14] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).",
      ),
      'blocklist-microsoft',
      'our IP blocklisted, S3140',
      '550 5.7.1',
      'NO: delist',
      '2001:db8::14',
    ],
    [
      said(
        outlook,
        '451 4.7.650 The mail server [192.0.2.14] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://aka.ms/postmaster (S775) [Name=Protocol Filter Agent]',
      ),
      'rate-limit-reputation',
      'rate limit by reputation',
      '451 4.7.650',
      'slowly',
      '192.0.2.14',
    ],
    [
      said(
        'x.mail.protection.outlook.com',
        '451 4.7.500 Server busy. Please try again later from [192.0.2.14]. (S77719) [AM4PEPF00027A6A]',
      ),
      'rate-limit-reputation',
      'rate limit, our volume changed',
      '451 4.7.500',
      'slowly',
      '192.0.2.14',
    ],
    [
      said(
        'x.mail.protection.outlook.com',
        '550 5.7.606 Access denied, banned sending IP [192.0.2.14]. To request removal from this list please visit https://sender.office.com/ (AS16012609)',
      ),
      'blocklist-microsoft',
      'our IP banned by Microsoft',
      '550 5.7.606',
      'NO: delist',
      '192.0.2.14',
    ],
    [
      said(
        'x.mail.protection.outlook.com',
        '550 5.7.509 Access denied, sending domain example.net does not pass DMARC verification and has a DMARC policy of reject.',
        'end of DATA',
      ),
      'authentication',
      'SPF, DKIM or DMARC does not pass',
      '550 5.7.509',
      'NO: SPF/DKIM',
      null,
    ],
    [
      said(
        gmail,
        '421-4.7.0 [192.0.2.14      15] Our system has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited. 421 4.7.0 review our Bulk Email Senders Guidelines. a1-2si.1 - gsmtp',
      ),
      'rate-limit-reputation',
      'rate limit by reputation',
      '421 4.7.0',
      'slowly',
      '192.0.2.14',
    ],
    [
      said(
        gmail,
        '421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your SPF domain [example.net 35]. 421 4.7.28 x - gsmtp',
      ),
      'rate-limit-reputation',
      'rate limit by reputation',
      '421 4.7.28',
      'slowly',
      null,
    ],
    [
      said(
        gmail,
        "452-4.2.2 The recipient's inbox is out of storage space. Please direct the 452-4.2.2 recipient to https://support.google.com/mail/?p=OverQuotaTemp x-y.1 - gsmtp",
        'RCPT TO',
      ),
      'mailbox-full',
      'mailbox full',
      '452 4.2.2',
      'user',
      null,
    ],
    [
      said(
        gmail,
        '450-4.2.1 The user you are trying to contact is receiving email at a rate that 450-4.2.1 prevents additional messages from being delivered. a - gsmtp',
        'RCPT TO',
      ),
      'mailbox-busy',
      'one mailbox gets too much',
      '450 4.2.1',
      'by itself',
      null,
    ],
    [
      said(
        gmail,
        '550-5.7.26 This mail has been blocked because the sender is unauthenticated. 550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.',
        'end of DATA',
      ),
      'authentication',
      'SPF, DKIM or DMARC does not pass',
      '550 5.7.26',
      'NO: SPF/DKIM',
      null,
    ],
    [
      said(
        gmail,
        '550-5.7.25 [192.0.2.14] The IP address sending this message does not have a 550-5.7.25 PTR record setup',
        'end of DATA',
      ),
      'reverse-dns',
      'our IP has no good reverse DNS',
      '550 5.7.25',
      'NO: DNS (PTR)',
      '192.0.2.14',
    ],
    [
      said(
        gmail,
        '550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking. NoSuchUser x - gsmtp',
        'RCPT TO',
      ),
      'no-such-user',
      'no such mailbox',
      '550 5.1.1',
      'user',
      null,
    ],
    [
      `host ${yahoo}[198.51.100.30] refused to talk to me: 421 4.7.0 [TSS04] Messages from 192.0.2.14 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes`,
      'rate-limit-reputation',
      'rate limit by reputation, TSS04',
      '421 4.7.0',
      'slowly',
      '192.0.2.14',
    ],
    [
      `host ${yahoo}[198.51.100.30] refused to talk to me: 421 4.7.1 [TS03] All messages from 192.0.2.14 will be permanently deferred; Retrying will NOT succeed. See https://postmaster.yahooinc.com/error-codes`,
      'blocklist-yahoo',
      'our IP blocked by Yahoo, TS03',
      '421 4.7.1',
      'NO: delist',
      '192.0.2.14',
    ],
    [
      `host ${yahoo}[198.51.100.30] said: 421 4.7.0 [TS01] Messages from 192.0.2.14 temporarily deferred due to user complaints - 4.16.55.1`,
      'rate-limit-reputation',
      'rate limit by reputation, TS01',
      '421 4.7.0',
      'slowly',
      '192.0.2.14',
    ],
    [
      said(
        'mx.example.org',
        '554 5.7.1 Service unavailable; Client host [192.0.2.14] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.14',
        'RCPT TO',
      ),
      'blocklist-dnsbl',
      'our IP blocklisted, zen.spamhaus.org',
      '554 5.7.1',
      'NO: delist',
      '192.0.2.14',
    ],
    [
      said(
        'mx.example.org',
        '554 5.7.1 Service unavailable; Client host [192.0.2.14] blocked using zen.spamhaus.org; Error: open resolver; https://www.spamhaus.org/returnc/pub/',
        'RCPT TO',
      ),
      'their-dnsbl-broken',
      'their blocklist lookup is broken, we are not listed, zen.spamhaus.org',
      '554 5.7.1',
      'NO: tell them',
      null,
    ],
    [
      said(
        'mx.example.org',
        '450 4.2.0 <bo@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html',
        'RCPT TO',
      ),
      'greylisting',
      'greylisting',
      '450 4.2.0',
      'by itself',
      null,
    ],
    [
      said('mx.example.org', '451 4.7.1 Try again later', 'DATA'),
      'try-later',
      'asked to try later, no cause given',
      '451 4.7.1',
      'by itself',
      null,
    ],
    [
      said(gmail, '450 4.2.1 rate limited', 'RCPT TO'),
      'rate-limit',
      'rate limit',
      '450 4.2.1',
      'slowly',
      null,
    ],
    [
      `host mx.example.org[198.51.100.9] refused to talk to me: 421 4.3.2 System not accepting network messages`,
      'their-side-busy',
      'their side busy',
      '421 4.3.2',
      'by itself',
      null,
    ],
    [
      `host mx.example.org[198.51.100.9] refused to talk to me: 421 4.7.0 mx.example.org Error: too many connections from 192.0.2.14`,
      'too-many-connections',
      'too many connections from us',
      '421 4.7.0',
      'by itself',
      null,
    ],
    [
      said('imap22.example.net', '452 4.2.2 Over quota SESSIONID=<imap22-17-1>', 'RCPT TO'),
      'mailbox-full',
      'mailbox full',
      '452 4.2.2',
      'user',
      null,
    ],
    [
      said('mx.example.org', '452 4.3.1 Insufficient system storage'),
      'disk-full',
      'disk full',
      '452 4.3.1',
      'NO: disk',
      null,
    ],
    [
      said('mx.example.org', '554 5.7.1 <bo@example.org>: Relay access denied', 'RCPT TO'),
      'relay-denied',
      'they do not relay for this domain',
      '554 5.7.1',
      'NO: MX/route',
      null,
    ],
    [
      said(
        'mx.example.org',
        '450 4.1.8 <a@example.net>: Sender address rejected: Domain not found',
        'RCPT TO',
      ),
      'our-sender-domain',
      "our sender's domain is not found",
      '450 4.1.8',
      'NO: DNS',
      null,
    ],
    [
      said(
        'mx.example.org',
        '450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.14]',
        'RCPT TO',
      ),
      'reverse-dns',
      'our IP has no good reverse DNS',
      '450 4.7.25',
      'NO: DNS (PTR)',
      null,
    ],
    [
      said('mx.example.org', '550 5.7.1 message content rejected', 'end of DATA'),
      'content',
      'message refused for its content',
      '550 5.7.1',
      'NO: content',
      null,
    ],
    [
      said(
        'a.mail.protection.outlook.com',
        '554 5.4.14 Hop count exceeded - possible mail loop ATTR34',
        'end of DATA',
      ),
      'mail-loop',
      'mail loop',
      '554 5.4.14',
      'NO: loop',
      null,
    ],
  ] as const)('%s', (text, id, title, code, clears, source) => {
    const cause = judgeReason(text);
    expect({ ...cause, clears: clearsText(cause) }).toMatchObject({ id, title, code, clears, source });
  });
});

describe("our own server's words", () => {
  test.each([
    [
      'Host or domain name not found. Name service error for name=example.org type=MX: Host not found, try again',
      'dns-no-answer',
      'no DNS answer, MX',
      '4.4.3',
      'NO: DNS',
    ],
    [
      'Host or domain name not found. Name service error for name=exmaple.org type=A: Host not found',
      'no-such-domain',
      'domain not found',
      '5.4.4',
      'user',
    ],
    [
      'connect to mx.example.org[198.51.100.9]:25: Connection timed out',
      'connection-timed-out',
      'connection timed out',
      '4.4.1',
      '?',
    ],
    [
      'delivery temporarily suspended: connect to mx.example.org[198.51.100.9]:25: Connection refused',
      'connection-refused',
      'connection refused',
      '4.4.1',
      '?',
    ],
    [
      'connect to mx.example.org[2001:db8::9]:25: Network is unreachable',
      'no-route',
      'network unreachable',
      '4.4.1',
      'NO: network',
    ],
    [
      'lost connection with mx.example.org[198.51.100.9] while receiving the initial server greeting',
      'connection-lost',
      'connection broke in the dialogue',
      '4.4.2',
      '?',
    ],
    [
      'conversation with mx.example.org[198.51.100.9] timed out while sending end of data -- message may be sent more than once',
      'connection-lost',
      'connection broke in the dialogue',
      '4.4.2',
      '?',
    ],
    ['deferred transport', 'kept-back', 'kept back by our own defer_transports', '4.3.2', 'NO: config'],
    ['mail for example.org loops back to myself', 'mail-loop', 'mail loop', '5.4.6', 'NO: loop'],
    [
      'TLS is required, but was not offered by host mx.example.org[198.51.100.9]',
      'tls',
      'TLS fails',
      '4.7.5',
      'NO: TLS',
    ],
    ['mail transport unavailable', 'our-server', 'our own server cannot deliver', '4.3.0', 'NO: config'],
    [
      'Domain example.org does not accept mail (nullMX)',
      'null-mx',
      'the domain takes no mail (null MX)',
      '5.1.10',
      'user',
    ],
  ] as const)('%s', (text, id, title, code, clears) => {
    const cause = judgeReason(text);
    expect({ ...cause, clears: clearsText(cause) }).toMatchObject({ id, title, code, clears });
  });

  test('a stranger cannot pass for our server, nor the other way round', () => {
    const fake = said(
      'evil.example',
      '450 Host or domain name not found. Name service error for name=x type=MX: Host not found, try again',
    );
    expect(judgeReason(fake).id).not.toBe('dns-no-answer');
    expect(judgeReason(said('evil.example', '450 deferred transport')).id).toBe('other');
    expect(judgeReason('mail for greylisted.example was put into a bag').id).toBe('other');
  });

  test('Exim, Sendmail and OpenSMTPD say it in their own form', () => {
    expect(
      judgeReason(
        'SMTP error from remote mail server after RCPT TO:<bo@example.org>: host mx.example.org [198.51.100.9]: 450 4.7.1 greylisted',
      ).id,
    ).toBe('greylisting');
    expect(judgeReason('host lookup did not complete').id).toBe('dns-no-answer');
    expect(judgeReason('Deferred: 450 4.7.1 greylisted').id).toBe('greylisting');
    expect(judgeReason('421 4.7.0 [TSS04] Messages from 192.0.2.14 temporarily deferred').title).toBe(
      'rate limit by reputation, TSS04',
    );
  });
});

test('what nobody knows stays other, with its words, and gets no verdict', () => {
  const cause = judgeReason(
    said('mx.example.org', '471 4.9.9 The moon is wrong for 10.9.8.7 (id 4kZ7Yw1QxzD00t)', 'DATA'),
  );
  expect(cause).toMatchObject({ id: 'other', clears: 'unknown', act: null, source: null });
  expect(cause.title).toBe('471 4.9.9 The moon is wrong for <ip> (id <id>)');
});

test('what our server turns away at the door is never called our fault', () => {
  const blocked = '554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org';
  expect(judgeReason(blocked, { atDoor: true })).toMatchObject({
    id: 'door-blocklist-dnsbl',
    title: 'client on a blocklist, zen.spamhaus.org',
    source: null,
    clears: 'unknown',
  });
  expect(judgeReason('554 5.7.1 <a@b.example>: Relay access denied', { atDoor: true }).id).toBe(
    'door-relay-denied',
  );
  expect(judgeReason('450 something odd', { atDoor: true })).toMatchObject({ id: 'door-other' });
});

test('nothing said is not tried yet', () => {
  const read = reasonReader();
  expect(read(null)).toMatchObject({ id: 'not-tried', code: '' });
  expect(read('')).toMatchObject({ id: 'not-tried' });
});

test("the log's code is used where the words hold none", () => {
  expect(judgeReason('connect to a[198.51.100.9]:25: Connection timed out', { dsn: '4.4.1' }).code).toBe(
    '4.4.1',
  );
  expect(judgeReason('this is new', { dsn: '4.2.2' })).toMatchObject({ id: 'mailbox-full', code: '4.2.2' });
});

test('texts that differ by message, address, host and number only are one pattern', () => {
  const one = said(
    'alt1.gmail-smtp-in.l.google.com',
    '450 4.9.1 <ann@example.org>: odd 17 things at mx1.example.net [192.0.2.14] see https://x.example/a?b=1 e9e14a558f8ab-3ddfd8be1c5si12.3',
  );
  const two = said(
    'gmail-smtp-in.l.google.com',
    '450 4.9.1 <bo@example.com>: odd 4 things at mx2.example.net [2001:db8::14] see https://x.example/q d2e1a72fcca58-7a1bcd21ab3si99.1',
  );
  expect(judgeReason(one).pattern).toBe(judgeReason(two).pattern);
  expect(reasonPattern('550 5.1.1 x 550 y')).toBe('550 5.1.1 x 550 y');
});

test('the reasons of the samples are one cause', () => {
  const lines = readFileSync(
    join(import.meta.dirname, '../../fixtures/postfix/postqueue-j-3.7.json'),
    'utf8',
  ).split('\n');
  const reasons = lines
    .filter((line) => line !== '')
    .flatMap((line) =>
      (JSON.parse(line).recipients as { delay_reason?: string }[]).flatMap((one) => one.delay_reason ?? []),
    );
  expect(reasons.length).toBeGreaterThan(50);
  expect(new Set(reasons.map((one) => judgeReason(one).id))).toEqual(new Set(['rate-limit']));
});

test('a text of megabytes, and texts that make bad expressions slow, are judged at once', () => {
  const began = cpuTime();
  for (const text of [
    'x'.repeat(5_000_000),
    'host '.repeat(500_000),
    `host a[1] said: 550 ${'messages from ['.repeat(300)}`,
    `host a[1] said: 450 ${'1.'.repeat(2000)}`,
    `host a[1] said: 450 ${'a.'.repeat(1000)}`,
    `host a[1] said: 450 ${'too many '.repeat(400)}`,
    `host a[1] said: 450 ${'<@'.repeat(1000)}`,
    `host a[1] said: 450 ${'a@'.repeat(1000)}`,
    `host a[1] said: 450 ${'ip host '.repeat(250)}`,
    `connect to ${'a: '.repeat(600)}`,
    `conversation with ${'conversation with '.repeat(110)}`,
    `host a[1] said: 450 ${':1'.repeat(1000)}`,
    `host a[1] said: 450 ${'exceeded '.repeat(220)}`,
    `host a[1] said: 450 ${'-_'.repeat(1000)}`,
  ])
    judgeReason(text);
  expect(cpuTime() - began).toBeLessThan(1000);
});

test('every rule can be reached by its words, and each id has one way to clear', () => {
  const clears = new Map<string, string>();
  for (const { id, words, code } of CAUSE_RULES) {
    expect(words ?? code, id).toBeDefined();
  }
  for (const { id, clears: one, title } of CAUSE_RULES.filter(({ id }) => id !== 'reputation')) {
    expect([undefined, one], `${id} ${title}`).toContain(clears.get(id));
    clears.set(id, one);
  }
});
