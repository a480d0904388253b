import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RunNotes } from '../../../src/journal/run-notes.js';
import { tempDir } from '../../support/temp-dir.js';

test('what was asked of an earlier execution is passed over, what comes after is heard', async () => {
  const dir = await tempDir();
  await mkdir(join(dir, 'runs'));
  const [asks, run] = [new RunNotes(dir, 'd81c'), new RunNotes(dir, 'd81c')];
  await asks.ask({ ask: 'stop' });
  await run.passOverRequests();
  await asks.ask({ ask: 'pause' });
  expect(await run.requests()).toEqual([{ ask: 'pause' }]);
  expect(await run.requests()).toEqual([]);
});
