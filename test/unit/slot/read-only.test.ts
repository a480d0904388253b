// The third way, judged and planned: when a slot may be made readable, when that is ended, and that a word for one
// slot is a word for no other.
import { describe, expect, test } from 'vitest';
import { judgeDeath } from '../../../src/slot/death.js';
import { decide, type FailoverFacts, type FailoverWishes, mayGo, refusal } from '../../../src/slot/decide.js';
import type { InstanceState } from '../../../src/slot/driver.js';
import { planLane } from '../../../src/slot/failover.js';
import { openedLine, owedLine } from '../../../src/slot/lane-record.js';
import { canEndReading, readableHosts, readingOn } from '../../../src/slot/readable.js';
import type { Slot } from '../../../src/slot/slot.js';
import { channelOf, sampleOf, sightOf, slotOf, stateFor } from '../../support/slot-facts.js';

const wishesOf = (more: Partial<FailoverWishes> = {}): FailoverWishes => ({
  to: undefined,
  maxLagS: 300,
  acceptLoss: new Set(),
  fenced: undefined,
  overrides: new Set(),
  takeOver: new Set(),
  ...more,
});
const readOnly = { readOnly: new Set(['store1']) };

const dead = judgeDeath({
  host: 'imap21',
  failure: 'unreachable',
  message: 'no answer',
  sightings: [
    {
      observer: 'imap22',
      slot: 'store1',
      ports: [{ address: 'imap21', port: 143, kind: 'imap', seen: 'silent' }],
    },
  ],
  maybeUs: null,
  peerElsewhere: true,
});
const serving = judgeDeath({
  host: 'imap21',
  failure: 'unreachable',
  message: 'no answer',
  sightings: [
    {
      observer: 'imap22',
      slot: 'store1',
      ports: [{ address: 'imap21', port: 143, kind: 'imap', seen: 'greeting' }],
    },
  ],
  maybeUs: null,
  peerElsewhere: true,
});

const stale = sampleOf({ pendingEvents: 41_220, oldestBirth: sampleOf().at - 200_000 });
const replica = stateFor('imap22', 'replica', { readOnlyFault: null });

function factsOf(
  states: {
    readonly imap21?: InstanceState;
    readonly imap22?: InstanceState;
    readonly imap23?: InstanceState;
  },
  more: Partial<FailoverFacts> = {},
): FailoverFacts {
  const hosts = Object.fromEntries(
    ['imap21', ...Object.keys(states).filter((name) => name !== 'imap21')].map((name) => {
      const state = states[name as keyof typeof states];
      return [name, state === undefined ? undefined : [state]];
    }),
  );
  return {
    sight: sightOf(hosts),
    deaths: new Map(states.imap21 === undefined ? [['imap21', dead]] : []),
    samples: [stale],
    files: [],
    signs: new Map([['imap21', [{ at: stale.at, what: 'last observed', bySlot: null }]]]),
    ...more,
  };
}

const stepsOf = (slot: Slot, facts: FailoverFacts, wishes: FailoverWishes, target?: string) => {
  const decision = decide(slot, target, facts, wishes);
  const parts = { sight: facts.sight, slotHooks: [], hasTestAccount: true };
  return { decision, steps: planLane(decision, parts).steps };
};
const ids = (steps: readonly { readonly id: string }[]) => steps.map(({ id }) => id);

describe('--read-only', () => {
  test('makes a stale slot readable, its master staying who it is', () => {
    const { decision, steps } = stepsOf(slotOf(), factsOf({ imap22: replica }), wishesOf(readOnly));
    expect(decision).toMatchObject({ kind: 'readonly', from: 'imap21', to: 'imap22' });
    expect(mayGo(decision)).toBe(true);
    expect(ids(steps)).toEqual([
      'lease-imap22',
      'confirm',
      'stop-new',
      'role-new',
      'state',
      'start-new',
      'serve',
      'give-back',
    ]);
    expect(steps.every(({ phase, id }) => phase === 'prepare' || id === 'give-back')).toBe(true);
    expect(steps.find(({ id }) => id === 'state')?.params).toMatchObject({
      master: 'imap21',
      fromState: 'normal',
      toState: 'readonly:imap22',
    });
  });

  test('is offered to a slot that is refused for lag, and only where it would work', () => {
    const offered = decide(slotOf(), 'imap21', factsOf({ imap22: replica }), wishesOf());
    expect(refusal(offered)?.gate).toBe('lag');
    expect(offered.mayRead).toBe(true);
    const unready = stateFor('imap22', 'replica', { readOnlyFault: 'imapd.conf lacks it' });
    expect(decide(slotOf(), 'imap21', factsOf({ imap22: unready }), wishesOf()).mayRead).toBe(false);
    const facts = factsOf({ imap22: replica }, { stateFault: 'directory.set has no {state}' });
    expect(decide(slotOf(), 'imap21', facts, wishesOf()).mayRead).toBe(false);
  });

  test.each([
    [
      'the directory cannot say it',
      factsOf({ imap22: replica }, { stateFault: 'no {state}' }),
      'read-only',
      /no \{state\}/,
    ],
    [
      'the replica is not ready for it',
      factsOf({ imap22: stateFor('imap22', 'replica', { readOnlyFault: 'lacks `readonly: yes`' }) }),
      'read-only',
      /imap22: lacks `readonly: yes`/,
    ],
    [
      'nobody knows whether it is',
      factsOf({ imap22: stateFor('imap22', 'replica') }),
      'read-only',
      /not known/,
    ],
    [
      'the master is seen to serve',
      factsOf({ imap22: replica }, { deaths: new Map([['imap21', serving]]) }),
      'still-serving',
      /./,
    ],
    [
      'its host answers and runs it',
      factsOf({ imap21: stateFor('imap21', 'master'), imap22: replica }),
      'still-serving',
      /away/,
    ],
    ['no replica answers', factsOf({}), 'no-replica', /./],
    [
      'a stray runs it as master',
      factsOf({ imap22: replica, imap23: stateFor('imap23', 'master') }),
      'directory-disagrees',
      /imap23/,
    ],
  ])('is refused when %s', (_why, facts, gate, reason) => {
    const slot = slotOf('store1', ['imap21', 'imap22', 'imap23']);
    const decision = decide(slot, 'imap21', facts, wishesOf(readOnly));
    expect(refusal(decision)).toMatchObject({ gate, reason: expect.stringMatching(reason) });
  });

  test('users on the way hold up a planned move of their slot, and are only named when its master is dead', () => {
    const moves = [
      { user: 'ben', from: 'store1', to: 'store9', state: 'moving', at: null },
      { user: 'zoe', from: 'store2', to: 'store1', state: 'done', at: null },
    ];
    const alive = factsOf({ imap21: stateFor('imap21', 'master'), imap22: replica }, { moves });
    expect(refusal(decide(slotOf(), 'imap21', alive, wishesOf()))).toMatchObject({
      gate: 'moves',
      reason: 'ben on the way from or to it',
    });
    const word = wishesOf({ overrides: new Set(['moves:store1']) });
    expect(mayGo(decide(slotOf(), 'imap21', alive, word))).toBe(true);
    expect(mayGo(decide(slotOf(), 'imap21', alive, wishesOf({ overrides: new Set(['moves:store2']) })))).toBe(
      false,
    );
    const gone = factsOf({ imap22: replica }, { moves, samples: [sampleOf()] });
    const decision = decide(slotOf(), 'imap21', gone, wishesOf());
    expect(mayGo(decision)).toBe(true);
    expect(decision.moving).toEqual([moves[0]]);
  });

  test('a word for one slot is a word for no other', () => {
    const words = [
      wishesOf({ readOnly: new Set(['store2', 'store*', 'store', '']) }),
      wishesOf({ acceptLoss: new Set(['store2', 'store*', 'store11', '*']) }),
      wishesOf({ overrides: new Set(['lag:store2', 'lag:store*', 'lag:store1', 'quarantine:store1']) }),
    ];
    for (const wishes of words) {
      const decision = decide(slotOf(), 'imap21', factsOf({ imap22: replica }), wishes);
      expect(decision.kind).toBe('dead');
      expect(refusal(decision)?.gate).toBe('lag');
    }
  });
});

describe('a slot that is readable', () => {
  const slot: Slot = { ...slotOf(), state: 'readonly:imap22' };
  const debt = owedLine({
    slot: 'store1',
    host: 'imap22',
    steps: ['readonly-end'],
    run: '7f3a',
    at: '2026-03-12T04:30:00Z',
    lastAlive: null,
  });
  const reader = stateFor('imap22', 'replica', {
    role: 'readonly',
    configuredRole: 'readonly',
    readOnlyFault: null,
    laneLines: [debt],
  });
  const back = stateFor('imap21', 'master', { channels: [channelOf({ pending: true, events: 9 })] });

  test('is known by its state, its role and what is owed, and since when', () => {
    const { sight } = factsOf({ imap22: reader });
    expect(readingOn(slot, sight)).toEqual({ host: 'imap22', since: '2026-03-12T04:30:00Z' });
    expect(readableHosts(slotOf(), sight)).toEqual(['imap22']);
    expect(canEndReading(slot, sight)).toBe(false);
    expect(canEndReading(slot, factsOf({ imap21: back, imap22: reader }).sight)).toBe(true);
  });

  test('is moved by --accept-loss from there: its state is taken back first, and put back when the lane goes back', () => {
    const wishes = wishesOf({ acceptLoss: new Set(['store1']) });
    const { decision, steps } = stepsOf(slot, factsOf({ imap22: reader }), wishes, 'imap21');
    expect(decision).toMatchObject({ kind: 'dead', to: 'imap22' });
    const find = (id: string) => steps.find((step) => step.id === id);
    expect(ids(steps).indexOf('state')).toBeLessThan(ids(steps).indexOf('stop-new'));
    expect(find('state')?.params).toMatchObject({
      fromState: 'readonly:imap22',
      toState: 'normal',
      keep: false,
    });
    expect(find('stop-new')?.params.wasRole).toBe('readonly');
    expect(find('role-new')?.params).toMatchObject({ role: 'master', wasRole: 'readonly' });
    expect(find('give-back')?.params.owed).toEqual([]);
  });

  test('is ended when its master serves: by the host that reads, or by a timer, and not by moving the slot', () => {
    const facts = factsOf({ imap21: back, imap22: reader });
    for (const [target, wishes] of [
      ['imap22', wishesOf()],
      [undefined, wishesOf({ endReading: new Set(['store1']) })],
    ] as const) {
      const { decision, steps } = stepsOf(slot, facts, wishes, target);
      expect(decision).toMatchObject({ kind: 'end-readonly', from: 'imap21', to: 'imap22' });
      expect(ids(steps)).toEqual([
        'lease-imap22',
        'lease-imap21',
        'seen-serving',
        'end-reading-imap22',
        'state',
        'kick',
        'give-back',
      ]);
    }
  });

  test('is ended first by a move of its slot, so that OLD can drain its log', () => {
    const { decision, steps } = stepsOf(
      slot,
      factsOf({ imap21: back, imap22: reader }),
      wishesOf(),
      'imap21',
    );
    expect(decision).toMatchObject({ kind: 'planned', to: 'imap22' });
    const order = ids(steps);
    expect(order.indexOf('end-reading-imap22')).toBeLessThan(order.indexOf('stop-old'));
    expect(steps.find(({ id }) => id === 'stop-new')?.params.wasRole).toBe('replica');
    expect(steps.find(({ id }) => id === 'state')?.params.keep).toBe(true);
  });

  test('a lane that another bastion left is finished in its own direction', () => {
    const opened = openedLine({
      run: '7f3a',
      from: 'imap21',
      to: 'imap22',
      operator: 'ann',
      bastion: 'b1',
      at: '2026-03-12T04:30:00Z',
      judged: null,
      way: 'readonly',
    });
    const left = stateFor('imap22', 'replica', {
      running: false,
      role: null,
      configuredRole: 'readonly',
      readOnlyFault: null,
      laneLines: [opened],
    });
    const facts = factsOf({ imap22: left });
    expect(decide(slotOf(), 'imap21', facts, wishesOf())).toMatchObject({ kind: 'readonly', to: 'imap22' });
    const word = wishesOf({ acceptLoss: new Set(['store1']) });
    expect(decide(slotOf(), 'imap21', facts, word)).toMatchObject({ kind: 'dead', to: 'imap22' });
  });
});
