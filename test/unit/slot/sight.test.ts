import { describe, expect, it } from 'vitest';
import { beganLine, openedLine, owedLine } from '../../../src/slot/lane-record.js';
import { dueNow, isMaster, mayBeMaster, openLaneOf, owedOf, stateOf } from '../../../src/slot/sight.js';
import { sightOf, silence, slotOn, state, stopped } from '../../support/slot-sight.js';

const slot = slotOn('store1', ['imap21', 'imap22', 'imap23']);
const at = (minute: number) => `2026-03-12T04:${String(minute).padStart(2, '0')}:00Z`;
const opened = (run: string, minute: number, from = 'imap21', to = 'imap22') =>
  openedLine({ run, from, to, operator: 'ann', bastion: 'b', at: at(minute), judged: null });
const owed = (host: string, minute: number, run = 'r1', steps = ['stop', 'role', 'rejoin']) =>
  owedLine({ slot: 'store1', host, steps, run, at: at(minute), lastAlive: null });
/** The lane files of the three hosts; undefined: the host is away. */
const files = (one: string[] | undefined, two: string[] | undefined, three: string[] | undefined = []) =>
  sightOf({
    imap21: one === undefined ? silence('imap21') : [state('store1', 'imap21', 'master', { laneLines: one })],
    imap22:
      two === undefined ? silence('imap22') : [state('store1', 'imap22', 'replica', { laneLines: two })],
    imap23:
      three === undefined ? silence('imap23') : [state('store1', 'imap23', 'replica', { laneLines: three })],
  });

describe('openLaneOf', () => {
  it('finds none where no file has one, and none where no host answers', () => {
    expect(openLaneOf(files([], []), slot)).toBeNull();
    expect(openLaneOf(files(undefined, undefined, undefined), slot)).toBeNull();
  });

  it('puts the steps of one run on several hosts together', () => {
    const open = openLaneOf(
      files([opened('r1', 1), beganLine('r1', 'drain')], [opened('r1', 1), beganLine('r1', 'start-new')]),
      slot,
    );
    expect(open).toMatchObject({ run: 'r1', started: true });
    expect(open?.began.toSorted()).toEqual(['drain', 'start-new']);
  });

  it('forgets one that had begun nothing when its slot went to a third, as every host says', () => {
    const gone = slotOn('store1', ['imap23', 'imap21', 'imap22']);
    const seen = (line: string[], old = true, third: 'master' | 'replica' = 'master') =>
      sightOf({
        imap21: old ? [state('store1', 'imap21', 'replica')] : silence('imap21'),
        imap22: [state('store1', 'imap22', 'replica', { laneLines: line })],
        imap23: [state('store1', 'imap23', third)],
      });
    const line = opened('r1', 1);
    expect(openLaneOf(seen([line]), gone)).toBeNull();
    expect(openLaneOf(seen([line]), slot)?.run).toBe('r1');
    // What it began is to be taken back; a host that is away may know more; and somebody has to serve.
    expect(openLaneOf(seen([line, beganLine('r1', 'stop-new')]), gone)?.run).toBe('r1');
    expect(openLaneOf(seen([line], false), gone)?.run).toBe('r1');
    expect(openLaneOf(seen([line], true, 'replica'), gone)?.run).toBe('r1');
  });

  it('takes the newest of two runs', () => {
    expect(openLaneOf(files([opened('r1', 1)], [opened('r2', 5)]), slot)?.run).toBe('r2');
    expect(openLaneOf(files([opened('r2', 5)], [opened('r1', 1)]), slot)?.run).toBe('r2');
  });

  it('believes OLD alone while NEW is away', () => {
    expect(openLaneOf(files([opened('r1', 1)], undefined), slot)?.run).toBe('r1');
  });

  it('does not believe a host that was away when the lane ended: NEW has given it back', () => {
    expect(openLaneOf(files([opened('r1', 1)], [owed('imap21', 4)]), slot)).toBeNull();
    expect(openLaneOf(files([], [], [opened('r1', 1)]), slot)).toBeNull();
  });

  it('does not believe NEW either, once another run has gone back without it', () => {
    expect(openLaneOf(files([owed('imap22', 9, 'r2')], [opened('r1', 1)]), slot)).toBeNull();
  });

  it('believes a lane that was opened after the debt was written down', () => {
    expect(openLaneOf(files([owed('imap22', 1)], [opened('r2', 5)]), slot)?.run).toBe('r2');
  });

  it('is not confused by lines that cannot be read', () => {
    expect(openLaneOf(files(['{"kind":"opened"'], [opened('r1', 1), '\u0000']), slot)?.run).toBe('r1');
  });
});

describe('owedOf', () => {
  it('gives each host’s newest debt once', () => {
    const debts = owedOf(
      files([owed('imap21', 1)], [owed('imap21', 3, 'r2', ['rejoin']), owed('imap23', 2)]),
      slot,
    );
    expect(debts.map(({ host, run, steps }) => [host, run, steps])).toEqual([
      ['imap21', 'r2', ['rejoin']],
      ['imap23', 'r1', ['stop', 'role', 'rejoin']],
    ]);
  });

  it('lets whoever the directory names owe no stop and no rejoin any more', () => {
    const sight = files([owed('imap21', 1), owed('imap23', 2)], []);
    expect(owedOf(sight, slot).map(({ host }) => host)).toEqual(['imap21', 'imap23']);
    expect(dueNow(sight, slot).map(({ host }) => host)).toEqual(['imap23']);
  });

  it('sees nothing of a host that does not answer', () => {
    expect(owedOf(files(undefined, undefined, undefined), slot)).toEqual([]);
  });
});

describe('what an instance may be', () => {
  it('is a possible master unless it is stopped or seen as a replica', () => {
    expect(mayBeMaster(state('store1', 'imap21', 'master'))).toBe(true);
    expect(mayBeMaster(state('store1', 'imap21', 'readonly'))).toBe(true);
    expect(mayBeMaster(state('store1', 'imap21', 'master', { running: null, role: null }))).toBe(true);
    expect(mayBeMaster(state('store1', 'imap21', 'master', { role: null }))).toBe(true);
    expect(mayBeMaster(state('store1', 'imap21', 'replica'))).toBe(false);
    expect(mayBeMaster(stopped('store1', 'imap21', 'master'))).toBe(false);
  });

  it('is a master without doubt only when it is seen running as one', () => {
    expect(isMaster(state('store1', 'imap21', 'master'))).toBe(true);
    expect(isMaster(state('store1', 'imap21', 'master', { running: null }))).toBe(false);
    expect(isMaster(stopped('store1', 'imap21', 'master'))).toBe(false);
    expect(isMaster(undefined)).toBe(false);
  });

  it('is unknown on a host that was not asked', () => {
    expect(stateOf(files([], []), 'store2', 'imap21')).toBeUndefined();
    expect(stateOf(files([], []), 'store1', 'imap99')).toBeUndefined();
    expect(stateOf(files(undefined, []), 'store1', 'imap21')).toBeUndefined();
  });
});
