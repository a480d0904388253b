import { describe, expect, it } from 'vitest';
import { Semaphore } from '../../../src/transport/semaphore.js';

describe('the semaphore', () => {
  it('lets N in, then one for each that leaves, in order', async () => {
    const semaphore = new Semaphore(2);
    const entered: number[] = [];
    const leave: (() => void)[] = [];
    const enter = async (i: number) => {
      leave[i] = await semaphore.acquire();
      entered.push(i);
    };
    const all = [0, 1, 2, 3].map(enter);
    await Promise.all(all.slice(0, 2));
    expect(entered).toEqual([0, 1]);
    leave[1]?.();
    leave[1]?.();
    await all[2];
    expect(entered).toEqual([0, 1, 2]);
    leave[0]?.();
    await all[3];
    expect(entered).toEqual([0, 1, 2, 3]);
  });

  it('forgets who gave up waiting', async () => {
    const semaphore = new Semaphore(1);
    const leave = await semaphore.acquire();
    const stop = new AbortController();
    const waiting = semaphore.acquire(stop.signal);
    const next = semaphore.acquire();
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    leave();
    (await next)();
    await expect(semaphore.acquire(AbortSignal.abort(new Error('no')))).rejects.toThrow('no');
    (await semaphore.acquire())();
  });
});
