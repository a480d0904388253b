// Which form the output takes: what --output says, else MAILCTL_OUTPUT, else a table on a terminal and
// tab-separated values in a pipe.
import { UsageError } from '../errors.js';

/** The forms that every command knows. */
export const OUTPUT_FORMATS = ['table', 'tsv', 'json', 'ndjson'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** @throws UsageError when either word is none of the forms. */
export function chooseFormat(
  asked: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): OutputFormat {
  if (asked !== undefined) return parseFormat(asked, '--output');
  const preset = env.MAILCTL_OUTPUT;
  if (preset !== undefined && preset !== '') return parseFormat(preset, 'MAILCTL_OUTPUT');
  return isTerminal ? 'table' : 'tsv';
}

function parseFormat(word: string, from: string): OutputFormat {
  const format = OUTPUT_FORMATS.find((known) => known === word);
  if (format === undefined) {
    throw new UsageError(`${from} is ${JSON.stringify(word)}, which is no output form`, {
      hint: `one of ${OUTPUT_FORMATS.join(', ')}`,
    });
  }
  return format;
}
