// Sending in chunks: everything once, what fails by name, what takes long alone, within its time and its rate.
import { describe, expect, it } from 'vitest';
import { beganLine, openedLine, parseSentTo, sentLine } from '../../../src/slot/lane-record.js';
import { sendTargets } from '../../../src/slot/mailbox-lists.js';
import { type SendWork, sendInChunks } from '../../../src/slot/send.js';
import { fakeClock } from '../../support/fake-clock.js';

const users = (count: number) => Array.from({ length: count }, (_, index) => `u${index}`);

function world(costMs: (name: string) => number, more: Partial<SendWork> = {}) {
  const clock = fakeClock({ auto: true });
  const calls: { kind: string; names: readonly string[]; seconds: number }[] = [];
  const progress: number[] = [];
  let atOnce = 0;
  let most = 0;
  const work = (of: Partial<SendWork>): SendWork => ({
    targets: { users: users(500), mailboxes: ['shared.a'] },
    clock,
    signal: new AbortController().signal,
    deadlineMs: 3_600_000,
    async send(kind, names, seconds) {
      calls.push({ kind, names, seconds });
      atOnce += 1;
      most = Math.max(most, atOnce);
      const left: string[] = [];
      let usedMs = 0;
      for (const name of names) {
        if (usedMs + costMs(name) > seconds * 1000) left.push(name);
        else usedMs += costMs(name);
      }
      await clock.sleep(left.length > 0 ? seconds * 1000 : usedMs);
      atOnce -= 1;
      return {
        failed: names.filter((name) => name === 'u7').map((name) => ({ name, said: 'broken' })),
        left,
      };
    },
    onProgress: ({ done }) => progress.push(done),
    ...more,
    ...of,
  });
  return {
    clock,
    calls,
    progress,
    most: () => most,
    run: (of: Partial<SendWork> = {}) => sendInChunks(work(of)),
  };
}

describe('sendInChunks', () => {
  it('sends every name once and tells what failed', async () => {
    const it_ = world(() => 2);
    const result = await it_.run();
    expect(result).toEqual({ total: 501, sent: 500, failed: [{ name: 'u7', said: 'broken' }], left: [] });
    const names = it_.calls.flatMap(({ names: of }) => of);
    expect(new Set(names).size).toBe(501);
    expect(names).toHaveLength(501);
    expect(it_.calls.at(-1)).toMatchObject({ kind: 'mailboxes', names: ['shared.a'] });
    // Quick ones go by the hundred: it does not take 501 calls.
    expect(it_.calls.length).toBeLessThan(15);
    expect(it_.progress.at(-1)).toBe(500);
  });

  it('sends what takes long alone, with all the time that it may have', async () => {
    const it_ = world((name) => (name === 'u3' ? 300_000 : 5));
    const result = await it_.run({ longestS: 3600 });
    expect(result).toMatchObject({ sent: 500, left: [] });
    const last = it_.calls.filter(({ names }) => names.includes('u3')).at(-1);
    expect(last?.names).toEqual(['u3']);
    expect(last?.seconds).toBeGreaterThan(1000);
  });

  it('gives what it goes on with a short turn first, which shows whether anybody takes it', async () => {
    const it_ = world((name) => (name === 'u3' ? 300_000 : 5));
    const targets = { users: ['u3'], mailboxes: [] };
    const result = await it_.run({ targets, longestS: 600, again: 3 });
    expect(result).toMatchObject({ sent: 1, left: [] });
    expect(it_.calls.map(({ seconds }) => seconds)).toEqual([20, 600]);
  });

  it('ends with its time, and names what is left', async () => {
    const it_ = world(() => 1000);
    const result = await it_.run({ deadlineMs: 60_000 });
    expect(result.sent + result.left.length + result.failed.length).toBe(501);
    expect(result.left.length).toBeGreaterThan(400);
    expect(it_.clock.monotonic()).toBeLessThan(90_000);
  });

  it('ends between two chunks when it is stopped', async () => {
    const stop = new AbortController();
    const it_ = world(() => 10, { signal: stop.signal, onSent: () => stop.abort() });
    const result = await it_.run();
    expect(it_.calls).toHaveLength(1);
    expect(result.left.length).toBe(501 - 8);
  });

  it('keeps a rate, and a number at once', async () => {
    const slow = world(() => 1);
    await slow.run({ perSecond: 10 });
    expect(slow.clock.monotonic()).toBeGreaterThan(45_000);
    const wide = world(() => 50);
    await wide.run({ parallel: 2 });
    expect(wide.most()).toBe(2);
  });

  it('has nothing to do with nothing', async () => {
    expect(await world(() => 1).run({ targets: { users: [], mailboxes: [] } })).toMatchObject({
      total: 0,
      left: [],
    });
  });
});

it('what is sent are users whole and mailboxes of nobody, none that is deleted', () => {
  const mailbox = (name: string, deleted = false) => ({ name, uniqueId: name, deleted });
  expect(
    sendTargets([
      mailbox('user.bob'),
      mailbox('user.bob.Sent Items'),
      mailbox('user.d^e'),
      mailbox('example.net!user.zoe.x'),
      mailbox('user.gone', true),
      mailbox('shared.news'),
      mailbox('DELETED.shared.old.6B01', true),
      mailbox('user'),
    ]),
  ).toEqual({ users: ['bob', 'd.e', 'zoe@example.net'], mailboxes: ['shared.news', 'user'] });
});

it('who was sent everything stands in the lane file, by run', () => {
  const lane = {
    run: 'r1',
    from: 'a',
    to: 'b',
    operator: 'o',
    bastion: 'x',
    at: '2026-03-12T04:20:00Z',
    judged: null,
  };
  const lines = [
    openedLine(lane),
    beganLine('r1', 'send-imap23'),
    sentLine('r1', 'imap23'),
    'no json',
    '{"kind":"sent"}',
  ];
  expect(parseSentTo(lines, 'r1')).toEqual(['imap23']);
  expect(parseSentTo(lines, 'r2')).toEqual([]);
});
