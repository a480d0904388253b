// One message of a Postfix queue: what the host's answer comes to, and logins in a listing.
import { describe, expect, it } from 'vitest';
import { postfixQueue } from '../../../../src/drivers/postfix/queue.js';
import { parseShown } from '../../../../src/drivers/postfix/show.js';
import type { QueueMessage } from '../../../../src/queue/message.js';
import type { Transport } from '../../../../src/transport/transport.js';

const host = { name: 'mx1', transport: 'ssh', groups: [] } as const;
const place = { queue: 'mx1', host: 'mx1', id: 'B26791271' };
const answer = [
  'f deferred 1795766793 1795763193 323',
  'd ',
  'd <"a b"@gmail.com>: x',
  'd recipient="a b"@gmail.com',
  'd status=4.3.2',
  'd reason=first',
  'd ',
  'd recipient="a b"@gmail.com',
  'd reason=deferred transport',
  'd ',
  'e *** ENVELOPE RECORDS deferred/B/B26791271 ***',
  'e message_arrival_time: Fri Nov 27 07:06:33 2026',
  'e named_attribute: rewrite_context=local',
  'e sender: Carl@example.net',
  'e named_attribute: sasl_username=carl=x@example.net',
  'e named_attribute: client_address=192.0.2.1',
  'e original_recipient: a b@gmail.com',
  'e recipient: a b@gmail.com',
  'e recipient: bo@outlook.com',
  'h Subject: hi',
  'h \tthere',
  'h X-Evil: f hold 1 1 1',
  'h no header',
  'l Nov 27 07:06:33 mx1 postfix/qmgr[1]: B26791271: from=<x>',
  '',
].join('\n');

describe('a message', () => {
  it('has envelope, headers, last reasons, next try, log and what else is known', () => {
    expect(parseShown(answer, place)).toEqual({
      message: {
        ...{ queue: 'mx1', host: 'mx1', id: 'B26791271', state: 'deferred' },
        ...{
          arrivedAt: 1795763193,
          sizeBytes: 323,
          sender: 'Carl@example.net',
          submitter: 'carl=x@example.net',
        },
        recipients: [
          { address: '"a b"@gmail.com', reason: 'deferred transport' },
          { address: 'bo@outlook.com', reason: null },
        ],
      },
      headers: [
        ['Subject', 'hi there'],
        ['X-Evil', 'f hold 1 1 1'],
      ],
      nextTryAt: 1795766793,
      log: ['Nov 27 07:06:33 mx1 postfix/qmgr[1]: B26791271: from=<x>'],
      facts: [
        ['sasl_username', 'carl=x@example.net'],
        ['client_address', '192.0.2.1'],
      ],
    });
  });

  it('on hold has no next try, in maildrop it is incoming, and none is none', () => {
    expect(parseShown('f hold 1 2 3\n', place)?.nextTryAt).toBeNull();
    expect(parseShown('f maildrop 1 2 3\n', place)?.message.state).toBe('incoming');
    expect(parseShown('', place)).toBeNull();
    expect(parseShown('e sender: x\n', place)).toBeNull();
  });

  it('without a sender record has none that is known, the null sender is empty', () => {
    expect(parseShown('f hold 1 2 3\n', place)?.message.sender).toBeNull();
    expect(parseShown('f hold 1 2 3\ne sender: \n', place)?.message.sender).toBe('');
  });

  it('whose id cannot be one is not asked for', async () => {
    const transport: Transport = { run: () => Promise.reject(new Error('asked')), close: async () => {} };
    const driver = postfixQueue({ transport, host, name: 'mx1' });
    for (const id of ['$(id)', '-q', '', '../x', 'a b']) expect(await driver.show?.(id)).toBeNull();
  });
});

describe('a listing with logins', () => {
  it('gives each message its own', async () => {
    const hex = (text: string) => Buffer.from(text).toString('hex');
    const line = (id: string) => JSON.stringify({ queue_name: 'hold', queue_id: id, recipients: [] });
    const lines = [
      'kept-back ',
      `submitter ${hex('carl@\u001bx')}`,
      line('B9A83394'),
      line('C0FFEE11'),
      'submitter xyz',
      line('C0FFEE22'),
    ];
    const transport: Transport = {
      run: async (_, __, options) => {
        for (const one of lines) options?.onLine?.(one);
        return { status: 0, stdout: '', stderr: '' };
      },
      close: async () => {},
    };
    const seen: QueueMessage[] = [];
    const listing = await postfixQueue({ transport, host, name: 'mx1' }).list((one) => seen.push(one), {
      submitter: true,
    });
    expect(seen.map(({ submitter }) => submitter)).toEqual(['carl@\u001bx', null, null]);
    expect(listing.malformed.lines).toBe(1);
  });
});
