// `mailctl drain attach`: the figures of a drain that runs elsewhere on this machine, until it ends, and its keys.
import { defineCommand } from '../command.js';
import { drainDocument, runArg } from './options.js';

/** The command. */
export const drainAttachCommand = defineCommand({
  name: 'drain attach',
  summary: 'Follow a drain until it ends',
  description:
    'Shows what drain start shows, with its keys: p pause, + - rate, s stop. Whoever attaches or goes away changes ' +
    'nothing: q or Ctrl-C detaches. Exits as the run ended: 0 done, 5 when it stopped before its end; 0 after q, 130 ' +
    'after Ctrl-C.',
  args: { run: runArg },
  options: {},
  examples: [['mailctl drain attach d81c', 'the terminal was lost, or it was begun with --detach']],
  sections: [],
  json: drainDocument,
  async run({ run }, context) {
    const { followDrain } = await import('./status-session.js');
    return followDrain(run, context);
  },
});
