import { expect, test } from 'vitest';
import { TransportError } from '../../../src/errors.js';
import type { Action } from '../../../src/plan/action.js';
import {
  describeLines,
  describePlan,
  standingByLook,
  standingByProgress,
} from '../../../src/plan/describe.js';
import { lookAtPlan } from '../../../src/plan/look-at-plan.js';
import { fakeRun, makePlan } from '../../support/fake-run.js';

const plan = makePlan(['store1'], 'stop? swap move drain clear | start |', 'hook');

const action = (name: string, check: Action['check']): [string, Action] => [
  name,
  { name, check, preview: (step) => [`${name} ${step.host}`], act: async () => {}, deadlineMs: () => 0 },
];

const actions = new Map([
  action('stop', async () => {
    throw new TransportError('imap21', 'unreachable', 'imap21 does not answer');
  }),
  action('swap', async () => ({ state: 'done', note: 'is a replica' })),
  action('move', async () => ({ state: 'todo' })),
  action('drain', async () => ({ state: 'rewind', to: 'stop', reason: 'it runs' })),
  action('clear', async () => {
    throw new Error('no sense');
  }),
  action('start', async () => ({ state: 'blocked', reason: 'imap21 may still accept mail' })),
]);

test('a dry run tells of each step its commands and where it stands, also what cannot be seen or is not known', async () => {
  const looks = await lookAtPlan(plan, actions, new AbortController().signal);
  expect(describeLines(describePlan(plan, actions, standingByLook(looks)))).toEqual([
    'store1',
    '  1  stop of store1  [would be owed: imap21 does not answer]',
    '       stop host-stop',
    '  2  swap of store1  [done already: is a replica]',
    '       swap host-swap',
    '  3  move of store1  [to do]',
    '       move host-move',
    '  4  drain of store1  [not yet, first again from stop: it runs]',
    '       drain host-drain',
    '  5  clear of store1  [not known: no sense]',
    '       clear host-clear',
    '  6  start of store1  (no way back from here)  [not yet: imap21 may still accept mail]',
    '       start host-start',
    '',
    'after all slots',
    '  1  hook of the run  [not known: no action hook]',
  ]);
});

test('a run tells of each step what the journal says', async () => {
  const run = fakeRun('lease stop? swap | start | login');
  run.done.add('store1/lease');
  run.steps.stop = { check: () => ({ state: 'away', reason: 'imap21 is dead' }) };
  run.steps.start = { act: () => run.abort.abort() };
  const { progress } = await run.run();
  const [lane] = describePlan(run.plan, new Map(), standingByProgress(progress));
  expect(lane?.steps.map(({ id, where }) => `${id}: ${where}`)).toEqual([
    'lease: was done already',
    'stop: owed: imap21 is dead',
    expect.stringMatching(/^swap: done 2026-/),
    expect.stringMatching(/^start: begun 2026-.*its outcome is not recorded$/),
    'login: to do',
  ]);
});
