// `mailctl drain resume`: goes on with a drain that is paused, was stopped, or is dead.
import { defineCommand } from '../command.js';
import { flag, groupOption, hostOption, yesOption } from '../options.js';
import { drainDocument, runArg } from './options.js';

/** The command. */
export const drainResumeCommand = defineCommand({
  name: 'drain resume',
  summary: 'Go on with a drain that is paused, stopped or dead',
  description:
    'One that is paused is told to go on. One whose process is gone is gone on with here: where each message is, the ' +
    'queue itself says; what is held is released, what was put off or given back meanwhile is parked again, what is ' +
    'gone is done. With -H also one that another bastion began: its list and limits lie on the mail host, and it goes ' +
    'on as a new run of this one. Exit 6: its process lives, there.',
  args: { run: runArg },
  options: {
    hosts: hostOption,
    groups: groupOption,
    takeOver: flag('--take-over', 'with -H: one that is silent for a minute; its process is certainly gone'),
    yes: yesOption,
  },
  examples: [
    ['mailctl drain resume d81c', 'after kill -9, Ctrl-C, or on the day after'],
    ['mailctl drain resume d81c -H mx1', 'the bastion that began it is gone'],
  ],
  sections: ['defaults', 'hosts', 'destinations', 'queue'],
  json: drainDocument,
  async run(options, context) {
    const { resumeDrain } = await import('./resume-session.js');
    return resumeDrain(options, context);
  },
});
