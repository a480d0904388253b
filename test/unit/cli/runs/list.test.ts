import { expect, test } from 'vitest';
import { runCli } from '../../../support/run-cli.js';
import { at, beginRun, damagedRun, doneLane, leaveRun, planOf } from '../../../support/run-files.js';
import { tempDir } from '../../../support/temp-dir.js';

const NOW = at('2026-03-12T04:43:00Z');

function list(dir: string, argv: readonly string[] = []) {
  return runCli(['runs', 'list', '--state-dir', dir, ...argv], { clock: NOW });
}

test('without any run it is done, and says so', async () => {
  const dir = await tempDir();
  expect(await list(dir, ['-o', 'table'])).toEqual({
    code: 0,
    stdout: 'RUNS none   04:43:00Z\nnothing was begun from this state directory\nnext  mailctl slots list\n',
    stderr: '',
  });
  expect(JSON.parse((await list(dir, ['-o', 'json'])).stdout)).toEqual({
    schema: 'mailctl/runs/v1',
    runs: [],
    holds: [],
    errors: [],
  });
});

test('the document holds exactly what scripts rely on, newest first', async () => {
  const dir = await tempDir();
  await leaveRun(dir, {
    id: '7f3a',
    time: '2026-03-12T04:28:00Z',
    records: [...doneLane('store1'), { kind: 'closed', state: 'done' }],
  });
  await leaveRun(dir, { id: 'd81c', time: '2026-03-12T04:30:00Z' });
  const running = await beginRun(dir, { id: '11aa', time: '2026-03-12T04:29:00Z' });
  const { code, stdout } = await list(dir, ['-o', 'json']);
  await running.close();
  expect(code).toBe(0);
  const base = { kind: 'failover', target: 'imap21', operator: 'ann', host: 'bastion1' };
  expect(JSON.parse(stdout)).toEqual({
    schema: 'mailctl/runs/v1',
    runs: [
      { ...base, run: 'd81c', state: 'incomplete', started_at: '2026-03-12T04:30:00.000Z', ended_at: null },
      { ...base, run: '11aa', state: 'running', started_at: '2026-03-12T04:29:00.000Z', ended_at: null },
      {
        ...base,
        run: '7f3a',
        state: 'done',
        started_at: '2026-03-12T04:28:00.000Z',
        ended_at: '2026-03-12T04:28:00.000Z',
      },
    ],
    holds: [],
    errors: [],
  });
});

test('the table begins with what is not finished and ends with the command that goes on', async () => {
  const dir = await tempDir();
  await leaveRun(dir, {
    id: '7f3a',
    time: '2026-03-12T04:42:00Z',
    records: [...doneLane('store1'), { kind: 'closed', state: 'done' }],
  });
  await leaveRun(dir, { id: 'd81c', time: '2026-03-12T04:30:00Z' });
  const { stdout } = await list(dir, ['-o', 'table']);
  expect(stdout.split('\n')).toEqual([
    'RUNS 2: 1 incomplete  1 done   04:43:00Z',
    'RUN   WHAT             STATE       AGE  TOOK  STARTED    WHO',
    'd81c  failover imap21  incomplete  13m     -  04:30:00Z  ann@bastion1',
    '7f3a  failover imap21  done         1m  0.0s  04:42:00Z  ann@bastion1',
    'next  mailctl runs resume d81c',
    '',
  ]);
  expect((await list(dir)).stdout.split('\n')[0]).toBe(
    'run\tkind\ttarget\tstate\tstarted_at\tended_at\toperator\thost\tdamage',
  );
});

test('a damaged journal is listed with the reason and makes it partial; the others are listed all the same', async () => {
  const dir = await tempDir();
  await leaveRun(dir, { id: 'd81c' });
  await damagedRun(dir, 'bad1', '{"seq":1,"kind":"\x1b[31m"}\n');
  await damagedRun(dir, 'bad2', '');
  const { code, stdout } = await list(dir, ['-o', 'json']);
  expect(code).toBe(3);
  const document = JSON.parse(stdout);
  expect(
    document.runs.map(({ run, state }: { run: string; state: string }) => `${run} ${state}`).sort(),
  ).toEqual(['bad1 incomplete', 'bad2 incomplete', 'd81c incomplete']);
  expect(document.errors).toHaveLength(2);
  expect(document.errors[0]).toMatchObject({
    code: 'journal.damaged',
    hint: expect.stringMatching(/^mailctl runs show bad\d$/),
  });
  const table = await list(dir, ['-o', 'table']);
  expect(table.stdout).toContain('its journal cannot be read: ');
  expect(table.stdout).toContain('next  mailctl runs show bad1');
  expect(table.stdout).not.toContain('\x1b');
  expect((await list(dir)).stderr).toContain('warning: the journal of run bad1 cannot be read');
});

test('a run whose first record is being written just now is running and not damaged', async () => {
  const dir = await tempDir();
  const journal = await beginRun(dir, { id: '7f3a' });
  await damagedRun(dir, '7f3a', '');
  const { code, stdout } = await list(dir, ['-o', 'json']);
  await journal.close();
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    runs: [{ run: '7f3a', state: 'running', started_at: null }],
    errors: [],
  });
});

test('what a journal says cannot steer the terminal', async () => {
  const dir = await tempDir();
  await leaveRun(dir, {
    id: 'd81c',
    plan: { ...planOf(['store1']), target: 'x\x1b]0;evil\x07\ny' },
  });
  const { stdout } = await list(dir, ['-o', 'table']);
  expect(stdout).toContain('x\\x1b]0;evil\\x07');
  expect(stdout).not.toContain('\x1b');
});
