// A timer's last turn, as a file in the state directory: `slots sample --do-owed` leaves one that the end of a failover
// reads, what tends the holds of queues leaves one that the plan of a hold reads. Whatever is wrong with the file counts as no turn: nobody is told that somebody watches.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Whose turns: `slots sample --do-owed`, or what tends the holds of queues. */
export type TimerName = 'slots' | 'holds';

const fileOf = (stateDir: string, timer: TimerName) =>
  join(stateDir, timer === 'slots' ? 'timer.json' : `timer-${timer}.json`);

/** Leaves a turn; `at` in milliseconds since 1970. A file that cannot be written is no turn. */
export async function leaveTurn(stateDir: string, at: number, timer: TimerName = 'slots'): Promise<void> {
  const file = fileOf(stateDir, timer);
  try {
    await writeFile(`${file}.new`, `${JSON.stringify({ at })}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch {
    // The next reader says that nobody watches.
  }
}

/** Milliseconds since 1970 of the last turn; null: none is known. */
export async function readTurn(stateDir: string, timer: TimerName = 'slots'): Promise<number | null> {
  try {
    const { at } = JSON.parse(await readFile(fileOf(stateDir, timer), 'utf8')) as { at?: unknown };
    return typeof at === 'number' && Number.isFinite(at) ? at : null;
  } catch {
    return null;
  }
}
