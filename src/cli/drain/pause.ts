// `mailctl drain pause`: a request beside the journal, which the run reads at its next tick.
import { defineCommand } from '../command.js';
import { drainDocument, runArg } from './options.js';

/** The command. */
export const drainPauseCommand = defineCommand({
  name: 'drain pause',
  summary: 'Release nothing more for now; drain resume goes on',
  description:
    'What is in flight lands, the rest stays held, the heartbeat goes on: a drain may be paused for as long as its ' +
    'process lives. Only from the machine that runs it.',
  args: { run: runArg },
  options: {},
  examples: [['mailctl drain pause d81c', 'something else needs the host just now']],
  sections: [],
  json: drainDocument,
  async run({ run }, context) {
    const [{ findDrain }, { mustLive }, { say }] = await Promise.all([
      import('./find-drain.js'),
      import('./resume-session.js'),
      import('./say.js'),
    ]);
    const found = await findDrain(context, run);
    mustLive(found);
    await found.notes.ask({ ask: 'pause', by: context.operator.name });
    return say(
      context,
      `drain ${found.run} is told to pause; mailctl drain resume ${found.run} lets it go on`,
    );
  },
});
