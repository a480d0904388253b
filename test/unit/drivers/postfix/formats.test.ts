// Postfix's listings as files: real ones, and what may come instead of them.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { postfixFormats } from '../../../../src/drivers/postfix/formats.js';
import type { QueueMessage } from '../../../../src/queue/message.js';
import { cpuTime } from '../../../support/cpu-time.js';

const fixture = (name: string) =>
  readFileSync(new URL(`../../../fixtures/postfix/${name}`, import.meta.url), 'utf8');
const now = new Date(2026, 10, 21, 20, 30).getTime() / 1000;

function read(name: string, text: string, at = now) {
  const messages: QueueMessage[] = [];
  const malformed: (readonly [number, string])[] = [];
  const format = postfixFormats.find((one) => one.name === name);
  const parser = format?.open(
    { message: (one) => messages.push(one), malformed: (line, what) => malformed.push([line, what]) },
    { queue: 'mx1', host: 'mx1', now: at },
  );
  for (const line of text.split('\n')) parser?.line(line);
  parser?.end();
  return { messages, malformed };
}

const HEAD = '-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------';
const entry = (id: string, rest = 'ann@example.net') =>
  `${id.padEnd(12)}    375 Sat Nov 21 20:06:30  ${rest}`;
const recipient = (address: string) => `${' '.repeat(41)}${address}`;

describe('a listing', () => {
  it('is known by its look', () => {
    const names = (lines: readonly string[]) =>
      postfixFormats.filter((one) => one.looksLike(lines)).map(({ name }) => name);
    expect(names(fixture('mailq-3.7.txt').split('\n').slice(0, 20))).toEqual(['postfix-mailq']);
    expect(names(fixture('postqueue-j-3.7.json').split('\n').slice(0, 20))).toEqual(['postfix-json']);
    expect(names(['Mail queue is empty'])).toEqual(['postfix-mailq']);
    expect(names(['', '25m  2.9K 0t5C6f-0000c8-9F <alice@wonderland.fict.book>', 'queue_id'])).toEqual([]);
  });

  it('of a real server by mailq and by postqueue -j has the same messages', () => {
    const json = read('postfix-json', fixture('postqueue-j-long-ids-3.7.json'));
    const text = read('postfix-mailq', fixture('mailq-3.7.txt'));
    expect([json.malformed, text.malformed]).toEqual([[], []]);
    expect(text.messages).toHaveLength(91);
    const key = ({ id, state, sizeBytes, sender, recipients }: QueueMessage) => [
      id,
      state,
      sizeBytes,
      sender,
      recipients,
    ];
    expect(text.messages.map(key)).toEqual(json.messages.map(key));
  });
});

describe('mailq', () => {
  it('has marks, the null sender, reasons of several recipients, and short ones at the right edge', () => {
    const text = [
      HEAD,
      entry('B9A83394*', 'MAILER-DAEMON'),
      recipient('a@x'),
      '',
      entry('C0FFEE11!#'),
      `${' '.repeat(58)}(deferred transport)`,
      recipient('b@x'),
      '(host x[1] said: 450 (no) (in reply to RCPT TO command))',
      recipient('c@x'),
      recipient('d@x'),
      '',
      '-- 6 Kbytes in 2 Requests.',
    ].join('\r\n');
    const { messages, malformed } = read('postfix-mailq', text);
    expect(malformed).toEqual([]);
    const long = 'host x[1] said: 450 (no) (in reply to RCPT TO command)';
    expect(messages.map(({ id, state, sender, recipients }) => [id, state, sender, recipients])).toEqual([
      ['B9A83394', 'active', '', [{ address: 'a@x', reason: null }]],
      [
        'C0FFEE11',
        'hold',
        'ann@example.net',
        [
          { address: 'b@x', reason: 'deferred transport' },
          { address: 'c@x', reason: long },
          { address: 'd@x', reason: long },
        ],
      ],
    ]);
  });

  it('gives a time without year the last year of its weekday that does not lie ahead', () => {
    const at = (rest: string) =>
      read('postfix-mailq', `${HEAD}\nB9A83394  375 ${rest}  a@x\n`).messages[0]?.arrivedAt;
    expect(at('Sat Nov 21 20:06:30')).toBe(new Date(2026, 10, 21, 20, 6, 30).getTime() / 1000);
    expect(at('Tue Dec 30 08:00:00')).toBe(new Date(2025, 11, 30, 8, 0, 0).getTime() / 1000);
    expect(at('Thu Feb 29 08:00:00')).toBe(new Date(2024, 1, 29, 8, 0, 0).getTime() / 1000);
    expect(at('Mon Feb 30 08:00:00')).toBeNull();
  });

  it.each([
    [
      'cut in the middle',
      `${HEAD}\n${entry('B9A83394')}\n${recipient('a@x')}`,
      1,
      [[3, 'the listing ends without its last line']],
    ],
    [
      'that does not add up',
      `${HEAD}\n${entry('B9A83394')}\n\n-- 6 Kbytes in 3 Requests.`,
      1,
      [[4, 'counts 3 messages, and 1 were there']],
    ],
    [
      'with a warning between',
      `postqueue: warning: x\n${HEAD}\n${entry('B9A83394')}\n\n-- 0 Kbytes in 1 Request.`,
      1,
      [[1, 'no entry of a queue']],
    ],
    ['that is empty', 'Mail queue is empty\n', 0, []],
    ['of nothing', '', 0, []],
    [
      'of another program',
      'total 0\nfoo',
      0,
      [
        [1, 'no entry of a queue'],
        [2, 'no entry of a queue'],
        [2, 'the listing ends without its last line'],
      ],
    ],
  ])('%s', (_, text, count, malformed) => {
    expect(read('postfix-mailq', text)).toMatchObject({ messages: { length: count }, malformed });
  });

  it('keeps hostile texts as data, and long ones in time', () => {
    const nasty = '"\u001b[31m $(id) \u202e"@x';
    const text = `${HEAD}\n${entry('B9A83394', nasty)}\n(${nasty})\n${recipient(nasty)}\n\n-- 0 Kbytes in 1 Request.`;
    expect(read('postfix-mailq', text).messages[0]).toMatchObject({
      sender: nasty,
      recipients: [{ address: nasty, reason: nasty }],
    });
    const began = cpuTime();
    read(
      'postfix-mailq',
      `${entry('B9A83394')}\n${'('.repeat(5_000_000)}\n${' '.repeat(5_000_000)}x\n${'-'.repeat(1_000_000)}`,
    );
    const many = Array.from({ length: 5000 }, (__, index) => recipient(`u${index}@x`)).join('\n');
    expect(read('postfix-mailq', `${entry('B9A83394')}\n${many}`).messages[0]?.recipients).toHaveLength(5000);
    expect(cpuTime() - began).toBeLessThan(3000);
  });
});

describe('postqueue -j in a file', () => {
  it('names lines that are none', () => {
    const line = '{"queue_name": "deferred", "queue_id": "B9A83394", "sender": "a@x", "recipients": []}';
    const { messages, malformed } = read('postfix-json', `\ufeff${line}\nwarning\n\n${line.slice(0, 40)}`);
    expect(messages).toHaveLength(1);
    expect(malformed).toEqual([
      [2, 'not JSON'],
      [4, 'not JSON'],
    ]);
  });
});
