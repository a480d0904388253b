// `mailctl drain resume`: goes on with a drain that is paused, was stopped, or is dead.
import { defineCommand } from '../command.js';
import { yesOption } from '../options.js';
import { drainDocument, runArg } from './options.js';

/** The command. */
export const drainResumeCommand = defineCommand({
  name: 'drain resume',
  summary: 'Go on with a drain that is paused, stopped or dead',
  description:
    'One that is paused is told to go on. One whose process is gone is gone on with here: where each message is, the ' +
    'queue itself says; what is held is released, what was put off or given back meanwhile is parked again, what is ' +
    'gone is done.',
  args: { run: runArg },
  options: { yes: yesOption },
  examples: [['mailctl drain resume d81c', 'after kill -9, Ctrl-C, or on the day after']],
  sections: ['defaults', 'hosts', 'destinations', 'queue'],
  json: drainDocument,
  async run({ run, yes }, context) {
    const { resumeDrain } = await import('./resume-session.js');
    return resumeDrain({ run, yes }, context);
  },
});
