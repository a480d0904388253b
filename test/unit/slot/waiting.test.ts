// Whose a message that waits is, and what the end says of it. A reason is partly a stranger's text.
import { describe, expect, it } from 'vitest';
import type { QueueMessage } from '../../../src/queue/message.js';
import {
  nextHopOf,
  recipientForm,
  UNKNOWN_SLOT,
  WaitingFold,
  type WaitingRow,
  waitingReasons,
  whoseMail,
} from '../../../src/slot/waiting.js';

describe('the next hop of a delay reason', () => {
  it.each<[string, string[], number | null]>([
    [
      'connect to imap21.example.net[192.0.2.21]:2003: Connection refused',
      ['imap21.example.net', 'imap21', '192.0.2.21'],
      2003,
    ],
    [
      'delivery temporarily suspended: connect to 192.0.2.21[192.0.2.21]:24: No route to host',
      ['192.0.2.21'],
      24,
    ],
    [
      'lost connection with imap21[192.0.2.21] while receiving the initial server greeting',
      ['imap21', '192.0.2.21'],
      null,
    ],
    [
      'conversation with imap21[2001:db8::1] timed out while sending end of data',
      ['imap21', '2001:db8::1'],
      null,
    ],
    [
      'host imap21[192.0.2.21] said: 451 4.3.0 try connect to imap22[192.0.2.22]:24 (in reply to RCPT)',
      ['imap21', '192.0.2.21'],
      null,
    ],
  ])('%s', (reason, names, port) => {
    expect(nextHopOf(reason)).toEqual({ names, port });
  });

  it.each([
    null,
    '',
    'slot is readonly:imap22',
    'said: connect to imap21[192.0.2.21]:24',
    'connect to [',
    'x'.repeat(1e6),
  ])('of %.40s: none', (reason) => {
    expect(nextHopOf(reason)).toBeNull();
  });
});

describe('a site’s form of addresses', () => {
  it('is read whole, without regard to case, dots as dots', () => {
    const read = recipientForm('{user}@{slot}.Example.net');
    expect(read('Ann@STORE1.example.net')).toEqual({ user: 'ann', slot: 'store1' });
    expect(read('"at@x"@store1.example.net')).toEqual({ user: '"at@x"', slot: 'store1' });
    expect(read('ann@store1xexample.net')).toBeNull();
    expect(read('ann@store1.example.net.evil')).toBeNull();
    expect(recipientForm('{slot}-{user}@x')('store1-ann-b@x')).toEqual({ slot: 'store1', user: 'ann-b' });
    expect(recipientForm('{user}@{slot}.(a+)+$')('x@y.(a+)+$')).toEqual({ user: 'x', slot: 'y' });
  });

  it('is not hung up by a long address', () => {
    expect(recipientForm('{user}@{slot}.x')(`${'@.'.repeat(400)}y`)).toBeNull();
    expect(recipientForm('{user}@{slot}.x')('@'.repeat(100_000))).toBeNull();
  });
});

const roads = [
  {
    slot: 'store1',
    ends: [
      { name: 'imap21', port: 10_124 },
      { name: '192.0.2.21', port: 10_124 },
    ],
  },
  {
    slot: 'store2',
    ends: [
      { name: 'imap21', port: 10_224 },
      { name: '192.0.2.22', port: 10_224 },
    ],
  },
];
const to = (address: string, reason: string | null = null) => ({ address, reason });

describe('whose mail', () => {
  it('is told by the port of the last try, and is nobody’s known when only the host is named', () => {
    const whose = whoseMail({ roads });
    expect(whose(to('a@x', 'connect to imap21[192.0.2.21]:10224: refused'))).toBe('store2');
    expect(whose(to('a@x', 'connect to imap21[192.0.2.21]:10924: refused'))).toBeNull();
    expect(whose(to('a@x', 'lost connection with imap21[192.0.2.9] while x'))).toBe(UNKNOWN_SLOT);
    expect(whose(to('a@x', 'lost connection with y[192.0.2.22] while x'))).toBe('store2');
    expect(whose(to('a@x'))).toBeNull();
  });

  it('is told by the form first: another slot’s mail is none of ours, whatever its reason', () => {
    const whose = whoseMail({ roads, form: '{user}@{slot}.example' });
    expect(whose(to('a@store1.example'))).toBe('store1');
    expect(whose(to('a@store9.example', 'connect to imap21[192.0.2.21]:10124: refused'))).toBeNull();
    expect(whose(to('a@other', 'connect to imap21[192.0.2.21]:10124: refused'))).toBe('store1');
  });

  it('is told by the directory’s users', () => {
    const users = new Map([['ann@x', 'store2']]);
    const whose = whoseMail({ roads, slotOfUser: (address) => users.get(address) });
    expect(whose(to('Ann@x'))).toBe('store2');
    expect(whose(to('bob@x'))).toBeNull();
  });
});

describe('the fold', () => {
  const message = (id: string, state: string, ...recipients: string[]): QueueMessage => ({
    queue: 'mx1',
    id,
    state,
    arrivedAt: 7,
    sizeBytes: 1,
    sender: '',
    submitter: null,
    host: 'mx1',
    recipients: recipients.map((address) => ({ address, reason: null })),
  });
  const whose = whoseMail({ roads, form: '{user}@{slot}.example' });

  it('counts an id once, and its last line holds', () => {
    const fold = new WaitingFold(whose);
    fold.add(message('A', 'active', 'a@store1.example'));
    fold.add(message('A', 'deferred', 'a@store1.example', 'b@store2.example', 'c@store1.example'));
    fold.add(message('B', 'deferred', 'a@store1.example'));
    fold.add(message('B', 'deferred', 'a@elsewhere'));
    expect([...fold.messages.values()]).toMatchObject([
      { id: 'A', state: 'deferred', slots: ['store1', 'store2'] },
    ]);
  });

  it('keeps no more than it may, and says so', () => {
    const fold = new WaitingFold(whose, 2);
    for (const id of ['A', 'B', 'C', 'A']) fold.add(message(id, 'deferred', 'a@store1.example'));
    expect([fold.messages.size, fold.isCut]).toEqual([2, true]);
  });
});

describe('the reasons against leaving', () => {
  const row = (more: Partial<WaitingRow>): WaitingRow => ({
    mx: 'mx1',
    slot: 'store1',
    messages: 5,
    released: 5,
    left: 0,
    held: 0,
    problem: null,
    ...more,
  });
  it.each<[string, readonly WaitingRow[] | null, readonly string[]]>([
    ['not looked at', null, []],
    ['all gone', [row({})], []],
    [
      'stuck',
      [row({ left: 2, problem: '451' }), row({ slot: 'store2', left: 1, problem: '4' })],
      ['3 messages on mx1 do not move'],
    ],
    ['moving', [row({ left: 1 })], ['1 message still waits on mx1']],
    ['on hold', [row({ left: 2, held: 2 })], ['2 messages for these slots are on hold']],
    [
      'not seen',
      [row({ mx: 'mx2', slot: null, messages: null, left: null, problem: 'no answer' })],
      ['the queue of mx2 was not seen'],
    ],
  ])('%s', (_, rows, reasons) => {
    expect(waitingReasons(rows)).toEqual(reasons);
  });
});
