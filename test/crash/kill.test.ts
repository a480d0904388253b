// The real thing once: a process with a real journal and a real lock, killed -9 at places of a run, and gone on
// with by the next one. The world is files, each of which can be made only once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isHeld } from '../../src/journal/lock.js';
import { followJournal, readJournal } from '../../src/journal/read-journal.js';
import { listRuns } from '../../src/journal/store.js';
import { systemClock } from '../../src/lib/clock.js';
import { tempDir } from '../support/temp-dir.js';

const clock = systemClock;

/** Starts a process that executes the run; gives its exit. */
function execute(stateDir: string, run: string) {
  const script = join(import.meta.dirname, 'killed-run.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, stateDir, run], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { child, exit: once(child, 'exit') };
}

test('a run that is killed at several places and resumed each time is done, each act once', {
  timeout: 120_000,
}, async () => {
  const stateDir = await tempDir();
  const file = join(stateDir, 'runs/7f3a.ndjson');
  let next = execute(stateDir, 'new');
  for (const records of [4, 9, 14, 19]) {
    await expect.poll(() => isHeldThere(file), { timeout: 30_000 }).toBe(true);
    await expect
      .poll(
        () =>
          readJournal(file).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true);
    for await (const { seq } of followJournal(file, {
      clock,
      isAlive: () => isHeld(file, clock),
      pollMs: 1,
    })) {
      if (seq < records) continue;
      next.child.kill('SIGKILL');
      break;
    }
    expect(await next.exit).toEqual([null, 'SIGKILL']);
    expect(await listRuns(stateDir, clock)).toMatchObject([
      { run: '7f3a', state: 'incomplete', damage: undefined },
    ]);
    next = execute(stateDir, '7f3a');
  }
  expect(await next.exit).toEqual([0, null]);
  expect(await listRuns(stateDir, clock)).toMatchObject([{ run: '7f3a', state: 'done', holder: undefined }]);
  const steps = ['lease', 'stop', 'drain', 'swap', 'start', 'login', 'back'];
  const all = [...['store1', 'store2'].flatMap((lane) => steps.map((step) => `${lane}-${step}`)), '-hook'];
  expect((await readdir(join(stateDir, 'world'))).sort()).toEqual(all.sort());
  const { records } = await readJournal(file);
  expect(records.filter(({ kind }) => kind === 'resumed')).toHaveLength(4);
});

/** False also while there is no journal yet. */
const isHeldThere = (file: string): Promise<boolean> => isHeld(file, clock).catch(() => false);
