// A directory for one test, gone after it; in memory where the machine has such a place.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Makes it (mode 0700); to be called within a test. */
export async function tempDir(): Promise<string> {
  const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const dir = await mkdtemp(join(base, 'mailctl-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}
