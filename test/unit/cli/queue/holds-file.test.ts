// Holds with an end as a machine remembers them: in queue stats and runs list, and in no file where there are none.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { changeHolds, knownRuns, readHolds, refreshHolds } from '../../../../src/cli/queue/holds-file.js';
import type { DeskRecord } from '../../../../src/queue/desk.js';
import { runCli } from '../../../support/run-cli.js';
import { tempDir } from '../../../support/temp-dir.js';

const NOW = Math.floor(Date.now() / 1000);
const record = (more: Partial<DeskRecord> = {}): DeskRecord => ({
  key: '5b6c01234567',
  run: '5b6c',
  act: 'hold',
  operator: 'ann',
  bastion: 'bastion1',
  reason: 'spam \u001b[31m',
  at: NOW - 7200,
  until: NOW + 3600,
  meanwhile: ['--submitter', 'carl@example.net'],
  ...more,
});
const passed = record({ key: 'aa01', run: 'aa01', until: NOW - 600, meanwhile: null });

it('are told by runs list, the ones that have passed as something to do', async () => {
  const dir = await tempDir();
  await changeHolds(dir, () => [
    { queue: 'mx1', record: record(), messages: 0 },
    { queue: 'mx2', record: record(), messages: 5 },
    { queue: 'mx1', record: passed, messages: 1204 },
  ]);
  const env = { XDG_CONFIG_HOME: '/nonexistent' };
  const table = await runCli(['runs', 'list', '--state-dir', dir, '-o', 'table'], { env });
  const flat = table.stdout.replace(/\s+/g, ' ');
  expect(flat).toContain(
    '! the hold of ann@bastion1 (1,204 messages on mx1) ended 10m ago and its mail was not released',
  );
  expect(table.stdout).toContain('\n  mailctl queue release --run aa01\n');
  expect(flat).toMatch(
    /= new mail is held for (?:59m|1h) more on mx1, mx2: --submitter carl@example\.net \(run 5b6c of ann@bastion1: spam/,
  );
  expect(table.stdout).not.toContain('\u001b');
  const { stdout } = await runCli(['runs', 'list', '--state-dir', dir, '-o', 'json'], { env });
  expect(JSON.parse(stdout).holds).toMatchObject([
    { run: 'aa01', has_passed: true, queues: ['mx1'], messages: 1204, meanwhile: null },
    { run: '5b6c', has_passed: false, queues: ['mx1', 'mx2'], messages: 5 },
  ]);
  const tsv = await runCli(['runs', 'list', '--state-dir', dir, '-o', 'tsv'], { env });
  expect(tsv.stderr).toContain('was not released');
});

it('are made anew by what the hosts say, and leave no file where there are none', async () => {
  const dir = await tempDir();
  await changeHolds(dir, () => [
    { queue: 'mx1', record: passed, messages: 1 },
    { queue: 'mx3', record: passed, messages: 1 },
  ]);
  const found = { record: record(), messages: 2, complete: true };
  await refreshHolds(dir, [
    { queue: { name: 'mx1' }, value: [found, { ...found, record: record({ act: 'delete' }) }] },
    { queue: { name: 'mx2' }, value: [{ ...found, record: record({ until: null }) }] },
  ]);
  expect(readHolds(dir).map(({ queue, record: { key } }) => [queue, key])).toEqual([
    ['mx3', 'aa01'],
    ['mx1', '5b6c01234567'],
  ]);
  await refreshHolds(dir, [
    { queue: { name: 'mx1' }, value: [] },
    { queue: { name: 'mx3' }, value: [] },
  ]);
  expect(existsSync(join(dir, 'holds.json'))).toBe(false);
});

it.each([
  '',
  '{',
  '{"holds": 7}',
  '{"holds": [null, 7, {"queue": "mx1"}, {"queue": "mx1", "messages": 1, "record": {"key": 7}}]}',
])('a file that says %j says nothing', async (text) => {
  const dir = await tempDir();
  writeFileSync(join(dir, 'holds.json'), text);
  expect(readHolds(dir)).toEqual([]);
});

it('a hold for what is there and has not passed needs no word', () => {
  const holds = [{ queue: 'mx1', record: record({ meanwhile: null }), messages: 1 }];
  expect(knownRuns(holds, NOW)).toEqual([]);
  expect(knownRuns(holds, NOW + 3600)).toHaveLength(1);
});
