// `mailctl runs resume`: goes on with a run that was interrupted, from what its journal and the hosts say.
import { EXIT } from '../../errors.js';
import { defineCommand } from '../command.js';
import { failoverJson } from '../failover.js';
import { arg, yesOption } from '../options.js';

/** The command. */
export const runsResumeCommand = defineCommand({
  name: 'runs resume',
  summary: 'Go on with a run that was interrupted',
  description:
    'Lanes that are past their point of no return only go forward. The gates of the others are judged anew, with ' +
    "today's evidence; one that is refused now is taken back. A run that is closed: nothing to do.",
  args: { run: arg('RUN', 'its id, or the beginning of it') },
  options: { yes: yesOption },
  examples: [['mailctl runs resume 7f3a', 'looks, shows what is left, asks, goes on']],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state', 'queue'],
  json: failoverJson,
  async run({ run, yes }, context) {
    const { takeUpRun } = await import('./take-up.js');
    const answer = await takeUpRun({ run, yes, how: 'resume' }, context);
    return answer ?? EXIT.done;
  },
});
