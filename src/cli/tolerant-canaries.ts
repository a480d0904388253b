// Stored canaries as commands see them: evidence that is good to have and never worth a stop. A database that is away
// is a warning, given once; one without these tables has none.
import type { CanaryStore } from '../slot/canary.js';
import { isEmptyState } from './tolerant-comparisons.js';
import { toleranceOf } from './tolerate.js';

/** Where they are, and how to say that they are not. */
export interface CanaryAccess {
  toWrite(): Promise<CanaryStore>;
  toRead(): Promise<CanaryStore>;
  warn(text: string, hint?: string): void;
}

/** Nothing is opened before it is used. */
export function tolerantCanaries(access: CanaryAccess): CanaryStore {
  const tolerate = toleranceOf((text, hint) => access.warn(text, hint), isEmptyState);
  return {
    store: (records) =>
      tolerate(async () => (await access.toWrite()).store(records), undefined, 'the canaries are not stored'),
    latest: (slots) =>
      tolerate(async () => (await access.toRead()).latest(slots), [], 'stored canaries cannot be read'),
  };
}
