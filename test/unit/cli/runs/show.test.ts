import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { NewRecord } from '../../../../src/journal/record.js';
import { runCli } from '../../../support/run-cli.js';
import { at, damagedRun, doneLane, leaveRun, planOf } from '../../../support/run-files.js';
import { tempDir } from '../../../support/temp-dir.js';

const NOW = at('2026-03-12T04:43:00Z');

function show(dir: string, ...argv: readonly string[]) {
  return runCli(['runs', 'show', ...argv, '--state-dir', dir], { clock: NOW });
}

const HALF: readonly NewRecord[] = [
  ...doneLane('store1'),
  { kind: 'began', lane: 'store9', step: 'lease' },
  { kind: 'did', lane: 'store9', step: 'lease' },
  { kind: 'began', lane: 'store9', step: 'stop' },
  { kind: 'failed', lane: 'store9', step: 'stop', reason: '2 imapd left on imap21', code: 'slot.stop' },
];

const refused = { refused: [{ slot: 'store15', gate: 'lag', reason: '2d14h would be missing' }] };

async function half() {
  const dir = await tempDir();
  await leaveRun(dir, {
    plan: planOf(['store1', 'store9', 'store10'], { facts: refused, reason: 'disk of imap21' }),
    records: HALF,
  });
  return dir;
}

test('the document has the plan, each step where it stands, the facts, what is owed and the next command', async () => {
  const { code, stdout } = await show(await half(), '7f', '-o', 'json');
  expect(code).toBe(0);
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({
    schema: 'mailctl/run-show/v1',
    run: '7f3a',
    kind: 'failover',
    target: 'imap21',
    state: 'incomplete',
    reason: 'disk of imap21',
    started_at: '2026-03-12T04:28:00.000Z',
    ended_at: null,
    operator: 'ann',
    host: 'bastion1',
    holder: null,
    refused: [{ slot: 'store15', gate: 'lag', reason: '2d14h would be missing' }],
    next: 'mailctl runs resume 7f3a',
    errors: [],
  });
  const [store1, store9, store10] = document.lanes;
  expect(store1).toMatchObject({
    lane: 'store1',
    state: 'done',
    committed: true,
    from: 'imap21',
    to: 'imap22',
    possible_loss_s: 41,
    evidence: [{ kind: 'sample', at: '2026-03-12T04:27:26Z', value: 'log empty' }],
    words: [{ gate: 'not-proven-dead', word: '--fenced console' }],
    owed: [{ step: 'stop', title: 'stop of store1', reason: 'imap21 is away' }],
    failure: null,
  });
  expect(store9).toMatchObject({
    state: 'incomplete',
    committed: false,
    failure: { step: 'stop', reason: '2 imapd left on imap21', code: 'slot.stop' },
  });
  expect(store9.steps.map(({ step, state }: { step: string; state: string }) => `${step} ${state}`)).toEqual([
    'lease did',
    'stop failed',
    'start todo',
    'hook todo',
  ]);
  expect(store9.steps[1].standing).toContain('failed 2026-03-12T04:28:00.000Z: 2 imapd left');
  expect(store10).toMatchObject({ state: 'incomplete', started_at: null });
});

test('the screen shows what is not done step by step, what is owed, and ends with the next command', async () => {
  const { stdout } = await show(await half(), '7f3a', '-o', 'table');
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toBe('RUN 7f3a  failover imap21  INCOMPLETE   04:43:00Z');
  expect(lines[1]).toBe('begun 04:28:00Z (15m ago) by ann on bastion1, last word 04:28:00Z');
  expect(lines[2]).toBe('why   disk of imap21');
  expect(lines[3]).toBe('LANES 3: 2 incomplete  1 done');
  expect(lines[5]).toMatch(/^store9 +imap21 +imap22 +41s +incomplete +1\/4 .*stop of store9/);
  expect(lines[6]).toBe('  2 imapd left on imap21');
  expect(lines[7]).toMatch(/^store10 .* not begun /);
  expect(stdout).toContain('store15  refused: lag: 2d14h would be missing');
  expect(stdout).toContain('owed  store1: stop\n');
  expect(stdout).toMatch(/FAILED +stop of store9\n {6}2 imapd left on imap21\n/);
  expect(stdout).toContain('start of store9 (no way back)');
  expect(stdout).not.toContain('STEP OF store1\n');
  expect(lines.at(-1)).toBe('next  mailctl runs resume 7f3a   goes on');
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
});

test('named lanes and --all are shown step by step, with the facts that they stand on', async () => {
  const dir = await half();
  const one = (await show(dir, '7f3a', 'store1', '-o', 'table')).stdout;
  expect(one).toContain('STEP OF store1');
  expect(one).not.toContain('STEP OF store9');
  expect(one).toContain('fact  sample 2026-03-12T04:27:26Z  log empty');
  expect(one).toContain('word  not-proven-dead passed by --fenced console: imap21 hangs');
  const all = (await show(dir, '7f3a', '--all', '-o', 'table')).stdout;
  for (const lane of ['store1', 'store9', 'store10']) expect(all).toContain(`STEP OF ${lane}`);
  const tsv = (await show(dir, '7f3a')).stdout.trimEnd().split('\n');
  expect(tsv).toHaveLength(1 + 12);
  expect(tsv[0]).toBe('run\tlane\tlane_state\tstep\tphase\thost\tstate\tstarted_at\tended_at\ttitle\treason');
});

test('a lane that the run has not is a usage error with the one that is near', async () => {
  const { code, stderr } = await show(await half(), '7f3a', 'store99');
  expect(code).toBe(2);
  expect(stderr).toContain('run 7f3a has no lane "store99"');
  expect(stderr).toContain('hint: mailctl runs show 7f3a store9');
});

test('it needs no configuration, and changes nothing', async () => {
  const dir = await tempDir();
  const file = await leaveRun(dir);
  const before = await readFile(file);
  const { code } = await runCli(['runs', 'show', '7f3a', '--state-dir', dir, '--config', '/nonexistent'], {
    clock: NOW,
  });
  expect(code).toBe(0);
  expect(await readFile(file)).toEqual(before);
});

test.each([
  ['a run that is not there', 'ffff', 2, 'there is no run "ffff"'],
  ['a journal that begins with nonsense', 'bad1', 3, 'bad1.ndjson:1: not a line of JSON'],
  ['an empty journal', 'bad2', 3, 'it ends before its first record'],
  ['a plan that is none', 'bad3', 3, 'plan.version'],
])('%s is told with its reason, as a document as well', async (_title, run, exit, words) => {
  const dir = await tempDir();
  await damagedRun(dir, 'bad1', 'nonsense\n');
  await damagedRun(dir, 'bad2', '');
  const opened = {
    seq: 1,
    at: '2026-03-12T04:28:00Z',
    kind: 'opened',
    format: 1,
    mailctl: 'x',
    operator: 'o',
    host: 'h',
    bootId: 'b',
    plan: { version: 99 },
  };
  await damagedRun(dir, 'bad3', `${JSON.stringify(opened)}\n`);
  const { code, stderr, stdout } = await show(dir, run, '-o', 'json');
  expect(code).toBe(exit);
  expect(stderr).toContain(words);
  expect(JSON.parse(stdout)).toMatchObject({ schema: 'mailctl/run-show/v1', run: null, lanes: [] });
});

test('facts that are not as mailctl writes them are left out', async () => {
  const dir = await tempDir();
  const plan = planOf(['store1']);
  const odd = { from: 7, to: ['x'], possibleLossS: 'much', evidence: 'none', words: [null, 3] };
  await leaveRun(dir, {
    plan: { ...plan, facts: 'odd', lanes: plan.lanes.map((lane) => ({ ...lane, facts: odd })) },
  });
  const { code, stdout } = await show(dir, '7f3a', '-o', 'json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    refused: [],
    lanes: [{ from: null, to: null, possible_loss_s: null, evidence: [] }],
  });
});
