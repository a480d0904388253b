import { expect, test } from 'vitest';
import type { Decision } from '../../../src/slot/decide.js';
import { openedLine, owedLine } from '../../../src/slot/lane-record.js';
import { dueWork, isDue, targetsOf } from '../../../src/slot/owed-work.js';
import { sightOf, slotOf, stateFor } from '../../support/slot-facts.js';

// store1 has moved to imap21; imap22 was away and owes.
const owes = (...steps: readonly string[]) => [
  owedLine({
    slot: 'store1',
    host: 'imap22',
    steps,
    run: '7f3a',
    at: '2026-03-12T04:00:00Z',
    lastAlive: null,
  }),
];
const slot = slotOf();

test('a host that is back and owes a stop or a role is due, rejoin alone is not', () => {
  const seen = (...steps: readonly string[]) =>
    sightOf({
      imap21: [stateFor('imap21', 'master', { laneLines: owes(...steps) })],
      imap22: [stateFor('imap22', 'master')],
    });
  expect(targetsOf(dueWork([slot], seen('stop', 'role', 'rejoin')))).toEqual(['imap22']);
  expect(targetsOf(dueWork([slot], seen('role')))).toEqual(['imap22']);
  expect(targetsOf(dueWork([slot], seen('rejoin')))).toEqual([]);
  expect(targetsOf(dueWork([slot], seen('directory')))).toEqual([]);
});

test('nothing is due while the directory’s master is not seen serving, or the host is away', () => {
  const lines = owes('stop', 'role', 'rejoin');
  const back = [stateFor('imap22', 'master')];
  const master = (more: object) => [stateFor('imap21', 'master', { laneLines: lines, ...more })];
  for (const more of [{ running: false, role: null }, { started: false }, { role: 'replica' as const }])
    expect(targetsOf(dueWork([slot], sightOf({ imap21: master(more), imap22: back })))).toEqual([]);
  const inDebt = [stateFor('imap22', 'master', { laneLines: lines })];
  expect(targetsOf(dueWork([slot], sightOf({ imap21: undefined, imap22: inDebt })))).toEqual([]);
  expect(targetsOf(dueWork([slot], sightOf({ imap21: master({}), imap22: undefined })))).toEqual([]);
});

test('a stray that owes nothing is left to an operator', () => {
  const sight = sightOf({ imap21: [stateFor('imap21', 'master')], imap22: [stateFor('imap22', 'master')] });
  expect(targetsOf(dueWork([slot], sight))).toEqual([]);
});

test('reading elsewhere is ended when the master serves again', () => {
  const sight = sightOf({
    imap21: [stateFor('imap21', 'master')],
    imap22: [stateFor('imap22', 'replica', { role: 'readonly', configuredRole: 'readonly' })],
  });
  expect(targetsOf(dueWork([slot], sight))).toEqual(['store1']);
});

test('of what a failover would decide only the debts are the timer’s', () => {
  const none = new Set<string>();
  const due = { demote: new Map([['imap22', new Set(['store1'])]]), endReading: none, tell: none };
  const decision = (kind: Decision['kind'], from: string) =>
    ({ slot, kind, from, isStarted: false }) as Decision;
  expect(isDue(decision('demote', 'imap22'), due)).toBe(true);
  expect(isDue(decision('demote', 'imap23'), due)).toBe(false);
  for (const kind of ['planned', 'dead', 'finish', 'readonly', 'end-readonly'] as const)
    expect(isDue(decision(kind, 'imap22'), due)).toBe(false);
});

test('a directory that was away is told when it answers and the new master serves', () => {
  const opened = { run: '7f3a', from: 'imap21', to: 'imap22', operator: 'ann', bastion: 'b', judged: null };
  const lane = (more: object) => [openedLine({ ...opened, at: '2026-03-12T04:00:00Z', ...more })];
  const seen = (more: object, state: object = {}) =>
    sightOf({
      imap21: undefined,
      imap22: [stateFor('imap22', 'master', { laneLines: lane(more), ...state })],
    });
  const due = dueWork([slot], seen({ started: true, later: true }));
  expect(targetsOf(due)).toEqual(['store1']);
  const finish = { slot, kind: 'finish', from: 'imap21', isStarted: true } as Decision;
  expect(isDue(finish, due)).toBe(true);
  expect(isDue({ ...finish, isStarted: false }, due)).toBe(false);
  expect(targetsOf(dueWork([slot], seen({ started: true })))).toEqual([]);
  expect(targetsOf(dueWork([slot], seen({ later: true })))).toEqual([]);
  expect(targetsOf(dueWork([slot], seen({ started: true, later: true }, { running: false })))).toEqual([]);
});
