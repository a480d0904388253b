// What a drain command answers in a sentence, and an empty list of runs for scripts.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import type { Context } from '../context.js';
import { DRAIN_SCHEMA } from './options.js';

/** An answer in a sentence. */
export async function say(context: Context, text: string, exit: number = EXIT.done): Promise<number> {
  // Behind a pipe there is no screen, and a sentence is no row.
  if (context.output.format === 'tsv') context.note(text);
  await context.output.print({
    schema: DRAIN_SCHEMA,
    document: () => ({ at: formatIso(context.clock.now()), runs: [], note: text, errors: [] }),
    rows: [],
    columns: [],
    screen: () => [text],
  });
  return exit;
}
