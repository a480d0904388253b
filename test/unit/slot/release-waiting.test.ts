// Releasing at a pace, over a queue that behaves as Postfix's does, on a clock of its own.
import { describe, expect, it } from 'vitest';
import { TransportError } from '../../../src/errors.js';
import type { QueueDriver } from '../../../src/queue/driver.js';
import { WaitingDesk } from '../../../src/slot/release-waiting.js';
import { whoseMail } from '../../../src/slot/waiting.js';
import { type FakeClock, fakeClock } from '../../support/fake-clock.js';

interface Mail {
  state: 'deferred' | 'active' | 'hold';
  readonly slot: string;
  readonly arrivedAt: number;
  doneAt?: number;
}

/** A queue whose messages take a second; slots of `dead` take none. */
class Model implements QueueDriver {
  readonly software = 'model';
  readonly mail = new Map<string, Mail>();
  readonly calls: { at: number; ids: number }[] = [];
  readonly order: string[] = [];
  readonly dead = new Set<string>();
  keptBack: readonly string[] = [];
  away = false;
  lists = 0;

  constructor(readonly clock: FakeClock) {}

  cannot(): null {
    return null;
  }

  put(slot: string, count: number, state: Mail['state'] = 'deferred'): this {
    for (let i = 0; i < count; i++) {
      const id = `Q${this.mail.size}`;
      this.mail.set(id, { state, slot, arrivedAt: 1000 - this.mail.size });
    }
    return this;
  }

  #move(): void {
    for (const [id, mail] of this.mail) {
      if (mail.state !== 'active' || (mail.doneAt ?? 0) > this.clock.now()) continue;
      if (this.dead.has(mail.slot)) mail.state = 'deferred';
      else this.mail.delete(id);
    }
  }

  list: QueueDriver['list'] = async (onMessage) => {
    if (this.away) throw new TransportError('mx1', 'unreachable', 'mx1: no answer');
    this.lists += 1;
    this.#move();
    for (const [id, { state, slot, arrivedAt }] of this.mail) {
      const reason = state === 'deferred' ? 'refused' : null;
      onMessage({
        queue: 'mx1',
        id,
        state,
        arrivedAt,
        sizeBytes: 1,
        sender: '',
        submitter: null,
        host: 'mx1',
        recipients: [{ address: `a@${slot}.example`, reason }],
      });
    }
    return { malformed: { lines: 0, first: null }, keptBack: this.keptBack, warning: null };
  };

  retry: QueueDriver['retry'] = async (ids) => {
    this.#move();
    if (ids.length > 0) this.calls.push({ at: this.clock.now(), ids: ids.length });
    for (const id of ids) {
      const mail = this.mail.get(id);
      if (mail?.state !== 'deferred') continue;
      this.order.push(id);
      mail.state = 'active';
      mail.doneAt = this.clock.now() + 1000;
    }
    return { inFlight: [...this.mail.values()].filter(({ state }) => state === 'active').length };
  };

  preview = () => ['try again'];
}

const roads = ['store1', 'store2'].map((slot) => ({ slot, ends: [] }));
const never = new AbortController().signal;

function desk(model: Model, more: { rate?: number; timeoutMs?: number; finish?: AbortSignal } = {}) {
  return new WaitingDesk({
    queues: [{ name: 'mx1', host: 'mx1', driver: model }],
    clock: model.clock,
    ratePerSecond: more.rate ?? 20,
    timeoutMs: more.timeoutMs ?? 600_000,
    finish: more.finish ?? never,
    whose: async (of) => whoseMail({ roads: of, form: '{user}@{slot}.example' }),
  });
}

const model = () => new Model(fakeClock({ auto: true }));

describe('a release', () => {
  it('sees a few of each slot arrive first, then goes at its pace, the oldest first, until nothing waits', async () => {
    const queue = model().put('store1', 100).put('store2', 10).put('other', 5);
    const waiting = desk(queue);
    expect(await waiting.look(roads, never)).toMatchObject([
      { slot: 'store1', messages: 100, left: 100 },
      { slot: 'store2', messages: 10, left: 10 },
    ]);
    const said: string[] = [];
    const startedAt = queue.clock.now();
    await waiting.release(roads, never, (text) => said.push(text));
    expect(queue.calls[0]?.ids).toBe(6);
    expect(queue.calls.slice(1).map(({ ids }) => ids)).toEqual([20, 20, 20, 20, 20, 4]);
    expect(
      queue.calls.slice(2).every(({ at }, index) => at - (queue.calls[index + 1]?.at ?? 0) >= 1000),
    ).toBe(true);
    expect(queue.order[6]).toBe('Q106');
    expect(waiting.rows()).toEqual([
      { mx: 'mx1', slot: 'store1', messages: 100, released: 100, left: 0, held: 0, problem: null },
      { mx: 'mx1', slot: 'store2', messages: 10, released: 10, left: 0, held: 0, problem: null },
    ]);
    expect(waiting.ended).toBe('done');
    expect([...queue.mail.values()].map(({ slot }) => slot)).toEqual(Array(5).fill('other'));
    expect(queue.clock.now() - startedAt).toBeLessThan(15_000);
    expect(said[0]).toMatch(/^releasing mail on mx1: 6 of 110, empty about \d\d:\d\d:\d\dZ$/);
  });

  it('asks a slot again that takes nothing at first: the MX may not know yet where it is', async () => {
    const queue = model().put('store1', 30);
    queue.dead.add('store1');
    queue.clock.timer(12_000, () => queue.dead.clear());
    const waiting = desk(queue);
    const said: string[] = [];
    await waiting.release(roads, never, (text) => said.push(text));
    expect(waiting.rows()).toMatchObject([{ messages: 30, released: 30, left: 0 }]);
    expect(queue.calls.slice(0, 3).map(({ ids }) => ids)).toEqual([3, 3, 3]);
    expect(said).toContainEqual('mx1 gets no mail to store1 yet, it is tried again: 3 of 30 released');
  });

  it('leaves a slot alone that takes nothing, and says why; the other one is emptied', async () => {
    const queue = model().put('store1', 50).put('store2', 50);
    queue.dead.add('store2');
    const waiting = desk(queue);
    await waiting.release(roads, never, () => {});
    expect(waiting.rows()).toMatchObject([
      { slot: 'store1', left: 0 },
      { slot: 'store2', messages: 50, released: 3, left: 50, problem: 'refused' },
    ]);
    expect(waiting.ended).toBe('done');
  });

  it('does not pour more than is being delivered', async () => {
    const queue = model().put('store1', 600);
    const slow = desk(queue, { rate: 500 });
    queue.retry = async (ids) => {
      for (const id of ids)
        Object.assign(queue.mail.get(id) ?? {}, { state: 'active', doneAt: queue.clock.now() + 5000 });
      queue.calls.push({ at: queue.clock.now(), ids: ids.length });
      return { inFlight: 10_000 };
    };
    await slow.release(roads, never, () => {});
    const pours = queue.calls.filter(({ ids }) => ids > 0);
    expect((pours[2]?.at ?? 0) - (pours[1]?.at ?? 0)).toBeGreaterThanOrEqual(60_000);
  });

  it('waits for what is on its way before it says that nothing waits', async () => {
    const queue = model().put('store1', 4);
    for (const mail of queue.mail.values())
      Object.assign(mail, { state: 'active', doneAt: queue.clock.now() + 3000 });
    const waiting = desk(queue);
    await waiting.release(roads, never, () => {});
    expect(waiting.rows()).toMatchObject([{ messages: 4, released: 0, left: 0 }]);
  });

  it('never touches mail on hold, nor a server that keeps its transports back', async () => {
    const held = model().put('store1', 2, 'hold');
    const first = desk(held);
    await first.release(roads, never, () => {});
    expect(first.rows()).toMatchObject([{ messages: 2, released: 0, left: 2, held: 2 }]);
    const kept = model().put('store1', 2);
    kept.keptBack = ['lmtp'];
    const second = desk(kept);
    await second.release(roads, never, () => {});
    expect(second.rows()).toMatchObject([
      { released: 0, left: 2, problem: 'its defer_transports keeps back lmtp' },
    ]);
    expect([...held.calls, ...kept.calls]).toEqual([]);
  });

  it('ends after the batch in hand when the operator says so, and when its time is over', async () => {
    const finish = new AbortController();
    const queue = model().put('store1', 200);
    const stopped = desk(queue, { finish: finish.signal });
    const doing = stopped.release(roads, never, (text) => {
      if (text.includes('43 of')) finish.abort();
    });
    await expect(doing).rejects.toMatchObject({ code: 'run.stopped', exitCode: 5 });
    expect(stopped.rows()).toMatchObject([{ messages: 200, released: 43 }]);
    const slow = desk(model().put('store1', 200), { rate: 1, timeoutMs: 30_000 });
    await expect(slow.release(roads, never, () => {})).rejects.toMatchObject({ code: 'slot.waiting' });
    expect(slow.ended).toMatchObject({ code: 'slot.waiting' });
  });

  it('a queue that cannot be asked is a row, not an end', async () => {
    const queue = model().put('store1', 2);
    queue.away = true;
    const waiting = desk(queue);
    await waiting.release(roads, never, () => {});
    expect(waiting.rows()).toEqual([
      { mx: 'mx1', slot: null, messages: null, released: 0, left: null, held: 0, problem: 'mx1: no answer' },
    ]);
  });
});
