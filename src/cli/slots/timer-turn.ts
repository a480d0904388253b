// The timer's last turn, as a file in the state directory: `slots sample --do-owed` leaves it, and the end of a
// failover reads it. Whatever is wrong with the file counts as no turn: nobody is told that somebody watches.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const fileOf = (stateDir: string) => join(stateDir, 'timer.json');

/** Leaves a turn; `at` in milliseconds since 1970. A file that cannot be written is no turn. */
export async function leaveTurn(stateDir: string, at: number): Promise<void> {
  const file = fileOf(stateDir);
  try {
    await writeFile(`${file}.new`, `${JSON.stringify({ at })}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch {
    // The next reader says that nobody watches.
  }
}

/** Milliseconds since 1970 of the last turn; null: none is known. */
export async function readTurn(stateDir: string): Promise<number | null> {
  try {
    const { at } = JSON.parse(await readFile(fileOf(stateDir), 'utf8')) as { at?: unknown };
    return typeof at === 'number' && Number.isFinite(at) ? at : null;
  } catch {
    return null;
  }
}
