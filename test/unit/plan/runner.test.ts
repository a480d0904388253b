import { describe, expect, test } from 'vitest';
import {
  BusyError,
  CommandError,
  MailctlError,
  ParseError,
  TransportError,
  type TransportFailure,
} from '../../../src/errors.js';
import type { CheckResult } from '../../../src/plan/action.js';
import { type FakeRun, fakeRun } from '../../support/fake-run.js';

const no = (): never => {
  throw new CommandError('host', 'the act', 1, 'no');
};
const transport = (kind: TransportFailure) => (): never => {
  throw new TransportError('host', kind, `the host: ${kind}`);
};
const away: CheckResult = { state: 'away', reason: 'the host is dead' };

/** Behaves as `one` for the first `times` calls, then as by default. */
function firstTimes(times: number, one: () => void): () => void {
  let left = times;
  return () => {
    left -= 1;
    if (left >= 0) one();
  };
}

/** Does something, once, when the journal says so. */
function when(run: FakeRun, kind: string, step: string, then: () => void): void {
  const original = run.events.push.bind(run.events);
  const once = firstTimes(1, then);
  run.events.push = (event) => {
    const isIt = event.kind === 'record' && event.record.kind === kind && 'step' in event.record;
    if (isIt && event.record.step === step) once();
    return original(event);
  };
}

function fill(run: FakeRun): void {
  run.disk.full = true;
}

describe('a lane that came to leases only', () => {
  test.each(['command', 'busy'])(
    'gives them back and says failed: it has changed nothing (%s)',
    async (how) => {
      const run = fakeRun('lease lease2 stop | start | login');
      run.steps.lease = { lapses: true };
      run.steps.lease2 = {
        lapses: true,
        act: () => {
          if (how === 'busy') throw new BusyError('run 9c01 has it');
          no();
        },
      };
      const result = await run.run();
      expect(result).toMatchObject({
        closed: 'failed',
        lanes: [{ state: 'failed', failure: { step: 'lease2' } }],
      });
      expect(run.calls).toContain('undo store1/lease');
      expect(run.acts()).not.toContain('store1/stop');
    },
  );

  test('is reverted once anything else was begun, however often it went back', async () => {
    const run = fakeRun('lease stop swap | start | login');
    run.steps.lease = { lapses: true };
    run.steps.swap = { act: no };
    expect(await run.run()).toMatchObject({ closed: 'reverted' });
  });
});

describe('going forward', () => {
  test('every step is checked, begun on disk, acted and seen done, in order; then lane, run hooks and run are closed', async () => {
    const run = fakeRun('lease stop | start | login', ['store1'], 'hook');
    const result = await run.run();
    expect(run.story()).toEqual([
      'began lease',
      'did lease',
      'began stop',
      'did stop',
      'began start',
      'did start',
      'began login',
      'did login',
      'lane-closed done',
      'began run/hook',
      'did run/hook',
      'closed done',
    ]);
    expect(result).toMatchObject({
      run: '7f3a',
      closed: 'done',
      lanes: [{ lane: 'store1', state: 'done', committed: true, failure: undefined, owed: [], skipped: [] }],
      after: { state: 'done' },
      stopped: undefined,
    });
  });

  test('a look that is old by the time of the act is repeated: what has come up meanwhile is not started beside', async () => {
    const run = fakeRun('lease stop | start |');
    const looks: string[] = [];
    run.steps.start = {
      check: (isDone) => {
        looks.push('look');
        if (isDone) return { state: 'done' };
        return looks.length === 1 ? { state: 'todo' } : { state: 'blocked', reason: 'OLD serves again' };
      },
      checkUndone: (isDone) => ({ state: isDone ? 'todo' : 'done' }),
    };
    // The journal's disk is sick: the record before the act takes longer than a host takes to come back.
    when(run, 'began', 'start', () => {
      const now = run.clock.monotonic.bind(run.clock);
      run.clock.monotonic = () => now() + 30_000;
    });
    const result = await run.run();
    expect(run.acts()).not.toContain('act store1/start');
    expect(result.lanes[0]).toMatchObject({
      state: 'reverted',
      failure: { step: 'start', reason: 'OLD serves again' },
    });
  });

  test('`began` is on disk before the act', async () => {
    const run = fakeRun('stop | start |');
    let seen = '';
    run.steps.stop = {
      act: () => {
        seen = run.disk.text;
      },
    };
    await run.run();
    expect(seen).toMatch(/"kind":"began","lane":"store1","step":"stop"}\n$/);
  });

  test('what is done already is skipped and never undone', async () => {
    const run = fakeRun('lease stop swap | start |');
    run.done.add('store1/stop');
    run.steps.swap = { act: no };
    const result = await run.run();
    expect(run.acts()).toEqual([
      'act store1/lease',
      'act store1/swap',
      'undo store1/swap',
      'undo store1/lease',
    ]);
    expect(run.done.has('store1/stop')).toBe(true);
    expect(result.lanes[0]).toMatchObject({ state: 'reverted', skipped: ['stop'] });
  });

  test('a step that takes its time is looked at until it is done, at first quickly', async () => {
    const run = fakeRun('| start |');
    let readyAt = 0;
    run.steps.start = {
      afterAct: () => {
        readyAt = run.clock.monotonic() + 3000;
      },
      check: (isDone) => ({ state: isDone && run.clock.monotonic() >= readyAt ? 'done' : 'todo' }),
    };
    expect((await run.run()).closed).toBe('done');
    const looks = run.calls.filter((call) => call === 'check store1/start').length;
    expect(looks).toBeGreaterThan(8);
    expect(looks).toBeLessThan(20);
  });

  test.each(['timeout', 'lost', 'hung'] as const)(
    'an act whose answer was lost (%s) is decided by looking',
    async (kind) => {
      const run = fakeRun('stop | start |');
      run.steps.stop = { afterAct: transport(kind) };
      expect((await run.run()).closed).toBe('done');
      expect(run.story()).toContain('did stop');
    },
  );

  test('a lost act that lands later, but before the deadline, is still seen', async () => {
    const run = fakeRun('stop | start |');
    let landsAt = Number.POSITIVE_INFINITY;
    run.steps.stop = {
      act: () => {
        landsAt = run.clock.monotonic() + 8000;
        transport('lost')();
      },
      check: () => ({ state: run.clock.monotonic() >= landsAt ? 'done' : 'todo' }),
    };
    expect((await run.run()).closed).toBe('done');
  });

  test('an act that said no is believed after two looks, without waiting for its deadline', async () => {
    const run = fakeRun('stop | start |');
    run.steps.stop = { act: no, deadlineMs: 600_000 };
    const result = await run.run();
    expect(result.lanes[0]).toMatchObject({
      state: 'reverted',
      failure: { step: 'stop', code: 'command.failed' },
    });
    expect(result.lanes[0]?.failure?.reason).toContain('ended with status 1');
    expect(run.clock.monotonic()).toBeLessThan(1000);
  });

  test('an error that is none of ours leaves it open: the deadline decides', async () => {
    const run = fakeRun('stop | start |');
    run.steps.stop = {
      act: () => {
        throw new TypeError('a bug');
      },
    };
    expect((await run.run()).lanes[0]?.state).toBe('reverted');
    expect(run.clock.monotonic()).toBeGreaterThanOrEqual(10_000);
  });

  test('a look that fails once is repeated, not believed', async () => {
    const run = fakeRun('stop | start |');
    const blink = firstTimes(2, transport('unreachable'));
    run.steps.stop = {
      check: (isDone) => {
        blink();
        return { state: isDone ? 'done' : 'todo' };
      },
    };
    expect((await run.run()).closed).toBe('done');
  });

  test('lanes run at the same time, and one that fails touches no other', async () => {
    const run = fakeRun('stop | start | login', ['store1', 'store2', 'store3']);
    run.steps['store2/start'] = { act: no };
    const result = await run.run();
    expect(result.lanes.map(({ state }) => state)).toEqual(['done', 'reverted', 'done']);
    expect(result.closed).toBe('failed');
    const began = run.story().slice(0, 3);
    expect(began).toEqual(['began stop', 'began store2/stop', 'began store3/stop']);
  });

  test('a screen that throws does not disturb the run', async () => {
    const run = fakeRun('stop | start |');
    const onEvent = (): never => {
      throw new Error('the terminal is gone');
    };
    expect((await run.run({ onEvent })).closed).toBe('done');
  });
});

describe('a failure in prepare', () => {
  test('takes back every step that was begun, also the failed one, last first', async () => {
    const run = fakeRun('lease stop swap | start |');
    run.steps.swap = { act: no };
    const result = await run.run();
    expect(run.story().slice(4)).toEqual([
      'began swap',
      'failed swap',
      'reverting',
      'undone swap',
      'undone stop',
      'undone lease',
      'lane-closed reverted',
      'closed reverted',
    ]);
    expect(run.done.size).toBe(0);
    expect(result).toMatchObject({
      closed: 'reverted',
      lanes: [{ state: 'reverted', failure: { step: 'swap' } }],
    });
  });

  test('blocked before the act: nothing is done by the step', async () => {
    const run = fakeRun('stop swap | start |');
    run.steps.swap = { check: () => ({ state: 'blocked', reason: 'another holds it', code: 'two-masters' }) };
    const result = await run.run();
    expect(run.acts()).toEqual(['act store1/stop', 'undo store1/stop']);
    expect(result.lanes[0]?.failure).toEqual({
      step: 'swap',
      reason: 'another holds it',
      code: 'two-masters',
    });
  });

  test('before anything was begun the lane has failed, and nothing was changed', async () => {
    const run = fakeRun('stop | start |');
    run.steps.stop = { check: () => ({ state: 'blocked', reason: 'no' }) };
    expect(await run.run()).toMatchObject({ closed: 'failed', lanes: [{ state: 'failed' }] });
    expect(run.acts()).toEqual([]);
  });

  test('an undo that fails stops the lane there, in order, and a resume goes on with it', async () => {
    const run = fakeRun('lease stop swap | start |');
    const fails = firstTimes(1, no);
    run.steps.swap = { act: no };
    run.steps.stop = { undo: fails };
    const result = await run.run();
    expect(result).toMatchObject({
      closed: undefined,
      lanes: [
        {
          state: 'incomplete',
          failure: { step: 'stop', reason: expect.stringContaining('cannot be undone') },
        },
      ],
    });
    expect(run.done).toEqual(new Set(['store1/lease', 'store1/stop']));
    expect((await run.resume()).closed).toBe('reverted');
    expect(run.done.size).toBe(0);
  });

  test('an undo is believed by what is seen, where it can be seen', async () => {
    const run = fakeRun('stop swap | start |');
    run.steps.swap = { act: no };
    run.steps.stop = {
      checkUndone: (isDone) => ({ state: isDone ? 'todo' : 'done' }),
      undo: () => {
        run.done.delete('store1/stop');
        transport('lost')();
      },
    };
    expect((await run.run()).closed).toBe('reverted');
  });

  test('an undo that is forbidden is not tried', async () => {
    const run = fakeRun('stop swap | start |');
    run.steps.swap = { act: no };
    run.steps.stop = { checkUndone: () => ({ state: 'blocked', reason: 'NEW may be a master' }) };
    const result = await run.run();
    expect(run.acts()).not.toContain('undo store1/stop');
    expect(result.lanes[0]).toMatchObject({
      state: 'incomplete',
      failure: { reason: expect.stringContaining('NEW may be') },
    });
  });

  test('a step without undo has nothing to take back', async () => {
    const run = fakeRun('drain swap | start |');
    run.steps.swap = { act: no };
    run.steps.drain = { undo: 'none' };
    expect((await run.run()).closed).toBe('reverted');
  });
});

describe('the commit', () => {
  const notStarted = (isDone: boolean): CheckResult => ({ state: isDone ? 'todo' : 'done' });

  test('goes back if it was seen not to have happened', async () => {
    const run = fakeRun('stop | start | login');
    run.steps.start = { act: no, checkUndone: notStarted };
    const result = await run.run();
    expect(run.story().slice(2)).toEqual([
      'began start',
      'failed start',
      'undone start',
      'reverting',
      'undone stop',
      'lane-closed reverted',
      'closed reverted',
    ]);
    expect(result.lanes[0]).toMatchObject({ state: 'reverted', committed: false });
    expect(run.acts()).not.toContain('undo store1/start');
  });

  test('does not go back if it cannot be seen', async () => {
    const run = fakeRun('stop | start | login');
    run.steps.start = { act: transport('lost'), check: seenUntilActed(run, away) };
    const result = await run.run();
    expect(result).toMatchObject({ closed: undefined, lanes: [{ state: 'incomplete', committed: false }] });
    expect(run.acts()).toEqual(['act store1/stop', 'act store1/start']);
  });

  test('does not go back if it half happened: to do is not the same as not begun', async () => {
    const run = fakeRun('stop | start | login');
    run.steps.start = { check: () => ({ state: 'todo' }), checkUndone: () => ({ state: 'todo' }) };
    const result = await run.run();
    expect(result.lanes[0]).toMatchObject({ state: 'incomplete', failure: { step: 'start' } });
    expect(run.acts()).not.toContain('undo store1/stop');
  });

  test('whose outcome was unknown is decided by the next look, and the lane goes on', async () => {
    const run = fakeRun('stop | start | login');
    let blind = true;
    run.steps.start = {
      afterAct: transport('timeout'),
      check: (isDone) => (isDone && blind ? away : { state: isDone ? 'done' : 'todo' }),
    };
    expect((await run.run()).lanes[0]?.state).toBe('incomplete');
    blind = false;
    expect((await run.resume()).closed).toBe('done');
    expect(run.calls.filter((call) => call === 'act store1/start')).toHaveLength(1);
  });

  test('blocked before its act goes back', async () => {
    const run = fakeRun('stop | start | login');
    run.steps.start = { check: () => ({ state: 'blocked', reason: 'OLD may still accept mail' }) };
    expect((await run.run()).closed).toBe('reverted');
  });

  test('that had begun is not gone back over when another takes the lease', async () => {
    const run = fakeRun('lease stop | start | login');
    run.steps.lease = { lapses: true };
    run.steps.start = {
      act: () => {
        throw new BusyError('run beef has it');
      },
    };
    const result = await run.run();
    expect(result.lanes[0]).toMatchObject({ state: 'incomplete', failure: { code: 'busy' } });
    expect(run.story()).not.toContain('reverting');
  });
});

/** To be done until the act was tried, then `then`. */
function seenUntilActed(run: FakeRun, then: CheckResult): () => CheckResult {
  return () => (run.calls.includes('act store1/start') ? then : { state: 'todo' });
}

describe('after the commit', () => {
  test('a failure stops the lane and never goes back; a resume tries again', async () => {
    const run = fakeRun('stop | start | login hook');
    run.steps.login = { act: firstTimes(1, no) };
    const result = await run.run();
    expect(result).toMatchObject({
      closed: undefined,
      lanes: [{ state: 'incomplete', committed: true, failure: { step: 'login' } }],
    });
    expect(run.acts()).toEqual(['act store1/stop', 'act store1/start', 'act store1/login']);
    expect((await run.resume()).closed).toBe('done');
    expect(run.acts().slice(3)).toEqual(['act store1/login', 'act store1/hook']);
  });

  test('in a lane without a commit the first settle step is the point of no return', async () => {
    const run = fakeRun('lease || move tidy');
    run.steps.tidy = { act: no };
    expect((await run.run()).lanes[0]).toMatchObject({ state: 'incomplete', committed: true });
    expect(run.acts().some((call) => call.startsWith('undo'))).toBe(false);
  });

  test('hooks of the run wait for no lane that stopped, and are done again when another lane gets there', async () => {
    const run = fakeRun('stop | start | login', ['store1', 'store2'], 'hook');
    run.steps['store2/login'] = { act: firstTimes(1, no) };
    const first = await run.run();
    expect(first.closed).toBeUndefined();
    expect(run.acts().filter((call) => call === 'act /hook')).toHaveLength(1);
    run.done.delete('/hook');
    expect((await run.resume()).closed).toBe('done');
    expect(run.acts().filter((call) => call === 'act /hook')).toHaveLength(2);
  });

  test('a run hook that fails leaves the run open', async () => {
    const run = fakeRun('stop | start |', ['store1'], 'hook');
    run.steps.hook = { act: firstTimes(1, no) };
    expect(await run.run()).toMatchObject({
      closed: undefined,
      lanes: [{ state: 'done' }],
      after: { state: 'incomplete' },
    });
    expect((await run.resume()).closed).toBe('done');
  });

  test('without any lane done there are no hooks of the run', async () => {
    const run = fakeRun('stop | start |', ['store1'], 'hook');
    run.steps.stop = { act: no };
    expect((await run.run()).closed).toBe('reverted');
    expect(run.acts()).not.toContain('act /hook');
  });
});

describe('a host that is away', () => {
  test('makes its step owed, at once, and the lane goes on', async () => {
    const run = fakeRun('stop? swap | start | attach?');
    run.steps.stop = { check: () => away };
    run.steps.attach = { check: transport('unreachable') };
    const result = await run.run();
    expect(result).toMatchObject({ closed: 'done', lanes: [{ state: 'done', owed: ['stop', 'attach'] }] });
    expect(run.calls.filter((call) => call === 'check store1/stop')).toHaveLength(1);
    expect(run.clock.monotonic()).toBeLessThan(100);
  });

  test('fails a step that cannot be owed', async () => {
    const run = fakeRun('stop swap | start |');
    run.steps.swap = { check: () => away };
    expect(await run.run()).toMatchObject({
      closed: 'reverted',
      lanes: [{ failure: { step: 'swap', code: 'step.away' } }],
    });
  });

  test.each(['auth', 'host-key', 'sudo', 'unsupported'] as const)(
    'is not one that refuses us (%s)',
    async (kind) => {
      const run = fakeRun('stop? | start |');
      run.steps.stop = { check: transport(kind) };
      expect((await run.run()).lanes[0]).toMatchObject({
        state: 'failed',
        failure: { code: `transport.${kind}` },
      });
    },
  );

  test('that dies during its act makes it owed, and a revert takes it back all the same', async () => {
    const run = fakeRun('stop? swap | start |');
    let dead = false;
    run.steps.stop = {
      afterAct: () => {
        dead = true;
        transport('lost')();
      },
      check: (isDone) => (dead ? away : { state: isDone ? 'done' : 'todo' }),
    };
    run.steps.swap = { act: no };
    await run.run();
    expect(run.acts()).toContain('undo store1/stop');
  });

  test('and answers at a resume before the commit sends the lane back to the step, with what followed undone', async () => {
    const run = fakeRun('lease stop? drain? promote | start |');
    let dead = true;
    for (const id of ['stop', 'drain']) {
      run.steps[id] = { check: (isDone) => (dead ? away : { state: isDone ? 'done' : 'todo' }) };
    }
    run.steps.start = {
      check: (isDone) => ({ state: isDone ? 'done' : 'todo' }),
    };
    when(run, 'did', 'promote', () => run.finish.abort());
    await run.run();
    expect(run.story()).toEqual([
      'began lease',
      'did lease',
      'owed stop',
      'owed drain',
      'began promote',
      'did promote',
    ]);
    dead = false;
    run.finish = new AbortController();
    expect((await run.resume()).lanes[0]).toMatchObject({ state: 'done', owed: [] });
    expect(run.story().slice(6, 13)).toEqual([
      'resumed',
      'reverting to stop',
      'undone promote',
      'began stop',
      'did stop',
      'began drain',
      'did drain',
    ]);
  });

  test('and answers after the commit gets only what the plan marks, and what fails stays owed', async () => {
    const run = fakeRun('stop?+ swap?+ drain? | start | login');
    let dead = true;
    for (const id of ['stop', 'swap', 'drain']) {
      run.steps[id] = { check: (isDone) => (dead ? away : { state: isDone ? 'done' : 'todo' }) };
    }
    run.steps.swap = { ...run.steps.swap, act: no };
    run.steps.login = { act: firstTimes(1, no) };
    await run.run();
    dead = false;
    const result = await run.resume();
    expect(result).toMatchObject({ closed: 'done', lanes: [{ owed: ['swap', 'drain'] }] });
    expect(run.done.has('store1/stop')).toBe(true);
  });

  test('is left to others once the lane only needs closing: its lease is given back', async () => {
    const run = fakeRun('stop?+ | start | login');
    run.steps.stop = { check: () => away };
    when(run, 'did', 'login', () => run.abort.abort());
    await run.run();
    run.abort = new AbortController();
    run.steps.stop = {};
    expect(await run.resume()).toMatchObject({ closed: 'done', lanes: [{ owed: ['stop'] }] });
    expect(run.acts()).not.toContain('act store1/stop');
  });

  test('during a revert makes the undo owed where it may be: the rest is undone, the lease kept, the lane open', async () => {
    const run = fakeRun('lease stop! promote! third | start |');
    let dead = true;
    run.steps.lease = { lapses: true };
    run.steps.third = { act: no };
    run.steps.promote = { undo: () => (dead ? transport('unreachable')() : undefined) };
    const result = await run.run();
    expect(result).toMatchObject({
      closed: undefined,
      lanes: [
        { state: 'incomplete', undoOwed: ['promote'], failure: { step: 'promote', code: 'run.undo-owed' } },
      ],
    });
    expect(run.done).toEqual(new Set(['store1/lease', 'store1/promote']));
    expect((await run.resume()).closed).toBeUndefined();
    dead = false;
    expect(await run.resume()).toMatchObject({
      closed: 'reverted',
      lanes: [{ state: 'reverted', undoOwed: [] }],
    });
    expect(run.done.size).toBe(0);
  });

  test('during a revert stops it where the undo may not be owed', async () => {
    const run = fakeRun('stop directory third | start |');
    run.steps.third = { act: no };
    run.steps.directory = { undo: transport('unreachable') };
    const result = await run.run();
    expect(result.lanes[0]).toMatchObject({
      state: 'incomplete',
      failure: { step: 'directory', code: 'run.undo-away' },
    });
    expect(run.done.has('store1/stop')).toBe(true);
  });
});

describe('a rewind', () => {
  const back = (to: string): CheckResult => ({ state: 'rewind', to, reason: 'OLD answers' });

  test('undoes from here back to its target and goes on anew', async () => {
    const run = fakeRun('lease stop promote | start |');
    const first = firstTimes(1, () => {});
    let asked = false;
    run.steps.start = {
      check: (isDone) => {
        first();
        if (!asked) {
          asked = true;
          return back('stop');
        }
        return { state: isDone ? 'done' : 'todo' };
      },
    };
    expect((await run.run()).closed).toBe('done');
    expect(run.acts()).toEqual([
      'act store1/lease',
      'act store1/stop',
      'act store1/promote',
      'undo store1/promote',
      'undo store1/stop',
      'act store1/stop',
      'act store1/promote',
      'act store1/start',
    ]);
  });

  test('tries owed steps again', async () => {
    const run = fakeRun('lease stop? promote | start |');
    let dead = true;
    run.steps.stop = { check: (isDone) => (dead ? away : { state: isDone ? 'done' : 'todo' }) };
    run.steps.start = {
      check: (isDone) => {
        if (dead) {
          dead = false;
          return back('stop');
        }
        return { state: isDone ? 'done' : 'todo' };
      },
    };
    expect(await run.run()).toMatchObject({ closed: 'done', lanes: [{ owed: [] }] });
  });

  test('happens three times; the fourth reverts the lane', async () => {
    const run = fakeRun('stop | start |');
    run.steps.start = { check: () => back('stop') };
    const result = await run.run();
    expect(result).toMatchObject({ closed: 'reverted', lanes: [{ failure: { code: 'plan.rewinds' } }] });
    expect(run.story().filter((line) => line === 'reverting to stop')).toHaveLength(3);
  });

  test.each(['start', 'login', 'nowhere'])(
    'to %s, which is no earlier step of prepare, is a failure',
    async (to) => {
      const run = fakeRun('stop | start | login');
      run.steps.start = { check: () => back(to) };
      expect((await run.run()).lanes[0]).toMatchObject({
        state: 'reverted',
        failure: { code: 'plan.bad-rewind' },
      });
    },
  );

  test('after the commit is refused', async () => {
    const run = fakeRun('stop | start | login');
    run.steps.login = { check: () => back('stop') };
    expect((await run.run()).lanes[0]).toMatchObject({
      state: 'incomplete',
      failure: { code: 'plan.bad-rewind' },
    });
    expect(run.acts().some((call) => call.startsWith('undo'))).toBe(false);
  });

  test('over a commit that may have happened is refused', async () => {
    const run = fakeRun('stop | start | login');
    let acted = false;
    run.steps.start = {
      afterAct: () => {
        acted = true;
        run.abort.abort();
      },
      check: () => (acted ? back('stop') : { state: 'todo' }),
    };
    await run.run();
    run.abort = new AbortController();
    const result = await run.resume();
    expect(result.lanes[0]).toMatchObject({ state: 'incomplete', failure: { code: 'plan.commit-unknown' } });
    expect(run.acts().some((call) => call.startsWith('undo'))).toBe(false);
  });

  test('that meets a host that is away becomes a revert', async () => {
    const run = fakeRun('lease stop promote! | start |');
    let asked = false;
    run.steps.start = {
      check: () => {
        if (asked) return { state: 'todo' };
        asked = true;
        return back('stop');
      },
    };
    run.steps.promote = { undo: firstTimes(1, transport('unreachable')) };
    const result = await run.run();
    expect(run.story().slice(-5)).toEqual([
      'reverting to stop',
      'reverting',
      'owed promote',
      'undone stop',
      'undone lease',
    ]);
    expect(result.lanes[0]).toMatchObject({ state: 'incomplete', undoOwed: ['promote'] });
    expect((await run.resume()).closed).toBe('reverted');
  });
});

describe('stopping and going on', () => {
  test('the first Ctrl-C finishes the step in hand of each lane, and a resume does the rest', async () => {
    const run = fakeRun('lease stop | start |', ['store1', 'store2']);
    run.steps['store1/stop'] = { act: () => run.finish.abort() };
    const result = await run.run();
    expect(result).toMatchObject({ closed: undefined, stopped: { code: 'run.stopped' } });
    expect(result.lanes.map(({ state }) => state)).toEqual(['incomplete', 'incomplete']);
    expect(result.lanes[0]?.failure).toMatchObject({ step: 'start', code: 'run.stopped' });
    expect(run.story().filter((line) => line.startsWith('began')).length).toBe(
      run.story().filter((line) => line.startsWith('did')).length,
    );
    run.finish = new AbortController();
    expect((await run.resume()).closed).toBe('done');
  });

  test('the second leaves at once, whatever is in hand', async () => {
    const run = fakeRun('lease stop | start |');
    run.steps.stop = {
      act: () => {
        run.abort.abort();
        return new Promise<void>(() => {});
      },
    };
    const result = await run.run();
    expect(result).toMatchObject({ closed: undefined, stopped: { code: 'run.aborted' } });
    expect(run.story().at(-1)).toBe('began stop');
  });

  test('a full disk stops every lane after the step in hand; nothing is done without a journal', async () => {
    const run = fakeRun('lease stop swap | start |', ['store1', 'store2']);
    run.steps['store1/stop'] = { act: () => fill(run) };
    const result = await run.run();
    expect(result).toMatchObject({ closed: undefined, stopped: { code: 'journal.write' } });
    expect(result.stopped?.reason).toContain('ENOSPC');
    expect(run.acts().filter((call) => call.endsWith('swap') || call.endsWith('start'))).toEqual([]);
    run.disk.full = false;
    expect((await run.resume()).closed).toBe('done');
  });

  test('a full disk during a revert stops it too', async () => {
    const run = fakeRun('lease stop swap | start |');
    run.steps.swap = { act: no };
    run.steps.stop = { undo: firstTimes(1, () => fill(run)) };
    const result = await run.run();
    expect(result.stopped?.code).toBe('journal.write');
    expect(run.acts()).not.toContain('undo store1/lease');
    run.disk.full = false;
    expect((await run.resume()).closed).toBe('reverted');
  });

  test('a begun step without outcome is decided by looking: done means did, and it is ours to undo', async () => {
    const run = fakeRun('stop swap | start |');
    run.steps.stop = { afterAct: () => run.abort.abort() };
    await run.run();
    expect(run.story()).toEqual(['began stop']);
    run.abort = new AbortController();
    run.steps.swap = { act: no };
    expect((await run.resume()).closed).toBe('reverted');
    expect(run.story().slice(1, 3)).toEqual(['resumed', 'did stop']);
    expect(run.done.size).toBe(0);
  });

  test('what was done before a pause and is so no longer is done again, with what followed it', async () => {
    const run = fakeRun('lease stop drain | start |');
    when(run, 'did', 'drain', () => run.finish.abort());
    await run.run();
    run.finish = new AbortController();
    run.done.delete('store1/stop');
    expect((await run.resume()).closed).toBe('done');
    expect(run.acts().slice(3)).toEqual([
      'undo store1/drain',
      'undo store1/stop',
      'act store1/stop',
      'act store1/drain',
      'act store1/start',
    ]);
  });

  test('what was done before a pause and cannot be seen now is owed where it may be, else left as it is', async () => {
    const run = fakeRun('lease stop? swap | start |');
    when(run, 'did', 'swap', () => run.finish.abort());
    await run.run();
    run.finish = new AbortController();
    run.steps.stop = { check: () => away };
    run.steps.swap = { check: () => away };
    expect(await run.resume()).toMatchObject({ closed: 'done', lanes: [{ owed: ['stop'] }] });
    expect(run.story().some((line) => line.startsWith('reverting'))).toBe(false);
  });

  test('a lease that has lapsed is taken again before anything else', async () => {
    const run = fakeRun('lease stop | start |');
    run.steps.lease = { lapses: true };
    when(run, 'did', 'stop', () => run.finish.abort());
    await run.run();
    run.finish = new AbortController();
    run.done.delete('store1/lease');
    expect((await run.resume()).closed).toBe('done');
    expect(run.acts().slice(2)).toEqual(['act store1/lease', 'act store1/start']);
  });

  test('a lease that another run has taken stops the lane: nothing is done, and nothing undone', async () => {
    const run = fakeRun('lease stop | start |');
    run.steps.lease = { lapses: true };
    when(run, 'did', 'stop', () => run.finish.abort());
    await run.run();
    run.finish = new AbortController();
    run.steps.lease = {
      lapses: true,
      check: () => ({ state: 'blocked', reason: 'run beef has it', code: 'busy' }),
    };
    for (let twice = 0; twice < 2; twice += 1) {
      expect((await run.resume()).lanes[0]).toMatchObject({
        state: 'incomplete',
        failure: { step: 'lease', code: 'busy' },
      });
    }
    expect(run.acts()).toEqual(['act store1/lease', 'act store1/stop']);
    expect(run.story()).not.toContain('reverting');
  });

  test('a lease found held at the first look is ours, and given back by a revert', async () => {
    const run = fakeRun('lease stop | start |');
    run.steps.lease = { lapses: true };
    run.done.add('store1/lease');
    run.steps.stop = { act: no };
    await run.run();
    expect(run.done.size).toBe(0);
  });

  test('a closed run has nothing to do', async () => {
    const run = fakeRun('stop | start |');
    await run.run();
    const before = run.disk.text;
    const calls = run.calls.length;
    expect((await run.resume()).closed).toBe('done');
    expect((await run.undo()).closed).toBe('done');
    expect(run.disk.text).toBe(before);
    expect(run.calls).toHaveLength(calls);
  });

  test('a refused lane is reverted or left alone by a resume, the others go on', async () => {
    const run = fakeRun('lease stop | start |', ['store1', 'store2', 'store3']);
    run.steps['store3/stop'] = { act: () => run.finish.abort() };
    await run.run();
    run.finish = new AbortController();
    const result = await run.resume({
      refused: new Map([
        ['store1', { way: 'back', reason: 'the lag has grown', code: 'lag' }],
        ['store2', { way: 'leave', reason: 'not proven dead', code: 'not-proven-dead' }],
      ]),
    });
    expect(result.lanes.map(({ state }) => state)).toEqual(['reverted', 'incomplete', 'done']);
    expect(result.lanes[1]?.failure).toMatchObject({ code: 'not-proven-dead' });
    expect(run.done.has('store1/stop')).toBe(false);
    expect(run.done.has('store2/stop')).toBe(true);
  });

  test('an action that this version does not know is refused before anything is done', async () => {
    const run = fakeRun('stop | start |');
    const actions = new Map();
    await expect(run.run({ actions })).rejects.toMatchObject({ code: 'plan.unknown-action' });
    await run.run({ signals: { finish: AbortSignal.abort(), abort: new AbortController().signal } });
    await expect(run.resume({ actions })).rejects.toMatchObject({ code: 'plan.unknown-action' });
    expect(run.calls).toEqual([]);
    expect(run.story()).toEqual([]);
  });

  test('the background runs as long as the lanes, and its failure is a note', async () => {
    const run = fakeRun('stop | start |');
    let stopped = false;
    const background = async (live: { readonly signal: AbortSignal }): Promise<void> => {
      await new Promise((resolve) => live.signal.addEventListener('abort', resolve));
      stopped = true;
    };
    expect((await run.run({ background })).closed).toBe('done');
    expect(stopped).toBe(true);
    const other = fakeRun('stop | start |');
    const broken = async (): Promise<void> => {
      throw new Error('the lease of imap22 cannot be renewed');
    };
    expect((await other.run({ background: broken })).closed).toBe('done');
    expect(other.events).toContainEqual(
      expect.objectContaining({ kind: 'note', text: expect.stringContaining('imap22') }),
    );
  });

  test('a plan that is none is refused', async () => {
    const run = fakeRun('stop | start |');
    run.disk.text = `${JSON.stringify({ seq: 1, at: '2026-03-12T04:28:00.000Z', kind: 'opened', format: 1, mailctl: '', operator: '', host: '', bootId: '', plan: {} })}\n`;
    await expect(run.run()).rejects.toBeInstanceOf(ParseError);
  });
});

describe('undo', () => {
  test('reverts a lane that has not committed and refuses one that has', async () => {
    const run = fakeRun('lease stop | start | login', ['store1', 'store2']);
    run.steps['store1/login'] = { act: no };
    run.steps['store2/stop'] = { undo: firstTimes(1, no), afterAct: () => run.finish.abort() };
    await run.run();
    run.finish = new AbortController();
    run.steps['store2/stop'] = {};
    // store1 was stopped by Ctrl-C before its commit as well; let it get there.
    await run.resume({ refused: new Map([['store2', { way: 'leave', reason: 'x', code: 'x' }]]) });
    const result = await run.undo();
    expect(result.lanes).toMatchObject([
      { state: 'incomplete', committed: true, failure: { code: 'plan.committed' } },
      { state: 'reverted' },
    ]);
    expect(run.acts().filter((call) => call.startsWith('undo'))).toEqual([
      'undo store2/stop',
      'undo store2/lease',
    ]);
  });

  test('of a lane whose commit is in the balance looks first: happened means refused', async () => {
    const run = fakeRun('stop | start | login');
    run.steps.start = { afterAct: () => run.abort.abort() };
    await run.run();
    run.abort = new AbortController();
    expect((await run.undo()).lanes[0]).toMatchObject({
      committed: true,
      failure: { code: 'plan.committed' },
    });
    expect((await run.resume()).closed).toBe('done');
  });

  test('of a lane whose commit cannot be seen changes nothing, and a resume may still go on', async () => {
    const run = fakeRun('stop | start | login');
    run.steps.start = { afterAct: () => run.abort.abort() };
    await run.run();
    run.abort = new AbortController();
    run.steps.start = { check: () => away };
    expect((await run.undo()).lanes[0]).toMatchObject({
      state: 'incomplete',
      failure: { code: 'plan.commit-unknown' },
    });
    expect(run.story()).not.toContain('reverting');
    run.steps.start = {};
    expect((await run.resume()).closed).toBe('done');
  });

  test('of a lane whose commit was begun and has not happened reverts it', async () => {
    const run = fakeRun('stop | start | login');
    run.steps.start = { act: () => run.abort.abort(), afterAct: () => void run.done.delete('store1/start') };
    await run.run();
    run.abort = new AbortController();
    expect((await run.undo()).closed).toBe('reverted');
    expect(run.done.size).toBe(0);
  });
});

describe('who has lost its lease', () => {
  test('takes nothing back: whoever has it now goes on from what is there', async () => {
    const run = fakeRun('lease stop directory | start |');
    run.steps.lease = { lapses: true };
    run.steps.start = {
      act: () => {
        throw new MailctlError('the lease of store1 is no longer ours', {
          code: 'slot.lease-lost',
          exitCode: 6,
        });
      },
    };
    expect((await run.run()).lanes[0]).toMatchObject({
      state: 'incomplete',
      failure: { step: 'start', code: 'slot.lease-lost' },
    });
    expect(run.acts().filter((call) => call.startsWith('undo'))).toEqual([]);
  });
});

describe('a host that is lost at the very look', () => {
  test('is asked again before its step is owed', async () => {
    const run = fakeRun('stop? | start |');
    let looks = 0;
    run.steps.stop = {
      check: (isDone) => {
        looks += 1;
        if (looks === 1) return { state: 'away', reason: 'the connection broke', lost: true };
        return { state: isDone ? 'done' : 'todo' };
      },
    };
    expect(await run.run()).toMatchObject({ closed: 'done', lanes: [{ owed: [] }] });
    expect(run.acts()).toContain('act store1/stop');
  });
});

test('what is to be undone last is undone after all others but the lease', async () => {
  const run = fakeRun('lease stop third swap | start |');
  run.steps.lease = { lapses: true };
  const [lane] = run.plan.lanes;
  Object.assign(lane?.steps.find(({ id }) => id === 'third') ?? {}, { undoLast: true });
  run.steps.start = {
    act: () => {
      throw new MailctlError('no', { code: 'x', exitCode: 1 });
    },
  };
  expect(await run.run()).toMatchObject({ closed: 'reverted' });
  expect(run.acts().filter((call) => call.startsWith('undo'))).toEqual([
    'undo store1/swap',
    'undo store1/stop',
    'undo store1/third',
    'undo store1/lease',
  ]);
});
