import { describe, expect, it } from 'vitest';
import type { DeathVerdict } from '../../../src/slot/death.js';
import {
  type Decision,
  decide,
  type FailoverFacts,
  type FailoverWishes,
  type GateId,
  mayGo,
  OVERRIDABLE,
  refusal,
  slotsOfTarget,
} from '../../../src/slot/decide.js';
import { signsOfLife } from '../../../src/slot/evidence.js';
import { decisionOfLane, planAfter, planLane } from '../../../src/slot/failover.js';
import { beganLine, openedLine, owedLine } from '../../../src/slot/lane-record.js';
import type { Sample } from '../../../src/slot/samples.js';
import { channel, lease, NOW_S, sightOf, silence, slotOn, state, stopped } from '../../support/slot-sight.js';

const DEATH = NOW_S - 60;
const slot = slotOn('store1');
const old = (more: Parameters<typeof state>[3] = {}) => state('store1', 'imap21', 'master', more);
const next = (more: Parameters<typeof state>[3] = {}) => state('store1', 'imap22', 'replica', more);
const dead: DeathVerdict = { gate: null, reason: 'no ssh, no IMAP, no LMTP', witnesses: ['imap22'] };
const gated = (gate: 'still-serving' | 'not-proven-dead'): DeathVerdict => ({
  gate,
  reason: 'seen',
  witnesses: [],
});

const wishesOf = (more: Partial<FailoverWishes> = {}): FailoverWishes => ({
  to: undefined,
  maxLagS: 300,
  acceptLoss: new Set(),
  fenced: undefined,
  overrides: new Set(),
  takeOver: new Set(),
  ...more,
});

function sample(more: Partial<Sample> = {}): Sample {
  return {
    slot: 'store1',
    host: 'imap21',
    role: 'master',
    channel: 'imap22',
    at: DEATH - 5,
    seenAt: (DEATH - 5) * 1000,
    pendingEvents: 0,
    oldestBirth: null,
    quarantined: 0,
    running: true,
    replicating: true,
    problem: null,
    ...more,
  };
}

function factsOf(hosts: Parameters<typeof sightOf>[0], more: Partial<FailoverFacts> = {}): FailoverFacts {
  const samples = more.samples ?? [sample()];
  return {
    sight: sightOf(hosts),
    deaths: new Map([['imap21', dead]]),
    samples,
    files: [],
    signs: new Map([['imap21', signsOfLife('imap21', samples, [], [])]]),
    ...more,
  };
}

const alive = () => factsOf({ imap21: [old()], imap22: [next()] });
const silent = (more: Partial<FailoverFacts> = {}, replica = next()) =>
  factsOf({ imap21: silence('imap21'), imap22: [replica] }, more);
const judge = (facts: FailoverFacts, wishes: Partial<FailoverWishes> = {}, of = slot, target?: string) =>
  decide(of, target, facts, wishesOf(wishes));
const gatesOf = (decision: Decision) => decision.gates.map(({ gate }) => gate);
const partsOf = (facts: FailoverFacts) => ({ sight: facts.sight, slotHooks: [], hasTestAccount: false });
const stepsOf = (decision: Decision, facts: FailoverFacts) => planLane(decision, partsOf(facts)).steps;

const opened = (more: Partial<Parameters<typeof openedLine>[0]> = {}) =>
  openedLine({
    run: 'r1',
    from: 'imap21',
    to: 'imap22',
    operator: 'ann',
    bastion: 'b',
    at: '2026-03-12T04:20:00Z',
    judged: null,
    ...more,
  });

describe('a slot without obstacles', () => {
  it('is planned while its master answers, and stale lag is then no gate: the drain decides', () => {
    const facts = factsOf(
      { imap21: [old()], imap22: [next()] },
      { samples: [sample({ pendingEvents: 99, oldestBirth: DEATH - 9999 })] },
    );
    expect(judge(facts)).toMatchObject({
      kind: 'planned',
      from: 'imap21',
      to: 'imap22',
      gates: [],
      loss: null,
    });
  });

  it('is moved away from a master that is dead, with what may be lost', () => {
    const decision = judge(silent());
    expect(decision).toMatchObject({
      kind: 'dead',
      to: 'imap22',
      gates: [],
      loss: { possibleLossS: 0, provenBy: 'sample' },
    });
    expect(mayGo(decision)).toBe(true);
  });
});

describe('the gates', () => {
  type Case = readonly [
    GateId,
    FailoverFacts,
    Partial<FailoverWishes> | null,
    readonly Partial<FailoverWishes>[],
  ];
  const other = { acceptLoss: new Set(['store1']) };
  const eyes = { fenced: 'console: fsck prompt' };
  const over = (gate: string) => ({ overrides: new Set([`${gate}:store1`]) });
  const cases: readonly Case[] = [
    ['lag', silent({ samples: [] }), other, [eyes, over('lag')]],
    [
      'lag',
      silent({ samples: [sample({ pendingEvents: 3, oldestBirth: DEATH - 305 })] }),
      other,
      [eyes, over('lag')],
    ],
    ['quarantine', silent({ samples: [sample({ quarantined: 4 })] }), other, [eyes, over('quarantine')]],
    [
      'quarantine',
      factsOf({
        imap21: [old({ quarantined: { files: 1, events: 4, oldestBirth: null } })],
        imap22: [next()],
      }),
      other,
      [eyes, over('quarantine')],
    ],
    [
      'still-serving',
      silent({ deaths: new Map([['imap21', gated('still-serving')]]) }),
      over('still-serving'),
      [eyes, other],
    ],
    [
      'not-proven-dead',
      silent({ deaths: new Map([['imap21', gated('not-proven-dead')]]) }),
      eyes,
      [other, over('not-proven-dead')],
    ],
    ['not-proven-dead', silent({ deaths: new Map() }), eyes, [other]],
    [
      'two-masters',
      factsOf({ imap21: [old()], imap22: [state('store1', 'imap22', 'master')] }),
      over('two-masters'),
      [eyes, other],
    ],
    [
      'directory-disagrees',
      factsOf({
        imap21: [stopped('store1', 'imap21', 'replica')],
        imap22: [state('store1', 'imap22', 'master')],
      }),
      over('directory-disagrees'),
      [eyes, other],
    ],
    [
      'disk',
      factsOf({ imap21: [old()], imap22: [next({ freeBytes: 1_000_000 })] }),
      over('disk'),
      [eyes, other],
    ],
    [
      'busy',
      factsOf({ imap21: [old()], imap22: [next({ lease: lease() })] }),
      { takeOver: new Set(['3b1c']) },
      [eyes, other, over('busy'), { takeOver: new Set(['7777']) }],
    ],
    [
      'no-replica',
      factsOf({ imap21: [old()], imap22: silence('imap22') }),
      null,
      [eyes, other, over('no-replica')],
    ],
  ];

  it.each(cases)('%s closes, and only its own word opens it (%#)', (gate, facts, word, others) => {
    const closed = judge(facts);
    expect(gatesOf(closed)).toContain(gate);
    expect(mayGo(closed)).toBe(false);
    expect(refusal(closed)?.reason).not.toBe('');
    for (const wrong of others) expect(mayGo(judge(facts, wrong))).toBe(false);
    if (word !== null) expect(mayGo(judge(facts, word))).toBe(true);
  });

  it.each(cases)('%s stops its own slot and no other (%#)', (_gate, facts) => {
    const second = slotOn('store2');
    const states = new Map(
      [...facts.sight].map(([name, seen]) => {
        const two = name === 'imap21' ? state('store2', name, 'master') : state('store2', name, 'replica');
        return [
          name,
          seen.ok ? { ...seen, states: new Map([...seen.states, ['store2', two]]) } : seen,
        ] as const;
      }),
    );
    const both = { ...facts, sight: states, samples: [...facts.samples, sample({ slot: 'store2' })] };
    const isHostWide = [...both.deaths.values()].some(({ gate }) => gate !== null) || both.deaths.size === 0;
    const isAway = states.get('imap22')?.ok !== true;
    // A silent host is silent for all of its slots; that is not the gate of one.
    if (isHostWide || isAway) return;
    const signs = new Map([['imap21', signsOfLife('imap21', both.samples, [], [])]]);
    const decision = decide(second, 'imap21', { ...both, signs }, wishesOf());
    expect(decision.gates).toEqual([]);
    expect(mayGo(decision)).toBe(true);
  });

  it('is not moved by a word for another slot', () => {
    expect(mayGo(judge(silent({ samples: [] }), { acceptLoss: new Set(['store2']) }))).toBe(false);
    const facts = silent({ deaths: new Map([['imap21', gated('still-serving')]]) });
    expect(mayGo(judge(facts, { overrides: new Set(['still-serving:store2']) }))).toBe(false);
  });

  it('keep the word beside the gate, for the record', () => {
    const decision = judge(silent({ samples: [] }), { acceptLoss: new Set(['store1']) });
    expect(decision.gates).toMatchObject([{ gate: 'lag', word: '--accept-loss store1' }]);
    expect(planLane(decision, partsOf(silent())).facts).toMatchObject({
      words: [{ gate: 'lag', word: '--accept-loss store1' }],
    });
  });

  it('can all be closed at once, and all words are needed', () => {
    const facts = silent(
      {
        samples: [sample({ quarantined: 2, pendingEvents: null })],
        deaths: new Map([['imap21', gated('not-proven-dead')]]),
      },
      next({ freeBytes: 1 }),
    );
    expect(gatesOf(judge(facts)).toSorted()).toEqual(['disk', 'lag', 'not-proven-dead', 'quarantine']);
    const words = { fenced: 'x', acceptLoss: new Set(['store1']), overrides: new Set(['disk:store1']) };
    expect(mayGo(judge(facts, words))).toBe(true);
    expect(mayGo(judge(facts, { ...words, overrides: new Set() }))).toBe(false);
  });

  it('are fresh just below the limit and refuse at it', () => {
    const at = (lossS: number) =>
      silent({ samples: [sample({ pendingEvents: 1, oldestBirth: DEATH - 5 - lossS })] });
    expect(mayGo(judge(at(299)))).toBe(true);
    expect(gatesOf(judge(at(300)))).toEqual(['lag']);
    expect(judge(at(300)).gates[0]?.reason).toBe('5m would be missing, the limit is 5m, 1 events');
  });

  it('let an expired lease pass, by the host’s own clock', () => {
    const held = (expires: number) =>
      factsOf({ imap21: [old()], imap22: [next({ lease: lease({ expires }) })] });
    expect(gatesOf(judge(held(NOW_S)))).toEqual(['busy']);
    expect(gatesOf(judge(held(NOW_S - 1)))).toEqual([]);
    expect(
      gatesOf(judge(factsOf({ imap21: [old()], imap22: [next({ lease: lease({ run: undefined }) })] }))),
    ).toEqual([]);
    expect(gatesOf(judge(factsOf({ imap21: [old({ lease: lease() })], imap22: [next()] })))).toEqual([
      'busy',
    ]);
  });

  it('named as overridable are those that a word of --override opens', () => {
    expect([...OVERRIDABLE].toSorted()).toEqual([
      'capacity',
      'directory-disagrees',
      'disk',
      'moves',
      'still-serving',
      'two-masters',
    ]);
  });
});

describe('the choice of NEW', () => {
  const three = slotOn('store1', ['imap21', 'imap22', 'imap23']);
  const third = (more: Parameters<typeof state>[3] = {}) => state('store1', 'imap23', 'replica', more);
  const pair = (two: Partial<Sample>, other: Partial<Sample>) => [
    sample(two),
    sample({ channel: 'imap23', ...other }),
  ];
  const judgeThree = (
    samples: readonly Sample[],
    wishes: Partial<FailoverWishes> = {},
    states = [next(), third()],
  ) =>
    judge(
      factsOf(
        { imap21: silence('imap21'), imap22: [states[0] ?? next()], imap23: [states[1] ?? third()] },
        { samples, signs: new Map([['imap21', signsOfLife('imap21', samples, [], [])]]) },
      ),
      wishes,
      three,
    );
  const late = { pendingEvents: 9, oldestBirth: DEATH - 4000 };

  it('is the most complete replica', () => {
    expect(judgeThree(pair(late, {})).to).toBe('imap23');
    expect(judgeThree(pair({}, late)).to).toBe('imap22');
  });

  it('is the most complete one also when that is stopped: its disk has the mail', () => {
    const decision = judgeThree(pair(late, {}), {}, [next(), stopped('store1', 'imap23', 'replica')]);
    expect(decision.to).toBe('imap23');
    expect(mayGo(decision)).toBe(true);
  });

  it('is the one that runs, among equals', () => {
    expect(judgeThree(pair({}, {}), {}, [stopped('store1', 'imap22', 'replica'), third()]).to).toBe('imap23');
  });

  it('is --to’s, whatever the others have', () => {
    expect(judgeThree(pair(late, {}), { to: 'imap22' })).toMatchObject({
      to: 'imap22',
      gates: [{ gate: 'lag' }],
    });
    expect(judgeThree(pair({}, {}), { to: 'imap99' })).toMatchObject({
      to: null,
      gates: [{ gate: 'no-replica', reason: 'imap99 does not carry store1' }],
    });
  });

  it('is never one that owes a rejoin, is not known to run, or cannot be read', () => {
    const debt = owedLine({
      slot: 'store1',
      host: 'imap23',
      steps: ['rejoin'],
      run: 'r0',
      at: '2026-03-12T04:00:00Z',
      lastAlive: null,
    });
    expect(
      judgeThree(pair(late, {}), { acceptLoss: new Set(['store1']) }, [next({ laneLines: [debt] }), third()])
        .to,
    ).toBe('imap22');
    expect(
      judgeThree(pair(late, {}), {}, [
        next(),
        third({ running: null, role: null, problem: 'group 9 still runs' }),
      ]).to,
    ).toBe('imap22');
    expect(
      judgeThree(pair(late, {}), {}, [next(), third({ role: null, problem: 'ports tell no role' })]).to,
    ).toBe('imap22');
  });

  it('says of every replica why it cannot be NEW', () => {
    const decision = judge(
      factsOf({
        imap21: [old()],
        imap22: [next({ running: null, role: null, problem: 'no directory /srv' })],
      }),
    );
    expect(decision.gates).toEqual([
      { gate: 'no-replica', reason: 'no replica can take it: imap22: no directory /srv', word: null },
    ]);
    expect(judge(factsOf({ imap21: [old()] }), {}, slotOn('store1', ['imap21'])).gates[0]?.reason).toBe(
      'the directory names no replica',
    );
  });
});

describe('an open lane', () => {
  const seen = (
    oldState: ReturnType<typeof state> | undefined,
    newState: ReturnType<typeof state> | undefined,
  ) =>
    factsOf({
      imap21: oldState === undefined ? silence('imap21') : [oldState],
      imap22: newState === undefined ? silence('imap22') : [newState],
    });
  const lines = { laneLines: [opened()] };

  it('is finished in its own direction, before the directory and after it', () => {
    expect(judge(seen(stopped('store1', 'imap21', 'replica'), next(lines)))).toMatchObject({
      kind: 'finish',
      from: 'imap21',
      to: 'imap22',
      isStarted: false,
    });
    const named = slotOn('store1', ['imap22', 'imap21']);
    expect(
      judge(
        seen(stopped('store1', 'imap21', 'replica'), stopped('store1', 'imap22', 'master', lines)),
        {},
        named,
      ),
    ).toMatchObject({ kind: 'finish', from: 'imap21', to: 'imap22' });
  });

  it('keeps what the run that began it had proven, when nothing else proves it today', () => {
    const judged = { provenUntil: DEATH - 8, lastAlive: DEATH };
    const facts = {
      ...seen(undefined, stopped('store1', 'imap22', 'master', { laneLines: [opened({ judged })] })),
      samples: [],
      signs: new Map(),
    };
    expect(judge(facts)).toMatchObject({ gates: [], loss: { possibleLossS: 8, provenBy: 'record' } });
    expect(
      gatesOf(
        judge({
          ...seen(undefined, stopped('store1', 'imap22', 'master', lines)),
          samples: [],
          signs: new Map(),
        }),
      ),
    ).toEqual(['lag']);
  });

  it('is only settled once NEW was started: no gate speaks any more, nothing is drained, nothing goes back', () => {
    const named = slotOn('store1', ['imap22', 'imap21']);
    for (const facts of [
      seen(old(), state('store1', 'imap22', 'master', lines)),
      seen(undefined, state('store1', 'imap22', 'master', lines)),
      seen(
        old(),
        stopped('store1', 'imap22', 'master', { laneLines: [opened(), beganLine('r1', 'start-new')] }),
      ),
      seen(old(), stopped('store1', 'imap22', 'master', { laneLines: [opened({ started: true })] })),
      // Its own log tells that it has served, whatever the record says.
      seen(
        old(),
        stopped('store1', 'imap22', 'master', {
          ...lines,
          channels: [channel({ syncHost: 'imap21', pending: true, events: 3 })],
        }),
      ),
    ]) {
      const decision = judge(facts, {}, named);
      expect(decision).toMatchObject({ kind: 'finish', isStarted: true, gates: [] });
      const steps = stepsOf(decision, facts);
      expect(steps.map(({ action }) => action)).not.toContain('slot.drain');
      expect(steps.some(({ phase }) => phase === 'commit')).toBe(false);
      const ids = steps.map(({ id }) => id);
      expect(ids.indexOf('late-stop')).toBeLessThan(ids.indexOf('start-new'));
      // Nothing that a revert would take back.
      const prepared = new Set(steps.filter(({ phase }) => phase === 'prepare').map(({ action }) => action));
      expect([...prepared]).toEqual(['slot.take-lease', 'slot.confirm']);
    }
  });

  it('was not started when NEW only came up by itself and the directory never named it', () => {
    expect(judge(seen(old(), state('store1', 'imap22', 'master', lines)))).toMatchObject({
      isStarted: false,
      kind: 'finish',
    });
  });

  it('attaches OLD as a replica only when its log was drained and is still empty', () => {
    const named = slotOn('store1', ['imap22', 'imap21']);
    const drained = [opened(), beganLine('r1', 'drain'), beganLine('r1', 'role-old')];
    const ids = (oldState: ReturnType<typeof state>) => {
      const facts = seen(oldState, state('store1', 'imap22', 'master', lines));
      return stepsOf(judge(facts, {}, named), facts).map(({ id }) => id);
    };
    expect(ids(stopped('store1', 'imap21', 'replica', { laneLines: drained }))).toContain('start-old');
    expect(ids(stopped('store1', 'imap21', 'replica', { laneLines: [opened()] }))).not.toContain('start-old');
    const pending = {
      channels: [
        { channel: '', syncHost: 'imap22', pending: true, events: 1, oldestBirth: 1, clientAlive: false },
      ],
    };
    expect(ids(stopped('store1', 'imap21', 'replica', { laneLines: drained, ...pending }))).not.toContain(
      'start-old',
    );
    expect(ids(stopped('store1', 'imap21', 'master', { laneLines: drained }))).not.toContain('start-old');
  });

  it('goes back to OLD when NEW died before the directory named it', () => {
    const facts = {
      ...seen(stopped('store1', 'imap21', 'replica', lines), undefined),
      deaths: new Map([['imap22', dead]]),
    };
    expect(judge(facts)).toMatchObject({
      kind: 'finish',
      from: 'imap22',
      to: 'imap21',
      gates: [],
      isStarted: false,
    });
    const unsure = { ...facts, deaths: new Map([['imap22', gated('not-proven-dead')]]) };
    expect(gatesOf(judge(unsure))).toEqual(['not-proven-dead']);
    expect(mayGo(judge(unsure, { fenced: 'plug pulled' }))).toBe(true);
  });

  it('is no lane any more when NEW is gone after the directory named it: to name NEW is a failover from there', () => {
    const named = slotOn('store1', ['imap22', 'imap21']);
    const facts = {
      ...seen(stopped('store1', 'imap21', 'replica', lines), undefined),
      deaths: new Map([['imap22', dead]]),
    };
    expect(judge(facts, {}, named, 'imap22')).toMatchObject({
      kind: 'dead',
      from: 'imap22',
      to: 'imap21',
      open: null,
    });
    const asked = judge(facts, {}, named, 'imap21');
    expect(asked.gates.at(-1)).toMatchObject({ gate: 'no-replica', word: null });
    expect(refusal(asked)?.reason).toMatch(
      /imap22.*does not answer; mailctl failover store1 goes on from there/,
    );
  });

  it('whose hosts the directory does not know refuses its slot, and nothing falls over', () => {
    const facts = seen(
      old({ laneLines: [opened({ from: 'ghost', to: 'imap22' })] }),
      next({ laneLines: [opened({ from: 'ghost' })] }),
    );
    const decision = judge(facts, { overrides: new Set(['directory-disagrees:store1']) });
    expect(gatesOf(decision)).toContain('directory-disagrees');
    expect(mayGo(decision)).toBe(false);
  });

  it('is stopped by a directory that names a third host', () => {
    const three = slotOn('store1', ['imap23', 'imap21', 'imap22']);
    const facts = factsOf({
      imap21: [old()],
      imap22: [next(lines)],
      imap23: [state('store1', 'imap23', 'replica')],
    });
    expect(gatesOf(judge(facts, {}, three))).toContain('directory-disagrees');
  });
});

describe('an open lane whose NEW answers and does not serve', () => {
  const named = slotOn('store1', ['imap22', 'imap21', 'imap23']);
  const lines = { laneLines: [opened(), beganLine('r1', 'role-old'), beganLine('r1', 'start-new')] };
  const broken = state('store1', 'imap22', 'master', { ...lines, started: false, role: null });
  const facts = (from = stopped('store1', 'imap21', 'replica', lines)) =>
    factsOf({
      imap21: [from],
      imap22: [broken],
      imap23: [stopped('store1', 'imap23', 'replica', lines)],
    });
  const plan = (wishes: Partial<FailoverWishes>, target?: string, seen = facts()) => {
    const decision = judge(seen, wishes, named, target);
    return { decision, steps: mayGo(decision) ? stepsOf(decision, seen) : [] };
  };
  const drainOf = ({ steps }: ReturnType<typeof plan>) => steps.find(({ id }) => id === 'drain')?.params;

  it('is finished where it leads, unless the operator wants to be rid of NEW', () => {
    expect(plan({}).decision).toMatchObject({ kind: 'finish', from: 'imap21', to: 'imap22' });
    expect(plan({ to: 'imap22' }).decision).toMatchObject({ kind: 'finish', to: 'imap22' });
    expect(plan({ to: 'imap23' }, 'imap21').decision).toMatchObject({ kind: 'finish', to: 'imap22' });
  });

  it.each(['imap23', 'imap21'])('is left for %s by --to: stopped, sent whole, and no lane any more', (to) => {
    const left = plan({ to });
    expect(left.decision).toMatchObject({ kind: 'planned', from: 'imap22', to, open: null });
    expect(left.decision.gates).toEqual([]);
    expect(drainOf(left)).toMatchObject({ whole: true });
  });

  it('is left when its host is to be moved off', () => {
    expect(plan({}, 'imap22').decision).toMatchObject({ kind: 'planned', from: 'imap22', open: null });
  });

  it('is not left for an OLD that was never drained, and that one is no copy of anybody', () => {
    const pending = { ...lines, channels: [channel({ pending: true, events: 3 })] };
    const undrained = facts(stopped('store1', 'imap21', 'replica', pending));
    expect(refusal(plan({ to: 'imap21' }, undefined, undrained).decision)?.reason).toMatch(
      /imap21: owes a rejoin/,
    );
    const { steps } = plan({ to: 'imap23' }, undefined, undrained);
    expect(steps.map(({ id }) => id)).not.toContain('start-imap21');
    expect(steps.map(({ id }) => id)).not.toContain('send-imap21');
    expect(plan({ to: 'imap23' }).steps.map(({ id }) => id)).toContain('send-imap21');
  });
});

describe('a replica whose files would not make it a master', () => {
  const fault = 'its files for a master cannot be used: /x/cyrus.conf:1: section SERVICES is not closed';
  const seen = factsOf({ imap21: [old()], imap22: [next({ masterFault: fault })] });

  it('is not chosen, and the refusal says why; --to takes it all the same, and says it, too', () => {
    expect(refusal(judge(seen))).toMatchObject({
      gate: 'no-replica',
      reason: expect.stringContaining(fault),
    });
    expect(judge(seen, { to: 'imap22' })).toMatchObject({
      to: 'imap22',
      gates: [],
      because: `--to; ${fault}`,
    });
  });
});

describe('the lane of a planned move', () => {
  const facts = alive();
  const steps = stepsOf(judge(facts), facts);

  it('has the order that keeps the promises', () => {
    expect(steps.map(({ id, phase }) => `${phase} ${id}`)).toEqual([
      'prepare lease-imap22',
      'prepare lease-imap21',
      'prepare confirm',
      'prepare stop-old',
      'prepare drain',
      'prepare role-old',
      'prepare stop-new',
      'prepare role-new',
      'prepare directory',
      'commit start-new',
      'settle serve',
      'settle start-old',
      'settle replicate',
      'settle give-back',
    ]);
  });

  it('has hooks after NEW serves, per slot, and those of the run after all lanes', () => {
    const hook = { host: 'mx1', run: ['reload', '{slot}'], timeoutMs: 5000 };
    const ids = planLane(judge(facts), {
      ...partsOf(facts),
      slotHooks: [hook, { ...hook, host: null }],
    }).steps.map(({ id }) => id);
    expect(ids.slice(ids.indexOf('serve'), ids.indexOf('start-old'))).toEqual(['serve', 'hook-1', 'hook-2']);
    expect(planAfter([hook])).toMatchObject([
      { id: 'run-hook-1', phase: 'settle', host: 'mx1', params: { run: ['reload', '{slot}'] } },
    ]);
  });

  it('owes nothing of OLD before the commit: a host that dies on the way turns it back', () => {
    const owable = steps
      .filter((step) => step.mayBeOwed === true && step.phase === 'prepare')
      .map(({ id }) => id);
    expect(owable).toEqual(['lease-imap21']);
  });

  it('can go back although NEW has died', () => {
    for (const id of ['stop-new', 'role-new'])
      expect(steps.find((step) => step.id === id)?.undoMayBeOwed).toBe(true);
  });

  it('checks every other instance before it starts a master, forward and back', () => {
    const hosts = (id: string) =>
      (
        (steps.find((step) => step.id === id)?.params.possibleMasters ?? []) as readonly { host: string }[]
      ).map(({ host }) => host);
    expect(hosts('start-new')).toEqual(['imap21']);
    expect(hosts('stop-old')).toEqual(['imap22']);
  });

  it('is data: it survives JSON', () => {
    const lane = planLane(judge(facts), partsOf(facts));
    expect(JSON.parse(JSON.stringify(lane))).toEqual(lane);
  });

  it('tells the same decision to whoever reports on it later', () => {
    const lane = planLane(judge(silent()), partsOf(silent()));
    expect(decisionOfLane(slot, lane)).toMatchObject({
      kind: 'dead',
      from: 'imap21',
      to: 'imap22',
      fromReachable: false,
      loss: { possibleLossS: 0 },
    });
    expect(decisionOfLane(slot, undefined)).toMatchObject({ kind: 'planned', from: 'imap21', to: null });
  });
});

describe('the lane of a dead master', () => {
  const facts = silent();
  const steps = stepsOf(judge(facts), facts);

  it('has OLD’s steps all the same: they are owed, tried again, and done when it returns', () => {
    const of = (id: string) => steps.find((step) => step.id === id);
    for (const id of ['stop-old', 'drain', 'role-old'])
      expect(of(id)).toMatchObject({ host: 'imap21', mayBeOwed: true });
    expect(steps.map(({ id }) => id)).toEqual([
      'lease-imap22',
      'confirm',
      'stop-old',
      'drain',
      'role-old',
      'stop-new',
      'role-new',
      'directory',
      'start-new',
      'serve',
      'late-stop',
      'late-role',
      'give-back',
    ]);
  });

  it('goes back to the stop of OLD if that answers before the commit', () => {
    expect(steps.find(({ id }) => id === 'start-new')?.params).toMatchObject({ rewindTo: 'stop-old' });
  });

  it('carries the operator’s word to the last check, for OLD alone', () => {
    const unsure = silent({ deaths: new Map([['imap21', gated('not-proven-dead')]]) });
    const start = stepsOf(judge(unsure, { fenced: 'no power' }), unsure).find(({ id }) => id === 'start-new');
    expect(start?.params.possibleMasters).toMatchObject([{ host: 'imap21', word: '--fenced no power' }]);
  });

  it('writes down what was proven, for whoever finishes it', () => {
    expect(steps[0]?.params).toMatchObject({ lastAlive: DEATH - 5, provenUntil: DEATH - 5 });
  });
});

describe('a host that was named', () => {
  const named = slotOn('store1', ['imap22', 'imap21']);
  const debt = (steps: readonly string[]) =>
    owedLine({ slot: 'store1', host: 'imap21', steps, run: 'r1', at: '2026-03-12T04:10:00Z', lastAlive: 42 });
  const meant = (one: ReturnType<typeof state>, two: ReturnType<typeof state>, of = named) =>
    slotsOfTarget(
      'imap21',
      true,
      [of, slotOn('store2', ['imap23', 'imap24'])],
      sightOf({ imap21: [one], imap22: [two] }),
    ).map((each) => each.slot);
  const moved = state('store1', 'imap22', 'master');

  it('means the slots that the directory gives to it, its open lanes, its strays and its debts', () => {
    expect(meant(old(), next(), slot)).toEqual(['store1']);
    expect(meant(stopped('store1', 'imap21', 'replica'), { ...moved, laneLines: [opened()] })).toEqual([
      'store1',
    ]);
    expect(meant(old(), moved)).toEqual(['store1']);
    expect(
      meant(stopped('store1', 'imap21', 'master'), {
        ...moved,
        laneLines: [debt(['stop', 'role', 'rejoin'])],
      }),
    ).toEqual(['store1']);
  });

  it('does not mean what only a rejoin can settle, nor what is in order', () => {
    expect(
      meant(stopped('store1', 'imap21', 'replica'), { ...moved, laneLines: [debt(['rejoin'])] }),
    ).toEqual([]);
    expect(meant(state('store1', 'imap21', 'replica'), moved)).toEqual([]);
  });

  it('means a slot by its name, whatever its state', () => {
    expect(slotsOfTarget('store1', false, [slot, slotOn('store2')], sightOf({}))).toEqual([slot]);
  });

  it('has its stray stopped and swapped, only after the directory’s master is seen serving, and keeps its debts', () => {
    const facts = factsOf({
      imap21: [old()],
      imap22: [{ ...moved, laneLines: [debt(['stop', 'role', 'rejoin'])] }],
    });
    const decision = judge(facts, {}, named, 'imap21');
    expect(decision).toMatchObject({ kind: 'demote', from: 'imap21', to: 'imap22' });
    const steps = stepsOf(decision, facts);
    expect(steps.map(({ id, phase }) => `${phase} ${id}`)).toEqual([
      'prepare lease-imap22',
      'prepare lease-imap21',
      'prepare seen-serving',
      'settle late-stop',
      'settle late-role',
      'settle give-back',
    ]);
    expect(steps.at(-1)?.params).toMatchObject({ lastAlive: 42, drained: false });
  });

  it('does not demote what another run holds', () => {
    const facts = factsOf({ imap21: [old({ lease: lease() })], imap22: [moved] });
    expect(gatesOf(judge(facts, {}, named, 'imap21'))).toEqual(['busy']);
  });

  it('keeps what other hosts owe when one of them is demoted', () => {
    const three = slotOn('store1', ['imap22', 'imap21', 'imap23']);
    const other = owedLine({
      slot: 'store1',
      host: 'imap23',
      steps: ['rejoin'],
      run: 'r0',
      at: '2026-03-12T04:00:00Z',
      lastAlive: null,
    });
    const facts = factsOf({
      imap21: [old()],
      imap22: [{ ...moved, laneLines: [other] }],
      imap23: [state('store1', 'imap23', 'replica')],
    });
    const steps = stepsOf(judge(facts, {}, three, 'imap21'), facts);
    expect(steps.at(-1)?.params.owed).toMatchObject([{ host: 'imap23', steps: ['rejoin'] }]);
  });
});

describe('a former master whose stop was left half way', () => {
  const moved = { ...slot, master: 'imap22' };
  const left = opened({ run: 'r9', way: 'return' });
  const facts = () =>
    factsOf(
      {
        imap21: [stopped('store1', 'imap21', 'master', { laneLines: [left] })],
        imap22: [stopped('store1', 'imap22', 'master', { laneLines: [left] })],
      },
      { deaths: new Map() },
    );

  it('is no move to be finished, also while the master is down: the mail is on that', () => {
    const decision = judge(facts(), {}, moved, 'imap21');
    expect(decision).toMatchObject({ kind: 'demote', from: 'imap21', to: 'imap22' });
    expect(stepsOf(decision, facts()).map(({ id }) => id)).toContain('seen-serving');
    expect(slotsOfTarget('imap21', true, [moved], facts().sight)).toEqual([moved]);
    expect(judge(facts(), {}, moved)).toMatchObject({ kind: 'planned', from: 'imap22' });
  });
});
