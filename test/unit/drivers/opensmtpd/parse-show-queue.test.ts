import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { opensmtpdQueue } from '../../../../src/drivers/opensmtpd/parse-show-queue.js';
import type { QueueMessage } from '../../../../src/queue/message.js';

function read(lines: readonly string[]) {
  const messages: QueueMessage[] = [];
  const malformed: string[] = [];
  const parser = opensmtpdQueue.open(
    {
      message: (message) => messages.push(message),
      malformed: (line, what) => malformed.push(`${line}: ${what}`),
    },
    { queue: 'q', host: 'h', now: 1_795_300_000 },
  );
  for (const line of lines) parser.line(line);
  parser.end();
  return { messages, malformed };
}

describe('smtpctl show queue', () => {
  it('reads the capture: envelopes join into messages', () => {
    const lines = readFileSync(
      new URL('../../../fixtures/opensmtpd/show-queue-6.8.txt', import.meta.url),
      'utf8',
    ).split('\n');
    expect(opensmtpdQueue.looksLike(lines)).toBe(true);
    const { messages, malformed } = read(lines);
    expect(malformed).toEqual([]);
    expect(messages.map(({ id }) => id)).toEqual(['0e8b9574', '26b4873a']);
    expect(messages[1]).toEqual({
      queue: 'q',
      host: 'h',
      id: '26b4873a',
      state: 'deferred',
      arrivedAt: 1795291209,
      sizeBytes: 0,
      sender: 'bounce@news.example.net',
      submitter: null,
      recipients: [
        { address: 'user@gmail.com', reason: 'Network error on destination MXs' },
        { address: 'other@gmail.com', reason: 'Network error on destination MXs' },
      ],
    });
  });

  it('reads states, the null sender, aliases, and a | wherever it is', () => {
    const line = (
      id: string,
      flags: string,
      addresses: string,
      tries: number,
      where: string,
      error: string,
    ) => `${id}|inet4|mta|${flags}|${addresses}|1795291209|1795637809|0|${tries}|${where}|-3|${error}`;
    const { messages, malformed } = read([
      line(
        '0000000100000001',
        'auth,suspend',
        '@|a@x.example|a@x.example',
        3,
        'pending',
        'a|b|1|2|3|4|pending|5|c',
      ),
      line('0000000200000001', '', 's@x.example|list@x.example|a|b@y.example', 0, 'pending', ''),
      line('0000000300000001', '', 's@x.example|a|b@y.example|a|b@y.example', 0, 'inflight', ''),
      line('0000000400000001', '', 's|t@x.example|c@y.example|c@y.example', 0, 'pending', ''),
      line('0000000500000001', '', 's@x.example|alias@y.example|real@z.example', 0, 'pending', ''),
    ]);
    expect(malformed).toEqual(['2: addresses that cannot be told apart']);
    expect(messages.map(({ state, sender, recipients }) => [state, sender, recipients[0]])).toEqual([
      ['hold', '', { address: 'a@x.example', reason: 'a|b|1|2|3|4|pending|5|c' }],
      ['active', 's@x.example', { address: 'a|b@y.example', reason: null }],
      ['incoming', 's|t@x.example', { address: 'c@y.example', reason: null }],
      ['incoming', 's@x.example', { address: 'real@z.example', reason: null }],
    ]);
  });

  it('names lines that are none, quickly however long they are', () => {
    const { messages, malformed } = read([
      'smtpctl: need root privileges',
      `0e8b9574d13d48a3|local|mta||${'|'.repeat(300_000)}`,
      `0e8b9574d13d48a3|local|mta||${'1|'.repeat(300_000)}`,
      '0e8b9574d13d48a3|local|mta|auth|a@b',
    ]);
    expect(messages).toEqual([]);
    expect(malformed.length).toBe(4);
  });
});
