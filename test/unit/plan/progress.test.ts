import { expect, test } from 'vitest';
import { ParseError } from '../../../src/errors.js';
import type { JournalRecord, NewRecord } from '../../../src/journal/record.js';
import type { Json } from '../../../src/plan/plan.js';
import {
  applyRecord,
  foldJournal,
  isCommitted,
  laneOf,
  nextStep,
  owedSteps,
  phaseOf,
  type RunProgress,
  toUndo,
} from '../../../src/plan/progress.js';
import { makePlan } from '../../support/fake-run.js';

const plan = makePlan(['store1', 'store2'], 'lease stop? promote | start | login', 'hook') as unknown as Json;
const opened: NewRecord = {
  kind: 'opened',
  format: 1,
  mailctl: '0',
  operator: 'ann',
  host: 'b',
  bootId: 'x',
  plan,
};

/** Records from words: `began stop`, `reverting to stop`, `lane-closed done`; of lane store1 unless named. */
function journal(...words: string[]): JournalRecord[] {
  const records = words.map((line): NewRecord => {
    const [kind, first = '', second = ''] = line.split(' ');
    const named = /^(store2|run)\/(.*)$/.exec(first);
    const lane = named === null ? 'store1' : named[1] === 'run' ? '' : 'store2';
    const step = named?.[2] ?? first;
    switch (kind) {
      case 'reverting':
        return { kind, lane, reason: 'why', ...(second === '' ? {} : { to: second }) };
      case 'owed':
      case 'failed':
        return { kind, lane, step, reason: 'why' };
      case 'lane-closed':
        return { kind, lane, state: step as 'done' };
      case 'closed':
        return { kind, state: first as 'done' };
      case 'resumed':
        return { kind, operator: 'bob', host: 'b', bootId: 'y', how: 'resume' };
      case 'note':
        return { kind, lane, text: 'x' };
      default:
        return { kind: kind as 'began', lane, step };
    }
  });
  return [opened, ...records].map((record, index) => ({
    seq: index + 1,
    at: new Date(Date.parse('2026-03-12T04:28:00Z') + index * 1000).toISOString(),
    ...record,
  })) as JournalRecord[];
}

const fold = (...words: string[]): RunProgress => foldJournal(journal(...words), 'j');
const lane = (...words: string[]) => fold(...words).lanes[0] as RunProgress['lanes'][number];
const states = (...words: string[]): string =>
  lane(...words)
    .steps.map(({ state }) => state)
    .join(' ');

test('a fresh journal stands before its first step', () => {
  const at = lane();
  expect(nextStep(at)?.step.id).toBe('lease');
  expect([phaseOf(at), isCommitted(at), at.touched, at.closed]).toEqual(['prepare', false, false, undefined]);
});

test('records move the step that they name, and no other lane', () => {
  const progress = fold('began lease', 'did lease', 'owed stop', 'began promote');
  expect(progress.lanes[0]?.steps.map(({ state }) => state)).toEqual([
    'did',
    'owed',
    'began',
    'todo',
    'todo',
  ]);
  expect(progress.lanes[1]).toEqual(fold().lanes[1]);
  expect(nextStep(progress.lanes[0] as never)?.step.id).toBe('promote');
  expect(owedSteps(progress.lanes[0] as never)).toEqual(['stop']);
});

test('what was begun is to be undone, last first, whatever came of it; what was skipped or owed is not', () => {
  const at = lane('began lease', 'did lease', 'skipped stop', 'began promote', 'failed promote', 'reverting');
  expect(toUndo(at).map(({ step }) => step.id)).toEqual(['promote', 'lease']);
  expect(at.failure).toMatchObject({ step: 'promote' });
});

test('a step that was begun and then owed is to be undone too', () => {
  expect(toUndo(lane('began stop', 'owed stop', 'reverting')).map(({ step }) => step.id)).toEqual(['stop']);
});

test('a rewind ends when what was begun after its target is undone; owed, failed and skipped steps are to do again', () => {
  const words = ['began lease', 'did lease', 'owed stop', 'began promote', 'did promote', 'failed start'];
  expect(states(...words, 'reverting to stop')).toBe('did todo did todo todo');
  expect(lane(...words, 'reverting to stop')).toMatchObject({
    rewinds: 1,
    failure: undefined,
    reverting: { to: 'stop' },
  });
  const after = lane(...words, 'reverting to stop', 'undone promote');
  expect(after.reverting).toBeUndefined();
  expect(nextStep(after)?.step.id).toBe('stop');
  expect(lane('began lease', 'did lease', 'owed stop', 'reverting to stop').reverting).toBeUndefined();
});

test('a revert for good stays one', () => {
  const at = lane('began lease', 'did lease', 'reverting', 'undone lease', 'resumed');
  expect(at.reverting).toEqual({ to: undefined, reason: 'why' });
  expect(toUndo(at)).toEqual([]);
});

test('owed while going back is the undo’s', () => {
  const at = lane('began stop', 'did stop', 'reverting', 'owed stop');
  expect(at.steps[1]).toMatchObject({ state: 'did', began: true, undoOwed: true });
  expect(lane('began stop', 'did stop', 'reverting', 'owed stop', 'undone stop').steps[1]).toMatchObject({
    state: 'undone',
    began: false,
    undoOwed: false,
    happened: 'seen',
  });
});

test('the commit makes committed, done or found done; begun alone does not', () => {
  expect(isCommitted(lane('began start'))).toBe(false);
  expect(isCommitted(lane('began start', 'failed start'))).toBe(false);
  expect(isCommitted(lane('began start', 'did start'))).toBe(true);
  expect(isCommitted(lane('skipped start'))).toBe(true);
  expect(isCommitted(lane('began start', 'undone start'))).toBe(false);
});

test('a failure is forgotten by what follows it', () => {
  expect(lane('began stop', 'failed stop').failure).toMatchObject({ step: 'stop' });
  expect(lane('began stop', 'failed stop', 'resumed').failure).toBeUndefined();
  expect(lane('began stop', 'failed stop', 'began stop').failure).toBeUndefined();
});

test('a lane that is done puts the steps of the whole run before us again', () => {
  const words = ['lane-closed done', 'began run/hook', 'did run/hook'];
  expect(nextStep(fold(...words).after)).toBeUndefined();
  expect(nextStep(fold(...words, 'lane-closed store2/done').after)?.step.id).toBe('hook');
  expect(nextStep(fold(...words, 'lane-closed store2/reverted').after)).toBeUndefined();
});

test('folding record by record is folding at once, for every beginning of a journal, and never throws', () => {
  const records = journal(
    'began lease',
    'began store2/lease',
    'did lease',
    'failed store2/lease',
    'reverting store2/',
    'owed stop',
    'undone store2/lease',
    'lane-closed store2/reverted',
    'began promote',
    'note x',
    'did promote',
    'reverting to stop',
    'resumed',
    'undone promote',
    'began stop',
    'did stop',
    'skipped promote',
    'began start',
    'failed start',
    'resumed',
    'did start',
    'began login',
    'did login',
    'lane-closed done',
    'began run/hook',
    'did run/hook',
    'closed failed',
  );
  // `reverting store2/` names no step: the word is the lane.
  let step = foldJournal(records.slice(0, 1), 'j');
  for (let length = 1; length <= records.length; length += 1) {
    const prefix = records.slice(0, length);
    const last = prefix.at(-1) as JournalRecord;
    if (length > 1) step = applyRecord(step, last);
    const whole = foldJournal(prefix, 'j');
    expect(step).toEqual(whole);
    expect(whole.seq).toBe(length);
    for (const each of whole.lanes) {
      // What is to be undone was begun and not undone; a closed lane that was reverted has nothing of it.
      const begun = new Set<string>();
      for (const record of prefix) {
        if (record.kind === 'began' && record.lane === each.lane) begun.add(record.step);
        if (record.kind === 'undone' && record.lane === each.lane) begun.delete(record.step);
      }
      expect(new Set(each.steps.filter(({ began }) => began).map((s) => s.step.id))).toEqual(begun);
    }
  }
  expect(step.closed).toBe('failed');
});

test('a fold leaves what it was given as it was', () => {
  const before = fold('began lease');
  const copy = structuredClone(before);
  applyRecord(before, { seq: 3, at: '2026-03-12T04:29:00Z', kind: 'did', lane: 'store1', step: 'lease' });
  expect(before).toEqual(copy);
});

test('the steps of the whole run are found by the empty lane', () => {
  expect(laneOf(fold(), '')?.steps.map(({ step }) => step.id)).toEqual(['hook']);
  expect(laneOf(fold(), 'store9')).toBeUndefined();
});

test.each([
  ['an unknown step', { kind: 'began', lane: 'store1', step: 'nonsense' }],
  ['an unknown lane', { kind: 'began', lane: 'store9', step: 'lease' }],
  ['a rewind to an unknown step', { kind: 'reverting', lane: 'store1', to: 'nonsense', reason: '' }],
  ['a second opening', opened],
] as const)('%s in a journal is a ParseError at its record', (_, record) => {
  const records = [...journal(), { seq: 2, at: '2026-03-12T04:29:00Z', ...record } as JournalRecord];
  expect(() => foldJournal(records, 'j')).toThrow(ParseError);
  expect(() => foldJournal(records, 'j')).toThrow('j:2');
});

test('a journal without a first record cannot be folded', () => {
  expect(() => foldJournal([], 'j')).toThrow(ParseError);
});
