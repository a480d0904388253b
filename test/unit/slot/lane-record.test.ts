import { describe, expect, it } from 'vitest';
import {
  beganLine,
  linesBefore,
  openedLine,
  owedLine,
  parseLaneFile,
  TENDING,
} from '../../../src/slot/lane-record.js';

const lane = {
  run: '7f3a',
  from: 'imap21',
  to: 'imap22',
  operator: 'ann',
  bastion: 'bastion1',
  at: '2026-03-12T04:28:26Z',
  judged: { provenUntil: 1773289600, lastAlive: 1773289606 },
};
const owed = {
  slot: 'store1',
  host: 'imap21',
  steps: ['stop', 'role', 'rejoin'],
  run: '7f3a',
  at: '2026-03-12T04:28:40Z',
  lastAlive: 1773289606,
};

describe('a lane file', () => {
  it('reads what was written: the lane, the steps that began, what is owed', () => {
    const lines = [
      owedLine(owed),
      openedLine(lane),
      beganLine('7f3a', 'stop-old'),
      beganLine('7f3a', 'drain'),
    ];
    expect(parseLaneFile(lines)).toEqual({
      open: { ...lane, started: false, way: 'move', began: ['stop-old', 'drain'] },
      owed: [owed],
      malformed: 0,
    });
  });

  it('is no open lane when only debts are left', () => {
    expect(parseLaneFile([owedLine(owed)])).toMatchObject({ open: null, owed: [owed] });
  });

  it('that is not there or empty says nothing', () => {
    expect(parseLaneFile([])).toEqual({ open: null, owed: [], malformed: 0 });
    expect(parseLaneFile(['', '  '])).toEqual({ open: null, owed: [], malformed: 0 });
  });

  it('takes the last lane that was opened, with what the runs before it began on the same way', () => {
    const begun = (second: Partial<Parameters<typeof openedLine>[0]>) =>
      parseLaneFile([
        openedLine(lane),
        beganLine('7f3a', 'stop-old'),
        beganLine('7f3a', 'start-new'),
        openedLine({ ...lane, run: '9c01', ...second }),
        beganLine('9c01', 'confirm'),
      ]).open;
    // Whoever takes the lane over a second time has to undo what the first one stopped.
    expect(begun({})).toMatchObject({
      run: '9c01',
      began: ['stop-old', 'start-new', 'confirm'],
      started: false,
    });
    expect(begun({ from: lane.to, to: lane.from })).toMatchObject({ began: ['confirm'] });
  });

  it('goes on with the lane of a run that takes its lease a second time', () => {
    const lines = [
      openedLine(lane),
      beganLine('7f3a', 'stop-old'),
      openedLine(lane),
      beganLine('7f3a', 'drain'),
    ];
    expect(parseLaneFile(lines).open?.began).toEqual(['stop-old', 'drain']);
  });

  it('says whether NEW was begun to be started, by this lane or by the one that it finishes', () => {
    const started = (...lines: string[]) => parseLaneFile(lines).open?.started;
    expect(started(openedLine(lane), beganLine('7f3a', 'directory'))).toBe(false);
    expect(started(openedLine(lane), beganLine('7f3a', 'start-new'))).toBe(true);
    expect(started(openedLine({ ...lane, started: true }))).toBe(true);
    expect(
      started(openedLine(lane), beganLine('7f3a', 'start-new'), openedLine({ ...lane, run: '9c01' })),
    ).toBe(false);
  });

  it.each([
    ['a torn line', openedLine(lane).slice(0, 30)],
    ['an array', '[]'],
    ['a number', '17'],
    ['null', 'null'],
    ['a text', '"opened"'],
    ['bytes that are no JSON', '\u0000\u001b[2J\u0007'],
    ['an opened line that names no hosts', '{"kind":"opened","run":"7f3a"}'],
    ['an opened line whose hosts are no texts', '{"kind":"opened","run":"7f3a","from":1,"to":{}}'],
    ['a debt that names no host', '{"kind":"owed","slot":"store1","steps":["stop"]}'],
  ])('counts %s as malformed and keeps the rest', (_, line) => {
    expect(parseLaneFile([line, owedLine(owed)])).toEqual({ open: null, owed: [owed], malformed: 1 });
  });

  it('ignores kinds of a later version', () => {
    expect(parseLaneFile(['{"kind":"renewed","run":"7f3a"}'])).toEqual({
      open: null,
      owed: [],
      malformed: 0,
    });
  });

  it('judged nothing when a figure is missing or no number', () => {
    const line = (judged: unknown) =>
      parseLaneFile([JSON.stringify({ kind: 'opened', ...lane, judged })]).open;
    expect(line(null)?.judged).toBeNull();
    expect(line({ provenUntil: '1', lastAlive: 2 })?.judged).toBeNull();
    expect(line({ lastAlive: 2 })?.judged).toBeNull();
    expect(line(undefined)?.judged).toBeNull();
  });

  it('keeps hostile texts as they are, to be escaped where they are shown', () => {
    const hostile = '\u001b]0;x\u0007 $(reboot)\n"';
    expect(parseLaneFile([openedLine({ ...lane, operator: hostile })]).open?.operator).toBe(hostile);
    expect(openedLine({ ...lane, operator: hostile })).not.toMatch(/[\x00-\x1f]/);
  });

  it('reads a hundred thousand lines', () => {
    const lines = [
      openedLine(lane),
      ...Array.from({ length: 100_000 }, (_, n) => beganLine('7f3a', `step-${n}`)),
    ];
    expect(parseLaneFile(lines).open?.began).toHaveLength(100_000);
  });
});

describe('what stood there before a run', () => {
  const opened = (run: string, way?: 'return' | typeof TENDING) =>
    openedLine({
      run,
      from: 'imap21',
      to: 'imap22',
      operator: 'ann',
      bastion: 'b',
      at: '2026-03-12T04:20:00Z',
      judged: null,
      ...(way === undefined ? {} : { way }),
    });
  const began = (run: string) => beganLine(run, 'start-new');

  it('is what is above its first line, and all where it has none', () => {
    expect(linesBefore('r1', [opened('r0'), opened('r1'), began('r1')])).toEqual([opened('r0')]);
    expect(linesBefore('r1', [opened('r1'), began('r1'), opened('r1')])).toEqual([]);
    expect(linesBefore('r2', [opened('r1')])).toEqual([opened('r1')]);
  });

  it('is the lane that another run took over from it, when it has come back to find that', () => {
    const lines = [opened('r1'), opened('r3'), began('r3'), opened('r1')];
    const before = linesBefore('r1', lines);
    expect(before).toEqual(lines.slice(0, 3));
    expect(parseLaneFile(before).open).toMatchObject({ run: 'r3', started: true });
  });

  it('is never its own lane again', () => {
    for (const way of ['return', TENDING] as const)
      expect(linesBefore('r1', [opened('r1'), opened('r9', way), opened('r1')])).toEqual([]);
  });
});
