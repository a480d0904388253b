// The screen of a drain: nothing is cut at 79 columns, what is not well comes first, the keys say what they do now.
import { expect, test } from 'vitest';
import { type DrainLaneStatus, type DrainStatus, NO_COUNTS } from '../../../../src/drain/status.js';
import { renderLine } from '../../../../src/output/line.js';
import { drainScreen } from '../../../../src/output/screens/drain.js';

const lane = (more: Partial<DrainLaneStatus> = {}): DrainLaneStatus => ({
  run: 'd81c',
  queue: 'mx1',
  host: 'mx1',
  state: 'running',
  doing: '',
  counts: {
    ...NO_COUNTS,
    total: 900_000,
    delivered: 500_000,
    held: 399_000,
    inFlight: 1000,
    bounced: 12_345,
    deferred: 6789,
  },
  perSecond: 152.3,
  speed: 1,
  eta: { least: 2400, most: 3000 },
  destinations: [],
  guards: [
    { guard: 'load', value: 2.6, limit: 30, unit: 'count', state: 'ok', about: '' },
    { guard: 'disk', value: 0.44, limit: 0.95, unit: 'share', state: 'ok', about: '' },
    { guard: 'inodes', value: 0.01, limit: 0.95, unit: 'share', state: 'ok', about: '' },
    { guard: 'sockets', value: 0.09, limit: 0.75, unit: 'share', state: 'ok', about: '' },
    { guard: 'restarts', value: 3, limit: 3, unit: 'count', state: 'paused', about: 'send\u001b[31mer' },
  ],
  otherMail: { now: null, before: null },
  logMissing: null,
  ...more,
});
const status = (more: Partial<DrainStatus> = {}, ...lanes: readonly DrainLaneStatus[]): DrainStatus => ({
  run: 'd81c',
  at: '2026-03-12T04:52:02Z',
  startedAt: '2026-03-12T04:28:00Z',
  onDeath: 'release',
  deadAfterS: 600,
  lanes: lanes.length === 0 ? [lane()] : lanes,
  changes: [],
  ...more,
});
const draw = (of: DrainStatus, keys?: string) =>
  drainScreen(of, { table: () => [] }, { now: Date.UTC(2026, 2, 12, 4, 52, 2), where: '', keys }).map(
    (line) => renderLine(line, false),
  );

test('nothing is wider than a screen, and nothing of a host reaches the terminal raw', () => {
  const lines = draw(status({}, lane({ speed: 0.64 })), '');
  expect(lines.filter((line) => line.trimEnd().length > 79)).toEqual([]);
  expect(lines.join('\n')).not.toContain('\u001b');
  expect(lines.join(' ')).toContain('152.3/s at 64% speed');
  expect(lines.join(' ')).toMatch(/bounced 12,345, +left deferred 6,789/);
});

test('a guard that holds it back comes first, with whose it is', () => {
  const guards = draw(status()).find((line) => line.startsWith('GUARDS'));
  expect(guards).toMatch(/^GUARDS {2}restarts 3 of 3 PAUSED \(send.*er\)/);
});

test('the last line names the keys, says what was pressed, and is not there where nobody can press them', () => {
  expect(draw(status(), '').at(-1)).toMatch(
    /^p pause {2}\+ - rate {2}s stop, rest stays held {2}q leave it running/,
  );
  expect(draw(status({ isPausedByHand: true }), '').at(-1)).toMatch(/^p go on/);
  expect(draw(status(), 'pausing').at(-1)).toBe('pausing');
  expect(draw(status()).at(-1)).toMatch(/^DEAD MAN/);
});

test('a status that a version before wrote has no speed, and is at all of it', () => {
  const { speed: _, ...old } = lane();
  expect(draw(status({}, old as DrainLaneStatus)).join(' ')).not.toContain('speed');
});
