// The Postfix queue driver: what `postqueue -j` may print, hostile texts and all, and what a retry sends.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePostqueueLine } from '../../../../src/drivers/postfix/parse-postqueue.js';
import { postfixQueue } from '../../../../src/drivers/postfix/queue.js';
import type { QueueMessage } from '../../../../src/queue/message.js';
import type { Transport } from '../../../../src/transport/transport.js';

const host = { name: 'mx1', transport: 'ssh', groups: [] } as const;
const line = (more: object) =>
  JSON.stringify({
    queue_name: 'deferred',
    queue_id: 'B9A83394',
    arrival_time: 1_795_747_881,
    message_size: 375,
    forced_expire: false,
    sender: 'lab@lab.example',
    recipients: [{ address: 'ann@store1.lab.example', delay_reason: 'connect to x[192.0.2.1]:24: refused' }],
    ...more,
  });
const message = (more: object) => {
  const parsed = parsePostqueueLine('mx1', 'mx1', line(more));
  if (parsed.kind !== 'message') throw new Error(parsed.kind);
  return parsed.message;
};

describe('a line of postqueue -j', () => {
  it('of a real server is a message, each', () => {
    const text = readFileSync(
      new URL('../../../fixtures/postfix/postqueue-j-3.7.json', import.meta.url),
      'utf8',
    );
    const parsed = text
      .trim()
      .split('\n')
      .map((one) => parsePostqueueLine('mx1', 'mx1', one));
    expect(parsed.map(({ kind }) => kind)).toEqual(parsed.map(() => 'message'));
  });

  it('gives id, state, arrival, size, sender and recipients', () => {
    expect(message({})).toEqual({
      queue: 'mx1',
      host: 'mx1',
      submitter: null,
      id: 'B9A83394',
      state: 'deferred',
      arrivedAt: 1_795_747_881,
      sizeBytes: 375,
      sender: 'lab@lab.example',
      recipients: [{ address: 'ann@store1.lab.example', reason: 'connect to x[192.0.2.1]:24: refused' }],
    });
  });

  it('maps Postfix’s words: maildrop is incoming, a state that nobody knows keeps its name, the null sender is empty', () => {
    expect(message({ queue_name: 'maildrop' }).state).toBe('incoming');
    expect(message({ queue_name: 'saved' }).state).toBe('saved');
    expect(message({ queue_name: 7 }).state).toBe('unknown');
    expect(message({ sender: 'MAILER-DAEMON' }).sender).toBe('');
  });

  it('counts each recipient once and keeps the entry with a reason, whichever comes first', () => {
    const recipients = [
      { address: 'a@x' },
      { address: 'b@x', delay_reason: 'full' },
      { address: 'a@x', delay_reason: 'later' },
      { address: 'b@x' },
      { address: 'A@x' },
      null,
      { address: 7 },
      'c@x',
    ];
    expect(message({ recipients }).recipients).toEqual([
      { address: 'a@x', reason: 'later' },
      { address: 'b@x', reason: 'full' },
      { address: 'A@x', reason: null },
    ]);
  });

  it.each([
    ['a size that is no number', { message_size: '12k' }, { sizeBytes: 0 }],
    ['a negative size', { message_size: -1 }, { sizeBytes: 0 }],
    ['an arrival that is none', { arrival_time: 'now' }, { arrivedAt: null }],
    ['no recipients', { recipients: {} }, { recipients: [] }],
    ['a member that is not known yet', { priority: 9 }, { id: 'B9A83394' }],
  ])('takes %s', (_, more, result) => {
    expect(message(more)).toMatchObject(result);
  });

  it.each([
    ['', 'blank'],
    ['\ufeff', 'blank'],
    ['  \r', 'blank'],
    ['Mail queue is empty', 'malformed'],
    ['[]', 'malformed'],
    ['null', 'malformed'],
    ['{"queue_name": "deferred"}', 'malformed'],
    ['{"queue_id": ""}', 'malformed'],
    ['{"queue_id": "x"', 'malformed'],
  ])('%j is %s', (text, kind) => {
    expect(parsePostqueueLine('mx1', 'mx1', text).kind).toBe(kind);
  });

  it('of hostile texts is data, also of many megabytes', () => {
    const nasty = '\u001b]0;x\u0007 $(id) `id` \u202e \u009b31m "quoted"@x';
    expect(message({ sender: nasty }).sender).toBe(nasty);
    const recipients = Array.from({ length: 50_000 }, (_, index) => ({ address: `u${index}@x` }));
    expect(message({ recipients }).recipients).toHaveLength(50_000);
  });
});

describe('the driver', () => {
  const answering = (lines: readonly string[], stderr = ''): { transport: Transport; stdin: string[] } => {
    const stdin: string[] = [];
    const transport: Transport = {
      run: async (_, command, options) => {
        stdin.push(command.stdin ?? '');
        for (const one of lines) options?.onLine?.(one);
        return { status: 0, stdout: lines.join('\n'), stderr };
      },
      close: async () => {},
    };
    return { transport, stdin };
  };

  it('streams messages, names the first line that was none, and the transports that are kept back', async () => {
    const seen: QueueMessage[] = [];
    const { transport } = answering(
      ['kept-back lmtp relay ', line({}), '', 'rubbish', '{}', line({ queue_id: 'C' })],
      'postqueue: warning: Mail system is down -- accessing queue directly\n',
    );
    const listing = await postfixQueue({ transport, host, name: 'mx1' }).list((one) => seen.push(one));
    expect(seen.map(({ id }) => id)).toEqual(['B9A83394', 'C']);
    expect(listing).toEqual({
      malformed: { lines: 2, first: { line: 3, what: 'not JSON' } },
      keptBack: ['lmtp', 'relay'],
      warning: 'postqueue: warning: Mail system is down -- accessing queue directly',
      isDown: true,
    });
  });

  it('sends only what can be an id', async () => {
    const { transport, stdin } = answering(['in-flight 12']);
    const ids = ['B9A83394', '4jX28t1RZxzD00t', '-', 'ALL deferred', '$(id)', '', 'x\ny', '../..'];
    expect(await postfixQueue({ transport, host, name: 'mx1' }).retry(ids)).toEqual({ inFlight: 12 });
    expect(stdin).toEqual(['B9A83394\n4jX28t1RZxzD00t\n']);
  });
});
