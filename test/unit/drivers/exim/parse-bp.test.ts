import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eximBp } from '../../../../src/drivers/exim/parse-bp.js';
import type { QueueMessage } from '../../../../src/queue/message.js';

const fixture = (name: string) =>
  readFileSync(new URL(`../../../fixtures/exim/${name}`, import.meta.url), 'utf8').split('\n');

function read(lines: readonly string[]) {
  const messages: QueueMessage[] = [];
  const malformed: string[] = [];
  const parser = eximBp.open(
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

describe('exim -bp', () => {
  it.each(['bp-4.96.txt', 'bpu-4.96.txt'])('reads the capture %s', (name) => {
    const lines = fixture(name);
    expect(eximBp.looksLike(lines.filter(Boolean).slice(0, 20))).toBe(true);
    const { messages, malformed } = read(lines);
    expect(malformed).toEqual([]);
    expect(messages.length).toBe(120);
    // As exiqsumm counts, which takes the delivered one for waiting.
    expect(messages.flatMap(({ recipients }) => recipients).length).toBe(121);
    expect(messages.filter(({ state }) => state === 'hold').length).toBe(
      lines.filter((line) => line.endsWith('*** frozen ***')).length,
    );
    expect(messages[4]).toEqual({
      queue: 'q',
      host: 'h',
      id: '1xUrLz-0003Bl-1A',
      state: 'deferred',
      arrivedAt: 1795291591,
      sizeBytes: 1229,
      sender: 'bounce-4@news.example.net',
      submitter: null,
      recipients: [
        { address: 'user4@tail200.example.org', reason: null },
        { address: 'third@outlook.com', reason: null },
      ],
    });
    expect(messages[5]?.sender).toBe('');
  });

  it('counts a message whose header file cannot be read', () => {
    const { messages, malformed } = read([
      '      1xUqiE-0005Hm-01',
      '    *** spool format error: size=8 ***',
      '',
      ' 2m   346 1xUqiE-0005Hm-02 <a@b.example>',
      '          c@d.example',
    ]);
    expect(malformed).toEqual([]);
    expect(messages.map(({ id, state, sizeBytes, sender }) => [id, state, sizeBytes, sender])).toEqual([
      ['1xUqiE-0005Hm-01', 'corrupt', 8, null],
      ['1xUqiE-0005Hm-02', 'deferred', 346, 'a@b.example'],
    ]);
  });

  it('reads ids of 4.97, senders that are not trusted, generated and odd addresses', () => {
    const { messages, malformed } = read([
      '99h  297K 1rQK6K-000000001Xz-0Ab9 <"a > b"@x.example> (ann) *** frozen ***',
      '          "a b"@x.example',
      '       +D made@x.example',
      '        D done@x.example',
      '          user@[IPv6:2001:db8::1]',
      '          "D odd"@bücher.example',
    ]);
    expect(malformed).toEqual([]);
    expect(messages[0]).toMatchObject({ state: 'hold', sizeBytes: 297 * 1024, sender: '"a > b"@x.example' });
    expect(messages[0]?.recipients.map(({ address }) => address)).toEqual([
      '"a b"@x.example',
      'user@[IPv6:2001:db8::1]',
      '"D odd"@bücher.example',
    ]);
  });

  it('names lines that are none, and goes on', () => {
    const { messages, malformed } = read([
      'exim: permission denied',
      '',
      ' 2m   346 1xUqiE-0005Hm-02 <a@b.example',
      ' 2m   346 1xUqiE-0005Hm-03 <a@b.example>',
      '  c@d.example',
      `          ${'x'.repeat(1_000_000)}@d.example`,
      ' 2m 99999999999999999999K 1xUqiE-0005Hm-04 <__proto__@constructor>',
    ]);
    expect(malformed).toEqual([
      '1: no entry of a queue',
      '3: an entry whose sender is cut',
      '5: no recipient',
      '7: no recipient',
    ]);
    expect(messages.length).toBe(1);
  });
});
