// `mailctl drain status`: what drains there are, how far they are, and whose held mail nobody minds any more.
import { defineCommand } from '../command.js';
import { flag, groupOption, hostOption } from '../options.js';
import { drainDocument, runArg } from './options.js';

/** The command. */
export const drainStatusCommand = defineCommand({
  name: 'drain status',
  summary: 'How far the drains are, and which of them are dead',
  description:
    'Without a run: all drains of this state directory that are not over, and those that the mail hosts know of, ' +
    'whichever bastion began them. With one: that one, also when it is over. Exits 1 when a drain is dead, so that ' +
    'its mail is held by nobody who lives, 3 when a host did not answer.',
  args: { run: runArg },
  options: {
    hosts: hostOption,
    groups: groupOption,
    watch: flag(
      '--watch',
      'stays and shows it anew every second, with the keys of attach, until it is over or Ctrl-C',
    ),
    local: flag('--local', 'asks no host: what this state directory knows'),
  },
  examples: [
    ['mailctl drain status', 'all of them'],
    ['mailctl drain status d81c --watch', 'one, live'],
    ['mailctl drain status -o json', 'for a script'],
  ],
  sections: ['defaults', 'hosts'],
  json: drainDocument,
  async run(options, context) {
    const { drainStatus } = await import('./status-session.js');
    return drainStatus(options, context);
  },
});
