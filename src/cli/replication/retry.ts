// `mailctl replication retry`: sends events that were set aside again.
import { defineCommand } from '../command.js';
import { dryRunOption, optionalArgs, reasonOption, takeOverOption, yesOption } from '../options.js';
import { quarantineJson } from './quarantine.js';

/** The command. */
export const replicationRetryCommand = defineCommand({
  name: 'replication retry',
  summary: 'Send events that were set aside again',
  description:
    'Sends what is in quarantine again, in parts. What went through is taken out, what did not stays with its cause. ' +
    'Exits 0 when nothing is left, 3 when something is.',
  args: { slots: optionalArgs('SLOT', 'slots of the directory; without: all that have something set aside') },
  options: { takeOver: takeOverOption, reason: reasonOption, yes: yesOption, dryRun: dryRunOption },
  examples: [['mailctl replication retry store15', 'after the repair']],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: quarantineJson,
  async run(options, context) {
    const { retrySlots } = await import('./tend.js');
    return retrySlots(options, context);
  },
});
