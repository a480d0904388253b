// Message selectors: kinds narrow, one kind widens, and what speaks of a recipient is of one recipient.
import { describe, expect, it } from 'vitest';
import { textGlobs } from '../../../src/lib/text-glob.js';
import type { QueueMessage } from '../../../src/queue/message.js';
import { type MessageSelectors, messageFilter } from '../../../src/queue/select.js';

const NONE: MessageSelectors = {
  queues: [],
  states: [],
  domains: [],
  destinations: [],
  senders: [],
  submitters: [],
  recipients: [],
  nullSender: false,
  delayReasons: [],
  olderThanS: undefined,
  youngerThanS: undefined,
  largerThan: undefined,
  smallerThan: undefined,
  ids: [],
};
const one: QueueMessage = {
  queue: 'mx1:postfix-out',
  host: 'mx1',
  id: 'A1',
  state: 'deferred',
  arrivedAt: 1000,
  sizeBytes: 100,
  sender: 'Carl@Example.net',
  submitter: 'carl',
  recipients: [
    { address: 'ann@gmail.com', reason: null },
    { address: 'Bo@Outlook.com', reason: 'said: 451 4.7.650 rate' },
  ],
};
const fits = (more: Partial<MessageSelectors>, message: QueueMessage = one) =>
  messageFilter({ ...NONE, ...more }, (domain) => (domain === 'gmail.com' ? 'google' : domain)).matches(
    message,
    5000,
  );

describe('selectors', () => {
  it.each<[string, Partial<MessageSelectors>, boolean]>([
    ['nothing named', {}, true],
    ['the queue', { queues: ['mx1:postfix-out'] }, true],
    ['the instance alone', { queues: ['postfix-*'] }, true],
    ['another queue', { queues: ['mx1'] }, false],
    ['a domain in other letters', { domains: ['OUTLOOK.com'] }, true],
    ['one of two domains', { domains: ['x.example', 'gmail.com'] }, true],
    ['a destination', { destinations: ['google'] }, true],
    ['a sender in other letters', { senders: ['carl@example.NET'] }, true],
    ['a login', { submitters: ['car?'] }, true],
    ['two kinds', { domains: ['gmail.com'], states: ['hold'] }, false],
    ['domain and reason of one recipient', { domains: ['outlook.com'], delayReasons: [/4[.]7/] }, true],
    ['domain and reason of two recipients', { domains: ['gmail.com'], delayReasons: [/4[.]7/] }, false],
    ['an age reached', { olderThanS: 4000 }, true],
    ['an age not reached', { olderThanS: 4001 }, false],
    ['younger', { youngerThanS: 4001 }, true],
    ['larger', { largerThan: 100 }, false],
    ['smaller', { smallerThan: 101 }, true],
    ['an id, whose case counts', { ids: ['a1'] }, false],
    ['the null sender', { nullSender: true }, false],
  ])('%s', (_what, selectors, wanted) => {
    expect(fits(selectors)).toBe(wanted);
  });

  it('a sender that is `*` never means bounces, nor mail of which the sender is not known', () => {
    expect(fits({ senders: ['*'] }, { ...one, sender: '' })).toBe(false);
    expect(fits({ senders: ['*'] }, { ...one, sender: null })).toBe(false);
    expect(fits({ nullSender: true }, { ...one, sender: null })).toBe(false);
    expect(fits({ nullSender: true }, { ...one, sender: '' })).toBe(true);
  });

  it('a message whose arrival is not known is neither old nor young', () => {
    const message = { ...one, arrivedAt: null };
    expect([fits({ olderThanS: 1 }, message), fits({ youngerThanS: 1e9 }, message)]).toEqual([false, false]);
  });
});

describe('globs of texts', () => {
  it.each([
    ['*@example.net', 'a@example.net', true],
    ['a*b*c', 'aXXbYYbZc', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['user@[192.0.2.1]', 'user@[192.0.2.1]', true],
    ['*', '', true],
    ['', '', true],
  ])('%s and %s', (pattern, text, wanted) => {
    expect(textGlobs([pattern])(text)).toBe(wanted);
  });

  it('end in time, whatever they are made of', () => {
    expect(textGlobs([`${'*a'.repeat(200)}b`])('a'.repeat(20_000))).toBe(false);
  });
});
