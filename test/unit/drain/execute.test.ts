// A drain as it is executed, over model servers: what becomes of its messages when it is stopped, resumed, or met by a
// server that does not do what it is told.
import { expect, test } from 'vitest';
import { type DrainEnd, exitOfDrain } from '../../../src/drain/execute-drain.js';
import { CommandError, MailctlError, TransportError } from '../../../src/errors.js';
import { DrainWorld, ModelQueue } from '../../support/drain-world.js';
import { randomFrom } from '../../support/random.js';

const aborted = (): AbortSignal => {
  const controller = new AbortController();
  controller.abort();
  return controller.signal;
};

/** Time goes on until the run has heard of it. */
async function heard(world: DrainWorld): Promise<void> {
  while (!world.changes.some((text) => text.includes('stop'))) await world.clock.sleep(500);
}

test('parks part by part, sends everything once and is done', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([3, 4]);
  const end = await world.run();
  expect([end.status.lanes[0]?.state, exitOfDrain(end, false)]).toEqual(['done', 0]);
  expect(mx1.with('gone')).toHaveLength(7);
  expect(mx1.kept).toEqual(['1', '2']);
  expect(world.closed()).toEqual([['mx1', 'done']]);
  expect(mx1.state).toBe('none');
});

test('a drain that is stopped while it parks is never done: what it did not come to is left alone', async () => {
  const mx1 = new ModelQueue('mx1');
  const finish = new AbortController();
  mx1.onPark = async () => {
    for (const id of mx1.with('deferred')) if (id.startsWith('mx1-1-')) mx1.fates.set(id, 'gone');
    finish.abort();
    await heard(world);
  };
  const world = await new DrainWorld([mx1]).open([2, 2]);
  const end = await world.run(false, finish.signal);
  expect(end.status.lanes[0]?.state).toBe('stopped');
  expect(world.closed()).toEqual([]);
  expect([mx1.kept, mx1.state]).toEqual([['1'], 'held']);
  expect(exitOfDrain(end, false)).toBe(5);
});

/** All parts are parked, the first of them is gone: as a run leaves it that dies after its parts. */
async function parkedAndDead(): Promise<{ world: DrainWorld; mx1: ModelQueue }> {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([2, 2, 2]);
  const finish = new AbortController();
  mx1.onPark = async (_keys, count) => {
    if (count !== 3) return;
    finish.abort();
    await heard(world);
  };
  await world.run(false, finish.signal);
  expect(mx1.with('held')).toHaveLength(6);
  mx1.onPark = () => {};
  for (const id of mx1.with('held')) if (id.startsWith('mx1-1-')) mx1.fates.set(id, 'gone');
  return { world, mx1 };
}

test('stopped while it is resumed, a drain still knows all that it had parked before', async () => {
  const { world, mx1 } = await parkedAndDead();
  world.changes.length = 0;
  mx1.onTick = () => heard(world);
  const end = await world.run(true, aborted());
  expect(end.status.lanes[0]?.state).toBe('stopped');
  expect(end.status.lanes[0]?.counts.held).toBe(4);
  expect([world.closed(), mx1.state]).toEqual([[], 'held']);
});

test('stopped with the rest given back while it is resumed, nothing that was begun stays held', async () => {
  const { world, mx1 } = await parkedAndDead();
  world.changes.length = 0;
  mx1.onTick = async () => {
    if (world.changes.length > 0) return;
    await world.notes.ask({ ask: 'stop', releaseRest: true });
    await heard(world);
  };
  await world.run(true);
  expect(mx1.with('held')).toEqual([]);
  expect(world.statuses.at(-1)?.lanes[0]?.counts).toMatchObject({ total: 6, held: 0, givenBack: 4 });
  expect(world.closed()).toEqual([['mx1', 'reverted']]);
  expect(mx1.state).toBe('none');
});

test('a message that cannot be parked again is counted once', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([5]);
  mx1.becomes = 'deferred';
  let refused = 0;
  mx1.onPark = (_keys, count) => {
    mx1.becomes = count < 4 ? 'deferred' : 'gone';
    if (count === 1 || count > 3) return;
    refused += 1;
    throw new MailctlError('mx1 is busy', { code: 'transport.timeout', exitCode: 1 });
  };
  const end = await world.run();
  expect([refused, mx1.with('gone').length]).toEqual([2, 5]);
  const counts = end.status.lanes[0]?.counts;
  expect(
    (counts?.delivered ?? 0) + (counts?.deferred ?? 0) + (counts?.held ?? 0) + (counts?.inFlight ?? 0),
  ).toBe(5);
  expect(world.changes.filter((text) => text.includes('it is asked again'))).toEqual([]);
});

test('away while it parked, a drain asks whether the queue is still its own before it parks again', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([10]);
  mx1.onPark = (_keys, count) => {
    if (count > 1) return;
    // Its host gives back what was held, which no dead man watches any more.
    mx1.state = 'released';
    throw new TransportError('mx1', 'lost', 'mx1: the connection broke');
  };
  const end = await world.run();
  expect([mx1.with('held'), mx1.parks]).toEqual([[], 1]);
  expect(end.failures.map(({ error }) => error.message)).toEqual([
    expect.stringContaining("not this drain's any more"),
  ]);
});

test.each([
  ['at its first look', { tick: 1, park: 0 }],
  ['at a tick', { tick: 3, park: 0 }],
  ['when what came back is parked again', { tick: 0, park: 2 }],
])('away %s, it asks as well before it parks', async (_when, at) => {
  const mx1 = new ModelQueue('mx1');
  mx1.becomes = 'deferred';
  const world = await new DrainWorld([mx1]).open([10]);
  let isAway = false;
  const away = () => {
    isAway = true;
    mx1.state = 'released';
    for (const id of mx1.with('held')) mx1.fates.set(id, 'waiting');
    throw new TransportError('mx1', 'lost', 'mx1: the connection broke');
  };
  // The tick is there before the next heartbeat.
  world.beatEvery = () => {
    if (isAway) throw new TransportError('mx1', 'lost', 'mx1: the connection broke');
  };
  mx1.onTick = () => {
    isAway = false;
    if (mx1.ticks === at.tick) away();
  };
  mx1.onPark = (_keys, count) => {
    if (count === at.park) away();
  };
  const end = await world.run();
  expect([mx1.with('held'), mx1.state, end.failures.length]).toEqual([[], 'released', 1]);
});

test('left while a host that is away is asked again, it is left at once and not ended', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([10]);
  const leave = new AbortController();
  mx1.onPark = () => {
    leave.abort();
    throw new TransportError('mx1', 'refused', 'mx1: refused');
  };
  const end = await world.run(false, undefined, leave.signal);
  expect([end.isLeft, end.failures, mx1.parks, world.closed()]).toEqual([true, [], 1, []]);
  mx1.onPark = () => {};
  const next = await world.run(true);
  expect([next.status.lanes[0]?.state, mx1.with('gone').length]).toEqual(['done', 10]);
});

test.each([
  ['looks once more at what it had offered', false],
  ['takes it for held where it cannot look', true],
])('stopped while its host goes on for a moment, it %s', async (_what, isAway) => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([60]);
  const finish = new AbortController();
  mx1.onTick = async () => {
    if (mx1.ticks > 3 && isAway) throw new TransportError('mx1', 'lost', 'mx1: the connection broke');
    if (mx1.ticks !== 3) return;
    finish.abort();
    await heard(world);
  };
  // After its answer.
  mx1.afterTick = () => {
    if (mx1.ticks === 3) for (const id of mx1.with('held').slice(0, 5)) mx1.fates.set(id, 'gone');
  };
  const held = () => mx1.with('held').length + (isAway ? 5 : 0);
  const { counts } = (await world.run(false, finish.signal)).status.lanes[0] ?? {};
  expect([counts?.held, (counts?.held ?? 0) > 0]).toEqual([held(), true]);
  expect((counts?.delivered ?? 0) + (counts?.inFlight ?? 0) + (counts?.held ?? 0)).toBe(60);
});

test('a queue that was given back before is not called done by a run that goes on with the others', async () => {
  const [mx1, mx2] = [new ModelQueue('mx1'), new ModelQueue('mx2')];
  const world = await new DrainWorld([mx1, mx2]).open([2]);
  await world.journal.append({ kind: 'lane-closed', lane: 'mx1', state: 'reverted' });
  await world.files.addResult({
    kind: 'drain',
    lane: 'mx1',
    counts: { ...NONE, total: 2, released: 1, delivered: 1, deferred: 1 },
  });
  const end = await world.run();
  const states = end.status.lanes.map(({ queue, state, counts }) => [queue, state, counts.delivered]);
  expect(states).toEqual([
    ['mx1', 'stopped', 1],
    ['mx2', 'done', 2],
  ]);
  expect(exitOfDrain(end, false)).toBe(1);
  expect(mx1.ticks).toBe(0);
});

test('a server that does not run is said to be down while it is looked at', async () => {
  const mx1 = new ModelQueue('mx1');
  mx1.isDown = true;
  const world = await new DrainWorld([mx1]).open([2]);
  mx1.onTick = () => {
    if (mx1.ticks > 8) mx1.isDown = false;
  };
  await world.run();
  expect(world.statuses.map(({ lanes }) => lanes[0]?.doing)).toContain('its mail server does not run');
});

test('what cannot be released is tried again, then left held and told; it is never done', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([3]);
  mx1.refuses = (id) => (id === 'mx1-1-1' ? 'no process: Resource temporarily unavailable' : undefined);
  const end = await world.run();
  const [lane] = end.status.lanes;
  expect([lane?.state, lane?.counts.held, lane?.counts.delivered, lane?.counts.deferred]).toEqual([
    'stopped',
    1,
    2,
    0,
  ]);
  expect(end.failures[0]?.error).toMatchObject({
    code: 'drain.not-released',
    detail: 'mx1-1-1: no process: Resource temporarily unavailable',
  });
  expect([exitOfDrain(end, false), world.closed(), mx1.state]).toEqual([5, [], 'held']);
});

test('what could not be released for a while is released later', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([3]);
  let refused = 0;
  mx1.refuses = () => {
    refused += 1;
    return refused <= 5 ? 'no process' : undefined;
  };
  const end = await world.run();
  expect([end.status.lanes[0]?.state, mx1.with('gone').length]).toEqual(['done', 3]);
});

test('stopped after its host has given the rest back, it does not say that the rest stays held', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([2]);
  mx1.isDown = true;
  const finish = new AbortController();
  mx1.onTick = () => {
    if (mx1.ticks === 3) {
      mx1.state = 'released';
      finish.abort();
    }
  };
  const end = await world.run(false, finish.signal);
  expect(end.status.lanes[0]?.state).toBe('stopped');
  expect(end.status.lanes[0]?.doing).toContain('given');
  expect(JSON.stringify(world.journal.records)).not.toContain('; the rest stays held');
});

test('other mail that was seen late once slows nothing, however many heartbeats there are', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([2]);
  mx1.isDown = true;
  mx1.onTick = async () => {
    mx1.oldestOther = mx1.ticks === 4 ? 400 : 0;
    if (mx1.ticks === 4) await world.clock.sleep(1);
    if (mx1.ticks === 5) await world.clock.sleep(30_000);
    if (mx1.ticks > 6) mx1.isDown = false;
  };
  await world.run();
  expect(world.changes.filter((text) => text.includes('other-mail'))).toEqual([]);
});

test('what cannot be parked is not gone: it stays with its server, is said so, and is looked for', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([4]);
  mx1.cannotPark = (id) => (mx1.parks > 1 ? undefined : { 'mx1-1-0': 'locked', 'mx1-1-1': 'no space' }[id]);
  mx1.onPark = () => {
    if (mx1.parks === 1) mx1.fates.set('mx1-1-0', 'active');
  };
  const end = await world.run();
  const [lane] = end.status.lanes;
  expect(lane?.counts).toMatchObject({ total: 4, delivered: 2, deferred: 1, lost: 1, held: 0 });
  expect(world.changes).toEqual(['mx1: 1 message stays with the server, not parked: mx1-1-1: no space']);
});

test('queues of one kernel ask it once for its connections', async () => {
  const queues = [new ModelQueue('mx1:a', 'mx1'), new ModelQueue('mx1:b', 'mx1'), new ModelQueue('mx2')];
  const world = await new DrainWorld(queues).open([30]);
  await world.run();
  const [a = [], b = [], other = []] = queues.map(({ socketReadsAt }) => socketReadsAt);
  expect(other.length).toBeGreaterThan(2);
  // Whichever of the two asks, the other one takes its answer for a second and a half.
  const both = [...a, ...b].sort((one, two) => one - two);
  expect(both.length).toBeGreaterThan(2);
  for (const [index, at] of both.slice(1).entries())
    expect(at - (both[index] ?? 0)).toBeGreaterThanOrEqual(1500);
});

test('what has died in the middle is started again, and not at once or again and again', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([40]);
  let downAt = 0;
  mx1.onTick = () => {
    if (mx1.ticks !== 4) return;
    mx1.isDown = true;
    downAt = world.clock.monotonic();
  };
  mx1.onRevive = () => {
    expect(world.clock.monotonic() - downAt).toBeGreaterThan(9000);
    // The first time it does not help.
    mx1.isDown = mx1.revived < 2;
    return true;
  };
  const end = await world.run();
  expect([end.status.lanes[0]?.state, mx1.revived, mx1.with('gone').length]).toEqual(['done', 2, 40]);
  expect(world.clock.monotonic() - downAt).toBeGreaterThan(300_000);
  expect(world.changes[0]).toContain('started again');
});

test('gone on with, what is free is parked again: it was given back, or never parked', async () => {
  const { world, mx1 } = await parkedAndDead();
  for (const id of mx1.with('held')) mx1.fates.set(id, 'waiting');
  let most = 0;
  mx1.onTick = () => {
    most = Math.max(most, mx1.with('held').length);
  };
  const end = await world.run(true);
  expect([most, end.status.lanes[0]?.state, mx1.with('gone').length]).toEqual([4, 'done', 6]);
});

test('a heartbeat that cannot be written is told before its host takes the drain for dead', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([1]);
  mx1.isDown = true;
  let beats = 0;
  world.beatEvery = () => {
    beats += 1;
    if (beats < 80)
      throw new MailctlError('no space left on device', { code: 'command.failed', exitCode: 1 });
    mx1.isDown = false;
  };
  await world.run();
  expect(world.changes).toEqual([
    expect.stringMatching(
      /^mx1: no heartbeat for 30\ds: no space left on device; after 600s the drain is given back/,
    ),
    'mx1: its heartbeat is heard again',
  ]);
});

test('killed anywhere, again and again, it is gone on with, and every message is counted once', async () => {
  class Killed extends Error {}
  let killed = 0;
  for (let seed = 1; seed <= 30; seed += 1) {
    const random = randomFrom(seed);
    const mx1 = new ModelQueue('mx1');
    const world = await new DrainWorld([mx1]).open([7, 5, 20]);
    let kills = 0;
    const perhaps = () => {
      if (kills >= 6 || random() > 0.25) return;
      kills += 1;
      killed += 1;
      throw new Killed();
    };
    mx1.onPark = perhaps;
    mx1.afterPark = perhaps;
    mx1.afterTick = perhaps;
    world.onPost = perhaps;
    // Some are put off once, and a free one may be taken by the server itself.
    mx1.onTick = () => {
      mx1.becomes = random() < 0.2 ? 'deferred' : 'gone';
      perhaps();
    };
    let end: DrainEnd | undefined;
    for (let run = 0; end === undefined; run += 1)
      end = await world.run(run > 0).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
        return undefined;
      });
    const [lane] = end.status.lanes;
    const { delivered, deferred, bounced, held, inFlight, lost, total } = lane?.counts ?? NONE;
    expect([seed, lane?.state, mx1.with('held').length, mx1.twice]).toEqual([seed, 'done', 0, []]);
    expect([seed, total, held, inFlight]).toEqual([seed, 32, 0, 0]);
    expect([seed, delivered + deferred + bounced + lost]).toEqual([seed, 32]);
    expect([seed, mx1.with('deferred').length]).toEqual([seed, deferred]);
  }
  expect(killed).toBeGreaterThan(100);
}, 60_000);

test('a connection that breaks before the first tick is no end: it is asked again, but not for ever', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([3, 3]);
  const broken = () => {
    throw new TransportError('mx1', 'lost', 'mx1: the connection broke after 0.1s');
  };
  const failures = [true, false, true, true, false];
  const perhaps = () => void (failures.shift() === true && broken());
  world.onPost = perhaps;
  mx1.onPark = perhaps;
  mx1.onTick = perhaps;
  expect((await world.run()).status.lanes[0]?.state).toBe('done');
  expect([failures, mx1.with('gone').length]).toEqual([[], 6]);
  const away = new ModelQueue('mx2');
  const other = await new DrainWorld([away]).open([1]);
  other.onPost = broken;
  const end = await other.run();
  expect(end.failures[0]?.error.code).toBe('transport.lost');
  expect(other.clock.monotonic()).toBeGreaterThan(60_000);
});

test('what was asked before it was read is heard', async () => {
  const mx1 = new ModelQueue('mx1');
  mx1.isDown = true;
  const world = await new DrainWorld([mx1]).open([2]);
  await world.notes.ask({ ask: 'stop', releaseRest: false });
  const end = await world.run();
  expect(end.isStopped).toBe(true);
});

test('each queue tells its counts by its own clock', async () => {
  const queues = ['a', 'b'].map((name) => new ModelQueue(name));
  const world = await new DrainWorld(queues).open([1500]);
  await world.run();
  const results = (await world.files.readResults()) as { lane: string }[];
  for (const { name } of queues)
    expect(results.filter(({ lane }) => lane === name).length).toBeGreaterThan(3);
});

const NONE = {
  total: 0,
  released: 0,
  inFlight: 0,
  delivered: 0,
  deferred: 0,
  bounced: 0,
  held: 0,
  givenBack: 0,
  lost: 0,
  pushedBack: 0,
  tries: 0,
};

test('a server that cannot be looked at at all: nothing is parked, the queue is given back, and its reason is told', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([3]);
  mx1.onTick = () => {
    throw new CommandError('mx1', 'postfix pump', 69, 'there is no perl, which keeps the windows full');
  };
  const end = await world.run();
  expect([end.failures[0]?.isUntouched, end.failures[0]?.error.detail, exitOfDrain(end, false)]).toEqual([
    true,
    'there is no perl, which keeps the windows full',
    1,
  ]);
  // Nobody has to wait until it counts as dead.
  expect([mx1.state, mx1.said, mx1.with('deferred').length]).toEqual(['none', ['done'], 3]);
  expect(world.closed()).toEqual([['mx1', 'failed']]);
});
