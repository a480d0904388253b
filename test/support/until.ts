// Waits until something is so, for tests that watch real processes.
import { setTimeout } from 'node:timers/promises';

/** Asks until the answer is yes. @throws Error when it was not in time */
export async function until(ask: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await ask())) {
    if (performance.now() >= end) throw new Error(`not so after ${timeoutMs} ms`);
    await setTimeout(50);
  }
}
