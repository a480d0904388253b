// Stored canaries as commands see them: evidence that is good to have and never worth a stop. A database that is away
// is a warning, given once; one without these tables has none.
import { MailctlError } from '../errors.js';
import type { CanaryStore } from '../slot/canary.js';
import { isEmptyState } from './tolerant-comparisons.js';

/** Where they are, and how to say that they are not. */
export interface CanaryAccess {
  toWrite(): Promise<CanaryStore>;
  toRead(): Promise<CanaryStore>;
  warn(text: string, hint?: string): void;
}

/** Nothing is opened before it is used. */
export function tolerantCanaries(access: CanaryAccess): CanaryStore {
  const tolerate = async <T>(work: () => Promise<T>, otherwise: T, effect: string): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      if (!isEmptyState(error)) access.warn(`${effect}: ${error.message}`, error.hint);
      return otherwise;
    }
  };
  return {
    store: (records) =>
      tolerate(async () => (await access.toWrite()).store(records), undefined, 'the canaries are not stored'),
    latest: (slots) =>
      tolerate(async () => (await access.toRead()).latest(slots), [], 'stored canaries cannot be read'),
  };
}
