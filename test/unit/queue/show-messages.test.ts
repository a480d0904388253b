// Messages by their ids: which queues are asked, and what an id on several of them, or on none, comes to.
import { expect, test } from 'vitest';
import { TransportError } from '../../../src/errors.js';
import type { Queue, QueueDriver } from '../../../src/queue/driver.js';
import type { QueueMessage } from '../../../src/queue/message.js';
import { parseWanted, showMessages } from '../../../src/queue/show-messages.js';

const message = (queue: string, id: string): QueueMessage => ({
  queue,
  host: queue.split(':')[0] ?? queue,
  id,
  state: 'deferred',
  arrivedAt: 1,
  sizeBytes: 1,
  sender: '',
  submitter: null,
  recipients: [],
});

function queueOf(name: string, ids: readonly string[], more: Partial<QueueDriver> = {}): Queue {
  const driver: QueueDriver = {
    software: 'model',
    list: async (onMessage) => {
      for (const id of ids) onMessage(message(name, id));
      return { malformed: { lines: 0, first: null }, keptBack: [], warning: null };
    },
    cannot: () => null,
    preview: () => [],
    retry: async () => ({ inFlight: null }),
    ...more,
  };
  return { name, host: name.split(':')[0] ?? name, driver };
}

const host = (name: string) => ({ name, transport: 'ssh', groups: [] }) as const;
const fleetOf = (queues: readonly Queue[]) => ({
  hosts: [...new Set(queues.map((queue) => queue.host))].map(host),
  queuesOf: async ({ name }: { readonly name: string }) => queues.filter((queue) => queue.host === name),
});
const places = (name: string) => ['mx1', 'mx2', 'lists1'].includes(name);
const show = (queues: readonly Queue[], ...given: readonly string[]) =>
  showMessages(
    fleetOf(queues),
    given.map((one) => parseWanted(one, places)),
    { concurrency: 4 },
  );

test.each([
  ['ABC', undefined, 'ABC'],
  ['mx1/ABC', 'mx1', 'ABC'],
  ['mx1:postfix-out/ABC', 'mx1:postfix-out', 'ABC'],
  ['out/17+98', undefined, 'out/17+98'],
  ['lists1/out/17+98', 'lists1', 'out/17+98'],
  ['mx9/ABC', undefined, 'mx9/ABC'],
  ['mx1/', undefined, 'mx1/'],
  ['/ABC', undefined, '/ABC'],
])('%s', (given, place, id) => {
  expect(parseWanted(given, places)).toEqual({ place, id, given });
});

test('an id is looked for on every queue, and shown from each that has it', async () => {
  const found = await show([queueOf('mx1', ['A', 'B']), queueOf('mx2', ['B'])], 'A', 'B', 'C');
  expect(found.messages.map(({ message: one }) => `${one.queue} ${one.id}`)).toEqual([
    'mx1 A',
    'mx1 B',
    'mx2 B',
  ]);
  expect(found.missing.map(({ given }) => given)).toEqual(['C']);
});

test('a place narrows to its host or its queue', async () => {
  const queues = [queueOf('mx1:a', ['B']), queueOf('mx1:b', ['B']), queueOf('mx2', ['B'])];
  const on = async (given: string) =>
    (await show(queues, given)).messages.map(({ message: one }) => one.queue);
  expect(await on('mx1/B')).toEqual(['mx1:a', 'mx1:b']);
  expect(await on('mx1:b/B')).toEqual(['mx1:b']);
});

test('a driver that shows one message is asked for no list', async () => {
  const detail = { message: message('mx1', 'A'), headers: [], nextTryAt: 7, log: [], facts: [] };
  const queue = queueOf('mx1', [], {
    show: async (id) => (id === 'A' ? detail : null),
    list: () => Promise.reject(new Error('listed')),
  });
  const found = await show([queue], 'A', 'B');
  expect(found.messages).toEqual([detail]);
  expect(found.missing.map(({ given }) => given)).toEqual(['B']);
});

test('a host that gives no answer is a failure, and the others answer', async () => {
  const dead = queueOf('mx2', [], {
    list: () => Promise.reject(new TransportError('mx2', 'hung', 'mx2: hangs')),
  });
  const found = await show([queueOf('mx1', ['A']), dead], 'A');
  expect(found.messages).toHaveLength(1);
  expect(found.failures.map(({ host: name }) => name)).toEqual(['mx2']);
});
