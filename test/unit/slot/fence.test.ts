// Cutting a host off: only by the operator's word and where it is configured, once for all lanes, seen and not
// believed, before anything else is touched.
import { describe, expect, it } from 'vitest';
import { CommandError, TransportError } from '../../../src/errors.js';
import type { Fence } from '../../../src/fleet/host.js';
import { waysOn } from '../../../src/output/screens/failover.js';
import { foldJournal } from '../../../src/plan/progress.js';
import { hostsCutOff } from '../../../src/slot/cut-off.js';
import type { DeathGate, DeathVerdict } from '../../../src/slot/death.js';
import { decide, type FailoverFacts, type FailoverWishes, mayGo, refusal } from '../../../src/slot/decide.js';
import { planLane } from '../../../src/slot/failover.js';
import { makePlan } from '../../support/fake-run.js';
import { actionWorld } from '../../support/slot-actions.js';
import { host, sightOf, silence, slotOn, state } from '../../support/slot-sight.js';

const slot = slotOn('store1', ['imap21', 'imap22', 'imap23']);
const fence: Fence = {
  run: ['power-off', '{host}', '{address}'],
  verify: ['is-off', '{host}'],
  on: 'mx1',
  timeoutMs: 5000,
};

function judge(gate: DeathGate, wishes: Partial<FailoverWishes>, of: Fence | null = fence) {
  const seen = sightOf({
    imap21: silence('imap21'),
    imap22: [state('store1', 'imap22', 'replica')],
    imap23: [state('store1', 'imap23', 'replica')],
  });
  const sight = new Map(
    [...seen].map(([name, one]) => [
      name,
      name === 'imap21'
        ? { ...one, host: host(name, { fence: of ?? undefined, address: '192.0.2.21' }) }
        : one,
    ]),
  );
  const verdict: DeathVerdict = { gate, reason: 'as seen', witnesses: [] };
  const facts: FailoverFacts = {
    sight,
    deaths: new Map([['imap21', verdict]]),
    samples: [],
    files: [],
    signs: new Map(),
  };
  const all: FailoverWishes = {
    to: 'imap22',
    maxLagS: 300,
    acceptLoss: new Set(['store1']),
    fenced: undefined,
    overrides: new Set(),
    takeOver: new Set(),
    ...wishes,
  };
  const decision = decide(slot, 'imap21', facts, all);
  const steps = () => planLane(decision, { sight, slotHooks: [], hasTestAccount: false }).steps;
  return { decision, steps };
}

describe('the word --fence', () => {
  it.each(['not-proven-dead', 'still-serving'] as const)(
    'passes %s by a step that comes before any stop',
    (gate) => {
      const { decision, steps } = judge(gate, { fence: true });
      expect(mayGo(decision)).toBe(true);
      const ids = steps().map(({ id }) => id);
      expect(ids.indexOf('fence-imap21')).toBeGreaterThan(ids.indexOf('confirm'));
      expect(ids.indexOf('fence-imap21')).toBeLessThan(ids.indexOf('stop-old'));
      expect(steps().find(({ id }) => id === 'fence-imap21')).toMatchObject({
        action: 'host.fence',
        host: 'imap21',
        phase: 'prepare',
        params: { run: ['power-off', 'imap21', '192.0.2.21'], verify: ['is-off', 'imap21'], on: 'mx1', gate },
      });
      expect(steps().find(({ id }) => id === 'fence-imap21')?.mayBeOwed).toBeUndefined();
      // A host that is off has no second master to offer: the third is attached again.
      expect(ids).toContain('start-imap23');
    },
  );

  it('is never said by mailctl itself, and is offered where it would do', () => {
    const { decision } = judge('still-serving', {});
    expect(mayGo(decision)).toBe(false);
    const gate = refusal(decision);
    expect(gate).toMatchObject({ gate: 'still-serving', canFence: true });
    expect(gate === undefined ? [] : waysOn(gate, [decision], ['imap21'])).toEqual([
      'mailctl failover store1 --fence   cuts imap21 off, and sees it off',
      'mailctl failover store1 --override still-serving:store1',
    ]);
  });

  it('does nothing where no fence is configured, for another slot, or to a host that is dead', () => {
    const none = judge('not-proven-dead', { fence: true }, null).decision;
    expect(refusal(none)).toMatchObject({ gate: 'not-proven-dead', canFence: false });
    expect(mayGo(judge('not-proven-dead', { fence: new Set(['store2']) }).decision)).toBe(false);
    expect(mayGo(judge('not-proven-dead', { fence: new Set(['store1']) }).decision)).toBe(true);
    expect(
      judge(null, { fence: true })
        .steps()
        .map(({ id }) => id),
    ).not.toContain('fence-imap21');
  });

  it('leaves the third alone where a master that serves was passed by another word', () => {
    const ids = judge('still-serving', { overrides: new Set(['still-serving:store1']) })
      .steps()
      .map(({ id }) => id);
    expect(ids).not.toContain('start-imap23');
    expect(ids).not.toContain('fence-imap21');
  });
});

describe('host.fence', () => {
  function fencing(answers: { run?: () => Promise<void>; isOff: () => boolean }) {
    const it_ = actionWorld();
    const ran: string[] = [];
    const runHook = async (on: string | null, words: readonly string[]) => {
      ran.push(`${on}: ${words.join(' ')}`);
      if (words[0] === 'power-off') return answers.run?.();
      if (!answers.isOff()) throw new CommandError('mx1', 'hook is-off', 1, 'power is on');
    };
    Object.assign(it_.parts, { runHook });
    const step = (more = {}) =>
      it_.step('host.fence', 'imap21', {
        run: ['power-off', 'imap21'],
        verify: ['is-off', 'imap21'],
        on: 'mx1',
        timeoutMs: 5000,
        gate: 'still-serving',
        ...more,
      });
    return { ...it_, ran, step, fence: it_.action('host.fence') };
  }

  it('is done when the verify words say so, and not before', async () => {
    let off = false;
    const {
      fence: action,
      step,
      context,
      clock,
      ran,
    } = fencing({
      run: async () => {
        off = true;
      },
      isOff: () => off,
    });
    expect(await action.check(step(), context)).toMatchObject({
      state: 'todo',
      note: 'imap21 is not off: is-off says so',
    });
    await Promise.all([
      action.act(step(), context),
      action.act(step(), context),
      action.act(step(), context),
    ]);
    expect(ran.filter((line) => line.includes('power-off'))).toEqual(['mx1: power-off imap21']);
    await clock.sleep(1000);
    expect(await action.check(step(), context)).toMatchObject({ state: 'done' });
    expect(action.undo).toBeUndefined();
  });

  it('that says no leaves the gate closed that asked for it, and may be tried again', async () => {
    let tries = 0;
    const {
      fence: action,
      step,
      context,
    } = fencing({
      run: async () => {
        tries += 1;
        if (tries === 1) throw new CommandError('mx1', 'hook power-off', 1, 'no route to the console');
      },
      isOff: () => false,
    });
    await expect(action.act(step(), context)).rejects.toMatchObject({
      code: 'slot.still-serving',
      detail: 'no route to the console',
    });
    await action.act(step(), context);
    expect(tries).toBe(2);
  });

  it('that gave no answer is decided by looking', async () => {
    const lost = new TransportError('mx1', 'timeout', 'mx1 gave no answer');
    const { fence: action, step, context } = fencing({ run: () => Promise.reject(lost), isOff: () => true });
    await expect(action.act(step(), context)).rejects.toBe(lost);
    expect(await action.check(step(), context)).toMatchObject({ state: 'done' });
  });

  it('without verify words is seen by the silence of its ports to everybody', async () => {
    const { fence: action, step, context, watch, world, clock } = fencing({ isOff: () => false });
    world.host('imap21').hangs = true;
    watch.add('imap21', new TransportError('imap21', 'hung', 'imap21: no banner'));
    const bare = step({ verify: [] });
    expect(await action.check(bare, context)).toMatchObject({ state: 'todo' });
    world.fail('imap21');
    world.host('imap21').hangs = false;
    for (let n = 0; n < 20; n += 1) await clock.sleep(1000);
    expect(await action.check(bare, context)).toMatchObject({ state: 'done' });
    watch.stop();
  });
});

describe('what is told of a host that was cut off', () => {
  it('outlives the revert of its lane, and does not come from a host that was off already', () => {
    const { steps } = judge('not-proven-dead', { fence: true });
    const plan = { ...makePlan(['store1'], ''), lanes: [{ id: 'store1', steps: steps(), facts: null }] };
    const base = { at: '2026-03-12T04:28:00Z', operator: 'ann' } as const;
    const told = (...kinds: readonly ('began' | 'did' | 'skipped' | 'undone')[]) =>
      hostsCutOff(
        foldJournal(
          [
            {
              ...base,
              seq: 1,
              kind: 'opened',
              format: 1,
              mailctl: '0',
              host: 'b',
              bootId: 'b',
              plan: JSON.parse(JSON.stringify(plan)),
            },
            ...kinds.map((kind, index) => ({
              ...base,
              seq: index + 2,
              kind,
              lane: 'store1',
              step: 'fence-imap21',
            })),
          ],
          'journal',
        ),
      );
    const off = { host: 'imap21', command: 'power-off imap21 192.0.2.21 (on mx1)' };
    expect(told('began', 'did', 'undone')).toEqual([{ ...off, isSeenOff: true }]);
    expect(told('began', 'undone')).toEqual([{ ...off, isSeenOff: false }]);
    expect(told('skipped')).toEqual([]);
    expect(told()).toEqual([]);
  });
});
