// The controller of a drain against a receiver that is simulated on virtual time: it takes so many messages at once,
// each for so long, and pushes back what comes above that.
import { describe, expect, test } from 'vitest';
import { DrainController, type DrainCounts } from '../../../src/drain/controller.js';
import type { Parcel } from '../../../src/drain/supply.js';
import type { DestinationLimit } from '../../../src/drain/window.js';
import type { DeliveryEvent } from '../../../src/queue/delivery-event.js';
import type { DrainFate, DrainLook } from '../../../src/queue/drain-way.js';

const limit = (connections: number): DestinationLimit => ({
  connections,
  source: 'config',
  perSecond: null,
  inFlight: null,
});
const none: Omit<DrainCounts, 'inFlight' | 'held' | 'givenBack'> = {
  total: 0,
  released: 0,
  delivered: 0,
  deferred: 0,
  bounced: 0,
  lost: 0,
  pushedBack: 0,
  tries: 0,
};
const parcels = (count: number, destination: string, name = destination): Parcel[] =>
  Array.from({ length: count }, (_, at) => ({
    key: { id: `${name}${at}`, arrivedAt: at, sender: 's', hop: `${destination}.example` },
    destination,
    tries: 0,
    notBefore: 0,
  }));
const event = (id: string, outcome: DeliveryEvent['outcome'], reason = ''): DeliveryEvent => ({
  at: 0,
  id,
  outcome,
  recipient: '',
  sender: null,
  relay: null,
  source: null,
  dsn: outcome === 'deferred' ? '4.7.0' : '2.0.0',
  reason,
});

/** Queues that share receivers: what is released flies for a second; above a receiver's limit it comes back. */
class World {
  readonly control: DrainController;
  readonly flying = new Map<string, { lane: string; destination: string }>();
  readonly sent: string[] = [];
  most = 0;
  now = 0;
  hostile = false;
  pushed = 0;
  readonly #takes: ReadonlyMap<string, number>;

  constructor(takes: Readonly<Record<string, number>>, limits = takes) {
    this.#takes = new Map(Object.entries(takes));
    this.control = new DrainController({
      limitOf: (name) => limit(limits[name] ?? 20),
      perSecond: null,
      isCounted: true,
      peersOf: () => ['192.0.2.1'],
    });
  }

  /** One second of one queue. */
  tick(lane: string, factor = 1): readonly string[] {
    const placed = this.control.order(lane, this.now, { factor, forMs: 1000 });
    const fates = new Map<string, DrainFate>();
    const events: DeliveryEvent[] = [];
    for (const lot of placed.order.lots) {
      for (const id of lot.watch) {
        fates.set(id, 'gone');
        if (this.flying.delete(id)) {
          this.sent.push(id);
          events.push(event(id, 'sent'));
        }
      }
      let free = lot.window;
      for (const { id } of lot.release) {
        const destination = placed.parcels.find(({ key }) => key.id === id)?.destination ?? '';
        if (free <= 0) {
          fates.set(id, 'held');
          continue;
        }
        free -= 1;
        const there = [...this.flying.values()].filter((one) => one.destination === destination).length;
        if (this.hostile || there >= (this.#takes.get(destination) ?? 0)) {
          fates.set(id, 'deferred');
          this.pushed += 1;
          events.push(event(id, 'deferred', '421 4.7.0 too many'));
        } else {
          fates.set(id, 'active');
          this.flying.set(id, { lane, destination });
        }
      }
    }
    this.most = Math.max(this.most, this.flying.size);
    const look: DrainLook = {
      at: this.now,
      fates,
      failed: [],
      inFlight: null,
      oldestOther: null,
      isDown: false,
    };
    const { changes } = this.control.see(
      lane,
      placed,
      { look, events, isLogWhole: true, open: null },
      this.now,
    );
    this.now += 1;
    return changes.map(({ text }) => text);
  }

  add(lane: string, own: readonly Parcel[]): void {
    this.control.addLane(lane, own, [], { ...none, total: own.length }, 0);
  }
}

describe('a drain', () => {
  test('sends everything once, stays below the limit and is never pushed back by a receiver that keeps its word', () => {
    const world = new World({ big: 20 });
    world.add('mx1', parcels(2000, 'big'));
    let ticks = 0;
    while (!world.control.isDone('mx1') && ticks < 1000) {
      world.tick('mx1');
      ticks += 1;
    }
    expect(world.sent.length).toBe(2000);
    expect(new Set(world.sent).size).toBe(2000);
    expect(world.pushed).toBe(0);
    expect(world.most).toBeLessThanOrEqual(20);
    expect(ticks).toBeLessThan((2000 / 17) * 1.3 + 10);
    expect(world.control.counts('mx1')).toMatchObject({ delivered: 2000, held: 0, inFlight: 0, deferred: 0 });
  });

  test('what is offered by an order that is under way counts as held: whoever looks meanwhile sees all of it', () => {
    const world = new World({ big: 20 });
    world.add('mx1', parcels(300, 'big'));
    const placed = world.control.order('mx1', 0, { factor: 1, forMs: 1000 });
    expect(placed.parcels.length).toBeGreaterThan(100);
    expect(world.control.counts('mx1')).toMatchObject({ total: 300, held: 300, inFlight: 0 });
    expect(world.control.destinations('mx1', 0)).toMatchObject([{ destination: 'big', left: 300 }]);
    world.control.lost('mx1', placed);
    const { held, inFlight } = world.control.counts('mx1');
    expect(held + inFlight).toBe(300);
  });

  test('what somebody deleted is not delivered, and what the log tells late is', () => {
    const world = new World({ big: 20 });
    world.add('mx1', parcels(2, 'big'));
    const look = (now: number, ids: readonly string[], events: readonly DeliveryEvent[]) => {
      const placed = world.control.order('mx1', now, { factor: 1, forMs: 1000 });
      const fates = new Map<string, DrainFate>(ids.map((id) => [id, 'gone']));
      const seen = { at: now, fates, failed: [], inFlight: null, oldestOther: null, isDown: false };
      world.control.see('mx1', placed, { look: seen, events, isLogWhole: true, open: null }, now);
    };
    look(0, ['big0', 'big1'], []);
    expect(world.control.counts('mx1')).toMatchObject({ delivered: 0, lost: 0, inFlight: 2 });
    look(9, [], []);
    expect(world.control.counts('mx1')).toMatchObject({ delivered: 0, lost: 2, inFlight: 0 });
    look(10, [], [event('big1', 'sent'), event('big1', 'sent')]);
    expect(world.control.counts('mx1')).toMatchObject({ delivered: 1, lost: 1, inFlight: 0 });
  });

  test('finds out a receiver that takes less than its configured limit, and loses nothing', () => {
    const world = new World({ big: 5 }, { big: 20 });
    world.add('mx1', parcels(300, 'big'));
    for (let tick = 0; tick < 3000 && !world.control.isDone('mx1'); tick += 1) world.tick('mx1');
    const counts = world.control.counts('mx1');
    expect(counts.delivered + counts.deferred).toBe(300);
    expect(counts.delivered).toBeGreaterThan(290);
    expect(new Set(world.sent).size).toBe(world.sent.length);
  });

  test('stops within two ticks of a flood, asks again with two, and goes on when it is over', () => {
    const world = new World({ big: 20 });
    world.add('mx1', parcels(1000, 'big'));
    for (let tick = 0; tick < 10; tick += 1) world.tick('mx1');
    world.hostile = true;
    const said = [...world.tick('mx1'), ...world.tick('mx1')];
    expect(said.join(' ')).toContain('stopped, is asked again in 15s');
    const before = world.pushed;
    for (let tick = 0; tick < 40; tick += 1) world.tick('mx1');
    // A few probes, and no more.
    expect(world.pushed - before).toBeLessThanOrEqual(6);
    world.hostile = false;
    for (let tick = 0; tick < 900 && !world.control.isDone('mx1'); tick += 1) world.tick('mx1');
    expect(world.control.counts('mx1')).toMatchObject({ delivered: 1000, held: 0 });
  });

  test('no destination waits for another', () => {
    const world = new World({ good: 10, bad: 0 });
    world.add('mx1', [...parcels(100, 'bad'), ...parcels(100, 'good')]);
    for (let tick = 0; tick < 40; tick += 1) world.tick('mx1');
    expect(world.sent.filter((id) => id.startsWith('good'))).toHaveLength(100);
    expect(
      world.control.destinations(undefined, world.now).find((one) => one.destination === 'bad')?.state,
    ).toBe('stopped');
  });

  test('several queues share the limit of a destination', () => {
    const world = new World({ big: 20 });
    world.add('mx1', parcels(400, 'big', 'a'));
    world.add('mx2', parcels(200, 'big', 'b'));
    for (let tick = 0; tick < 400 && !(world.control.isDone('mx1') && world.control.isDone('mx2')); tick += 1)
      world.tick(tick % 2 === 0 ? 'mx1' : 'mx2');
    expect(world.sent).toHaveLength(600);
    expect(world.pushed).toBe(0);
    expect(world.most).toBeLessThanOrEqual(20);
  });

  test('a host whose guards say no releases nothing, and one that is slow half', () => {
    const world = new World({ big: 20 });
    world.add('mx1', parcels(100, 'big'));
    world.tick('mx1', 0);
    expect(world.flying.size).toBe(0);
    for (let tick = 0; tick < 6; tick += 1) world.tick('mx1');
    world.most = 0;
    world.tick('mx1', 0.5);
    expect(world.flying.size).toBeLessThanOrEqual(10);
  });

  test('an answer that was lost loses no message: what flies is watched, what is held comes again', () => {
    const world = new World({ big: 20 });
    world.add('mx1', parcels(50, 'big'));
    const placed = world.control.order('mx1', 0, { factor: 1, forMs: 1000 });
    world.control.lost('mx1', placed);
    const again = world.control.order('mx1', 1, { factor: 1, forMs: 1000 });
    const watched = again.order.lots.flatMap(({ watch }) => watch);
    expect(watched.length).toBe(placed.parcels.length);
    const fates = new Map<string, DrainFate>(watched.map((id, at) => [id, at < 3 ? 'gone' : 'held']));
    const look: DrainLook = { at: 1, fates, failed: [], inFlight: 0, oldestOther: null, isDown: false };
    world.control.see('mx1', again, { look, events: [], isLogWhole: false, open: null }, 1);
    const { delivered, held, inFlight } = world.control.counts('mx1');
    expect([delivered, held, inFlight]).toEqual([3, 47, 0]);
  });

  test('a message with a trouble of its own is left to the server and slows nobody', () => {
    const world = new World({ big: 20 });
    world.add('mx1', parcels(1, 'big'));
    const placed = world.control.order('mx1', 0, { factor: 1, forMs: 1000 });
    const fates = new Map<string, DrainFate>([['big0', 'deferred']]);
    const full = { ...event('big0', 'deferred', '452 4.2.2 mailbox full'), dsn: '4.2.2' as const };
    const look: DrainLook = { at: 0, fates, failed: [], inFlight: 0, oldestOther: null, isDown: false };
    const { putBack } = world.control.see(
      'mx1',
      placed,
      { look, events: [full], isLogWhole: true, open: null },
      0,
    );
    expect(putBack).toEqual([]);
    expect(world.control.counts('mx1')).toMatchObject({ deferred: 1, pushedBack: 0, held: 0 });
  });

  test('the counts add up to the total at every tick', () => {
    const world = new World({ big: 7 }, { big: 20 });
    world.add('mx1', parcels(200, 'big'));
    for (let tick = 0; tick < 200; tick += 1) {
      world.tick('mx1');
      const { total, delivered, deferred, bounced, held, inFlight, lost } = world.control.counts('mx1');
      expect(delivered + deferred + bounced + held + inFlight + lost).toBe(total);
    }
  });
});

describe('a message that its server does not let go', () => {
  const world = () => {
    const { control } = new World({ big: 20 });
    control.addLane('mx1', parcels(1, 'big'), [], { ...none, total: 1 }, 0);
    return control;
  };
  const refuse = (control: DrainController, now: number, fate: DrainFate = 'held') => {
    const placed = control.order('mx1', now, { factor: 1, forMs: 1000 });
    const failed = placed.parcels.map(({ key }) => ({ id: key.id, why: 'fork: EAGAIN' }));
    const fates = new Map<string, DrainFate>(placed.parcels.map(({ key }) => [key.id, fate]));
    const look: DrainLook = { at: now, fates, failed, inFlight: 0, oldestOther: null, isDown: false };
    control.see('mx1', placed, { look, events: [], isLogWhole: false, open: null }, now);
    return placed.parcels.length;
  };

  test('waits longer each time, and stays held when it was tried often enough', () => {
    const control = world();
    const at: number[] = [];
    for (let now = 0; now < 2000 && !control.isOver('mx1'); now += 1) {
      if (refuse(control, now) > 0) at.push(now);
      expect(control.counts('mx1')).toMatchObject({ held: 1, deferred: 0, inFlight: 0 });
    }
    expect(at).toEqual([0, 5, 15, 35, 75, 155, 315, 635]);
    expect([control.isOver('mx1'), control.isDone('mx1')]).toEqual([true, false]);
    expect(control.stuck('mx1')).toEqual({ count: 1, id: 'big0', why: 'fork: EAGAIN' });
    expect(control.heldOf('mx1').map(({ id }) => id)).toEqual(['big0']);
  });

  test('is what the queue shows when it is not held', () => {
    const control = world();
    refuse(control, 0, 'gone');
    refuse(control, 1);
    expect(control.counts('mx1')).toMatchObject({ delivered: 1, held: 0 });
    expect(control.isDone('mx1')).toBe(true);
  });
});

test('two queues of one host see the same connections, which count once', () => {
  const { control } = new World({ big: 20 });
  for (const lane of ['a', 'b']) {
    control.addLane(lane, parcels(5, 'big', lane), [], { ...none, total: 5 }, 0, 'mx1');
    const placed = control.order(lane, 0, { factor: 0, forMs: 0 });
    const look: DrainLook = {
      at: 0,
      fates: new Map(),
      failed: [],
      inFlight: 0,
      oldestOther: null,
      isDown: false,
    };
    control.see(lane, placed, { look, events: [], isLogWhole: false, open: new Map([['big', 12]]) }, 0);
  }
  const seen = (lane?: string) => control.destinations(lane, 1)[0]?.open;
  expect([seen(), seen('a'), seen('b')]).toEqual([12, 12, 12]);
});

describe('connections that may be open', () => {
  const orders = (kernels: readonly string[]) => {
    const { control } = new World({ big: 20 });
    const lanes = kernels.map((_, at) => `q${at}`);
    lanes.forEach((lane, at) => {
      control.addLane(lane, parcels(500, 'big', lane), [], { ...none, total: 500 }, 0, kernels[at]);
    });
    for (const lane of lanes) {
      const placed = control.order(lane, 0, { factor: 1, forMs: 1000 });
      const look = { at: 0, fates: new Map(), failed: [], inFlight: 0, oldestOther: null, isDown: false };
      control.see(lane, placed, { look, events: [], isLogWhole: true, open: null }, 0);
    }
    return lanes.map((lane) => {
      const [lot] = control.order(lane, 1, { factor: 1, forMs: 1000 }).order.lots;
      return [lot?.window, lot?.connections];
    });
  };

  test('are the limit itself, of one queue', () => {
    expect(orders(['mx1'])).toEqual([[20, 20]]);
  });
  test('are each host its own part', () => {
    expect(orders(['mx1', 'mx2'])).toEqual([
      [10, 10],
      [10, 10],
    ]);
  });
  test('are all parts of a host whose queues see the same ones, less one for each other', () => {
    expect(orders(['mx1', 'mx1'])).toEqual([
      [10, 19],
      [10, 19],
    ]);
  });
});

test('a hop that waits behind those in hand gets places after a while', () => {
  const { control } = new World({ big: 4 });
  const hopOf = (hop: string, count: number, from: number): Parcel[] =>
    Array.from({ length: count }, (_, at) => ({
      key: { id: `${hop}${at}`, arrivedAt: from + at, sender: '', hop },
      destination: 'big',
      tries: 0,
      notBefore: 0,
    }));
  control.addLane('mx1', hopOf('old', 900, 0), hopOf('new', 4, 5000), { ...none, total: 904 }, 0);
  const yields = Array.from({ length: 30 }, (_, now) => {
    const placed = control.order('mx1', now, { factor: 1, forMs: 1000 });
    const watched = placed.order.lots.flatMap(({ watch }) => watch);
    const fates = new Map<string, DrainFate>([
      ...watched.map((id) => [id, 'active'] as const),
      ...placed.parcels.map(({ key }) => [key.id, 'held'] as const),
    ]);
    const look: DrainLook = { at: now, fates, failed: [], inFlight: 4, oldestOther: null, isDown: false };
    control.see('mx1', placed, { look, events: [], isLogWhole: true, open: null }, now);
    return placed.order.lots[0]?.yields ?? 0;
  });
  expect(yields.slice(0, 20).every((count) => count === 0)).toBe(true);
  expect(yields[20]).toBe(4);
  expect(yields.filter((count) => count > 0)).toHaveLength(1);
});

test('what its server puts aside under other names is not told as delivered', () => {
  const control = new DrainController({
    limitOf: () => limit(5),
    perSecond: null,
    isCounted: false,
    peersOf: () => [],
  });
  control.addLane('lists1:out', parcels(4, 'lists'), [], { ...none, total: 4 }, 0);
  const see = (fate: DrainFate, aside: number | null, now: number) => {
    const placed = control.order('lists1:out', now, { factor: 1, forMs: 1000 });
    const ids = placed.order.lots.flatMap(({ watch, release }) => [...watch, ...release.map(({ id }) => id)]);
    const fates = new Map(ids.map((id) => [id, fate]));
    const look = { at: now, fates, failed: [], inFlight: null, oldestOther: null, isDown: false, aside };
    return control.see('lists1:out', placed, { look, events: [], isLogWhole: false, open: null }, now);
  };
  see('waiting', null, 1);
  for (let now = 2; now < 20; now += 1) see('gone', 0, now);
  expect(control.counts('lists1:out')).toMatchObject({ delivered: 4, deferred: 0 });
  expect(see('gone', 3, 20).changes).toEqual([
    { destination: 'lists', text: '3 not delivered: their server has put them aside' },
  ]);
  expect(control.counts('lists1:out')).toMatchObject({ delivered: 1, deferred: 3 });
  expect(see('gone', 3, 21).changes).toEqual([]);
});

describe('a rate for all', () => {
  const nothing = { failed: [], inFlight: null, oldestOther: null, isDown: false };
  /** Each lane's order is out while the others get theirs; nothing is let go. What each order may let go a second. */
  const paces = (lanes: Readonly<Record<string, readonly Parcel[]>>) => {
    const control = new DrainController({
      limitOf: () => limit(20),
      perSecond: 100,
      isCounted: true,
      peersOf: () => ['192.0.2.1'],
    });
    for (const [lane, own] of Object.entries(lanes))
      control.addLane(lane, own, [], { ...none, total: own.length }, 0);
    const out = new Map<string, ReturnType<DrainController['order']>>();
    for (let now = 1; now < 8; now += 2)
      for (const lane of Object.keys(lanes)) {
        const placed = out.get(lane);
        if (placed !== undefined) {
          const fates = new Map(placed.parcels.map(({ key }) => [key.id, 'held' as DrainFate]));
          const look = { at: now, fates, ...nothing };
          control.see(lane, placed, { look, events: [], isLogWhole: false, open: null }, now);
        }
        out.set(lane, control.order(lane, now, { factor: 1, forMs: 2000 }));
      }
    return [...out.values()].flatMap(({ order }) => order.lots.map(({ perSecond }) => perSecond ?? 0));
  };
  const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);

  test('is shared by the queues, whose orders are out at the same time', () => {
    const two = paces({ mx1: parcels(300, 'big', 'a'), mx2: parcels(300, 'big', 'b') });
    expect(two.map(Math.round)).toEqual([50, 50]);
    expect(
      sum(paces(Object.fromEntries(['a', 'b', 'c'].map((n) => [n, parcels(50, 'big', n)])))),
    ).toBeCloseTo(100);
  });

  test('is shared by the destinations after what each has left, and starves none', () => {
    expect(paces({ mx1: [...parcels(300, 'big'), ...parcels(300, 'far')] }).map(Math.round)).toEqual([
      50, 50,
    ]);
    const [small = 0, large = 0] = paces({ mx1: [...parcels(500, 'big'), ...parcels(5000, 'far')] }).sort(
      (a, b) => a - b,
    );
    expect(sum([small, large])).toBeCloseTo(100);
    expect(Math.round(small)).toBe(9);
  });
});

describe('more connections than are allowed', () => {
  const look: DrainLook = {
    at: 0,
    fates: new Map(),
    failed: [],
    inFlight: null,
    oldestOther: null,
    isDown: false,
  };
  const two = () => {
    const { control } = new World({ big: 20 });
    for (const lane of ['a', 'b'])
      control.addLane(lane, parcels(50, 'big', lane), [], { ...none, total: 50 }, 0);
    return (lane: string, open: number | null | undefined, now: number) => {
      const placed = control.order(lane, now, { factor: 0, forMs: 0 });
      const seen = open === undefined || open === null ? open : new Map([['big', open]]);
      const { changes } = control.see(lane, placed, { look, events: [], isLogWhole: true, open: seen }, now);
      return [changes.length, control.destinations(undefined, now)[0]?.open];
    };
  };

  test('are seen twice only when every kernel was asked twice', () => {
    const see = two();
    expect([see('a', 21, 1), see('b', 0, 1.1), see('b', undefined, 1.2)]).toEqual([
      [0, 21],
      [0, 21],
      [0, 21],
    ]);
    expect([see('b', 0, 3), see('a', 21, 3.1)]).toEqual([
      [0, 21],
      [1, 21],
    ]);
  });

  test('are forgotten of a queue that is over, or away for long', () => {
    const see = two();
    expect([see('a', 21, 1), see('b', 3, 1), see('b', 3, 119)].map(([, open]) => open)).toEqual([21, 24, 24]);
    expect(see('b', 3, 122)[1]).toBe(3);
    const { control } = new World({ big: 20 });
    control.addLane('a', [], parcels(1, 'big', 'a'), { ...none, total: 1 }, 0);
    control.addLane('b', parcels(5, 'big', 'b'), [], { ...none, total: 5 }, 0);
    const open = (lane: string, count: number, now: number) => {
      const placed = control.order(lane, now, { factor: 0, forMs: 0 });
      const fates = new Map<string, DrainFate>([['a0', 'gone']]);
      const seen = {
        look: { ...look, fates },
        events: [],
        isLogWhole: false,
        open: new Map([['big', count]]),
      };
      control.see(lane, placed, seen, now);
      return control.destinations(undefined, now)[0]?.open;
    };
    expect([open('a', 7, 1), control.isOver('a'), open('b', 3, 2), open('b', 3, 5)]).toEqual([
      7,
      true,
      10,
      3,
    ]);
  });

  test('are forgotten of a kernel that does not tell any more', () => {
    const see = two();
    expect([see('a', 21, 1), see('a', null, 2), see('b', 3, 2.1), see('b', 3, 4)]).toEqual([
      [0, 21],
      [0, null],
      [0, 3],
      [0, 3],
    ]);
  });
});

/** One tick of a queue in which all that is offered comes to the same; gives the places that it was asked to keep full. */
const ticking = (control: DrainController) => (lane: string, now: number, fate: DrainFate) => {
  const placed = control.order(lane, now, { factor: 1, forMs: 1000 });
  const fates = new Map(placed.parcels.map(({ key }) => [key.id, fate]));
  const look: DrainLook = { at: now, fates, failed: [], inFlight: null, oldestOther: null, isDown: false };
  control.see(lane, placed, { look, events: [], isLogWhole: false, open: null }, now);
  return placed.order.lots[0]?.window;
};

test.each([
  ['of another host are not given away before their connections are closed', 'mx2', [10, 20]],
  ['beside it are, since their kernel counts those', 'mx1', [20, 20]],
])('places %s', (_what, kernel, windows) => {
  const { control } = new World({ big: 20 });
  control.addLane('a', parcels(300, 'big', 'a'), [], { ...none, total: 300 }, 0, 'mx1');
  control.addLane('b', parcels(300, 'big', 'b'), [], { ...none, total: 300 }, 0, kernel);
  const tick = ticking(control);
  expect([tick('a', 0, 'held'), tick('b', 0, 'gone')]).toEqual([10, 10]);
  // Nothing is left of b.
  tick('b', 1, 'held');
  expect([tick('a', 2, 'held'), tick('a', 5, 'held')]).toEqual(windows);
});

test('places of what has nothing left are free although it is asked no more', () => {
  const { control } = new World({ big: 20 });
  control.addLane('a', parcels(300, 'big', 'a'), [], { ...none, total: 300 }, 0, 'mx1');
  control.addLane('b', parcels(3, 'big', 'b'), [], { ...none, total: 3 }, 0, 'mx2');
  const tick = ticking(control);
  expect([tick('b', 0, 'gone'), tick('a', 0, 'held')]).toEqual([1, 19]);
  expect(control.isOver('b')).toBe(true);
  expect([tick('a', 1, 'held'), tick('a', 4, 'held')]).toEqual([19, 20]);
});

describe('a low rate', () => {
  const slow = (perSecond: number) =>
    new DrainController({
      limitOf: () => ({ ...limit(20), perSecond }),
      perSecond: null,
      isCounted: true,
      peersOf: () => ['192.0.2.1'],
    });

  test('saves up for whole messages; what went is taken off', () => {
    const control = slow(0.1);
    control.addLane('mx1', parcels(30, 'big'), [], { ...none, total: 30 }, 0);
    const credits: number[] = [];
    let released = 0;
    for (let now = 0; now < 40; now += 2) {
      const placed = control.order('mx1', now, { factor: 1, forMs: 2000 });
      const [lot] = placed.order.lots;
      const may = Math.floor((lot?.credit ?? 0) + (lot?.perSecond ?? 0) * 2 + 1e-9);
      credits.push(lot?.credit ?? 0);
      const go = new Set(lot?.release.slice(0, Math.max(0, may)).map(({ id }) => id));
      released += go.size;
      const fates = new Map<string, DrainFate>(
        placed.parcels.map(({ key }) => [key.id, go.has(key.id) ? 'gone' : 'held']),
      );
      const look: DrainLook = {
        at: now,
        fates,
        failed: [],
        inFlight: null,
        oldestOther: null,
        isDown: false,
      };
      control.see('mx1', placed, { look, events: [], isLogWhole: false, open: null }, now);
    }
    expect(credits[0]).toBe(1);
    expect(Math.max(...credits)).toBe(1);
    // Forty seconds at one in ten, and the first at once.
    expect(released).toBe(5);
  });
});

test('what a server told of its kept connections goes with the next order for the same destination', () => {
  const { control } = new World({ big: 20, far: 20 });
  control.addLane('mx1', [...parcels(90, 'big'), ...parcels(90, 'far')], [], { ...none, total: 180 }, 0);
  const orderAt = (now: number) => control.order('mx1', now, { factor: 1, forMs: 1000 });
  const first = orderAt(0);
  expect(first.order.lots.map(({ reuses }) => reuses)).toEqual([undefined, undefined]);
  const reuses = new Map([
    [0, 60],
    [7, 1],
  ]);
  const look: DrainLook = {
    at: 0,
    fates: new Map(),
    failed: [],
    inFlight: null,
    oldestOther: null,
    isDown: false,
    reuses,
  };
  control.see('mx1', first, { look, events: [], isLogWhole: false, open: null }, 0);
  const second = orderAt(1);
  const of = (name: string | undefined) => second.order.lots[second.names.indexOf(name ?? '')]?.reuses;
  expect([of(first.names[0]), of(first.names[1])]).toEqual([60, undefined]);
});

test('taken up again it opens nothing where it does not know whose connections are still open', () => {
  const limits = { limitOf: () => limit(20), perSecond: null, isCounted: true };
  const placesAt = (now: number, peers: readonly string[], released: number) => {
    const control = new DrainController({ ...limits, peersOf: () => peers });
    control.addLane('mx1', parcels(40, 'gmail'), [], { ...none, total: 40, released }, 100);
    return control.order('mx1', now, { factor: 1, forMs: 1000 }).order.lots.flatMap((lot) => lot.release);
  };
  expect(placesAt(101, [], 30)).toEqual([]);
  expect(placesAt(103, [], 30).length).toBeGreaterThan(0);
  // The kernel tells, or nothing was let go before.
  expect(placesAt(101, ['192.0.2.1'], 30).length).toBeGreaterThan(0);
  expect(placesAt(101, [], 0).length).toBeGreaterThan(0);
});
