// Slots with a third instance: it is no master by chance, it never has two masters, and it is a copy only when it
// has everything.
import { describe, expect, test } from 'vitest';
import { type DeathVerdict, judgeDeath } from '../../../src/slot/death.js';
import { decide, type FailoverWishes, mayGo, refusal } from '../../../src/slot/decide.js';
import type { InstanceState } from '../../../src/slot/driver.js';
import { planLane } from '../../../src/slot/failover.js';
import { owedLine } from '../../../src/slot/lane-record.js';
import { channelOf, sightOf, slotOf, stateFor } from '../../support/slot-facts.js';

const slot = slotOf('store1', ['imap21', 'imap22', 'imap23']);

const wishesOf = (more: Partial<FailoverWishes> = {}): FailoverWishes => ({
  to: undefined,
  maxLagS: 300,
  acceptLoss: new Set(),
  fenced: undefined,
  overrides: new Set(),
  takeOver: new Set(),
  ...more,
});

const hung = (host: string): DeathVerdict =>
  judgeDeath({ host, failure: 'hung', message: '', sightings: [], maybeUs: null, peerElsewhere: true });

const master = stateFor('imap21', 'master', {
  channels: [
    channelOf({ channel: 'a', syncHost: 'imap22' }),
    channelOf({ channel: 'b', syncHost: 'imap23' }),
  ],
});

function decisionWith(
  third: InstanceState | undefined,
  wishes: FailoverWishes = wishesOf(),
  death = hung('imap23'),
) {
  const sight = sightOf({
    imap21: [master],
    imap22: [stateFor('imap22', 'replica')],
    imap23: third === undefined ? undefined : [third],
  });
  const deaths = new Map(third === undefined ? [['imap23', death]] : []);
  const facts = { sight, deaths, samples: [], files: [], signs: new Map() } as unknown as Parameters<
    typeof decide
  >[2];
  const decision = decide(slot, 'imap21', facts, wishes);
  const parts = { sight, slotHooks: [], hasTestAccount: false };
  const steps = () => planLane(decision, parts).steps;
  return { decision, steps };
}

describe('a third that hangs', () => {
  test('refuses the slot before anything is stopped, since nobody knows what it runs as', () => {
    const { decision } = decisionWith(undefined);
    expect(mayGo(decision)).toBe(false);
    expect(refusal(decision)).toMatchObject({ gate: 'not-proven-dead', host: 'imap23' });
  });

  test("is passed by the operator's own eyes, and that word stands at the start of NEW and at the way back", () => {
    const { decision, steps } = decisionWith(undefined, wishesOf({ fenced: 'pulled its plug' }));
    expect(mayGo(decision)).toBe(true);
    const words = (id: string) =>
      steps().find((step) => step.id === id)?.params.possibleMasters as {
        host: string;
        word: string | null;
      }[];
    expect(words('start-new')).toMatchObject([
      { host: 'imap21', word: null },
      { host: 'imap23', word: '--fenced pulled its plug' },
    ]);
    expect(words('stop-old').find(({ host }) => host === 'imap23')?.word).toBe('--fenced pulled its plug');
  });

  test('may write to a NEW that goes back: OLD serves before that is started again', () => {
    const last = (steps: readonly { readonly id: string; readonly undoLast?: boolean | undefined }[]) =>
      steps.find(({ id }) => id === 'stop-new')?.undoLast;
    expect(last(decisionWith(undefined, wishesOf({ fenced: 'pulled its plug' })).steps())).toBe(true);
    expect(last(decisionWith(stateFor('imap23', 'replica')).steps())).toBeUndefined();
  });

  test('is no obstacle once others see it dead', () => {
    const { decision } = decisionWith(undefined, wishesOf(), { gate: null, reason: '', witnesses: ['mx1'] });
    expect(mayGo(decision)).toBe(true);
  });
});

describe('a third that runs as a replica', () => {
  test('is stopped before NEW starts and started after it serves', () => {
    const { steps } = decisionWith(stateFor('imap23', 'replica'));
    const ids = steps().map((step) => step.id);
    expect(ids.indexOf('stop-imap23')).toBeGreaterThan(ids.indexOf('drain'));
    expect(ids.indexOf('stop-imap23')).toBeLessThan(ids.indexOf('directory'));
    expect(ids.indexOf('start-imap23')).toBeGreaterThan(ids.indexOf('serve'));
    expect(steps().find((step) => step.id === 'stop-imap23')).toMatchObject({ mayBeOwed: true });
  });

  test('gets what OLD still has for it', () => {
    const { steps } = decisionWith(stateFor('imap23', 'replica'));
    expect(steps().find((step) => step.id === 'drain')?.params.thirds).toMatchObject([{ host: 'imap23' }]);
  });

  test('is not given a second master while OLD is known to serve', () => {
    const sight = sightOf({
      imap21: undefined,
      imap22: [stateFor('imap22', 'replica')],
      imap23: [stateFor('imap23', 'replica')],
    });
    const serving: DeathVerdict = { gate: 'still-serving', reason: 'imap22 sees it', witnesses: ['imap22'] };
    const facts = {
      sight,
      deaths: new Map([['imap21', serving]]),
      samples: [],
      files: [],
      signs: new Map(),
    } as unknown as Parameters<typeof decide>[2];
    const wishes = wishesOf({
      overrides: new Set(['still-serving:store1']),
      acceptLoss: new Set(['store1']),
    });
    const decision = decide(slot, 'imap21', facts, wishes);
    expect(mayGo(decision)).toBe(true);
    const ids = planLane(decision, { sight, slotHooks: [], hasTestAccount: false }).steps.map(
      (step) => step.id,
    );
    expect(ids).toContain(`stop-${decision.to === 'imap22' ? 'imap23' : 'imap22'}`);
    expect(ids.filter((id) => id.startsWith('start-imap'))).toEqual([]);
  });

  test('stays stopped when it owed a rejoin and was stopped for it', () => {
    const owed = owedLine({
      slot: 'store1',
      host: 'imap23',
      steps: ['rejoin'],
      run: '0001',
      at: '2026-03-12T04:00:00Z',
      lastAlive: null,
    });
    const third = stateFor('imap23', 'replica', { running: false, role: null, laneLines: [owed] });
    const { steps } = decisionWith(third);
    expect(steps().map((step) => step.id)).not.toContain('start-imap23');
  });
});

test('a move to where the slot is already says so', () => {
  const { decision } = decisionWith(stateFor('imap23', 'replica'), wishesOf({ to: 'imap21' }));
  expect(refusal(decision)).toMatchObject({ gate: 'no-replica', reason: 'imap21 is its master already' });
});
