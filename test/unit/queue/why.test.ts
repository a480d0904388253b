/** Queues and logs folded into causes. */
import { describe, expect, test } from 'vitest';
import type { DeliveryEvent } from '../../../src/queue/delivery-event.js';
import type { QueueMessage } from '../../../src/queue/message.js';
import { WhyFold } from '../../../src/queue/why.js';

const NOW = 1_000_000;
const windows = { from: NOW - 7200, to: NOW, before: { from: NOW - 14_400, to: NOW - 7200 } };
const LIMITED = 'host mx.example[198.51.100.9] said: 450 4.2.1 rate limited (in reply to RCPT TO command)';
const BLOCKED =
  "host eur.olc.protection.outlook.com[2001:db8::25] said: 550 5.7.1 Unfortunately, messages from [192.0.2.14] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).";

const message = (
  id: string,
  recipients: Record<string, string | null>,
  more: Partial<QueueMessage> = {},
): QueueMessage => ({
  queue: 'mx1',
  host: 'mx1',
  id,
  state: 'deferred',
  arrivedAt: NOW - 600,
  sizeBytes: 1,
  sender: 'ann@example.net',
  submitter: null,
  recipients: Object.entries(recipients).map(([address, reason]) => ({ address, reason })),
  ...more,
});
const event = (outcome: DeliveryEvent['outcome'], more: Partial<DeliveryEvent> = {}): DeliveryEvent => ({
  at: NOW - 60,
  id: 'A',
  outcome,
  recipient: 'bo@outlook.com',
  sender: 'ann@example.net',
  relay: null,
  source: null,
  dsn: null,
  reason: '',
  ...more,
});
const itself = (domain: string) => domain;

describe('the queue', () => {
  test('a message counts once for a cause, with all of its recipients; an id that comes twice counts once', () => {
    const fold = new WhyFold({ windows });
    fold.addMessage(message('A', { 'a@x.example': LIMITED, 'b@y.example': LIMITED, 'c@x.example': null }));
    fold.addMessage(message('A', { 'a@x.example': LIMITED }));
    fold.addMessage(
      message('A', { 'a@x.example': LIMITED }, { queue: 'mx2', host: 'mx2', arrivedAt: NOW - 900 }),
    );
    const { causes, queue } = fold.result(itself);
    expect(queue).toEqual({ messages: 2, recipients: 4, notTried: 1 });
    expect(causes).toHaveLength(1);
    expect(causes[0]).toMatchObject({
      messages: 2,
      waiting: { messages: 2, recipients: 3, oldestAt: NOW - 900 },
      hosts: ['mx1', 'mx2'],
      destinations: [
        { name: 'x.example', count: 2 },
        { name: 'y.example', count: 1 },
      ],
      example: { queue: 'mx2', id: 'A' },
    });
  });

  test('only the recipients that are meant count', () => {
    const fold = new WhyFold({ windows, wants: (_message, { address }) => address.endsWith('@x.example') });
    fold.addMessage(message('A', { 'a@x.example': LIMITED, 'b@y.example': 'deferred transport' }));
    fold.addMessage(message('B', { 'b@y.example': 'deferred transport' }));
    const { causes, queue } = fold.result(itself);
    expect(queue.messages).toBe(1);
    expect(causes.map(({ cause }) => cause.id)).toEqual(['rate-limit']);
  });

  test('full mailboxes are told by slot', () => {
    const fold = new WhyFold({ windows, slotOf: (address) => /@(store\d+)\./.exec(address)?.[1] ?? null });
    const full = 'host imap22[10.1.1.22] said: 452 4.2.2 Over quota (in reply to RCPT TO command)';
    fold.addMessage(
      message('A', {
        'ann@store1.example.net': full,
        'bo@store1.example.net': full,
        'cy@store2.example.net': full,
      }),
    );
    expect(fold.result(itself).causes[0]?.slots).toEqual([
      { name: 'store1', count: 2 },
      { name: 'store2', count: 1 },
    ]);
  });

  test('domains of JavaScript names, and thousands of texts that nobody knows, are counted right and bounded', () => {
    const fold = new WhyFold({ windows });
    fold.addMessage(message('A', { 'a@__proto__': LIMITED, 'b@constructor': LIMITED }));
    const letters = (at: number) =>
      String.fromCharCode(97 + (at % 26), 97 + (Math.floor(at / 26) % 26), 97 + (Math.floor(at / 676) % 26));
    for (let at = 0; at < 3000; at += 1)
      fold.addMessage(message(`B${at}`, { 'a@x.example': `odd ${letters(at)}` }));
    const { causes } = fold.result(itself);
    expect(causes.reduce((sum, row) => sum + row.messages, 0)).toBe(3001);
    expect(causes.length).toBeLessThan(600);
    expect(causes[0]?.cause.title).toBe('other texts');
    expect(
      causes.find(({ cause }) => cause.id === 'rate-limit')?.destinations.map(({ name }) => name),
    ).toEqual(['__proto__', 'constructor']);
  });
});

describe('the log', () => {
  test('an address on a blocklist is seen although the queue is empty', () => {
    const fold = new WhyFold({ windows });
    const relay = { name: 'eur.olc.protection.outlook.com', address: '2001:db8::25', port: 25 };
    for (let at = 0; at < 5; at += 1)
      fold.addEvent(
        event('bounced', { reason: BLOCKED, dsn: '5.7.1', relay, at: NOW - 600 + at }),
        'mx1',
        'mx1',
      );
    fold.addEvent(event('sent', { relay, at: NOW - 10_000 }), 'mx1', 'mx1');
    const { causes, log, queue } = fold.result(() => 'microsoft');
    expect(queue.messages).toBe(0);
    expect(causes).toHaveLength(1);
    expect(causes[0]).toMatchObject({
      cause: { title: 'our IP blocklisted, S3150', code: '550 5.7.1', act: 'delist' },
      messages: 5,
      firstSeen: NOW - 600,
      lastSeen: NOW - 596,
      sources: ['192.0.2.14'],
      families: [6],
      destinations: [{ name: 'microsoft', count: 5 }],
    });
    expect(log.destinations).toMatchObject([
      { name: 'microsoft', now: { bounced: 5, sent: 0 }, before: { sent: 1 } },
    ]);
    expect(log.sources).toMatchObject([{ name: '192.0.2.14', now: { bounced: 5 } }]);
    expect(log.codes).toMatchObject([{ name: '550 5.7.1', now: { bounced: 5 } }]);
  });

  test('tries of what waits are no further messages, and what is outside of the windows does not count', () => {
    const fold = new WhyFold({ windows });
    fold.addMessage(message('A', { 'a@x.example': LIMITED }));
    for (const at of [NOW - 100, NOW - 50, NOW - 8000, NOW - 20_000, NOW + 50])
      fold.addEvent(
        event('deferred', { reason: LIMITED, dsn: '4.2.1', recipient: 'a@x.example', at }),
        'mx1',
        'mx1',
      );
    const { causes } = fold.result(itself);
    expect(causes).toHaveLength(1);
    expect(causes[0]).toMatchObject({
      messages: 1,
      log: { deferred: 2 },
      before: { deferred: 1 },
      firstSeen: NOW - 100,
      destinations: [{ name: 'x.example', count: 1 }],
    });
  });

  test('what our server turned away stands apart from what others turned away', () => {
    const fold = new WhyFold({ windows });
    const reason = '554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org';
    fold.addEvent(event('refused', { reason, recipient: 'us@example.net' }), 'mx1', 'mx1');
    const { causes, door, log } = fold.result(itself);
    expect(causes).toEqual([]);
    expect(door).toMatchObject([{ cause: { id: 'door-blocklist-dnsbl' }, log: { refused: 1 }, sources: [] }]);
    expect(log.sources).toEqual([]);
  });
});
