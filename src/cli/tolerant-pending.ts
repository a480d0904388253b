// Whose changes wait, as commands see it: good to have and never worth a stop. A database that is away, or that has
// no such table yet, knows nothing; the warning about it is the samples' own.
import { MailctlError } from '../errors.js';
import type { PendingStore } from '../slot/pending-users.js';

/** Nothing is opened before it is used. */
export function tolerantPending(access: {
  toWrite(): Promise<PendingStore>;
  toRead(): Promise<PendingStore>;
  readonly mayWrite: boolean;
}): PendingStore {
  const tolerate = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      return otherwise;
    }
  };
  return {
    store: async (records) => {
      if (access.mayWrite) await tolerate(async () => (await access.toWrite()).store(records), undefined);
    },
    latest: (slots) => tolerate(async () => (await access.toRead()).latest(slots), []),
  };
}
