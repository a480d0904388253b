// `mailctl queue restore`: brings back what a run of queue delete has saved.
import { defineCommand } from '../command.js';
import {
  arg,
  dryRunOption,
  groupOption,
  hostOption,
  list,
  reasonOption,
  text,
  yesOption,
} from '../options.js';
import { changeJson, changeSections } from './change-options.js';

/** The command. */
export const queueRestoreCommand = defineCommand({
  name: 'queue restore',
  summary: 'Bring back deleted messages',
  description:
    'Brings back what a run of queue delete has saved, byte for byte, into the queue it was in; from any bastion, ' +
    'until it expires.',
  args: { run: arg('RUN', 'the run that deleted them, or the beginning of its id') },
  options: {
    hosts: hostOption,
    groups: groupOption,
    ids: list('--id <id>', 'only this message', text),
    reason: reasonOption,
    yes: yesOption,
    dryRun: dryRunOption,
  },
  examples: [
    ['mailctl queue restore 7f3a', 'all of it'],
    ['mailctl queue restore 7f3a --id 4jX28t1RZxzD00t', 'one message of it'],
  ],
  sections: changeSections,
  json: changeJson,
  async run(options, context) {
    const { restoreRun } = await import('./change-chosen.js');
    return restoreRun(options, context);
  },
});
