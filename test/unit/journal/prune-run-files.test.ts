// Which lists of runs are removed: old ones of runs that are over, and none that a resume would need.
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { KEEP_LISTS_MS, pruneRunFiles } from '../../../src/journal/prune-run-files.js';
import { fakeClock } from '../../support/fake-clock.js';
import { tempDir } from '../../support/temp-dir.js';

const line = (more: object) => `${JSON.stringify({ at: '2026-03-12T04:28:00.000Z', ...more })}\n`;
const opened = line({
  seq: 1,
  kind: 'opened',
  format: 1,
  mailctl: '0',
  operator: 'a',
  host: 'b',
  bootId: 'c',
  plan: {},
});
const closed = line({ seq: 2, kind: 'closed', state: 'done' });

it('removes what is old and belongs to no open run', async () => {
  const state = await tempDir();
  const runs = join(state, 'runs');
  mkdirSync(runs);
  const clock = fakeClock();
  const put = (name: string, text: string, ageMs: number) => {
    const file = join(runs, name);
    writeFileSync(file, text);
    const at = (clock.now() - ageMs) / 1000;
    utimesSync(file, at, at);
  };
  const old = KEEP_LISTS_MS + 1000;
  put('7f3a.ndjson', opened + closed, old);
  put('7f3a01234567.parts', 'x', old);
  put('7f3b.ndjson', opened, old);
  put('7f3b01234567.parts', 'x', old);
  put('7f3b01234567.results', 'x', old);
  put('7f3c01234567.parts', 'x', old);
  put('7f3d01234567.parts', 'x', 1000);
  put('notes.parts', 'x', old);
  await pruneRunFiles(state, clock);
  expect(readdirSync(runs).sort()).toEqual([
    '7f3a.ndjson',
    '7f3b.ndjson',
    '7f3b01234567.parts',
    '7f3b01234567.results',
    '7f3d01234567.parts',
    'notes.parts',
  ]);
  await pruneRunFiles(join(state, 'nowhere'), clock);
});
