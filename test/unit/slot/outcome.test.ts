import { describe, expect, it } from 'vitest';
import type { LaneResult, LaneState, RunResult } from '../../../src/plan/runner.js';
import type { Decision, Gate } from '../../../src/slot/decide.js';
import { beganLine, openedLine, owedLine } from '../../../src/slot/lane-record.js';
import {
  judgeSafety,
  laneOutcome,
  openRuns,
  overallOutcome,
  plannedResults,
  runResults,
  type SlotOutcome,
  type SlotResult,
} from '../../../src/slot/outcome.js';
import { exitOf } from '../../../src/slot/overall.js';
import { sightOf, silence, slotOn, state, stopped } from '../../support/slot-sight.js';

const gate = (id: Gate['gate'], word: string | null = null): Gate => ({
  gate: id,
  reason: `because of ${id}`,
  word,
});

function decision(name: string, more: Partial<Decision> = {}): Decision {
  return {
    slot: slotOn(name),
    kind: 'dead',
    from: 'imap21',
    to: 'imap22',
    gates: [],
    loss: null,
    open: null,
    fromReachable: false,
    isStarted: false,
    ...more,
  };
}

function lane(name: string, laneState: LaneState, more: Partial<LaneResult> = {}): LaneResult {
  return {
    lane: name,
    state: laneState,
    committed: laneState === 'done',
    failure: undefined,
    owed: [],
    undoOwed: [],
    skipped: [],
    startedAt: undefined,
    endedAt: undefined,
    tookMs: 1,
    ...more,
  };
}

const failure = (code: string) => ({ step: 'drain', reason: '14 events did not reach imap22', code });
const result = (outcome: SlotOutcome, more: Partial<SlotResult> = {}): SlotResult => ({
  decision: decision('store1'),
  outcome,
  gate: null,
  reason: null,
  lane: undefined,
  ...more,
});

describe('what became of one slot', () => {
  it('is planned or refused by its first gate without a word, before the run', () => {
    const decisions = [
      decision('store1'),
      decision('store2', { gates: [gate('disk', '--override disk:store2'), gate('lag')] }),
      decision('store3', { to: null, gates: [gate('no-replica')] }),
      decision('store4', { gates: [gate('lag', '--accept-loss store4')] }),
    ];
    expect(plannedResults(decisions).map(({ outcome, gate: id, reason }) => [outcome, id, reason])).toEqual([
      ['planned', null, null],
      ['refused', 'lag', 'because of lag'],
      ['refused', 'no-replica', 'because of no-replica'],
      ['planned', null, null],
    ]);
  });

  it.each<[LaneResult, SlotOutcome, string | null]>([
    [lane('store1', 'done'), 'moved', null],
    [lane('store1', 'reverted', { failure: failure('slot.drain') }), 'failed', null],
    [lane('store1', 'failed', { failure: failure('busy') }), 'refused', 'busy'],
    [lane('store1', 'failed', { failure: failure('slot.two-masters') }), 'refused', 'two-masters'],
    [
      lane('store1', 'reverted', { failure: failure('directory-disagrees') }),
      'refused',
      'directory-disagrees',
    ],
    [lane('store1', 'incomplete', { failure: failure('not-proven-dead') }), 'incomplete', 'not-proven-dead'],
    [lane('store1', 'incomplete', { failure: failure('run.stopped') }), 'incomplete', null],
    [lane('store1', 'failed'), 'failed', null],
  ])('is told by its lane: %#', (one, outcome, id) => {
    expect(laneOutcome(decision('store1'), one)).toMatchObject({ outcome, gate: id });
  });

  it.each<[LaneResult, SlotOutcome]>([
    [lane('store1', 'reverted', { failure: failure('slot.drain') }), 'reverted'],
    // It had nothing to take back.
    [lane('store1', 'failed'), 'reverted'],
    [lane('store1', 'incomplete', { failure: failure('plan.committed') }), 'incomplete'],
    [lane('store1', 'done'), 'moved'],
  ])('of a run that is taken back: %#', (one, outcome) => {
    expect(laneOutcome(decision('store1'), one, true)).toMatchObject({ outcome });
    expect(overallOutcome([laneOutcome(decision('store1'), one, true)], false)).toBe(
      outcome === 'incomplete' ? outcome : 'done',
    );
  });

  it('is found by its lane; a slot without one was refused', () => {
    const run = { lanes: [lane('store2', 'done')] } as unknown as RunResult;
    const decisions = [decision('store1', { gates: [gate('lag')] }), decision('store2')];
    expect(runResults(decisions, run).map(({ outcome }) => outcome)).toEqual(['refused', 'moved']);
  });
});

describe('the outcome and the exit code of the whole', () => {
  const busy = result('refused', { gate: 'busy' });
  it.each<[string, readonly SlotResult[], boolean, string, number]>([
    ['all moved', [result('moved'), result('moved')], false, 'done', 0],
    ['nothing to do', [], false, 'done', 0],
    ['one refused of two', [result('moved'), result('refused')], false, 'partial', 3],
    ['one failed of two', [result('moved'), result('failed')], false, 'partial', 3],
    ['all refused', [result('refused'), result('refused', { gate: 'lag' })], false, 'refused', 4],
    ['all busy', [busy, busy], false, 'busy', 6],
    ['busy and refused', [busy, result('refused', { gate: 'lag' })], false, 'refused', 4],
    ['all failed, all taken back', [result('failed')], false, 'failed', 1],
    [
      'one incomplete among others',
      [result('moved'), result('refused'), result('incomplete')],
      false,
      'incomplete',
      5,
    ],
    ['a dry run', [result('planned')], true, 'planned', 0],
    ['a dry run with one refused', [result('planned'), result('refused')], true, 'planned', 3],
    ['a dry run with all refused', [result('refused', { gate: 'lag' })], true, 'refused', 4],
    ['a dry run of what another holds', [busy], true, 'busy', 6],
  ])('%s', (_, results, isDryRun, outcome, exit) => {
    expect(overallOutcome(results, isDryRun)).toBe(outcome);
    expect(exitOf(overallOutcome(results, isDryRun), results)).toBe(exit);
  });
});

describe('safe to leave', () => {
  const moved = (name: string) => result('moved', { decision: decision(name) });
  const sight = (one: Parameters<typeof sightOf>[0]) => sightOf(one);
  const master = (more: Parameters<typeof state>[3] = {}) => state('store1', 'imap22', 'master', more);
  const debt = (steps: readonly string[], host = 'imap21') =>
    owedLine({ slot: 'store1', host, steps, run: 'r1', at: '2026-03-12T04:28:00Z', lastAlive: null });

  it('is a yes when every slot serves and has a second copy', () => {
    const seen = sight({ imap22: [master()], imap21: [state('store1', 'imap21', 'replica')] });
    expect(judgeSafety([moved('store1')], seen)).toMatchObject({
      safe: true,
      reasons: [],
      toDemote: [],
      toRejoin: [],
    });
  });

  it('is a no with one copy, and says what is owed', () => {
    const seen = sight({
      imap22: [master({ laneLines: [debt(['stop', 'role', 'rejoin'])] })],
      imap21: silence('imap21'),
    });
    expect(judgeSafety([moved('store1')], seen)).toMatchObject({
      safe: false,
      reasons: ['1 slot has one copy'],
      toDemote: [{ host: 'imap21', slot: 'store1' }],
      toRejoin: [{ host: 'imap21', slot: 'store1' }],
    });
  });

  it('does not count a replica that owes a rejoin as a copy', () => {
    const seen = sight({
      imap22: [master({ laneLines: [debt(['rejoin'])] })],
      imap21: [state('store1', 'imap21', 'replica')],
    });
    expect(judgeSafety([moved('store1')], seen).reasons).toEqual(['1 slot has one copy']);
  });

  it('is a no when a slot is down, refused or failed', () => {
    const seen = sight({ imap22: [state('store1', 'imap22', 'replica')], imap21: silence('imap21') });
    for (const outcome of ['refused', 'failed', 'incomplete'] as const) {
      expect(judgeSafety([result(outcome)], seen)).toMatchObject({
        safe: false,
        reasons: ['store1 is down'],
      });
    }
  });

  it('is a no when a slot that was moved does not serve any more, or was not seen again', () => {
    const replica = [state('store1', 'imap21', 'replica')];
    for (const after of [
      [stopped('store1', 'imap22', 'master')],
      [master({ started: false })],
      silence('imap22'),
    ]) {
      const { safe, reasons } = judgeSafety([moved('store1')], sight({ imap22: after, imap21: replica }));
      expect(safe).toBe(false);
      expect(reasons[0]).toBe('store1 is down');
    }
  });

  it('leaves a refused slot alone when its master serves', () => {
    const seen = sight({
      imap21: [state('store1', 'imap21', 'master')],
      imap22: [state('store1', 'imap22', 'replica')],
    });
    expect(judgeSafety([result('refused')], seen)).toMatchObject({ safe: true, down: [] });
  });

  it('is a no while a lane is not finished, although the slot is served', () => {
    const seen = sight({ imap22: [master()], imap21: [state('store1', 'imap21', 'replica')] });
    expect(judgeSafety([result('incomplete')], seen).reasons).toEqual(['store1 is not finished']);
  });

  it('is a no while a stray runs', () => {
    const seen = sight({
      imap22: [master({ laneLines: [debt(['stop', 'role', 'rejoin'])] })],
      imap21: [state('store1', 'imap21', 'master')],
    });
    expect(judgeSafety([moved('store1')], seen).reasons).toContain('1 stray runs on imap21');
  });

  it('counts many slots instead of naming them', () => {
    const results = ['a', 'b', 'c', 'd'].map((name) => result('failed', { decision: decision(name) }));
    expect(judgeSafety(results, sight({})).reasons[0]).toBe('4 slots are down');
    expect(judgeSafety(results.slice(0, 2), sight({})).reasons[0]).toBe('a, b are down');
  });

  it('names the runs whose lanes are open', () => {
    const line = openedLine({
      run: 'r1',
      from: 'imap21',
      to: 'imap22',
      operator: 'a',
      bastion: 'b',
      at: '2026-03-12T04:00:00Z',
      judged: null,
    });
    const seen = sight({ imap22: [master({ laneLines: [line, beganLine('r1', 'drain')] })] });
    expect(openRuns([slotOn('store1'), slotOn('store2')], seen)).toEqual(['r1']);
  });
});
