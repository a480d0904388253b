// Kept looks at queues as commands see them: good to have and never worth a stop. A database that is away is a warning,
// given once: nothing is kept and nothing is known; one without these tables has none.
import type { LookStore } from '../queue/queue-look.js';
import { isEmptyState } from './tolerant-comparisons.js';
import { toleranceOf } from './tolerate.js';

/** Where they are, and how to say that they are not. Nothing is opened before it is used. */
export function tolerantLooks(access: {
  toWrite(): Promise<LookStore>;
  toRead(): Promise<LookStore>;
  warn(text: string, hint?: string): void;
}): LookStore {
  const tolerate = toleranceOf((text, hint) => access.warn(text, hint), isEmptyState);
  const unread = 'looks at the queues that were kept cannot be read';
  return {
    store: (looks) =>
      tolerate(async () => (await access.toWrite()).store(looks), undefined, 'the look is not kept'),
    since: (at) => tolerate(async () => (await access.toRead()).since(at), [], unread),
    latest: () => tolerate(async () => (await access.toRead()).latest(), [], unread),
  };
}
