import { expect, test } from 'vitest';
import { giveBackAll } from '../../../src/drain/give-back.js';

const keys = Array.from({ length: 10_001 }, (_, n) => ({ id: `q${n}`, arrivedAt: n, sender: null }));
const signal = new AbortController().signal;

test('gives back in parts, and adds up what the server says', async () => {
  const parts: number[] = [];
  const counts: number[] = [];
  const unpark = async (part: readonly unknown[]) => {
    parts.push(part.length);
    return { changed: part.length, gone: [], failed: [] };
  };
  const count = await giveBackAll(
    'mx1',
    { unpark },
    keys,
    signal,
    async (ids) => void counts.push(ids.length),
  );
  expect([count, parts, counts]).toEqual([10_001, [10_000, 1], [10_000, 1]]);
});

test('what stays held is no success, and the first reason is told', async () => {
  const asked: number[] = [];
  const unpark = async (part: readonly { readonly id: string }[]) => {
    asked.push(part.length);
    return { changed: 0, gone: [], failed: [{ id: part[0]?.id ?? '', why: 'could not be moved' }] };
  };
  const given: string[] = [];
  const giveBack = giveBackAll('mx1', { unpark }, keys, signal, async (ids) => void given.push(...ids));
  await expect(giveBack).rejects.toMatchObject({
    code: 'drain.not-given-back',
    message: 'mx1: 2 messages could not be given back and stay held',
    detail: 'q0: could not be moved',
  });
  expect(asked).toEqual([10_000, 1]);
  expect([given.length, given.includes('q0'), given.includes('q1')]).toEqual([9999, false, true]);
});
