// What a command line that could not be parsed most likely asked for, so that a script that wants JSON gets its
// document even for a mistyped option. A guess only: nothing acts on it.
import type { AnyCommand } from './command.js';
import type { Env } from './streams.js';

/** The form named by the last -o or --output, else MAILCTL_OUTPUT. */
export function guessFormat(argv: readonly string[], env: Env): string | undefined {
  let format = env.MAILCTL_OUTPUT;
  argv.forEach((word, at) => {
    if (word === '-o' || word === '--output') format = argv[at + 1];
    else if (word.startsWith('--output=')) format = word.slice('--output='.length);
    else if (/^-o[^-]/.test(word)) format = word.slice(2).replace(/^=/, '');
  });
  return format;
}

/** The command whose words stand together in the line; the longest name wins. */
export function guessCommand(
  commands: readonly AnyCommand[],
  argv: readonly string[],
): AnyCommand | undefined {
  const line = ` ${argv.filter((word) => !word.startsWith('-')).join(' ')} `;
  return [...commands]
    .sort((a, b) => b.name.length - a.name.length)
    .find((command) => line.includes(` ${command.name} `));
}
