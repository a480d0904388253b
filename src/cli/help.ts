// `mailctl help`: the help of a command by its words, and the topics that belong to no command.
import { EXIT, UsageError } from '../errors.js';
import { nearest } from '../lib/nearest.js';
import { type AnyCommand, defineCommand, type ProgramSpec } from './command.js';
import { exitCodeColumns, exitCodeRows } from './exit-codes.js';
import { helpFor } from './help-text.js';
import { optionalArgs } from './options.js';
import { WIDEST_HELP } from './streams.js';

/** Takes the whole program, which has this command in it. */
export function helpCommand(program: () => ProgramSpec): AnyCommand {
  return defineCommand({
    name: 'help',
    summary: 'Help of a command; help exit-codes prints the exit codes',
    args: { words: optionalArgs('COMMAND', 'the words of a command, or exit-codes') },
    options: {},
    examples: [
      ['mailctl help slots list', 'what slots list takes and prints'],
      ['mailctl help exit-codes', 'what the exit codes mean'],
    ],
    sections: [],
    json: { schema: 'mailctl/exit-codes/v1', empty: () => ({ exit_codes: [] }) },
    async run({ words }, { output, terminal }) {
      if (words.length === 1 && words[0] === 'exit-codes') {
        await output.print({
          schema: 'mailctl/exit-codes/v1',
          document: () => ({ exit_codes: exitCodeRows, errors: [] }),
          rows: exitCodeRows,
          columns: exitCodeColumns,
          screen: (canvas) => [
            ...canvas.table(exitCodeRows, exitCodeColumns),
            'More than one applies: 130 before 5 before 3 before 1.',
          ],
        });
        return EXIT.done;
      }
      const text = helpFor(program(), words, Math.min(terminal.columns(), WIDEST_HELP));
      if (text === undefined) {
        const names = program().commands.map(({ name }) => name);
        const near = nearest(words.join(' '), [...names, 'exit-codes'], 1)[0];
        throw new UsageError(`there is no command '${words.join(' ')}'`, {
          code: 'usage.command',
          hint:
            near === undefined ? 'mailctl --help lists the commands' : `did you mean mailctl help ${near}?`,
        });
      }
      await output.text(text);
      return EXIT.done;
    },
  });
}
