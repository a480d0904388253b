// Samples as commands see them: evidence that is good to have and never worth a stop. A database that cannot be
// opened, read or written is a warning, given once; a dry run stores nothing.
import { MailctlError } from '../errors.js';
import type { SampleStore } from '../slot/samples.js';
import { toleranceOf } from './tolerate.js';

/** Where the samples are, and how to say that they are not. */
export interface SampleAccess {
  /** Opens the database for writing. */
  toWrite(): Promise<SampleStore>;
  /** Opens it for reading, when it cannot be written or must not be. */
  toRead(): Promise<SampleStore>;
  readonly mayWrite: boolean;
  warn(text: string, hint?: string): void;
}

/** Nothing is opened before it is used. Errors that are no MailctlError are faults of ours and are thrown. */
export function tolerantSamples(access: SampleAccess): SampleStore {
  const tolerate = toleranceOf((text, hint) => access.warn(text, hint));
  /** Reading works on a database that cannot be written; and one that nobody made yet is empty. */
  const reader = async (): Promise<SampleStore | undefined> => {
    try {
      return await access.toRead();
    } catch (error) {
      if (error instanceof MailctlError && EMPTY.has(error.code)) return undefined;
      throw error;
    }
  };
  return {
    store: async (samples) => {
      if (!access.mayWrite || samples.length === 0) return;
      await tolerate(
        async () => (await access.toWrite()).store(samples),
        undefined,
        'the samples are not stored',
      );
    },
    latest: (slots) =>
      tolerate(
        async () => (await (await reader())?.latest(slots)) ?? [],
        [],
        'stored samples cannot be read',
      ),
    lastEmpty: (slots) =>
      tolerate(
        async () => (await (await reader())?.lastEmpty(slots)) ?? [],
        [],
        'stored samples cannot be read',
      ),
    history: (slot, sinceSeconds) =>
      tolerate(
        async () => (await (await reader())?.history(slot, sinceSeconds)) ?? [],
        [],
        'stored samples cannot be read',
      ),
  };
}

const EMPTY: ReadonlySet<string> = new Set(['state.missing', 'state.empty']);
