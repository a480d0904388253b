// This program once more, in a session of its own: no terminal, no streams, whatever becomes of the shell that began it.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Environment } from './child.js';

/** Starts it with these words and forgets it. */
export function spawnDetached(words: readonly string[], env: Environment): void {
  const child = spawn(process.execPath, [...process.execArgv, resolve(process.argv[1] ?? ''), ...words], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    env: { ...env },
  });
  // One that could not be started is noticed by its journal, which nobody holds.
  child.on('error', () => {});
  child.unref();
}
