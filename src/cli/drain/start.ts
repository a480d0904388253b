// `mailctl drain [start]`: parks a backlog and releases it so that nothing tips over.
import { defineCommand } from '../command.js';
import { drainDocument, startOptions } from './options.js';

/** The command. */
export const drainStartCommand = defineCommand({
  name: 'drain start',
  groupDefault: true,
  summary: 'Send a backlog under control: parked, then released as fast as each destination takes it',
  description:
    'Parks (holds) the messages that are meant, then releases them so that each destination stays below its limit of ' +
    'connections and the host below its own. Domains behind one MX share a window, and so do several hosts. A window ' +
    'grows while deliveries are clean, halves when more than a tenth is pushed back (421, 4.7.x), stops when more ' +
    'than half is, and asks again later. Limits come from --limit, from destinations in the configuration, else 20 ' +
    'connections. Keys on its screen: p pause, + - rate, s stop with the rest held, q leave it running. Ctrl-C finishes ' +
    'the tick and leaves the rest held; a terminal that hangs up ends nothing. Exit 6: another drain has the queue.',
  args: {},
  options: startOptions,
  examples: [
    ["mailctl drain start -H 'mx*' --destination gmail --limit gmail=20", 'the backlog of one provider'],
    ['mailctl drain start -H mx1 --older-than 1h --rate 100/s --detach', 'unattended'],
    ['mailctl drain start -H mx1 --all --dry-run', 'how many, to whom, how long'],
  ],
  sections: ['defaults', 'hosts', 'destinations', 'queue'],
  json: drainDocument,
  async run(options, context) {
    const { startDrain } = await import('./start-session.js');
    return startDrain(options, context);
  },
});
