import type { writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { syncStream } from '../../../src/cli/process-streams.js';
import { BufferStream } from '../../support/run-cli.js';

/** A descriptor that takes a few bytes at a time, then fails with `code`. */
function descriptor(piece: number, room = Number.POSITIVE_INFINITY, code = 'EAGAIN') {
  let taken = '';
  const write = ((_fd: number, bytes: Buffer) => {
    if (taken.length >= room) throw Object.assign(new Error(code), { code });
    const part = bytes.subarray(0, piece);
    taken += part.toString('latin1');
    return part.length;
  }) as unknown as typeof writeSync;
  return { write, text: () => Buffer.from(taken, 'latin1').toString() };
}

test('a text is written whole, however little is taken at a time', () => {
  const { write, text } = descriptor(3);
  const stream = syncStream(1, () => new BufferStream(), write);
  expect(stream.write('Zoë and 日本')).toBe(true);
  expect(text()).toBe('Zoë and 日本');
});

test('a full pipe that does not block hands the rest to node’s own stream, in order and for good', () => {
  const { write, text } = descriptor(4, 8);
  const other = new BufferStream();
  const stream = syncStream(1, () => other, write);
  stream.write('0123456789ab');
  stream.write('cd');
  expect(text() + other.text).toBe('0123456789abcd');
  expect(text()).toBe('01234567');
});

test('a reader that has gone is told to those who listen, and is no exception', () => {
  const errors: (string | undefined)[] = [];
  const stream = syncStream(1, () => new BufferStream(), descriptor(4, 0, 'EPIPE').write);
  stream.on('error', (error) => errors.push(error.code));
  expect(stream.write('x')).toBe(true);
  expect(errors).toEqual(['EPIPE']);
});

test('an error of the stream that took over is told as well', () => {
  const errors: string[] = [];
  const other = new BufferStream();
  const stream = syncStream(1, () => other, descriptor(1, 0).write);
  stream.on('error', (error) => errors.push(error.message));
  stream.write('x');
  other.emit('error', new Error('later'));
  expect(errors).toEqual(['later']);
});
