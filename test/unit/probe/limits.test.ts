// The limits of a probe: never more connections at once than allowed, in all and to one server, and places that come back
// whatever becomes of a connection.
import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/lib/clock.js';
import { limitVantage } from '../../../src/probe/limits.js';
import type { ConnectOptions, Flow, Vantage } from '../../../src/probe/vantage.js';

function vantageOf(connect: (options: ConnectOptions) => Promise<Flow>): Vantage {
  return { host: 'here', name: 'here', how: 'perl', limits: [], connect } as unknown as Vantage;
}

function counted(fails = false) {
  let now = 0;
  let most = 0;
  const open: EventEmitter[] = [];
  const vantage = vantageOf(async () => {
    now += 1;
    most = Math.max(most, now);
    await systemClock.sleep(2);
    if (fails) {
      now -= 1;
      throw new Error('refused');
    }
    const flow = Object.assign(new EventEmitter(), { destroyed: false });
    open.push(flow);
    return flow as unknown as Flow;
  });
  const close = () => {
    for (const flow of open.splice(0)) {
      now -= 1;
      flow.emit('close');
    }
  };
  return { vantage, close, most: () => most };
}

const to = (address: string, urgent = false): ConnectOptions => ({
  source: null,
  interface: null,
  address,
  port: 25,
  timeoutMs: 1000,
  urgent,
});

const LIMITS = { sockets: 5, perDestination: 2, perSecond: 100_000, pings: 1 };

describe('limits', () => {
  test('hold in all and to one server, and everybody gets a place in the end', async () => {
    const { vantage, close, most } = counted();
    const limited = limitVantage(vantage, systemClock, LIMITS);
    const waiting = Array.from({ length: 30 }, (_, index) => limited.connect(to(`192.0.2.${index % 6}`)));
    const all = Promise.all(waiting);
    let isDone = false;
    void all.then(() => {
      isDone = true;
    });
    while (!isDone) {
      await systemClock.sleep(3);
      close();
    }
    expect(most()).toBeLessThanOrEqual(5);
  });

  test('one server gets no more than its share', async () => {
    const { vantage, close, most } = counted();
    const limited = limitVantage(vantage, systemClock, LIMITS);
    const two = [limited.connect(to('a')), limited.connect(to('a'))];
    const third = limited.connect(to('a'));
    await Promise.all(two);
    expect(most()).toBe(2);
    close();
    await third;
  });

  test('who comes as a place is given back does not overtake who waits for it', async () => {
    const { vantage, close, most } = counted();
    const limited = limitVantage(vantage, systemClock, { ...LIMITS, perDestination: 1 });
    await limited.connect(to('a'));
    const waiting = limited.connect(to('a'));
    close();
    const next = limited.connect(to('a'));
    await waiting;
    await systemClock.sleep(10);
    expect(most()).toBe(1);
    close();
    await next;
  });

  test('a failed connection gives its place back', async () => {
    const { vantage } = counted(true);
    const limited = limitVantage(vantage, systemClock, LIMITS);
    const tries = await Promise.allSettled(Array.from({ length: 40 }, () => limited.connect(to('a'))));
    expect(tries.every(({ status }) => status === 'rejected')).toBe(true);
  });

  test('what is urgent waits for nobody', async () => {
    const { vantage } = counted();
    const limited = limitVantage(vantage, systemClock, LIMITS);
    await Promise.all([limited.connect(to('a')), limited.connect(to('a'))]);
    await limited.connect(to('a', true));
  });

  test('who gives up waiting takes no place', async () => {
    const { vantage, close } = counted();
    const limited = limitVantage(vantage, systemClock, LIMITS);
    await Promise.all([limited.connect(to('a')), limited.connect(to('a'))]);
    const stop = new AbortController();
    const gone = limited.connect(to('a'), stop.signal);
    const next = limited.connect(to('a'));
    stop.abort(new Error('stopped'));
    await expect(gone).rejects.toThrow('stopped');
    close();
    await next;
  });
});
