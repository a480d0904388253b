// The text of one option or argument to its value, the same for both readers of a command line (program.ts,
// plain-line.ts).
import { UsageError } from '../errors.js';

/** Checks the choices, then parses; a mistake names the option and its value. @throws UsageError */
export function parseWord(
  word: string,
  name: string,
  spec: { readonly parse: (word: string) => unknown; readonly choices?: readonly string[] | undefined },
): unknown {
  if (spec.choices !== undefined && !spec.choices.includes(word)) {
    throw new UsageError(`${name}: ${JSON.stringify(word)} is none of its values`, {
      hint: `one of ${spec.choices.join(', ')}`,
    });
  }
  try {
    return spec.parse(word);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${name}: ${error.message}`, {
      code: error.code,
      detail: error.detail,
      hint: error.hint,
    });
  }
}
