// Which of several replicas becomes the master: each question alone, their order, and how a dead host's slots spread.
import { describe, expect, it } from 'vitest';
import {
  type Candidate,
  chooseBest,
  type FleetFacts,
  hostHealth,
  overCapacity,
  overDisk,
} from '../../../src/slot/choose.js';
import { decideAll, type FailoverFacts, type FailoverWishes, mayGo } from '../../../src/slot/decide.js';
import { signsOfLife } from '../../../src/slot/evidence.js';
import { openedLine, owedLine } from '../../../src/slot/lane-record.js';
import type { FleetSight } from '../../../src/slot/sight.js';
import {
  host as hostNamed,
  NOW_S,
  sightOf,
  silence,
  slotOn,
  state,
  stopped,
} from '../../support/slot-sight.js';

const one = (host: string, more: Partial<Candidate> = {}): Candidate => ({
  host,
  isFresh: true,
  lagS: 0,
  pendingEvents: 0,
  running: true,
  health: 'well',
  why: '',
  full: null,
  masters: 1,
  maxSlots: undefined,
  location: undefined,
  preference: 0,
  ...more,
});
const a = (more: Partial<Candidate> = {}) => one('a', more);
const b = (more: Partial<Candidate> = {}) => one('b', more);
const best = (...candidates: Candidate[]) => chooseBest(candidates, 'row-a', false);

describe('the questions, each alone', () => {
  it.each<[string, Partial<Candidate>, Partial<Candidate>, string]>([
    ['the limit', { isFresh: false, lagS: 7200 }, {}, 'a is 2h behind'],
    ['unknown freshness', { isFresh: false, lagS: null }, {}, 'a is of unknown freshness behind'],
    ['the health of its host', { health: 'strained', why: 'load 9' }, {}, 'a: load 9'],
    ['room', { full: 'a is full' }, {}, 'a is full'],
    ['the row', { location: 'row-a' }, { location: 'row-b' }, 'b is not in row-a as a is'],
    ['preference', { preference: 1 }, { preference: 5 }, 'preference 5, a 1'],
    ['what waited', { pendingEvents: 3 }, { masters: 5 }, '3 events waited for a'],
    ['what is missing', { lagS: 40 }, { lagS: 5 }, 'a is 40s behind'],
    ['masters there', { masters: 4 }, { masters: 2 }, '1 master, a 3'],
    ['running', { running: false }, {}, 'a does not run it'],
  ])('%s', (_what, worse, better, because) => {
    const why = because.replace('unknown freshness behind', 'unknown freshness');
    expect(best(a(worse), b(better))).toEqual({ host: 'b', because: why });
    expect(best(b(better), a(worse)).host).toBe('b');
  });

  it('equals are taken in the order of the directory, and nothing decided', () => {
    expect(best(a(), b())).toEqual({ host: 'a', because: null });
    expect(best(a())).toEqual({ host: 'a', because: null });
  });
});

describe('their order', () => {
  it('is the limit, health, room, row, preference, loss, spread', () => {
    const steps: Partial<Candidate>[] = [
      { isFresh: false, lagS: 400 },
      { health: 'strained' },
      { full: 'full' },
      { location: 'row-a' },
      { preference: -1 },
      { lagS: 60 },
      { masters: 9 },
    ];
    // A fault of an earlier question outweighs all faults of later ones.
    for (const [index, fault] of steps.entries()) {
      const later = Object.assign({}, ...steps.slice(index + 1)) as Partial<Candidate>;
      expect(best(a(fault), b(later)).host, `question ${index + 1}`).toBe('b');
    }
  });

  it('differences of a few seconds do not outweigh the spread, larger ones do', () => {
    expect(best(a({ lagS: 1, masters: 9 }), b({ lagS: 10 })).host).toBe('b');
    expect(best(a({ lagS: 1, masters: 9 }), b({ lagS: 30 })).host).toBe('a');
  });

  it('with none within the limit the most complete one is taken, whatever else speaks for others', () => {
    const stale = { isFresh: false };
    expect(best(a({ ...stale, lagS: 900, preference: 9 }), b({ ...stale, lagS: 800 }))).toEqual({
      host: 'b',
      because: 'b lacks least',
    });
    expect(best(a({ ...stale, lagS: null }), b({ ...stale, lagS: 1e9 })).host).toBe('b');
  });

  it('a living master is drained, so that a little lag decides last', () => {
    expect(chooseBest([a({ lagS: 200 }), b({ masters: 2 })], undefined, true).host).toBe('a');
  });

  it('fill counts, not the bare number, where hosts are of different sizes', () => {
    expect(best(a({ masters: 20, maxSlots: 40 }), b({ masters: 12, maxSlots: 15 })).host).toBe('a');
  });
});

describe('the health of a host', () => {
  const slots = ['store1', 'store2', 'store3', 'store4'].map((name) => slotOn(name));
  const fleet = (more: Partial<FleetFacts> = {}): FleetFacts => ({
    masters: new Map(),
    slots,
    answeredMs: new Map(),
    minFree: undefined,
    ...more,
  });
  const there = (...ill: string[]) =>
    sightOf({
      imap22: slots.map(({ slot }) =>
        ill.includes(slot) ? stopped(slot, 'imap22', 'replica') : state(slot, 'imap22', 'replica'),
      ),
    });
  const health = (sight: FleetSight, more: Partial<FleetFacts> = {}) =>
    hostHealth('imap22', 'store1', sight, fleet(more));

  it('is fine while its slots run, and one that is down elsewhere strains it', () => {
    expect(health(there())).toEqual({ health: 'well', why: '' });
    expect(health(there('store1'))).toEqual({ health: 'well', why: '' });
    expect(health(there('store2')).health).toBe('strained');
  });

  it('is not strained by one of many', () => {
    const many = Array.from({ length: 6 }, (_, index) => slotOn(`store${index + 1}`));
    const sight = sightOf({
      imap22: many.map(({ slot }) =>
        slot === 'store2' ? stopped(slot, 'imap22', 'replica') : state(slot, 'imap22', 'replica'),
      ),
    });
    expect(health(sight, { slots: many }).health).toBe('well');
  });

  it('is failing when half of its other slots are down, at least two', () => {
    expect(health(there('store2', 'store3'))).toEqual({
      health: 'failing',
      why: '2 of 3 other slots do not run there as they should',
    });
    expect(health(there('store2'), { slots: slots.slice(0, 2) }).health).toBe('strained');
  });

  it('does not count what a lane has stopped or what is owed', () => {
    const at = '2026-03-12T04:00:00Z';
    const lane = openedLine({
      run: 'r1',
      from: 'imap21',
      to: 'imap22',
      operator: 'ann',
      bastion: 'b',
      at,
      judged: null,
    });
    const owed = owedLine({
      slot: 'store3',
      host: 'imap22',
      steps: ['rejoin'],
      run: 'r0',
      at,
      lastAlive: null,
    });
    const sight = sightOf({
      imap22: [
        state('store1', 'imap22', 'replica'),
        stopped('store2', 'imap22', 'master', { laneLines: [lane] }),
        stopped('store3', 'imap22', 'replica', { laneLines: [owed] }),
        state('store4', 'imap22', 'replica'),
      ],
    });
    expect(health(sight).health).toBe('well');
  });

  it('knows a disk that is read-only, a load that no store has, and a slow answer', () => {
    const with_ = (more: object) => sightOf({ imap22: [state('store1', 'imap22', 'replica', more)] });
    expect(health(with_({ readOnlyDisk: true })).health).toBe('failing');
    expect(health(with_({ hostLoad: 8 })).why).toBe('load 8 for each processor');
    expect(health(with_({ hostLoad: 7.9 })).health).toBe('well');
    expect(health(there(), { answeredMs: new Map([['imap22', 7000]]) }).why).toBe('took 7s to answer');
    expect(health(sightOf({ imap22: silence('imap22') })).health).toBe('failing');
  });
});

describe('room', () => {
  it('is max_slots of the host, the new master counted', () => {
    expect(overCapacity('a', 15, 15)).toBeNull();
    expect(overCapacity('a', 99, undefined)).toBeNull();
    expect(overCapacity('a', 16, 15)).toBe('a would be the master of 16 slots, its max_slots is 15');
    expect(overCapacity('a', 1, 0)).not.toBeNull();
  });

  it('is 1G of a disk, or 5 % of a small one, unless the site says otherwise', () => {
    const G = 1024 ** 3;
    const disk = (freeBytes: number | null, totalBytes: number | null) =>
      state('store1', 'a', 'replica', { freeBytes, totalBytes });
    expect(overDisk('a', disk(G, 1000 * G), undefined)).toBeNull();
    expect(overDisk('a', disk(0.9 * G, 1000 * G), undefined)).toBe(
      'a has 922M of 1000G free, a master needs 1G',
    );
    expect(overDisk('a', disk(0.06 * G, G), undefined)).toBeNull();
    expect(overDisk('a', disk(0.04 * G, G), undefined)).not.toBeNull();
    expect(overDisk('a', disk(0.9 * G, null), undefined)).not.toBeNull();
    expect(overDisk('a', disk(4 * G, 100 * G), { bytes: 0, percent: 5 })).not.toBeNull();
    expect(overDisk('a', disk(4 * G, 100 * G), { bytes: 4 * G, percent: 0 })).toBeNull();
    // What is not known closes no gate.
    expect(overDisk('a', disk(null, null), undefined)).toBeNull();
    expect(overDisk('a', undefined, undefined)).toBeNull();
  });
});

describe('the slots of a dead host', () => {
  const names = Array.from({ length: 15 }, (_, index) => `store${index + 1}`);
  const wishes: FailoverWishes = {
    to: undefined,
    maxLagS: 300,
    acceptLoss: new Set(),
    fenced: undefined,
    overrides: new Set(),
    takeOver: new Set(),
  };
  const facts = (
    limits: Readonly<Record<string, number | undefined>> = {},
    masters: Readonly<Record<string, number>> = {},
  ): FailoverFacts => {
    const samples = names.flatMap((slot) =>
      ['imap22', 'imap23'].map((channel) => ({
        slot,
        host: 'imap21',
        role: 'master' as const,
        channel,
        at: NOW_S - 65,
        seenAt: (NOW_S - 65) * 1000,
        pendingEvents: 0,
        oldestBirth: null,
        quarantined: 0,
        running: true,
        replicating: true,
        problem: null,
      })),
    );
    const sight: FleetSight = new Map(
      [
        ...sightOf({
          imap21: silence('imap21'),
          imap22: names.map((slot) => state(slot, 'imap22', 'replica')),
          imap23: names.map((slot) => state(slot, 'imap23', 'replica')),
        }),
      ].map(
        ([name, seen]) => [name, { ...seen, host: hostNamed(name, { maxSlots: limits[name] }) }] as const,
      ),
    );
    const slots = names.map((slot) => slotOn(slot, ['imap21', 'imap22', 'imap23']));
    return {
      sight,
      deaths: new Map([['imap21', { gate: null, reason: 'no ssh', witnesses: ['imap22'] }]]),
      samples,
      files: [],
      signs: new Map([['imap21', signsOfLife('imap21', samples, [], [])]]),
      fleet: { masters: new Map(Object.entries(masters)), slots, answeredMs: new Map(), minFree: undefined },
    };
  };
  const counts = (of: FailoverFacts, slots = of.fleet?.slots ?? []) => {
    const decisions = decideAll(
      slots.map((slot) => ({ slot, host: 'imap21' })),
      of,
      wishes,
    );
    const going = decisions.filter(mayGo);
    return {
      imap22: going.filter((one_) => one_.to === 'imap22').length,
      imap23: going.filter((one_) => one_.to === 'imap23').length,
      refused: decisions.length - going.length,
      gates: [...new Set(decisions.flatMap(({ gates }) => gates.map(({ gate }) => gate)))],
    };
  };

  it('spread evenly over the hosts of their replicas', () => {
    expect(counts(facts())).toMatchObject({ imap22: 8, imap23: 7, refused: 0 });
    expect(counts(facts({}, { imap22: 10 }))).toMatchObject({ imap22: 3, imap23: 12 });
  });

  it('spread by what each host may carry', () => {
    expect(counts(facts({ imap22: 30, imap23: 15 }))).toMatchObject({ imap22: 10, imap23: 5 });
    expect(counts(facts({ imap22: 3 }))).toMatchObject({ imap22: 3, imap23: 12 });
  });

  it('are refused beyond what all of them may carry, and each by its own word', () => {
    const full = facts({ imap22: 5, imap23: 5 });
    expect(counts(full)).toMatchObject({ imap22: 5, imap23: 5, refused: 5, gates: ['capacity'] });
    const overrides = new Set(['capacity:store15']);
    const slots = full.fleet?.slots ?? [];
    const decisions = decideAll(
      slots.map((slot) => ({ slot, host: 'imap21' })),
      full,
      { ...wishes, overrides },
    );
    expect(decisions.filter(mayGo)).toHaveLength(11);
  });

  it('leave the place to those that have no other', () => {
    const tight = facts({ imap22: 2, imap23: 15 });
    const bound = ['store14', 'store15'];
    const slots = (tight.fleet?.slots ?? []).map((slot) =>
      bound.includes(slot.slot) ? slotOn(slot.slot, ['imap21', 'imap22']) : slot,
    );
    expect(counts(tight, slots)).toMatchObject({ imap22: 2, imap23: 13, refused: 0 });
  });

  it('never go to a host that is failing, unless it is named', () => {
    const base = facts();
    const ill: FleetSight = new Map(
      [...base.sight].map(([name, seen]) => [
        name,
        name === 'imap22' && seen.ok
          ? {
              ...seen,
              states: new Map(
                [...seen.states].map(([slot, each], index) => [
                  slot,
                  index % 2 === 0 ? stopped(slot, 'imap22', 'replica') : each,
                ]),
              ),
            }
          : seen,
      ]),
    );
    const failing = { ...base, sight: ill };
    expect(counts(failing)).toMatchObject({ imap22: 0, imap23: 15 });
    const only = [slotOn('store2')];
    const refused = decideAll([{ slot: only[0] ?? slotOn('store2'), host: 'imap21' }], failing, wishes);
    expect(refused[0]?.gates[0]?.reason).toMatch(
      /^no replica can take it: imap22: its host is failing: \d+ of 14/,
    );
    const named = decideAll([{ slot: slotOn('store2'), host: 'imap21' }], failing, {
      ...wishes,
      to: 'imap22',
    });
    expect(named[0]).toMatchObject({ to: 'imap22', because: '--to', gates: [] });
  });
});
