import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { TransportError } from '../../../src/errors.js';
import { gather, type HostResult } from '../../../src/fleet/gather.js';
import type { Host } from '../../../src/fleet/host.js';

const hosts: Host[] = Array.from({ length: 40 }, (_, index) => ({
  name: `mx${index}`,
  transport: 'ssh',
  groups: [],
}));

/** A promise that the test settles. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Lets everything that is ready run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('gather', () => {
  it('returns the results in the order of the hosts, however they come', async () => {
    const waiting = hosts.slice(0, 3).map(() => deferred<number>());
    const asked = gather(hosts.slice(0, 3), (host) => {
      const index = Number(host.name.slice(2));
      return waiting[index]?.promise ?? Promise.resolve(-1);
    });
    waiting[2]?.resolve(2);
    waiting[0]?.resolve(0);
    waiting[1]?.resolve(1);
    expect((await asked).map((result) => (result.ok ? result.value : 'dead'))).toEqual([0, 1, 2]);
  });

  it('keeps a dead host as a row of its own', async () => {
    const dead = new TransportError('mx1', 'unreachable', 'mx1: no route to host');
    const results = await gather(hosts.slice(0, 3), async (host) => {
      if (host.name === 'mx1') throw dead;
      return host.name;
    });
    expect(results.map((result) => result.ok)).toEqual([true, false, true]);
    expect(results[1]).toEqual({ host: hosts[1], ok: false, error: dead });
  });

  it('shows each result as it comes', async () => {
    const first = deferred<string>();
    const seen: string[] = [];
    const asked = gather(
      hosts.slice(0, 2),
      (host) => (host.name === 'mx0' ? first.promise : Promise.resolve('early')),
      { onResult: (result) => seen.push(result.host.name) },
    );
    await settle();
    expect(seen).toEqual(['mx1']);
    first.resolve('late');
    await asked;
    expect(seen).toEqual(['mx1', 'mx0']);
  });

  it.each([
    [undefined, 16],
    [4, 4],
    [1, 1],
    [0, 1],
    [Number.NaN, 1],
    [1000, 40],
  ])('with a concurrency of %s asks %d hosts at once', async (concurrency, width) => {
    let now = 0;
    let most = 0;
    const results = await gather(
      hosts,
      async () => {
        now += 1;
        most = Math.max(most, now);
        await settle();
        now -= 1;
        return 1;
      },
      { concurrency },
    );
    expect(most).toBe(width);
    expect(results).toHaveLength(40);
  });

  it('does not swallow a fault of ours, and asks no further host', async () => {
    let asked = 0;
    const broken = gather(
      hosts,
      async (host) => {
        asked += 1;
        await settle();
        if (host.name === 'mx1') throw new TypeError('undefined is not a function');
        return 1;
      },
      { concurrency: 2 },
    );
    await expect(broken).rejects.toThrow(TypeError);
    const before = asked;
    await settle();
    await settle();
    expect(asked).toBeLessThanOrEqual(before + 1);
    expect(asked).toBeLessThan(6);
  });

  it('does not swallow a fault of onResult, nor a synchronous one', async () => {
    const badCallback = gather(hosts, async () => 1, {
      onResult: () => {
        throw new RangeError('bad row');
      },
    });
    await expect(badCallback).rejects.toThrow(RangeError);
    const synchronous = gather(hosts, () => {
      throw new RangeError('thrown at once');
    });
    await expect(synchronous).rejects.toThrow('thrown at once');
  });

  it('tells those that are still asked when a fault ends it, and shows nothing afterwards', async () => {
    const seen: HostResult<number>[] = [];
    let told = false;
    const slow = deferred<number>();
    const broken = gather(
      hosts.slice(0, 2),
      async (host, signal) => {
        if (host.name === 'mx1') throw new Error('bug');
        signal.addEventListener('abort', () => {
          told = true;
        });
        return slow.promise;
      },
      { onResult: (result) => seen.push(result) },
    );
    await expect(broken).rejects.toThrow('bug');
    expect(told).toBe(true);
    slow.resolve(1);
    await settle();
    expect(seen).toEqual([]);
  });

  it('counts hosts without an answer as interrupted once it is aborted', async () => {
    const stop = new AbortController();
    let asked = 0;
    const gathering = gather(
      hosts.slice(0, 4),
      (host, signal) => {
        asked += 1;
        if (host.name === 'mx0') return Promise.resolve(1);
        return new Promise<number>((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      },
      { concurrency: 2, signal: stop.signal },
    );
    await settle();
    stop.abort(new Error('Ctrl-C'));
    const results = await gathering;
    expect(results.map((result) => (result.ok ? 'ok' : result.error.code))).toEqual([
      'ok',
      'transport.interrupted',
      'transport.interrupted',
      'transport.interrupted',
    ]);
    expect(asked).toBe(3);
  });

  it('asks nobody when it was aborted before', async () => {
    const results = await gather(hosts.slice(0, 2), () => Promise.reject(new Error('asked')), {
      signal: AbortSignal.abort(),
    });
    expect(results.map((result) => result.ok)).toEqual([false, false]);
  });

  it('returns nothing for no hosts', async () => {
    expect(await gather([], async () => 1)).toEqual([]);
  });

  it('leaves no listener on the signal that it was given', async () => {
    const stop = new AbortController();
    await gather(hosts, async () => 1, { signal: stop.signal });
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
  });
});
