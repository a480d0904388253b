// Comparisons as commands see them: good to have and never worth a stop. A database that is away is a warning, given
// once; one that an older mailctl made and nobody has brought up to date has none.
import type { MailctlError } from '../errors.js';
import type { ComparisonStore } from '../slot/comparisons.js';
import { toleranceOf } from './tolerate.js';

/** Where the comparisons are, and how to say that they are not. */
export interface ComparisonAccess {
  toWrite(): Promise<ComparisonStore>;
  toRead(): Promise<ComparisonStore>;
  readonly mayWrite: boolean;
  warn(text: string, hint?: string): void;
}

/** Nothing is opened before it is used. */
export function tolerantComparisons(access: ComparisonAccess): ComparisonStore {
  const tolerate = toleranceOf((text, hint) => access.warn(text, hint), isEmptyState);
  const unread = 'stored comparisons cannot be read';
  return {
    store: async (record) => {
      if (!access.mayWrite) return;
      const work = async () => (await access.toWrite()).store(record);
      await tolerate(work, undefined, 'the comparison is not stored');
    },
    latest: (slots) => tolerate(async () => (await access.toRead()).latest(slots), [], unread),
    ownersAt: (slot, replica) =>
      tolerate(
        async () => (await access.toRead()).ownersAt(slot, replica),
        new Map<string, number>(),
        unread,
      ),
  };
}

/** There is no database yet, or none of these tables in it. */
export function isEmptyState(error: MailctlError): boolean {
  const text = `${error.message} ${error.detail ?? ''}`;
  return (
    error.code === 'state.missing' ||
    error.code === 'state.empty' ||
    /no such table|does not exist/.test(text)
  );
}
