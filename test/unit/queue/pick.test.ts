// The first messages of a listing: the same as if all were kept and sorted, whatever order they come in.
import { expect, it } from 'vitest';
import type { QueueMessage } from '../../../src/queue/message.js';
import { FirstMessages, messageOrder, ownMessage } from '../../../src/queue/pick.js';
import { randomFrom } from '../../support/random.js';

const message = (id: string, arrivedAt: number, sizeBytes = 1): QueueMessage => ({
  queue: 'mx1',
  host: 'mx1',
  id,
  state: 'deferred',
  arrivedAt,
  sizeBytes,
  sender: `sender-of-${id}@news.example.net`,
  submitter: null,
  recipients: [{ address: `${id}@a-long-domain.example`, reason: null }],
});

it.each([1, 2, 3])('are the same as of all, sorted (seed %i)', (seed) => {
  const random = randomFrom(seed);
  const all = Array.from({ length: 5000 }, (_, at) => message(`ID${at}`, Math.floor(random() * 900)));
  for (const limit of [1, 7, 600]) {
    const compare = messageOrder('arrival', seed === 2);
    const first = new FirstMessages(compare, limit);
    for (const one of all) first.add(one);
    expect(first.count).toBe(all.length);
    expect(first.result()).toEqual([...all].sort(compare).slice(0, limit));
  }
});

it('count a message that comes twice once, by its last word', () => {
  const compare = messageOrder('size', false);
  const first = new FirstMessages(compare, 3);
  for (let at = 0; at < 3000; at += 1) first.add(message(`ID${at}`, 1, 3000 - at));
  first.add(message('ID0', 1, 9000));
  first.add(message('ID2', 1, 5));
  expect(first.result().map(({ id, sizeBytes }) => [id, sizeBytes])).toEqual([
    ['ID0', 9000],
    ['ID1', 2999],
    ['ID2', 5],
  ]);
});

it('are copies', () => {
  const one = { ...message('ID1', 7), sender: null, submitter: 'carl@example.net' };
  expect(ownMessage(one)).toEqual(one);
  expect(ownMessage(one).recipients[0]).not.toBe(one.recipients[0]);
});
