// Removes the lists and results of runs that are over (run-files.ts). Most are gone with the end of their run; this is
// for those that are kept so that they can be taken back, and for what a crash has left between the list and the
// journal. A run that is not closed keeps its files, however old they are: it can be resumed.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { listRuns } from './store.js';

/** How long the list of a run that has ended is kept, so that the run can be taken back. */
export const KEEP_LISTS_MS = 14 * 24 * 3_600_000;

const FILE = /^([0-9a-f]{4,16})\.(?:parts|results)$/;

/** Removes what is older than KEEP_LISTS_MS and belongs to no open run. Never throws: the next turn tries again. */
export async function pruneRunFiles(stateDir: string, clock: Clock): Promise<void> {
  try {
    const folder = join(stateDir, 'runs');
    const old: { readonly key: string; readonly file: string }[] = [];
    for (const name of await readdir(folder)) {
      const key = FILE.exec(name)?.[1];
      if (key === undefined) continue;
      const file = join(folder, name);
      if (clock.now() - (await stat(file)).mtimeMs > KEEP_LISTS_MS) old.push({ key, file });
    }
    // Journals are read only when there is something to remove.
    if (old.length === 0) return;
    const open = (await listRuns(stateDir, clock)).filter(
      ({ state }) => state === 'running' || state === 'incomplete',
    );
    for (const { key, file } of old)
      if (!open.some(({ run }) => key.startsWith(run))) await rm(file, { force: true });
  } catch {
    // A folder that cannot be read has nothing that we could remove.
  }
}
