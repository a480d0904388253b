// What becomes of a rejoin that is taken up again after others have had its slot.
import { describe, expect, it } from 'vitest';
import type { RunProgress, StepProgress } from '../../../src/plan/progress.js';
import type { Step } from '../../../src/plan/step.js';
import type { Decision } from '../../../src/slot/decide.js';
import { openedLine } from '../../../src/slot/lane-record.js';
import { endedElsewhere, refusalsOf } from '../../../src/slot/take-up.js';
import { sightOf, silence, slotOn, state, stopped } from '../../support/slot-sight.js';

const step = (id: string, action: string, host: string, state_: StepProgress['state']): StepProgress => {
  const params = { from: 'imap21', to: 'imap22' };
  const own: Step = { id, action, host, phase: 'settle', title: id, params };
  return { step: own, state: state_, began: state_ !== 'todo' } as StepProgress;
};
/** Killed while it stopped the old master. */
const killed = (lease: StepProgress['state'] = 'did') => {
  const steps = [
    step('lease-imap22', 'slot.take-lease', 'imap22', lease),
    step('stop-imap21', 'slot.stop', 'imap21', 'todo'),
  ];
  return { plan: { id: '7f3a', lanes: [] }, lanes: [{ lane: 'store1', steps }] } as unknown as RunProgress;
};
const opened = (run: string) =>
  openedLine({
    run,
    from: 'imap21',
    to: 'imap22',
    operator: 'ann',
    bastion: 'b',
    at: '2026-03-12T04:20:00Z',
    judged: null,
  });
const sight = (...laneLines: string[]) =>
  sightOf({ imap22: [state('store1', 'imap22', 'replica', { laneLines })] });

describe('a rejoin that is taken up again', () => {
  it('is over where another run has given the lane back and the slot has moved again since', () => {
    const slot = slotOn('store1', ['imap21', 'imap22']);
    expect(endedElsewhere(killed(), [slot], sight()).get('store1')).toMatchObject({
      way: 'close',
      state: 'reverted',
    });
  });

  it('is over where another run has finished it', () => {
    const slot = slotOn('store1', ['imap22', 'imap21']);
    expect(endedElsewhere(killed(), [slot], sight()).get('store1')).toMatchObject({
      way: 'close',
      state: 'done',
    });
  });

  it('is left to another run that has it in hand, and goes on where it is still its own', () => {
    const slot = slotOn('store1', ['imap22', 'imap21']);
    expect(endedElsewhere(killed(), [slot], sight(opened('9c01'))).get('store1')).toMatchObject({
      way: 'leave',
    });
    expect(endedElsewhere(killed(), [slot], sight(opened('7f3a'))).size).toBe(0);
    expect(endedElsewhere(killed('todo'), [slot], sight()).size).toBe(0);
  });

  it('goes on where it was killed before it had its lease, while a stray still runs', () => {
    const slot = slotOn('store1', ['imap22', 'imap21']);
    const stray = sightOf({
      imap22: [state('store1', 'imap22', 'master')],
      imap21: [state('store1', 'imap21', 'master')],
    });
    expect(endedElsewhere(killed('began'), [slot], stray).size).toBe(0);
    const whole = sightOf({
      imap22: [state('store1', 'imap22', 'master')],
      imap21: [state('store1', 'imap21', 'replica')],
    });
    expect(endedElsewhere(killed('began'), [slot], whole).get('store1')).toMatchObject({ state: 'done' });
  });
});

describe('a failover that is taken up again', () => {
  const facts = (master: string) => {
    const others = ['imap21', 'imap22', 'imap23'].filter((host) => host !== master);
    return { decisions: [], slots: [slotOn('store1', [master, ...others])], sight: sight() };
  };

  it('leaves alone a slot that has gone to a third meanwhile: what it would take back is a replica of that one', () => {
    const steps = [
      step('lease-imap22', 'slot.take-lease', 'imap22', 'did'),
      step('stop-imap21', 'slot.stop', 'imap21', 'began'),
    ];
    const lanes = [{ lane: 'store1', steps }];
    const touched = { plan: { id: '7f3a', lanes: [] }, lanes } as unknown as RunProgress;
    for (const how of ['undo', 'resume'] as const) {
      expect(refusalsOf(touched, facts('imap23'), how).get('store1')).toMatchObject({
        way: 'leave',
        code: 'slot.directory-disagrees',
      });
      // Nothing of it is open on any host, and the third serves: it is not shown as unfinished for ever.
      const whole = {
        ...facts('imap23'),
        sight: sightOf({
          imap21: [state('store1', 'imap21', 'replica')],
          imap22: [state('store1', 'imap22', 'replica')],
          imap23: [state('store1', 'imap23', 'master')],
        }),
      };
      expect(refusalsOf(touched, whole, how).get('store1')).toMatchObject({
        way: 'close',
        state: 'reverted',
      });
      // Nothing but its leases was ever taken.
      expect(refusalsOf(killed(), facts('imap23'), how).get('store1')).toMatchObject({
        way: 'close',
        state: 'reverted',
      });
    }
  });

  it('leaves alone what another has taken from a NEW that was away: its own files know nothing of that', () => {
    const steps = [
      step('lease-imap22', 'slot.take-lease', 'imap22', 'did'),
      step('directory', 'slot.set-directory', 'imap22', 'did'),
    ];
    const lanes = [{ lane: 'store1', steps }];
    const own = { plan: { id: '7f3a', lanes: [] }, lanes } as unknown as RunProgress;
    const later = opened('9c01').replace('04:20', '04:21').replaceAll('imap22', 'imap23');
    const left = {
      decisions: [],
      slots: [slotOn('store1', ['imap21', 'imap22', 'imap23'])],
      sight: sightOf({
        imap21: [stopped('store1', 'imap21', 'replica', { laneLines: [later] })],
        imap22: [state('store1', 'imap22', 'master', { laneLines: [opened('7f3a')] })],
        imap23: [stopped('store1', 'imap23', 'replica', { laneLines: [later] })],
      }),
    };
    expect(refusalsOf(own, left, 'resume').get('store1')).toMatchObject({
      way: 'leave',
      code: 'slot.taken-over',
    });
    const before = { ...left, sight: new Map([...left.sight].filter(([host]) => host === 'imap22')) };
    expect(refusalsOf(own, before, 'resume').size).toBe(0);
  });

  const demotion = () => {
    const plan = { id: '7f3a', lanes: [{ id: 'store1', facts: { kind: 'demote' } }] };
    return { ...killed('began'), plan } as unknown as RunProgress;
  };
  const moved = slotOn('store1', ['imap22', 'imap21']);
  const seen = (old: Parameters<typeof sightOf>[0][string]) => ({
    decisions: [
      {
        slot: moved,
        gates: [{ gate: 'directory-disagrees', reason: 'imap21 runs it as master', word: null }],
      } as unknown as Decision,
    ],
    slots: [moved],
    sight: sightOf({ imap22: [state('store1', 'imap22', 'master')], imap21: old }),
  });

  it('goes on with stopping a former master that still runs, and is not refused for that', () => {
    const still = seen([state('store1', 'imap21', 'master')]);
    expect(refusalsOf(demotion(), still, 'resume').size).toBe(0);
    // What cannot be asked may still run.
    expect(refusalsOf(demotion(), seen(silence('imap21')), 'resume').size).toBe(0);
  });

  it('is over where somebody else has stopped it meanwhile', () => {
    const done = seen([stopped('store1', 'imap21', 'replica')]);
    expect(refusalsOf(demotion(), done, 'resume').get('store1')).toMatchObject({ way: 'close' });
  });
});
