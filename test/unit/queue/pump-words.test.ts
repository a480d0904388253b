// What a pump is told and answers, and a tick of servers that have none.
import { expect, test, vi } from 'vitest';
import type { DrainFate, DrainOrder } from '../../../src/queue/drain-way.js';
import type { MessageKey } from '../../../src/queue/message.js';
import { orderText, parseLook, tickOnce } from '../../../src/queue/pump-words.js';

const key = (id: string): MessageKey => ({ id, arrivedAt: 1, sender: 'a' });
const order = (
  window: number,
  release: readonly string[],
  watch: readonly string[],
  more: Partial<DrainOrder> & { perSecond?: number } = {},
): DrainOrder => ({
  lots: [{ window, perSecond: more.perSecond ?? null, release: release.map(key), watch }],
  forMs: more.forMs ?? 1000,
});

test('an order names windows, what flies, and keys; strange ids are left out', () => {
  const text = orderText(
    {
      lots: [{ window: 2.7, perSecond: 1.5, release: [key('A1'), key('$(id)\n')], watch: ['B1', '-x'] }],
      forMs: 5,
    },
    (id) => /^[A-Z]\d$/.test(id),
    ({ id }) => `${id} 1 =a\n`,
  );
  expect(text).toBe('lot 2 1.500\nwatch B1\nA1 1 =a\n');
});

test('what is left over of a rate is told, also less than nothing', () => {
  const text = (credit: number | undefined) =>
    orderText(
      { lots: [{ window: 2, perSecond: 1.5, credit, release: [], watch: [] }], forMs: 5 },
      () => true,
      () => '',
    );
  expect([text(undefined), text(0.25), text(-3)]).toEqual([
    'lot 2 1.500\n',
    'lot 2 1.500\ncredit 0.250\n',
    'lot 2 1.500\ncredit -3.000\n',
  ]);
});

test('a pump tells of its lots whether connections that are kept are taken; nonsense is passed over', () => {
  const told = (lines: string) => parseLook('mx1', `${lines}at 5\ndone\n`).reuses;
  expect(told('reuses 0 60\nreuses 2 -1000\nreuses x 5\nreuses 3\nreuses 4 9999999999\n')).toEqual(
    new Map([
      [0, 60],
      [2, -1000],
    ]),
  );
  expect(told('')).toBeUndefined();
});

test('a look that did not come to its end is no look', () => {
  expect(() => parseLook('mx1', 'fate A gone\nat 5\n')).toThrow('did not come to its end');
  expect(() => parseLook('mx1', '')).toThrow('did not come to its end');
  expect(
    parseLook(
      'mx1',
      'fate A gone\nfate B nonsense\nfailed C no space left\nat 5.25\nin-flight x\ndown\ndone\n',
    ),
  ).toEqual({
    at: 5.25,
    fates: new Map([['A', 'gone']]),
    failed: [{ id: 'C', why: 'no space left' }],
    inFlight: null,
    oldestOther: null,
    isDown: true,
  });
});

const tick = async (
  what: DrainOrder,
  fates: Readonly<Record<string, DrainFate>>,
  isDown = false,
  failed: readonly string[] = [],
) => {
  const release = vi.fn(async (keys: readonly MessageKey[]) => ({
    changed: keys.length,
    gone: [],
    failed: failed.map((id) => ({ id, why: 'no' })),
  }));
  const look = await tickOnce(
    what,
    async () => ({ at: 9, fates: new Map(Object.entries(fates)), isDown }),
    release,
  );
  return { released: release.mock.calls.flatMap(([keys]) => keys.map(({ id }) => id)), look };
};

test('as many are released as the window has room for, in their order', async () => {
  const held = { c: 'held', d: 'held', e: 'held' } as const;
  const { released, look } = await tick(order(3, ['c', 'd', 'e'], ['a', 'b', 'x']), {
    a: 'active',
    b: 'deferred',
    ...held,
  });
  expect(released).toEqual(['c', 'd']);
  expect([...look.fates]).toEqual([
    ['a', 'active'],
    ['b', 'deferred'],
    ['x', 'gone'],
    ['c', 'waiting'],
    ['d', 'waiting'],
    ['e', 'held'],
  ]);
});

test('one that is free already takes a place and is not released again; a rate counts too', async () => {
  const held = { b: 'held', c: 'held', d: 'held' } as const;
  expect((await tick(order(2, ['a', 'b', 'c'], []), { a: 'waiting', ...held })).released).toEqual(['b']);
  expect((await tick(order(9, ['b', 'c', 'd'], [], { perSecond: 0.5 }), held)).released).toEqual(['b']);
  expect((await tick(order(9, ['b', 'c', 'd'], [], { perSecond: 2, forMs: 1500 }), held)).released).toEqual([
    'b',
    'c',
    'd',
  ]);
});

test('a rate below one a tick lets none go until a whole one is left over', async () => {
  const held = { b: 'held', c: 'held' } as const;
  const at = async (credit: number) => {
    const { lots, forMs } = order(9, ['b', 'c'], [], { perSecond: 0.1, forMs: 2000 });
    return (await tick({ lots: lots.map((lot) => ({ ...lot, credit })), forMs }, held)).released;
  };
  expect([await at(1), await at(0), await at(0.7), await at(0.8)]).toEqual([['b'], [], [], ['b']]);
});

test.each([
  ['the server is down', order(5, ['a'], []), true],
  ['it only looks', order(5, ['a'], [], { forMs: 0 }), false],
  ['the window is closed', order(0, ['a'], []), false],
])('nothing is released: %s', async (_why, what, isDown) => {
  const { released, look } = await tick(what, { a: 'held' }, isDown);
  expect([released, look.fates.get('a'), look.isDown]).toEqual([[], 'held', isDown]);
});

test('what could not be released is held still', async () => {
  const { look } = await tick(order(5, ['a', 'b'], []), { a: 'held', b: 'held' }, false, ['b']);
  expect([...look.fates]).toEqual([
    ['a', 'waiting'],
    ['b', 'held'],
  ]);
  expect(look.failed).toEqual([{ id: 'b', why: 'no' }]);
});
