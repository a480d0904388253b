// A new replica: when it may be made, what is missing otherwise, the lane, and its steps over a model world.
import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/slot/decide.js';
import { openedLine, owedLine, parseLaneFile } from '../../../src/slot/lane-record.js';
import { judgeSeed, planSeed, type SeedFacts, type SeedWishes } from '../../../src/slot/seed.js';
import { actionWorld } from '../../support/slot-actions.js';
import {
  channel,
  host,
  instance,
  lease,
  sightOf,
  silence,
  slotOn,
  state,
  stopped,
} from '../../support/slot-sight.js';

const G = 1024 ** 3;
const slot = slotOn('store1');
const master = (more = {}) =>
  state('store1', 'imap21', 'master', {
    channels: [channel({ channel: 'imap22' }), channel({ channel: 'imap24', syncHost: 'imap24' })],
    ...more,
  });
const empty = (more = {}) =>
  stopped('store1', 'imap24', 'replica', { freeBytes: 100 * G, totalBytes: 200 * G, ...more });
const at = '2026-03-12T04:20:00Z';

function judge(
  states: Parameters<typeof sightOf>[0] = {},
  wishes: Partial<SeedWishes> = {},
  facts: Partial<SeedFacts> = {},
  of = slot,
) {
  const all: SeedWishes = {
    instance: instance('store1', 'imap24'),
    replace: undefined,
    acceptLoss: false,
    fenced: undefined,
    overrideDisk: false,
    perSecond: undefined,
    takeOver: new Set(),
    ...wishes,
  };
  const seen: SeedFacts = {
    sight: sightOf({
      imap21: [master()],
      imap22: [state('store1', 'imap22', 'replica')],
      imap24: [empty()],
      ...states,
    }),
    sizeBytes: 10 * G,
    thereBytes: 0,
    minFree: undefined,
    canMap: true,
    ...facts,
  };
  const gate = judgeSeed(of, all, seen);
  return { gate, lane: () => planSeed(of, all, seen) };
}
const debt = (of: string, more = {}) =>
  owedLine({ slot: 'store1', host: of, steps: ['rejoin'], run: 'r0', at, lastAlive: null, ...more });

describe('the gates', () => {
  it('are open for an empty instance that is configured, with room and a channel', () => {
    expect(judge().gate).toBeNull();
    expect(judge({ imap24: [empty({ running: true, role: 'replica', started: true })] }).gate).toBeNull();
  });

  it.each<[string, string, ReturnType<typeof judge>]>([
    ['the master itself', 'two-masters', judge({}, { instance: instance('store1', 'imap21') })],
    ['a master that is silent', 'master-not-serving', judge({ imap21: silence('imap21') })],
    [
      'a master that is down',
      'master-not-serving',
      judge({ imap21: [stopped('store1', 'imap21', 'master')] }),
    ],
    ['a host that is silent', 'no-instance', judge({ imap24: silence('imap24') })],
    [
      'no directories there',
      'no-instance',
      judge({ imap24: [empty({ running: null, problem: 'no directory /srv' })] }),
    ],
    ['a stray there', 'two-masters', judge({ imap24: [state('store1', 'imap24', 'master')] })],
    ['another run', 'busy', judge({ imap22: [state('store1', 'imap22', 'replica', { lease: lease() })] })],
    ['no log on the master', 'no-channel', judge({ imap21: [master({ logging: false })] })],
    [
      'no channel to it',
      'no-channel',
      judge({ imap21: [master({ channels: [channel({ channel: 'imap22' })] })] }),
    ],
    [
      'the only channel, which leads elsewhere',
      'no-channel',
      judge({ imap21: [master({ channels: [channel()] })] }),
    ],
    ["a site's own directory", 'directory-disagrees', judge({}, {}, { canMap: false })],
    ['no room', 'disk', judge({}, {}, { sizeBytes: 100 * G })],
    ['a size that nobody knows', 'disk', judge({}, {}, { sizeBytes: null })],
    [
      'old mail on its disk',
      'rejoin-owed',
      judge({ imap22: [state('store1', 'imap22', 'replica', { laneLines: [debt('imap24')] })] }),
    ],
    [
      'old mail on the disk that it replaces',
      'rejoin-owed',
      judge({ imap21: [master({ laneLines: [debt('imap22')] })] }, { replace: 'imap22' }),
    ],
    [
      'a replaced host that does not answer',
      'not-proven-dead',
      judge({ imap22: silence('imap22') }, { replace: 'imap22' }),
    ],
    [
      'a replaced instance that would come up as master',
      'not-proven-dead',
      judge({ imap22: [stopped('store1', 'imap22', 'master')] }, { replace: 'imap22' }),
    ],
    [
      'a replaced instance that runs as master',
      'two-masters',
      judge({ imap22: [state('store1', 'imap22', 'master')] }, { replace: 'imap22' }),
    ],
  ])('%s closes %s, and says what is next or why', (_what, gate, { gate: found }) => {
    expect(found?.gate).toBe(gate);
    expect(found?.reason).not.toBe('');
  });

  it('say the whole command that would go on', () => {
    expect(judge({}, {}, { sizeBytes: 100 * G }).gate?.next).toEqual([
      'mailctl replication seed store1 --to imap24 --override disk:store1',
    ]);
    const owing = { imap21: [master({ laneLines: [debt('imap22')] })] };
    expect(judge(owing, { replace: 'imap22' }).gate?.next[1]).toBe(
      'mailctl replication seed store1 --to imap24 --replace imap22 --accept-loss store1   if it is gone for good',
    );
  });

  it('open by their own words', () => {
    const owing = { imap22: [state('store1', 'imap22', 'replica', { laneLines: [debt('imap24')] })] };
    expect(judge(owing, { acceptLoss: true }).gate).toBeNull();
    const silent = { imap22: silence('imap22') };
    expect(judge(silent, { replace: 'imap22', fenced: 'scrapped' }).gate).toBeNull();
    expect(judge(silent, { replace: 'imap22' }).gate?.next).toEqual([
      "mailctl replication seed store1 --to imap24 --replace imap22 --fenced 'what your own eyes saw'   when it never starts again",
    ]);
    expect(judge(owing, { overrideDisk: true }).gate?.gate).toBe('rejoin-owed');
    expect(judge({}, { overrideDisk: true }, { sizeBytes: 100 * G }).gate).toBeNull();
    expect(judge({}, { acceptLoss: true }, { sizeBytes: 100 * G }).gate?.gate).toBe('disk');
    const held = { imap22: [state('store1', 'imap22', 'replica', { lease: lease() })] };
    expect(judge(held, { takeOver: new Set(['3b1c']) }).gate).toBeNull();
  });

  it('do not ask for a loss where only an unfinished seed is owed', () => {
    const lines = [debt('imap24', { seeding: true })];
    expect(parseLaneFile(lines).owed[0]).toMatchObject({ seeding: true });
    expect(judge({ imap22: [state('store1', 'imap22', 'replica', { laneLines: lines })] }).gate).toBeNull();
  });

  it('count what is there already, and the file system where nothing could be measured', () => {
    expect(judge({}, {}, { sizeBytes: 105 * G, thereBytes: 50 * G }).gate).toBeNull();
    const of = { imap21: [master({ totalBytes: 80 * G, freeBytes: 30 * G })] };
    expect(judge(of, {}, { sizeBytes: null }).gate).toBeNull();
  });

  it('say the lines that are missing, and edit nothing', () => {
    const { gate } = judge({ imap21: [master({ channels: [channel({ channel: 'imap22' })] })] });
    expect(gate?.next.join('\n')).toContain('sync_log_channels: imap22 imap24');
    expect(gate?.next.join('\n')).toContain('-r -n imap24');
  });
});

describe('the lane', () => {
  const ids = (lane: ReturnType<typeof planSeed>) => lane.steps.map(({ id }) => id);

  it('marks it as no copy before it starts, and tells the directory only when it has everything', () => {
    expect(ids(judge().lane())).toEqual([
      'lease-imap21',
      'lease-imap24',
      'lease-imap22',
      'mark',
      'start-replica',
      'send',
      'replicate',
      'map',
      'give-back',
    ]);
    const listed = slotOn('store1', ['imap21', 'imap22', 'imap24']);
    expect(ids(judge({}, {}, {}, listed).lane())).not.toContain('map');
    expect(ids(judge({ imap24: [empty({ configuredRole: 'master' })] }).lane())).toContain('role-replica');
  });

  it('is no move to anybody who finds it half way', () => {
    const way = openedLine({
      run: 'r1',
      from: 'imap21',
      to: 'imap24',
      operator: 'ann',
      bastion: 'b',
      at,
      judged: null,
      way: 'seed',
    });
    expect(parseLaneFile([way]).open).toMatchObject({ way: 'seed', started: false });
    const facts = {
      sight: sightOf({
        imap21: [master({ laneLines: [way] })],
        imap22: [state('store1', 'imap22', 'replica')],
      }),
      deaths: new Map(),
      samples: [],
      files: [],
      signs: new Map(),
    };
    const none = {
      to: undefined,
      maxLagS: 300,
      acceptLoss: new Set<string>(),
      fenced: undefined,
      overrides: new Set<string>(),
      takeOver: new Set<string>(),
    };
    expect(decide(slot, 'imap21', facts, none)).toMatchObject({ kind: 'planned', to: 'imap22', gates: [] });
  });
});

describe('its steps', () => {
  async function seeding() {
    const it_ = actionWorld();
    const { world } = it_;
    for (let n = 0; n < 5; n += 1) world.deliver('store1', `user${n}`);
    const next = world.at('store1', 'imap22');
    const wish = {
      from: 'imap21',
      to: 'imap22',
      phase: 'settle',
      judged: null,
      started: false,
      way: 'seed' as const,
    };
    for (const on of ['imap21', 'imap22']) await it_.leases.ensure(host(on), instance('store1', on), wish);
    const step = (name: string, more = {}) =>
      it_.step(name, 'imap21', { replica: it_.data('imap22'), way: 'seed', perSecond: null, ...more });
    return { ...it_, next, at: step };
  }

  it('mark, fill and compare, and leave no debt at the end', async () => {
    const { action, at: step, context, next, world, notes } = await seeding();
    const mark = action('slot.mark-seeding');
    expect(await mark.check(step('slot.mark-seeding'), context)).toEqual({ state: 'todo' });
    await mark.act(step('slot.mark-seeding'), context);
    expect(await mark.check(step('slot.mark-seeding'), context)).toEqual({ state: 'done' });
    expect(parseLaneFile(world.at('store1', 'imap21').lane).owed).toMatchObject([
      { host: 'imap22', seeding: true },
    ]);
    const send = action('slot.seed');
    expect(await send.check(step('slot.seed'), context)).toEqual({ state: 'todo' });
    await send.act(step('slot.seed'), context);
    expect(next.mail.size).toBe(5);
    expect(notes.at(-1)).toBe('5 of 5 users and mailboxes on imap22 (100%)');
    expect(await send.check(step('slot.seed'), context)).toEqual({ state: 'done' });
    const end = step('slot.end-seed', {
      instances: [
        { ...instance('store1', 'imap22'), address: null },
        { ...instance('store1', 'imap21'), address: null },
      ],
      owed: [],
    });
    await action('slot.end-seed').act(end, context);
    expect(world.at('store1', 'imap21').lane).toEqual([]);
    expect(world.at('store1', 'imap21').lease?.run).toBeUndefined();
  });

  it('name who was not taken, and are not done then', async () => {
    const { action, at: step, context, world } = await seeding();
    world.takesReplication = () => false;
    const send = action('slot.seed');
    await expect(send.act(step('slot.seed'), context)).rejects.toMatchObject({
      message: 'imap22 did not take user0 and 4 more: Connection refused',
    });
    expect(await send.check(step('slot.seed'), context)).toMatchObject({ state: 'blocked' });
  });

  it('leave a replica in the directory that was said to be gone, and answers as a master', async () => {
    const { action, at: step, context, world, parts } = await seeding();
    const told: unknown[] = [];
    const applySlotMap = async (diff: unknown) => void told.push(diff);
    Object.assign(parts, { slotMap: async () => ({ applySlotMap }) });
    Object.assign(world.at('store1', 'imap22'), { runsAs: 'master', configured: 'master' });
    const gone = { ...instance('store1', 'imap22'), address: null };
    const add = { ...instance('store1', 'imap24'), address: null };
    const map = step('slot.map-replica', { add, remove: 'imap22', removed: gone });
    const act = () => action('slot.map-replica').act(map, context);
    await expect(act()).rejects.toMatchObject({
      code: 'slot.two-masters',
      message: expect.stringMatching(
        /imap22 answers, and store1 runs there as master: mailctl failover imap22/,
      ),
    });
    expect(told).toEqual([]);
    Object.assign(world.at('store1', 'imap22'), { running: false });
    await expect(act()).rejects.toThrow('would come up there as master');
    // It is a replica, or does not answer: as was said.
    Object.assign(world.at('store1', 'imap22'), { configured: 'replica' });
    await act();
    world.fail('imap22');
    await act();
    expect(told).toHaveLength(2);
  });
});
