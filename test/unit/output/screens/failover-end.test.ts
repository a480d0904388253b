// The last screen of a failover: every line of it fits 80 columns, whatever the fleet is called.
import { expect, test } from 'vitest';
import { type Line, renderLine } from '../../../../src/output/line.js';
import { type EndScreen, endScreen, waysOn } from '../../../../src/output/screens/failover.js';
import type { SlotResult } from '../../../../src/slot/outcome.js';

/** Only what the screen reads. */
function result(slot: string, outcome: SlotResult['outcome'], lossS = 16): SlotResult {
  const decision = {
    slot: { slot, master: 'imap21', instances: [] },
    kind: 'failover',
    from: 'imap21',
    to: 'imap22',
    fromReachable: false,
    gates: [],
    loss: { possibleLossS: lossS, evidence: [] },
  };
  const isRefused = outcome === 'refused';
  const reason = isRefused ? '16s would be missing, the limit is 12s, 10 events' : null;
  return {
    decision,
    outcome,
    gate: isRefused ? 'lag' : null,
    reason,
    lane: undefined,
  } as unknown as SlotResult;
}

function screenOf(results: readonly SlotResult[], more: Partial<EndScreen> = {}): readonly string[] {
  const moved = results.filter(({ outcome }) => outcome === 'moved');
  const debts = moved.map(({ decision }) => ({ host: 'imap21', slot: decision.slot.slot }));
  const lines: readonly Line[] = endScreen({
    targets: ['imap21'],
    run: '0a80',
    outcome: 'partial',
    results,
    safety: {
      safe: false,
      reasons: ['store15 is down', `${moved.length} slots have one copy`],
      down: results.filter(({ outcome }) => outcome === 'refused'),
      readable: [],
      toEndReading: [],
      lonely: moved,
      toDemote: debts,
      toRejoin: debts,
    },
    tookMs: 16_900,
    exit: 3,
    interrupted: false,
    hasTestAccount: true,
    after: null,
    waiting: null,
    roads: [],
    watch: { isWatched: false, lastLookAt: null },
    cutOff: [],
    now: 0,
    ...more,
  });
  return lines.map((line) => renderLine(line, false));
}

const many = Array.from({ length: 14 }, (_, at) => result(`store${at + 1}`, 'moved'));

test('what was refused is named in the first line while there is room, and counted where there is not', () => {
  const one = screenOf([...many, result('store15', 'refused')])[0];
  expect(one).toMatch(
    /^PARTIAL {2}14 of 15 slots served again, store15 refused +run 0a80 {2}16\.9s {2}exit 3$/,
  );
  const names = ['a-store-with-a-long-name', 'another-store', 'third-store'].map((name) =>
    result(name, 'refused'),
  );
  expect(screenOf([...many, ...names])[0]).toContain('14 of 17 slots served again, 3 refused');
});

test('every line but a command fits 80 columns', () => {
  const long = result(`store-${'x'.repeat(40)}`, 'refused');
  for (const lines of [
    screenOf(many),
    screenOf([...many, result('store15', 'refused')]),
    screenOf([long, ...many]),
  ]) {
    const prose = lines.filter((line) => !/^ \d {2}mailctl /.test(line));
    expect(prose.filter((line) => line.length > 80)).toEqual([]);
  }
});

test('the way on names no slot that was not asked for, and the stray that can be stopped first', () => {
  const two = ['store1', 'store2'].map((slot) => result(slot, 'refused').decision);
  const reason = 'imap21 runs it as master, the directory names imap22';
  expect(waysOn({ gate: 'two-masters', reason, word: null }, two, ['store1', 'store2'])).toEqual([
    'mailctl failover imap21   stops it there first',
    'mailctl failover store1 store2 --override two-masters:store1 --override two-masters:store2',
  ]);
  const hangs = { gate: 'not-proven-dead', reason: 'imap21 hangs', word: null } as const;
  expect(waysOn(hangs, two, ['imap21'])).toEqual([
    "mailctl failover imap21 --fenced 'what your own eyes saw'",
  ]);
});

test('a slot without a second copy is said to have none', () => {
  expect(screenOf(many).join('\n')).toContain('copies   14 slots with NONE: one more death loses mail');
});

test('a host that was cut off is told, whatever became of its slots: nothing of ours gives it back', () => {
  const command = 'power-off imap21 (on mx1)';
  const off = screenOf([result('store1', 'refused')], {
    outcome: 'refused',
    cutOff: [{ host: 'imap21', command, isSeenOff: true }],
  }).join('\n');
  expect(off).toContain('no slot was changed');
  expect(off).not.toContain('nothing was changed');
  expect(off.replace(/\s+/g, ' ')).toContain(
    'cut off imap21 was cut off by power-off imap21 (on mx1): it stays off until you give it back, by your own tools; then mailctl rejoin imap21',
  );
  const unsure = screenOf([result('store1', 'failed')], {
    outcome: 'failed',
    cutOff: [{ host: 'imap21', command, isSeenOff: false }],
  });
  expect(unsure.join(' ').replace(/\s+/g, ' ')).toContain(`was not seen off after ${command}: it may be off`);
});
