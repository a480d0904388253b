// The canary as evidence: the strongest proof, and what overrules it; and the round that sends and looks.
import { expect, test } from 'vitest';
import { parseFound } from '../../../src/drivers/cyrus/canary.js';
import { type CanaryFact, type CanaryRecord, slotsToSend } from '../../../src/slot/canary.js';
import { canaryRound } from '../../../src/slot/canary-round.js';
import type { StoreDriver } from '../../../src/slot/driver.js';
import { estimateLoss, type LossFacts } from '../../../src/slot/evidence.js';
import type { Surroundings } from '../../../src/slot/look-around.js';
import { AT, sampleOf, sightOf, slotOf, stateFor } from '../../support/slot-facts.js';

const died = AT;
const canary = (foundAgo: number | null, sentAgo = 10): CanaryFact => ({
  slot: 'store1',
  host: 'imap22',
  foundAt: foundAgo === null ? null : died - foundAgo,
  sentAt: died - sentAgo,
  by: 'looked up',
});
function estimate(facts: Partial<LossFacts>) {
  const signs = [{ at: died, what: 'last observed', bySlot: null }];
  const none = { sample: undefined, files: undefined, recorded: null };
  return estimateLoss({ slot: 'store1', signs, maxLagS: 300, ...none, ...facts });
}
const files = (appliedAgo: number, arrivedAgo: number) => ({
  slot: 'store1',
  newestApplied: died - appliedAgo,
  newestArrival: died - arrivedAgo,
  complete: true,
});

test('the newest canary that arrived proves all before it', () => {
  expect(estimate({ canary: canary(40) })).toMatchObject({ possibleLossS: 40, provenBy: 'canary' });
  const older = estimate({ canary: canary(40), sample: sampleOf({ at: died - 200 }) });
  expect(older).toMatchObject({ possibleLossS: 40, provenBy: 'canary' });
  const newer = estimate({ canary: canary(40), sample: sampleOf({ at: died - 20 }) });
  expect(newer).toMatchObject({ possibleLossS: 20, provenBy: 'sample' });
});

test('one that was accepted and did not arrive overrules an empty log and newer files', () => {
  // The log was lost by hand: it is empty, and nothing came over for an hour.
  const facts = { canary: canary(3600, 100), sample: sampleOf({ at: died - 5 }), files: files(2, 2) };
  const loss = estimate(facts);
  expect(loss).toMatchObject({ possibleLossS: 3600, provenBy: 'canary' });
  expect(loss.evidence.find(({ kind }) => kind === 'canary')?.value).toContain('has not');
});

test('one that passed an event that was stuck beside it proves nothing', () => {
  // Born 900 s ago, still there 100 s after the canary: the canary went by.
  const sample = sampleOf({ at: died - 10, pendingEvents: 4, oldestBirth: died - 900 });
  const loss = estimate({ canary: canary(110, 110), sample });
  expect(loss).toMatchObject({ possibleLossS: 900, provenBy: 'sample' });
});

test('where none has arrived yet it says so and decides nothing', () => {
  expect(estimate({ canary: canary(null) })).toMatchObject({ possibleLossS: null, provenBy: null });
  const sample = sampleOf({ at: died - 20 });
  expect(estimate({ canary: canary(null, 4000), sample })).toMatchObject({ possibleLossS: 20 });
});

test('what a probe mailbox says is read strictly', () => {
  expect(parseFound('store1', ['found', '1773289211', '61', '2'])).toEqual({
    slot: 'store1',
    newest: 1773289211,
    messages: 61,
    oldBelow: 2,
    problem: null,
  });
  expect(parseFound('store1', ['found', '', '0', ''])).toMatchObject({ newest: null, problem: null });
  expect(parseFound('store1', ['found', '-1', 'x', '\u001b'])).toMatchObject({ newest: null, messages: 0 });
  expect(parseFound('store1', ['failed', 'there is no mailbox of probe'])).toMatchObject({ newest: null });
  expect(parseFound('store1', [])).toMatchObject({ newest: null, problem: 'no answer' });
});

const record = (more: Partial<CanaryRecord> = {}): CanaryRecord => ({
  slot: 'store1',
  replica: 'imap22',
  master: 'imap21',
  sentAt: AT - 60,
  foundAt: AT - 120,
  seenAt: (AT - 60) * 1000,
  ...more,
});

test('the next one is sent when its time has come, and at once after a move', () => {
  const slots = [slotOf()];
  const send = (known: readonly CanaryRecord[], everyMs = 60_000) =>
    slotsToSend(slots, known, everyMs, AT * 1000).length;
  expect(send([])).toBe(1);
  expect(send([record()])).toBe(1);
  expect(send([record({ seenAt: (AT - 30) * 1000 })])).toBe(0);
  expect(send([record()], 3_600_000)).toBe(0);
  expect(send([record({ master: 'imap22', replica: 'imap21', seenAt: AT * 1000 })])).toBe(1);
});

test('a round looks, sends and remembers; what failed is told and proves nothing', async () => {
  const asked: string[] = [];
  const driver = {
    findCanaries: async (host: { readonly name: string }, list: readonly { readonly slot: string }[]) =>
      list.map(({ slot }) => {
        asked.push(`find ${slot} ${host.name}`);
        return {
          slot,
          newest: host.name === 'imap22' ? AT - 60 : AT - 50,
          messages: 3,
          oldBelow: null,
          problem: null,
        };
      }),
    sendCanaries: async (
      host: { readonly name: string },
      masters: readonly { readonly state: { readonly slot: string } }[],
    ) =>
      masters.map(({ state }) => {
        asked.push(`send ${state.slot} ${host.name}`);
        return state.slot === 'store1'
          ? { slot: state.slot, stamp: AT, problem: null }
          : { slot: state.slot, stamp: null, problem: '550 no such user' };
      }),
    cleanCanaries: async () => new Map(),
  } as unknown as StoreDriver;
  const slots = ['store1', 'store2', 'store3'].map((name) => slotOf(name));
  const of = (slot: string, host: string, role: 'master' | 'replica', more = {}) =>
    stateFor(host, role, { slot, ...more });
  const sight = sightOf({
    imap21: [
      of('store1', 'imap21', 'master'),
      of('store2', 'imap21', 'master'),
      of('store3', 'imap21', 'master', { running: false, role: null }),
    ],
    imap22: slots.map(({ slot }) => of(slot, 'imap22', 'replica')),
  });
  const hosts = new Map([...sight.values()].map(({ host }) => [host.name, host]));
  const around = { driver, hosts, concurrency: 4 } as unknown as Surroundings;
  const round = await canaryRound(slots, {
    user: 'probe',
    everyMs: 60_000,
    around,
    sight,
    known: [record()],
    now: AT * 1000,
  });
  expect(asked.toSorted()).toEqual([
    'find store1 imap21',
    'find store1 imap22',
    'find store2 imap21',
    'find store2 imap22',
    'send store1 imap21',
    'send store2 imap21',
  ]);
  expect(round.records).toEqual([
    record({ sentAt: AT, foundAt: AT - 60, seenAt: AT * 1000 }),
    record({ slot: 'store2', sentAt: null, foundAt: AT - 60, seenAt: AT * 1000 }),
  ]);
  expect(round.problems).toEqual(['canary of store2 on imap21: 550 no such user']);
});
