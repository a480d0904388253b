import { expect, test } from 'vitest';
import { ParseError } from '../../../src/errors.js';
import { parsePlan } from '../../../src/plan/parse-plan.js';
import { makePlan, makeSteps } from '../../support/fake-run.js';

const good = makePlan(['store1', 'store2'], 'lease stop? | start | login', 'hook');
const lane = good.lanes[0];

test('a plan survives its way through a journal', () => {
  expect(parsePlan(JSON.parse(JSON.stringify(good)), 'j')).toEqual(good);
});

test.each([
  ['null', null, 'plan: not an object'],
  ['a list', [], 'plan: not an object'],
  ['another version', { ...good, version: 2 }, 'plan.version: 2'],
  ['no id', { ...good, id: 7 }, 'plan.id: not a text'],
  ['lanes that are no list', { ...good, lanes: {} }, 'plan.lanes: not a list'],
  ['a lane without a name', { ...good, lanes: [{ ...lane, id: '' }] }, 'plan.lanes[0].id: empty'],
  ['two lanes of one name', { ...good, lanes: [lane, lane] }, 'two lanes of one name'],
  ['two steps of one id', { ...good, lanes: [{ ...lane, steps: makeSteps('x', 'a a') }] }, 'two steps a'],
  ['two commits', { ...good, lanes: [{ ...lane, steps: makeSteps('x', '| a b') }] }, 'more than one commit'],
  [
    'a commit that may be owed',
    { ...good, lanes: [{ ...lane, steps: makeSteps('x', '| a?') }] },
    'cannot be owed',
  ],
  [
    'phases out of order',
    { ...good, lanes: [{ ...lane, steps: [...makeSteps('x', '| a'), ...makeSteps('x', 'b')] }] },
    'b (prepare) stands after commit',
  ],
  [
    'an unknown phase',
    { ...good, lanes: [{ ...lane, steps: [{ ...lane?.steps[0], phase: 'x' }] }] },
    '.phase',
  ],
  [
    'a step without params',
    { ...good, lanes: [{ ...lane, steps: [{ ...lane?.steps[0], params: 1 }] }] },
    '.params',
  ],
  [
    'a flag that is a text',
    { ...good, lanes: [{ ...lane, steps: [{ ...lane?.steps[0], mayBeOwed: 'no' }] }] },
    'neither true nor false',
  ],
  [
    'a step after the run that could be undone',
    { ...good, after: makeSteps('', 'a') },
    'not of the settle phase',
  ],
  ['no steps after', { ...good, after: undefined }, 'plan.after: not a list'],
])('%s is refused with its place', (_, plan, what) => {
  expect(() => parsePlan(plan, 'j:1')).toThrow(ParseError);
  expect(() => parsePlan(plan, 'j:1')).toThrow(`j:1: plan`);
  expect(() => parsePlan(plan, 'j:1')).toThrow(what);
});
