import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import type { OutStream } from '../../../src/cli/streams.js';
import { createWriter } from '../../../src/cli/writer.js';

class SlowStream extends EventEmitter implements OutStream {
  readonly texts: string[] = [];
  takes = false;

  write(text: string | Uint8Array): boolean {
    this.texts.push(text.toString());
    return this.takes;
  }
}

test('a writer waits for a stream that is full', async () => {
  const stream = new SlowStream();
  const writer = createWriter(stream);
  let done = false;
  const writing = writer.write('a').then(() => {
    done = true;
  });
  await Promise.resolve();
  expect(done).toBe(false);
  stream.emit('drain');
  await writing;
  expect(stream.listenerCount('drain')).toBe(0);
});

test('a reader that goes away ends the waiting, and what comes after is dropped', async () => {
  const stream = new SlowStream();
  const writer = createWriter(stream);
  const writing = writer.write('a');
  stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await writing;
  expect(writer.isClosed()).toBe(true);
  await writer.write('b');
  writer.writeNow('c');
  expect(stream.texts).toEqual(['a']);
});

test('a stream that throws counts as one whose reader has gone', async () => {
  const stream = new SlowStream();
  stream.write = () => {
    throw new Error('EIO');
  };
  const writer = createWriter(stream);
  await writer.write('a');
  expect(writer.isClosed()).toBe(true);
});
