import { describe, expect, it } from 'vitest';
import { Semaphore } from '../../../src/lib/semaphore.js';

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

  it('lets who must in above the limit, and nobody else for them', async () => {
    const semaphore = new Semaphore(1);
    const leave = await semaphore.acquire();
    const leaveForced = semaphore.force();
    let isIn = false;
    const waiting = semaphore.acquire().then((free) => {
      isIn = true;
      return free;
    });
    leave();
    await new Promise((resolve) => setImmediate(resolve));
    expect(isIn).toBe(false);
    leaveForced();
    (await waiting)();
    (await semaphore.acquire())();
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
