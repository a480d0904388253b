// Who is brought back, and what refuses it.
import { describe, expect, it } from 'vitest';
import { openedLine, owedLine } from '../../../src/slot/lane-record.js';
import { judgeReturn, planRejoins, returnsOf } from '../../../src/slot/rejoin.js';
import { type FleetSight, owedOf } from '../../../src/slot/sight.js';
import { lease, NOW_S, sightOf, silence, slotOn, state, stopped } from '../../support/slot-sight.js';

/** store1 was moved to imap22; imap21 owes. */
const slot = slotOn('store1', ['imap22', 'imap21', 'imap23']);
const owed = (host: string, steps: readonly string[], at = '2026-03-12T04:00:00Z') =>
  owedLine({ slot: 'store1', host, steps, run: '7f3a', at, lastAlive: null });
const master = (...laneLines: string[]) => state('store1', 'imap22', 'master', { laneLines });
const parts = (sight: FleetSight) => ({ sight, slotHooks: [], hasTestAccount: false });
const wishes = (more: { acceptLoss?: readonly string[]; takeOver?: readonly string[] } = {}) => ({
  acceptLoss: new Set(more.acceptLoss ?? []),
  takeOver: new Set(more.takeOver ?? []),
});

describe('who comes back', () => {
  it('is what owes a rejoin on that host, and what runs as a stray', () => {
    const sight = sightOf({
      imap22: [master(owed('imap21', ['rejoin']))],
      imap21: [stopped('store1', 'imap21', 'replica')],
      imap23: [state('store1', 'imap23', 'master')],
    });
    expect(returnsOf('imap21', true, [slot], sight)).toEqual([{ slot, host: 'imap21' }]);
    expect(returnsOf('imap23', true, [slot], sight)).toEqual([{ slot, host: 'imap23' }]);
    expect(returnsOf('store1', false, [slot], sight).map(({ host }) => host)).toEqual(['imap21', 'imap23']);
  });

  it('is nothing where nothing is owed, and never a master of the directory', () => {
    const sight = sightOf({ imap22: [master()], imap21: [state('store1', 'imap21', 'replica')] });
    expect(returnsOf('imap21', true, [slot], sight)).toEqual([]);
    expect(returnsOf('imap22', true, [slot], sight)).toEqual([]);
  });

  it('is what an interrupted rejoin left, before it had begun anything', () => {
    const line = openedLine({
      run: '9c01',
      from: 'imap21',
      to: 'imap22',
      operator: 'ann',
      bastion: 'bastion1',
      at: '2026-03-12T04:20:00Z',
      judged: null,
    });
    const sight = sightOf({ imap22: [master(line)], imap21: [stopped('store1', 'imap21', 'replica')] });
    expect(returnsOf('imap21', true, [slot], sight)).toHaveLength(1);
  });

  it('is nothing when a newer line without steps says that the debt is paid', () => {
    const sight = sightOf({
      imap22: [master(owed('imap21', [], '2026-03-12T05:00:00Z'))],
      imap21: [state('store1', 'imap21', 'replica', { laneLines: [owed('imap21', ['rejoin'])] })],
    });
    expect(owedOf(sight, slot)).toEqual([]);
    expect(returnsOf('imap21', true, [slot], sight)).toEqual([]);
  });
});

describe('what refuses it', () => {
  const old = stopped('store1', 'imap21', 'replica');
  const judge = (hosts: Parameters<typeof sightOf>[0], more = wishes()) =>
    judgeReturn({ slot, host: 'imap21' }, sightOf(hosts), more);

  it('is a master that is not seen serving', () => {
    expect(judge({ imap22: silence('imap22'), imap21: [old] }).gate?.gate).toBe('master-not-serving');
    const half = state('store1', 'imap22', 'master', { started: false });
    expect(judge({ imap22: [half], imap21: [old] }).gate?.gate).toBe('master-not-serving');
    const replica = state('store1', 'imap22', 'replica');
    expect(judge({ imap22: [replica], imap21: [old] }).gate?.gate).toBe('master-not-serving');
  });

  it('is a host that is away, unless its loss is accepted by name', () => {
    const hosts = { imap22: [master()], imap21: silence('imap21') };
    expect(judge(hosts).gate?.gate).toBe('host-away');
    expect(judge(hosts, wishes({ acceptLoss: ['store1'] }))).toMatchObject({ how: 'close', gate: null });
    expect(judge(hosts, wishes({ acceptLoss: ['store2'] })).gate?.gate).toBe('host-away');
  });

  it('is a lease of somebody else that has not expired', () => {
    const held = lease({ run: '3b1c', expires: NOW_S + 30 });
    const hosts = { imap22: [{ ...master(), lease: held }], imap21: [old] };
    expect(judge(hosts).gate).toMatchObject({ gate: 'busy' });
    expect(judge(hosts, wishes({ takeOver: ['3b1c'] })).gate).toBeNull();
  });

  it('is a failover that is not over', () => {
    const line = openedLine({
      run: '9c01',
      from: 'imap21',
      to: 'imap22',
      operator: 'ann',
      bastion: 'bastion1',
      at: '2026-03-12T04:20:00Z',
      judged: null,
      started: true,
    });
    expect(judge({ imap22: [master(line)], imap21: [old] }).gate?.gate).toBe('open-lane');
  });

  it('is an instance of which nobody can tell whether it runs', () => {
    const unknown = { ...old, running: null, problem: 'its pid file cannot be read' };
    expect(judge({ imap22: [master()], imap21: [unknown] }).gate?.reason).toContain('pid file');
  });
});

describe('a slot that is still its own', () => {
  const own = slotOn('store1', ['imap21', 'imap22'], { state: 'readonly:imap22' });
  const reads = state('store1', 'imap22', 'readonly');

  it('is not demoted: what was read elsewhere is ended', () => {
    const sight = sightOf({ imap21: [state('store1', 'imap21', 'master')], imap22: [reads] });
    const [meant] = returnsOf('imap21', true, [own], sight);
    expect(meant?.host).toBe('imap21');
    const returned = judgeReturn({ slot: own, host: 'imap21' }, sight, wishes());
    expect(returned).toMatchObject({ how: 'end-reading', gate: null });
    const [lane] = planRejoins([returned], parts(sight));
    expect(lane?.steps.map(({ action }) => action)).not.toContain('slot.stop');
    expect(lane?.steps.map(({ id }) => id)).toContain('end-reading-imap22');
  });

  it('is refused while its master is not seen serving', () => {
    const sight = sightOf({ imap21: silence('imap21'), imap22: [reads] });
    expect(judgeReturn({ slot: own, host: 'imap21' }, sight, wishes()).gate?.gate).toBe('still-master');
  });
});

describe('its lane', () => {
  const sight = sightOf({
    imap22: [master(owed('imap21', ['rejoin']), owed('imap23', ['rejoin']))],
    imap21: [stopped('store1', 'imap21', 'replica')],
    imap23: [state('store1', 'imap23', 'replica')],
  });

  it('sends what only the old disk has before it is a replica, and asks the master for all first', () => {
    const [lane] = planRejoins([judgeReturn({ slot, host: 'imap21' }, sight, wishes())], parts(sight));
    expect(lane?.steps.map(({ id }) => id)).toEqual([
      'lease-imap22',
      'lease-imap21',
      'lease-imap23',
      'seen-serving',
      'stop-imap21',
      'role-imap21',
      'aside-imap21',
      'replay-imap21',
      'start-imap21',
      'equal-imap21',
      'replicate-imap21',
      'end-imap21',
      'give-back',
    ]);
    expect(lane?.steps.filter(({ phase }) => phase === 'prepare').map(({ id }) => id)).toEqual([
      'lease-imap22',
      'lease-imap21',
      'lease-imap23',
      'seen-serving',
    ]);
  });

  it('stops a third that runs, or would come up, as a master before anything else, and lets it owe', () => {
    const lanes = (third: Parameters<typeof sightOf>[0][string]) => {
      const sight = sightOf({
        imap22: [master(owed('imap21', ['rejoin']))],
        imap21: [stopped('store1', 'imap21', 'replica')],
        imap23: third,
      });
      const back = judgeReturn({ slot, host: 'imap21' }, sight, wishes());
      return planRejoins([back], parts(sight));
    };
    for (const third of [state('store1', 'imap23', 'master'), stopped('store1', 'imap23', 'master')]) {
      const [lane] = lanes([third]);
      const ids = lane?.steps.map(({ id }) => id) ?? [];
      expect(ids.slice(ids.indexOf('seen-serving') + 1)).toMatchObject([
        'stop-stray-imap23',
        'role-stray-imap23',
        'stop-imap21',
        ...ids.slice(ids.indexOf('role-imap21')),
      ]);
      expect(lane?.steps.at(-1)?.params.strays).toEqual(['imap23']);
    }
    expect(lanes([state('store1', 'imap23', 'replica')])[0]?.steps.map(({ id }) => id)).not.toContain(
      'stop-stray-imap23',
    );
  });

  it('is one for all instances of a slot, and has nothing to do on a host that is given up', () => {
    const returns = ['imap21', 'imap23'].map((host) => judgeReturn({ slot, host }, sight, wishes()));
    expect(planRejoins(returns, parts(sight))).toHaveLength(1);
    const away = sightOf({
      imap22: [master(owed('imap21', ['stop', 'role', 'rejoin']))],
      imap21: silence('imap21'),
      imap23: [state('store1', 'imap23', 'replica')],
    });
    const closed = judgeReturn({ slot, host: 'imap21' }, away, wishes({ acceptLoss: ['store1'] }));
    const [lane] = planRejoins([closed], parts(away));
    expect(lane?.steps.map(({ id }) => id)).toEqual([
      'lease-imap22',
      'lease-imap23',
      'seen-serving',
      'give-back',
    ]);
  });
});
