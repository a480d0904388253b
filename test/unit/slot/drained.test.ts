// A planned lane that had drained OLD, and whose OLD dies then: nothing can be missing on NEW, and that is proven by
// NEW's lane file and the directory's version, or by the run's own journal. Whatever starts OLD again voids both.
import { describe, expect, it } from 'vitest';
import { foldJournal } from '../../../src/plan/progress.js';
import { decide, type FailoverFacts, type FailoverWishes, refusal } from '../../../src/slot/decide.js';
import { planLane } from '../../../src/slot/failover.js';
import { beganLine, openedLine, parseLaneFile } from '../../../src/slot/lane-record.js';
import { openLaneOf } from '../../../src/slot/sight.js';
import { refusalsOf } from '../../../src/slot/take-up.js';
import { actionWorld } from '../../support/slot-actions.js';
import { lease, NOW_S, sightOf, silence, slotOn, state, stopped } from '../../support/slot-sight.js';

const opened = (run = 'r1') =>
  openedLine({
    run,
    from: 'imap21',
    to: 'imap22',
    operator: 'ann',
    bastion: 'bastion1',
    at: '2026-03-12T04:20:00Z',
    judged: null,
  });
const wishes: FailoverWishes = {
  to: undefined,
  maxLagS: 300,
  acceptLoss: new Set(),
  fenced: undefined,
  overrides: new Set(),
  takeOver: new Set(),
};

/** NEW is stopped, OLD dead, and nothing else tells how fresh NEW is. */
function factsOf(lines: readonly string[], held = 'r1'): FailoverFacts {
  const next = stopped('store1', 'imap22', 'master', {
    laneLines: lines,
    lease: lease({ run: held, expires: NOW_S - 1 }),
  });
  return {
    sight: sightOf({ imap21: silence('imap21'), imap22: [next] }),
    deaths: new Map([['imap21', { gate: null, reason: 'no ssh, no IMAP, no LMTP', witnesses: ['imap22'] }]]),
    samples: [],
    files: [],
    signs: new Map([['imap21', [{ at: NOW_S, what: 'LMTP by mx1', bySlot: null }]]]),
  };
}
const gateOf = (facts: FailoverFacts, version: number, master = 'imap21') =>
  refusal(
    decide(
      slotOn('store1', master === 'imap21' ? ['imap21', 'imap22'] : ['imap22', 'imap21'], { version }),
      'imap21',
      facts,
      wishes,
    ),
  )?.gate;

describe('by NEW’s lane file', () => {
  const lines = [opened(), beganLine('r1', 'stop-new', 7), beganLine('r1', 'role-new')];

  it('passes while the record is as it was, or as the lane itself has set it', () => {
    expect(gateOf(factsOf(lines), 7)).toBeUndefined();
    expect(gateOf(factsOf(lines), 8, 'imap22')).toBeUndefined();
  });

  it('is told as evidence', () => {
    const slot = slotOn('store1', ['imap21', 'imap22'], { version: 7 });
    const { loss } = decide(slot, 'imap21', factsOf(lines), wishes);
    expect(loss).toMatchObject({ possibleLossS: 0, provenBy: 'record' });
    expect(loss?.evidence[0]?.value).toBe('run r1 had stopped imap21 and drained it to imap22');
  });

  it.each([
    ['somebody has raised it since', lines, 8, 'imap21'],
    ['it was set by others', lines, 9, 'imap22'],
    ['OLD was dead then, and nothing was drained', [opened(), beganLine('r1', 'stop-new')], 7, 'imap21'],
    ['the directory keeps no version', [opened(), beganLine('r1', 'stop-new')], 7, 'imap21'],
    ['only OLD had been stopped', [opened()], 7, 'imap21'],
    [
      'it was stopped once more, without a drain',
      [...lines, opened(), beganLine('r1', 'stop-new')],
      7,
      'imap21',
    ],
    [
      'what it says is no number',
      [opened(), '{"kind":"began","run":"r1","step":"stop-new","drained":"7"}'],
      7,
      'imap21',
    ],
  ] as const)('does not pass when %s', (_, said, version, master) => {
    expect(gateOf(factsOf(said), version, master)).toBe('lag');
  });

  it('is no other lane’s', () => {
    const other = openedLine({
      run: 'r2',
      from: 'imap23',
      to: 'imap22',
      operator: 'eve',
      bastion: 'b2',
      at: '2026-03-12T04:21:00Z',
      judged: null,
    });
    expect(parseLaneFile([...lines, other]).open?.drained).toBeUndefined();
    expect(parseLaneFile([...lines, opened('r2')]).open?.drained).toBe(7);
  });

  it('is read from NEW, whoever else has the newest line', () => {
    const later = opened().replace('04:20:00', '04:20:05');
    const sight = sightOf({
      imap22: [stopped('store1', 'imap22', 'master', { laneLines: lines })],
      imap23: [state('store1', 'imap23', 'replica', { laneLines: [later] })],
    });
    expect(openLaneOf(sight, slotOn('store1', ['imap21', 'imap22', 'imap23']))?.drained).toBe(7);
  });
});

describe('what is written', () => {
  const planned = (more: Partial<FailoverWishes> = {}) => {
    const facts: FailoverFacts = {
      ...factsOf([]),
      sight: sightOf({
        imap21: [state('store1', 'imap21', 'master')],
        imap22: [state('store1', 'imap22', 'replica')],
      }),
    };
    const slot = slotOn('store1', ['imap21', 'imap22'], { version: 7 });
    const decision = decide(slot, 'imap21', facts, { ...wishes, ...more });
    const lane = planLane(decision, { sight: facts.sight, slotHooks: [], hasTestAccount: false });
    return lane.steps.find(({ id }) => id === 'stop-new')?.params.afterDrain;
  };

  it('is the version, by the step after the drain of a living OLD', () => {
    expect(planned()).toBe(7);
  });

  it('goes with that step’s own line, and by the version as this run has raised it', async () => {
    const { world, action, step, context, parts } = actionWorld();
    const stopNew = step('slot.stop', 'imap22', { wasRole: 'replica', planned: true, afterDrain: 1 });
    await action('slot.stop').act({ ...stopNew, id: 'stop-new' }, context);
    expect(parseLaneFile(world.at('store1', 'imap22').lane).open?.drained).toBe(1);
    parts.versions.set('store1', 4);
    await action('slot.stop').act({ ...stopNew, id: 'stop-new' }, context);
    expect(parseLaneFile(world.at('store1', 'imap22').lane).open?.drained).toBe(4);
  });

  it('is void before OLD is started as the master again, also where NEW is away', async () => {
    const { world, slot, action, step, data, context } = actionWorld();
    world.stop(slot, 'imap21');
    world.fail('imap22');
    const before = slot.directory.version;
    await action('slot.stop').undo?.(
      step('slot.stop', 'imap21', { wasRole: 'master', possibleMasters: [data('imap22')] }),
      context,
    );
    expect(world.at('store1', 'imap21').running).toBe(true);
    expect(slot.directory.version).toBe(before + 1);
  });
});

describe('by the run’s own journal', () => {
  const slot = slotOn('store1', ['imap21', 'imap22'], { version: undefined });
  const alive: FailoverFacts = {
    ...factsOf([]),
    sight: sightOf({
      imap21: [state('store1', 'imap21', 'master')],
      imap22: [state('store1', 'imap22', 'replica')],
    }),
  };
  const lane = planLane(decide(slot, 'imap21', alive, wishes), {
    sight: alive.sight,
    slotHooks: [],
    hasTestAccount: false,
  });
  const plan = {
    version: 1,
    id: 'r1',
    kind: 'failover',
    target: 'imap21',
    operator: 'ann',
    bastion: 'bastion1',
    createdAt: '2026-03-12T04:20:00Z',
    facts: null,
    lanes: [lane],
    after: [],
  };
  /** The gate that a resume meets, after these steps were done. */
  const gateAfter = (done: readonly string[], held = 'r1', more: readonly object[] = []) => {
    const records = [
      {
        kind: 'opened',
        format: 1,
        mailctl: '0',
        operator: 'ann',
        host: 'b',
        bootId: 'b',
        plan: JSON.parse(JSON.stringify(plan)),
      },
      ...done.flatMap((step) => [
        { kind: 'began', lane: 'store1', step },
        { kind: 'did', lane: 'store1', step },
      ]),
      ...more,
    ].map((record, index) => ({ seq: index + 1, at: '2026-03-12T04:20:01Z', ...record }));
    const progress = foldJournal(records as unknown as Parameters<typeof foldJournal>[0], 'disk');
    const facts = factsOf([opened()], held);
    const decisions = [decide(slot, undefined, facts, { ...wishes, takeOver: new Set(['r1']) })];
    return refusalsOf(progress, { decisions, slots: [slot], sight: facts.sight }, 'resume').get('store1')
      ?.code;
  };
  const until = ['lease-imap22', 'lease-imap21', 'confirm', 'stop-old', 'drain', 'role-old'];

  it('passes once the role was swapped, and not before', () => {
    expect(gateAfter(until)).toBeUndefined();
    expect(gateAfter(until.slice(0, -1))).toBe('slot.lag');
    expect(gateAfter(until.slice(0, -2))).toBe('slot.lag');
  });

  it('does not pass when the lane was going back, or somebody else has NEW’s lease', () => {
    const back = { kind: 'reverting', lane: 'store1', reason: 'imap22 is gone' };
    expect(gateAfter(until, 'r1', [back])).toBe('slot.lag');
    expect(gateAfter(until, 'r2')).not.toBeUndefined();
  });
});
