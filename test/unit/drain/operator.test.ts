// What an operator asks of a drain that runs: slower and faster, and to leave it to another process.
import { expect, test } from 'vitest';
import { DrainController } from '../../../src/drain/controller.js';
import type { DestinationLimit } from '../../../src/drain/window.js';
import { DestinationWindow } from '../../../src/drain/window.js';
import { DrainWorld, ModelQueue } from '../../support/drain-world.js';

const LIMIT: DestinationLimit = { connections: 20, source: 'config', perSecond: 50, inFlight: null };

test('slower and faster come back to where they were, and never above the limits', () => {
  const control = new DrainController({
    limitOf: () => LIMIT,
    perSecond: null,
    isCounted: false,
    peersOf: () => [],
  });
  const down = [0.8, 0.8, 0.8, 0.8].map((factor) => control.scale(factor));
  expect(down).toEqual([0.8, 0.64, 0.51, 0.41]);
  for (let turn = 0; turn < 6; turn += 1) control.scale(1.25);
  expect(control.speed).toBe(1);
  for (let turn = 0; turn < 30; turn += 1) control.scale(0.8);
  expect(control.speed).toBe(0.1);
});

test('a window that only the operator made smaller is as large again at once; one that was halved is not', () => {
  const grown = (window: DestinationWindow, from: number, seconds: number) => {
    for (let now = from; now < from + seconds; now += 1)
      window.see({ tries: 10, pushedBack: 0, open: null, inFlight: 1 }, now);
    return window.window;
  };
  const clean = new DestinationWindow(LIMIT, 0);
  const most = grown(clean, 1, 30);
  clean.scale(0.1);
  expect(clean.window).toBeLessThanOrEqual(2);
  clean.scale(1);
  expect(grown(clean, 40, 10)).toBe(most);
  const pushed = new DestinationWindow(LIMIT, 0);
  grown(pushed, 1, 30);
  pushed.see({ tries: 20, pushedBack: 4, open: null, inFlight: 1 }, 40);
  const halved = pushed.window;
  pushed.scale(0.5);
  pushed.scale(1);
  expect(grown(pushed, 41, 10)).toBeLessThanOrEqual(halved);
});

test('a drain that is left ends after its tick, closes nothing, and the next process sends the rest once', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([40, 40]);
  const leave = new AbortController();
  mx1.onTick = () => {
    if (mx1.with('gone').length > 0) leave.abort();
  };
  const end = await world.run(false, undefined, leave.signal);
  expect([end.isLeft, end.isStopped, end.failures]).toEqual([true, false, []]);
  // Nobody ended it on its host, and no record says that it was stopped.
  expect([mx1.state, mx1.said, world.closed()]).toEqual(['running', [], []]);
  expect(mx1.with('held').length).toBeGreaterThan(0);
  expect(world.journal.records.filter(({ kind }) => kind === 'failed')).toEqual([]);
  mx1.onTick = () => {};
  const last = await world.run(true);
  expect([last.isLeft, last.status.lanes[0]?.state, mx1.with('gone').length]).toEqual([false, 'done', 80]);
});

test('left while it parks, it begins no part more, and the next process parks the rest', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([2, 2]);
  const leave = new AbortController();
  mx1.onPark = (_keys, count) => {
    if (count === 1) leave.abort();
  };
  const end = await world.run(false, undefined, leave.signal);
  expect([end.isLeft, mx1.kept, mx1.with('held').length]).toEqual([true, ['1'], 2]);
  const last = await world.run(true);
  expect([last.status.lanes[0]?.state, mx1.kept, mx1.with('gone').length]).toEqual(['done', ['1', '2'], 4]);
});

test('what is asked is seen at once, not only when a tick has ended', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([40]);
  let asked = false;
  mx1.onTick = async () => {
    if (asked || mx1.with('gone').length === 0) return;
    asked = true;
    await world.notes.ask({ ask: 'pause', by: 'ann' });
    await world.notes.ask({ ask: 'rate', factor: 0.5, by: 'ann' });
    while ((world.statuses.at(-1)?.lanes[0]?.speed ?? 1) === 1) await world.clock.sleep(500);
    const [lane] = world.statuses.at(-1)?.lanes ?? [];
    expect([lane?.state, lane?.speed]).toEqual(['paused', 0.5]);
    await world.notes.ask({ ask: 'resume', by: 'ann' });
  };
  const end = await world.run();
  expect([asked, end.status.lanes[0]?.state]).toEqual([true, 'done']);
  expect(world.changes).toContain('slower by ann: 50% of what the limits allow');
});

test('left paused and slow, it is so from its first moment in the next process, however late that comes', async () => {
  const mx1 = new ModelQueue('mx1');
  const world = await new DrainWorld([mx1]).open([40]);
  let asked = false;
  mx1.onTick = async ({ lots }) => {
    if (asked) return;
    expect(lots.flatMap(({ release }) => release)).toEqual([]);
    if (mx1.ticks < 4) return;
    asked = true;
    const [lane] = world.statuses.at(-1)?.lanes ?? [];
    expect([lane?.state, lane?.speed, mx1.with('gone')]).toEqual(['paused', 0.8, []]);
    await world.notes.ask({ ask: 'resume', by: 'ann' });
  };
  const end = await world.run(false, undefined, undefined, { isPaused: true, speed: 0.8 });
  expect([asked, end.status.lanes[0]?.state]).toEqual([true, 'done']);
});
