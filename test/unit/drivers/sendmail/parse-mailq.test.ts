import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sendmailMailq, timeOfId } from '../../../../src/drivers/sendmail/parse-mailq.js';
import type { QueueMessage } from '../../../../src/queue/message.js';

const NOW = 1_795_300_000;

function read(lines: readonly string[], now = NOW) {
  const messages: QueueMessage[] = [];
  const malformed: string[] = [];
  const parser = sendmailMailq.open(
    {
      message: (message) => messages.push(message),
      malformed: (line, what) => malformed.push(`${line}: ${what}`),
    },
    { queue: 'q', host: 'h', now },
  );
  for (const line of lines) parser.line(line);
  parser.end();
  return { messages, malformed };
}

describe('mailq of Sendmail', () => {
  it('reads the capture, in which a queue is listed twice', () => {
    const lines = readFileSync(
      new URL('../../../fixtures/sendmail/mailq-8.17.txt', import.meta.url),
      'utf8',
    ).split('\n');
    expect(sendmailMailq.looksLike(lines.slice(0, 20))).toBe(true);
    const { messages, malformed } = read(lines);
    expect(malformed).toEqual([]);
    expect(messages.length).toBe(6);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(3);
    expect(messages[1]).toEqual({
      queue: 'q',
      host: 'h',
      id: '6ALK0VTm029909',
      state: 'deferred',
      // The T line of its qf file.
      arrivedAt: 1795291231,
      sizeBytes: 5,
      sender: 'bounce@news.example.net',
      submitter: null,
      recipients: ['third@gmx.de', 'user@outlook.com', 'other@outlook.com'].map((address) => ({
        address,
        reason: 'host map: lookup (news.example.net): deferred',
      })),
    });
    expect(messages[0]?.sender).toBe('');
  });

  it('reads marks, priorities and quarantine', () => {
    const { messages, malformed } = read([
      '\t\t/var/spool/mqueue (3 requests)',
      '-----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------',
      '6ALK0VlJ029942*       5     90017+Nov 21 20:00 <a@b.example>',
      '\t\t\t\t\t <c@d.example>',
      '6ALK0VlJ029943-       5 Sat Nov 21 20:00 a@b.example',
      '      QUARANTINE: looks bad',
      '\t\t\t\t\t c@d.example',
      '6ALK0VlJ029944X (no control file)',
      '\t\tTotal requests: 3',
    ]);
    expect(malformed).toEqual([]);
    expect(messages.map(({ state }) => state)).toEqual(['active', 'hold']);
    expect(messages[0]?.recipients).toEqual([{ address: 'c@d.example', reason: null }]);
  });

  it('takes the time from an id only where the list agrees', () => {
    expect(timeOfId('6ALK0VTm029909', NOW)).toBe(1795291231);
    expect(timeOfId('zzzzzzzzzzzzzz', NOW)).toBeNull();
    const { messages } = read([
      'AAAAAAAAAAAAAA        5 Sat Nov 21 20:00 a@b.example',
      '\t\t\t\t\t c@d.example',
      '\t\tTotal requests: 1',
    ]);
    expect(messages[0]?.arrivedAt).toBe(new Date(2026, 10, 21, 20, 0).getTime() / 1000);
  });

  it('takes a date that lies ahead for one of the year before', () => {
    const { messages } = read(['QUEUEID1        5 Thu Dec 31 20:00 a@b.example'], NOW);
    expect(messages[0]?.arrivedAt).toBe(new Date(2025, 11, 31, 20, 0).getTime() / 1000);
  });

  it('names lines that are none, and a listing that is cut', () => {
    const { messages, malformed } = read([
      'hello',
      '6ALK0VlJ029942        5 Sat Nov 21 20:00 <a@b.example>',
      '  c@d.example',
      '\t\t\t\t\t c@d.example',
    ]);
    expect(malformed).toEqual([
      '1: no entry of a queue',
      '3: neither a reason nor a recipient',
      '4: the listing ends without its last line',
    ]);
    expect(messages.length).toBe(1);
    expect(sendmailMailq.looksLike(['Mail queue is empty'])).toBe(false);
  });
});
