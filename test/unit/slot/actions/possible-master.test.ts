// Promise 1 for instances whose host falls silent in the middle of a run: what was seen holds, until an act of ours
// may have changed it.
import { expect, test } from 'vitest';
import { TransportError } from '../../../../src/errors.js';
import type { Step } from '../../../../src/plan/step.js';
import {
  gripOf,
  possibleMaster,
  type SlotActionParts,
  seenKey,
} from '../../../../src/slot/actions/action-parts.js';
import { stateFor } from '../../../support/slot-facts.js';

const third = {
  slot: 'store1',
  host: 'imap23',
  instance: 'store1',
  address: undefined,
  word: null,
};

function partsWith(seen: SlotActionParts['seen']): SlotActionParts {
  const away = new TransportError('imap23', 'hung', 'imap23: no banner');
  let isAway = false;
  return {
    seen,
    hostNamed: (name: string) => ({ name, transport: 'ssh', groups: [] }),
    driver: { look: () => Promise.reject(away) },
    watch: {
      away: () => (isAway ? away.message : undefined),
      add: () => {
        isAway = true;
      },
      verdict: async () => ({ gate: 'not-proven-dead', reason: 'it hangs', witnesses: [] }),
    },
    leases: { ensure: async () => {}, holder: { run: '7f3a' }, grip: () => ({}) },
  } as unknown as SlotActionParts;
}

test('a third that was seen as a replica is none after its host fell silent', async () => {
  const seen = new Map([[seenKey('imap23', 'store1'), stateFor('imap23', 'replica')]]);
  expect(await possibleMaster(partsWith(seen), [third])).toBeNull();
});

test('one that nobody saw, or that would come up as a master, may be one', async () => {
  const would = stateFor('imap23', 'replica', { running: false, role: null, configuredRole: 'master' });
  for (const seen of [new Map(), new Map([[seenKey('imap23', 'store1'), would]])]) {
    expect(await possibleMaster(partsWith(seen), [third])).toMatchObject({
      host: 'imap23',
      gate: 'not-proven-dead',
    });
  }
});

test('an act whose answer may be lost makes what was seen before it worth nothing', async () => {
  const stopped = stateFor('imap23', 'replica', { running: false, role: null });
  const parts = partsWith(new Map([[seenKey('imap23', 'store1'), stopped]]));
  const step = {
    id: 'role-new',
    phase: 'prepare',
    params: { from: 'imap21', to: 'imap23' },
  } as unknown as Step;
  await gripOf(parts, step, third);
  expect(await possibleMaster(parts, [third])).toMatchObject({ host: 'imap23' });
});
