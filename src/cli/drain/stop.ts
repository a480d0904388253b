// `mailctl drain stop`: ends a drain. The rest stays held, unless it is to be given back to the servers.
import { defineCommand } from '../command.js';
import { flag, groupOption, hostOption, yesOption } from '../options.js';
import { drainDocument, runArg } from './options.js';

/** The command. */
export const drainStopCommand = defineCommand({
  name: 'drain stop',
  summary: 'End a drain; the rest stays held, or is given back',
  description:
    'Without --release-rest the rest stays held until drain resume goes on, and no dead man gives it back. With it ' +
    'the servers get the rest back and try it at their own pace; a drain whose process is gone is ended so, too; with -H ' +
    'also one that another bastion began.',
  args: { run: runArg },
  options: {
    hosts: hostOption,
    groups: groupOption,
    takeOver: flag('--take-over', 'with -H: one that is silent for a minute; its process is certainly gone'),
    releaseRest: flag('--release-rest', 'give what is still held back to the servers'),
    yes: yesOption,
  },
  examples: [
    ['mailctl drain stop d81c', 'the rest stays held'],
    ['mailctl drain stop d81c --release-rest', 'the servers go on by themselves'],
    ['mailctl drain stop d81c -H mx1 --release-rest', 'the bastion that began it is gone'],
  ],
  sections: ['defaults', 'hosts', 'queue'],
  json: drainDocument,
  async run(options, context) {
    const { stopDrain } = await import('./stop-session.js');
    return stopDrain(options, context);
  },
});
