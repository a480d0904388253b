// `mailctl replication watch`: looks again and again, tells what changes, and where the configuration says so sets
// aside what blocks and sends it again when it is due.
import { parseDuration } from '../../lib/duration.js';
import { defineCommand } from '../command.js';
import { flag, optionalArgs, timeSpan, valueOr } from '../options.js';
import { quarantineJson } from './quarantine.js';

/** The command. */
export const replicationWatchCommand = defineCommand({
  name: 'replication watch',
  summary: 'Watch for blocked replication; with stores.quarantine.auto let the others through by itself',
  description:
    'Looks at every slot once a minute until it is interrupted, and says what blocks, what is set aside, and what is ' +
    'no more. With "auto" of stores.quarantine in the configuration it does by itself what replication quarantine ' +
    'and, when it is due, replication retry do, under the lease and journaled; of one slot at most six times an ' +
    'hour. With --once it ends after one look: 0 when nothing is blocked or set aside, 1 when something is, 3 when a ' +
    'host did not answer.',
  args: { slots: optionalArgs('SLOT', 'slots of the directory; without: all') },
  options: {
    once: flag('--once', 'one look, for a timer'),
    everyMs: valueOr(
      '--every <duration>',
      'how often it looks',
      timeSpan,
      parseDuration('1m') ?? 60_000,
      '1m',
    ),
  },
  examples: [
    ['mailctl replication watch', 'until Ctrl-C'],
    ['mailctl replication watch --once', 'once, for a timer'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: quarantineJson,
  async run(options, context) {
    const { watchReplication } = await import('./watch-session.js');
    return watchReplication(options, context);
  },
});
