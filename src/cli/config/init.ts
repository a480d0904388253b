// `mailctl config init`: a commented starting file on stdout. It writes no file, so it can overwrite none.
import { EXIT } from '../../errors.js';
import { defineCommand } from '../command.js';

/** The command. */
export const configInitCommand = defineCommand({
  name: 'config init',
  summary: 'Print a commented starting file',
  description:
    'Every key with a line that explains it, all of it commented out. It is printed, not written: put it where ' +
    'mailctl looks for it, writable by nobody but root and you.',
  args: {},
  options: {},
  examples: [
    ['mailctl config init > ~/.config/mailctl/mailctl.yaml', 'for yourself'],
    ['mailctl config init > /etc/mailctl/mailctl.yaml', 'for all users of this machine, as root'],
  ],
  sections: [],
  json: { schema: 'mailctl/error/v1', empty: () => ({}) },
  async run(_options, { output }) {
    const { STARTING_FILE } = await import('../../config/init.js');
    await output.text(STARTING_FILE);
    return EXIT.done;
  },
});
