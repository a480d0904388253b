import { expect, test } from 'vitest';
import { endOfStop, stoppedText } from '../../../src/drain/end-of-stop.js';
import type { RunProgress } from '../../../src/plan/progress.js';

type Lane = readonly [lane: string, closed?: 'done' | 'reverted' | 'failed' | undefined, failure?: string];

const end = (
  lanes: readonly Lane[],
  more: { closed?: RunProgress['closed']; isStopped?: boolean; unsure?: string[]; releaseRest?: boolean },
) =>
  endOfStop(
    {
      run: 'd81c',
      progress: {
        closed: more.closed,
        lanes: lanes.map(([lane, closed, reason]) => ({
          lane,
          closed,
          failure: reason === undefined ? undefined : { step: 'pour', reason, code: undefined },
        })) as unknown as RunProgress['lanes'],
      },
      isStopped: more.isStopped ?? false,
      unsure: more.unsure ?? [],
    },
    more.releaseRest ?? false,
  );

test('a drain that stopped as it was told', () => {
  expect(end([['mx1']], { isStopped: true })).toEqual({
    isDone: true,
    text: 'has stopped; the rest stays held until mailctl drain resume d81c',
  });
  expect(end([['mx1', 'reverted']], { closed: 'reverted', releaseRest: true })).toEqual({
    isDone: true,
    text: 'has ended; the rest was given back to the servers',
  });
  expect(
    end(
      [
        ['mx1', 'done'],
        ['mx2', 'reverted'],
      ],
      { closed: 'failed', releaseRest: true },
    ).isDone,
  ).toBe(true);
});

test('one that had sent everything says so', () => {
  expect(end([['mx1', 'done']], { closed: 'done' })).toMatchObject({ isDone: true });
  expect(end([['mx1', 'done']], { closed: 'done' }).text).toContain('everything was sent');
});

test('a process that is gone is no drain that stopped', () => {
  expect(end([['mx1']], {})).toEqual({
    isDone: false,
    text: 'has ended before it was stopped: its process is gone',
  });
  expect(end([['mx1'], ['mx2', 'reverted']], { isStopped: true, releaseRest: true })).toEqual({
    isDone: false,
    text: 'has ended, but the rest of mx1 was not given back',
  });
  expect(end([['mx1', undefined, 'mx1 is silent']], { isStopped: true, unsure: ['mx1'] })).toEqual({
    isDone: false,
    text: 'has ended, but mx1 was not stopped: mx1 is silent',
  });
});

test('what its host had given back is not said to be held', () => {
  const { isDone, text } = end([['mx1']], { isStopped: true, unsure: ['mx1'] });
  expect([isDone, text]).toEqual([
    true,
    'has stopped; the rest of mx1 was given back by its host before; mailctl drain resume d81c parks it again and goes on',
  ]);
});

test('one whose process was gone is stopped in words that name what stays held, and the command that goes on', () => {
  const goOn = 'mailctl drain resume d81c -H mx1';
  expect(stoppedText('d81c', [], goOn)).toBe(
    'drain d81c is stopped; its rest stays held until mailctl drain resume d81c -H mx1',
  );
  expect(stoppedText('d81c', ['mx1', 'mx2'], goOn)).toBe(
    'drain d81c is stopped; the rest of mx1, mx2 was given back by their hosts before; mailctl drain resume d81c -H mx1 parks it again and goes on',
  );
});
