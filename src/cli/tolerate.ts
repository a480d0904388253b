// What is stored as evidence is good to have and never worth a stop: what cannot be stored or read is a warning, given
// once, and the work goes on without it. Errors that are no MailctlError are faults of ours and are thrown.
import { MailctlError } from '../errors.js';

/** Does the work, or gives `otherwise`; `effect` begins the warning: `the samples are not stored`. */
export type Tolerate = <T>(work: () => Promise<T>, otherwise: T, effect: string) => Promise<T>;

/** One store's tolerance; an error that `isQuiet` says is no news is not told. */
export function toleranceOf(
  warn: (text: string, hint?: string) => void,
  isQuiet: (error: MailctlError) => boolean = () => false,
): Tolerate {
  let hasWarned = false;
  return async (work, otherwise, effect) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      if (hasWarned || isQuiet(error)) return otherwise;
      hasWarned = true;
      warn(`${effect}: ${error.message}`, error.hint);
      return otherwise;
    }
  };
}
