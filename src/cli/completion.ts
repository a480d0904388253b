// `mailctl completion SHELL`: a script that completes the words of commands and their options, made from the
// same specs that parse them. Names of hosts and slots are not completed: that would ask the fleet at every Tab.
import { EXIT } from '../errors.js';
import { type AnyCommand, defineCommand, type ProgramSpec } from './command.js';
import { choiceArg } from './options.js';

/** Takes the whole program, which has this command in it. */
export function completionCommand(program: () => ProgramSpec): AnyCommand {
  return defineCommand({
    name: 'completion',
    summary: 'Print the completion script of a shell',
    description: 'It completes commands and options, not the names of hosts and slots.',
    args: { shell: choiceArg('SHELL', 'the shell', ['bash', 'zsh', 'fish']) },
    options: {},
    examples: [
      ['mailctl completion bash > /etc/bash_completion.d/mailctl', 'for everybody on this machine'],
      ['mailctl completion fish > ~/.config/fish/completions/mailctl.fish', 'for yourself, in fish'],
    ],
    sections: [],
    json: { schema: 'mailctl/error/v1', empty: () => ({}) },
    async run({ shell }, { output }) {
      const { completionScript } = await import('./completion-script.js');
      await output.text(completionScript(shell, program()));
      return EXIT.done;
    },
  });
}
