import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Journal } from '../../../../src/journal/journal.js';
import type { NewRecord } from '../../../../src/journal/record.js';
import { systemClock } from '../../../../src/lib/clock.js';
import { main } from '../../../../src/main.js';
import { BufferStream, runCli, TypingStream } from '../../../support/run-cli.js';
import { beginRun, damagedRun, doneLane, leaveRun, planOf } from '../../../support/run-files.js';
import { tempDir } from '../../../support/temp-dir.js';

/** An attach that has begun: what it has printed, and its end. */
function attach(dir: string, ...argv: readonly string[]) {
  const stdout = new BufferStream();
  const stderr = new BufferStream();
  const before = process.listeners('SIGINT');
  const streams = { stdin: new TypingStream(false, []), stdout, stderr };
  const ended = main(['runs', 'attach', '7f3a', '--state-dir', dir, ...argv], {}, streams, systemClock);
  return {
    stdout,
    stderr,
    ended,
    /** As Ctrl-C does, for this program run alone. */
    interrupt() {
      const own = process.listeners('SIGINT').filter((listener) => !before.includes(listener));
      expect(own).toHaveLength(1);
      for (const listener of own) listener('SIGINT');
    },
    async sees(text: string) {
      await expect.poll(() => stdout.text, { timeout: 20_000, interval: 20 }).toContain(text);
    },
  };
}

async function append(journal: Journal, records: readonly NewRecord[]) {
  for (const record of records) await journal.append(record);
}

test('records are printed as they are written, as sentences, until the run is closed', async () => {
  const dir = await tempDir();
  const journal = await beginRun(dir, { plan: planOf(['store1', 'store10']) });
  await journal.append({ kind: 'began', lane: 'store1', step: 'lease' });
  const following = attach(dir, '-o', 'table');
  await following.sees('04:28:00Z  store1   begins: lease of store1\n');
  await append(journal, [...doneLane('store1').slice(1)]);
  await following.sees('store1   owed: stop of store1: imap21 is away\n');
  await append(journal, [
    ...doneLane('store10'),
    { kind: 'note', lane: '', text: 'imap21 answers \x1b[2J again' },
    { kind: 'closed', state: 'done' },
  ]);
  // It ends with the run, not with the process that ran it.
  expect(await following.ended).toBe(0);
  await journal.close();
  const lines = following.stdout.text.split('\n');
  expect(lines[0]).toBe('04:28:00Z           run 7f3a begins: failover imap21, 2 lanes, by ann on bastion1');
  expect(lines).toContain('04:28:00Z  store10  was so already: hook of store10: none');
  expect(lines).toContain('04:28:00Z           imap21 answers \\x1b[2J again');
  expect(lines).toContain('04:28:00Z           run 7f3a is done');
  expect(following.stdout.text).toMatch(
    /RUN 7f3a {2}failover imap21 {2}done .*\n(.*\n)+next {2}mailctl slots list/,
  );
});

test.each([
  ['done', [...doneLane('store1'), { kind: 'closed', state: 'done' }], 0],
  [
    'reverted',
    [
      { kind: 'lane-closed', lane: 'store1', state: 'reverted' },
      { kind: 'closed', state: 'reverted' },
    ],
    1,
  ],
  [
    'failed',
    [
      { kind: 'lane-closed', lane: 'store1', state: 'failed' },
      { kind: 'closed', state: 'failed' },
    ],
    1,
  ],
  [
    'failed',
    [
      ...doneLane('store1'),
      { kind: 'lane-closed', lane: 'store2', state: 'reverted' },
      { kind: 'closed', state: 'failed' },
    ],
    3,
  ],
  ['incomplete', doneLane('store1').slice(0, 2), 5],
] as readonly (readonly [string, readonly NewRecord[], number])[])(
  'a run that ended %s is shown where it stands, with its exit code',
  async (state, records, exit) => {
    const dir = await tempDir();
    await leaveRun(dir, { plan: planOf(['store1', 'store2']), records });
    const screen = await runCli(['runs', 'attach', '7f3a', '--state-dir', dir, '-o', 'table']);
    expect(screen.code).toBe(exit);
    expect(screen.stdout.split('\n')[0]?.toLowerCase()).toContain(` ${state} `);
    expect(screen.stdout).toMatch(/^next {2}mailctl /m);
    const json = await runCli(['runs', 'attach', '7f3a', '--state-dir', dir, '-o', 'json']);
    expect(json.code).toBe(exit);
    expect(JSON.parse(json.stdout)).toMatchObject({
      schema: 'mailctl/run-attach/v1',
      run: '7f3a',
      state,
      errors: [],
    });
    expect(JSON.parse(json.stdout).records).toHaveLength(records.length + 1);
  },
);

test('a run whose process dies in the middle ends as incomplete, with the command that goes on', async () => {
  const dir = await tempDir();
  const journal = await beginRun(dir);
  const following = attach(dir, '-o', 'table');
  await following.sees('run 7f3a begins');
  await journal.append({ kind: 'began', lane: 'store1', step: 'lease' });
  await journal.close();
  expect(await following.ended).toBe(5);
  expect(following.stdout.text).toContain('store1  begins: lease of store1\n');
  expect(following.stdout.text).toContain('next  mailctl runs resume 7f3a');
});

test('ndjson is the records themselves, tsv a row for each', async () => {
  const dir = await tempDir();
  const records: readonly NewRecord[] = [...doneLane('store1'), { kind: 'closed', state: 'done' }];
  const file = await leaveRun(dir, { records });
  const ndjson = await runCli(['runs', 'attach', '7f3a', '--state-dir', dir, '-o', 'ndjson']);
  expect(ndjson).toEqual({ code: 0, stdout: await readFile(file, 'utf8'), stderr: '' });
  const tsv = (await runCli(['runs', 'attach', '7f3a', '--state-dir', dir])).stdout.trimEnd().split('\n');
  expect(tsv[0]).toBe('at\tseq\tlane\tkind\tstep\twhat');
  expect(tsv[4]).toBe(
    '2026-03-12T04:28:00.000Z\t4\tstore1\towed\tstop\towed: stop of store1: imap21 is away',
  );
  expect(tsv).toHaveLength(1 + 1 + records.length);
});

test('Ctrl-C detaches: the run goes on, and the way back to it is said', async () => {
  const dir = await tempDir();
  const journal = await beginRun(dir);
  const following = attach(dir, '-o', 'table');
  await following.sees('run 7f3a begins');
  following.interrupt();
  expect(await following.ended).toBe(130);
  expect(following.stderr.text).toBe('detached: run 7f3a goes on; next  mailctl runs attach 7f3a\n');
  await append(journal, [...doneLane('store1'), { kind: 'closed', state: 'done' }]);
  await journal.close();
});

test('a damaged journal stops it with file and line, after what could be read', async () => {
  const dir = await tempDir();
  const file = await leaveRun(dir);
  await damagedRun(dir, '7f3a', `${await readFile(file, 'utf8')}nonsense\n`);
  const { code, stderr } = await runCli(['runs', 'attach', '7f3a', '--state-dir', dir]);
  expect(code).toBe(3);
  expect(stderr).toContain('7f3a.ndjson:2: not a line of JSON');
});
