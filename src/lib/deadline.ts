// A promise with an end: what somebody else may never answer is given up after its time.
import type { Clock } from './clock.js';

/** What `work` gives, or the error of `late` after `ms`; the signal's reason when it is aborted first. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  work: Promise<T>,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  let stop = () => {};
  const end = new Promise<never>((_, reject) => {
    const cancel = clock.timer(ms, () => reject(late()));
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    stop = () => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    stop();
    // Whoever loses the race has nobody left to tell.
    work.catch(() => {});
  }
}
