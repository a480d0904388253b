// A failover while the directory is away: by a copy of it, with the operator's own eyes, and told later.
import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../../src/errors.js';
import { type FailoverWishes, mayGo } from '../../../src/slot/decide.js';
import {
  type DirectoryCopy,
  formatDirectoryCopy,
  parseDirectoryCopy,
} from '../../../src/slot/directory-copy.js';
import { planLane } from '../../../src/slot/failover.js';
import { beganLine, openedLine, parseLaneFile } from '../../../src/slot/lane-record.js';
import type { Surroundings } from '../../../src/slot/look-around.js';
import { prepareFailover } from '../../../src/slot/prepare-failover.js';
import { fakeClock } from '../../support/fake-clock.js';
import {
  plainRoad,
  SlotWorld,
  worldDirectory,
  worldDriver,
  worldHosts,
  worldPing,
} from '../../support/slot-world.js';

async function siteOf(hosts: readonly string[] = ['imap21', 'imap22']) {
  const clock = fakeClock({ auto: true });
  const world = new SlotWorld(clock, [...hosts, 'mx1']);
  world.add('store1', [...hosts]);
  const around = {
    driver: worldDriver(world, plainRoad),
    hosts: worldHosts(world),
    ping: worldPing(world, plainRoad),
    concurrency: 8,
    mxs: [],
  } as unknown as Surroundings;
  const directory = worldDirectory(world, plainRoad);
  const copy: DirectoryCopy = { at: clock.now(), slots: await directory.list() };
  const wishes: FailoverWishes = {
    to: undefined,
    maxLagS: 300,
    acceptLoss: new Set(),
    fenced: undefined,
    overrides: new Set(),
    takeOver: new Set(),
    directoryLater: true,
  };
  const samples = { latest: async () => [] };
  return {
    world,
    copy,
    prepare: (more: Partial<FailoverWishes> = {}, kept: DirectoryCopy | null = copy) =>
      prepareFailover(
        ['imap21'],
        { ...wishes, ...more },
        { directory, copy: async () => kept ?? undefined, samples, around, clock },
      ),
  };
}

const gatesOf = (
  decision: { readonly gates: readonly { gate: string; word: string | null }[] } | undefined,
) => decision?.gates.filter((one) => one.word === null).map((one) => one.gate);

describe('a failover with the directory away', () => {
  it('is refused without the word, and without a copy', async () => {
    const { world, prepare } = await siteOf();
    world.directoryAway = true;
    await expect(prepare({ directoryLater: false })).rejects.toThrow(RefusedError);
    const refused = prepare({}, null);
    await expect(refused).rejects.toMatchObject({
      code: 'directory-away',
      message: expect.stringContaining('no copy of it was kept here either'),
    });
  });

  it('means nothing where the directory answers', async () => {
    const { prepare } = await siteOf();
    const { decisions, later } = await prepare();
    expect(later).toBeUndefined();
    expect(decisions[0]?.later).toBeUndefined();
  });

  it('goes by the copy, sets the directory last, tells hooks after it, and says so in the lease', async () => {
    const { world, copy, prepare } = await siteOf();
    world.directoryAway = true;
    const { decisions, later, sight } = await prepare();
    expect(later).toEqual({ copiedAt: copy.at, reason: expect.any(String) });
    const decision = decisions[0];
    if (decision === undefined) throw new Error('no decision');
    expect([mayGo(decision), decision.kind, decision.later]).toEqual([true, 'planned', true]);
    const { steps } = planLane(decision, {
      sight,
      slotHooks: [{ host: null, run: ['x'], timeoutMs: 1000 }],
      hasTestAccount: false,
    });
    expect(steps.map(({ id, phase }) => [id, phase]).slice(-3)).toEqual([
      ['directory', 'settle'],
      ['hook-1', 'settle'],
      ['give-back', 'settle'],
    ]);
    expect(steps.filter(({ id }) => id === 'directory')).toHaveLength(1);
    expect(steps.find(({ id }) => id === 'directory')?.params.version).toBeNull();
    expect(steps.find(({ id }) => id === 'lease-imap22')?.params.later).toBe(true);
  });

  it('takes silence for no proof of any host: the operator must have seen them', async () => {
    const { world, prepare } = await siteOf(['imap21', 'imap22', 'imap23']);
    world.directoryAway = true;
    world.cut('imap21');
    world.cut('imap23');
    const closed = (await prepare({ acceptLoss: new Set(['store1']) })).decisions[0];
    expect(gatesOf(closed)).toEqual(['not-proven-dead', 'not-proven-dead']);
    expect(closed?.gates[0]?.reason).toContain('while the directory is away that is no proof');
    const open = (await prepare({ acceptLoss: new Set(['store1']), fenced: 'console: off' })).decisions[0];
    expect(gatesOf(open)).toEqual([]);
  });
});

describe('a copy of the directory', () => {
  const slots = [
    {
      slot: 'store1',
      master: 'imap22',
      state: 'readonly:imap21',
      version: 7,
      instances: [
        { slot: 'store1', host: 'imap22', instance: 's1b', address: '192.0.2.2' },
        { slot: 'store1', host: 'imap21', instance: 'store1', address: undefined },
      ],
    },
  ];

  it('reads back what was written, without versions', () => {
    const text = formatDirectoryCopy('sqlite:/x', slots, 1234.5);
    expect(parseDirectoryCopy(text, 'sqlite:/x')).toEqual({
      at: 1234,
      slots: [{ ...slots[0], version: undefined }],
    });
  });

  it('is none when it is of another directory, cut, or says what cannot be', () => {
    const text = formatDirectoryCopy('sqlite:/x', slots, 1);
    expect(parseDirectoryCopy(text, 'sqlite:/y')).toBeUndefined();
    for (const broken of [
      '',
      'null',
      '[]',
      text.slice(0, -20),
      text.replace('"imap21"', '"-oProxyCommand"'),
    ]) {
      expect(parseDirectoryCopy(broken, 'sqlite:/x')).toBeUndefined();
    }
  });
});

it('a lane file remembers that the directory is to be told', () => {
  const lane = {
    run: 'r1',
    from: 'a',
    to: 'b',
    operator: 'ann',
    bastion: 'x',
    at: '2026-03-12T04:28:26Z',
    judged: null,
  };
  const { open } = parseLaneFile([openedLine({ ...lane, later: true }), beganLine('r1', 'start-new')]);
  expect(open).toMatchObject({ later: true, started: true });
  expect(parseLaneFile([openedLine(lane)]).open?.later).toBeUndefined();
});
