// `mailctl replication quarantine`: what is set aside; and for a slot, setting aside what blocks its replication.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import {
  dryRunOption,
  optionalArg,
  reasonOption,
  takeOverOption,
  text,
  value,
  yesOption,
} from '../options.js';
import { QUARANTINE_SCHEMA } from './quarantine-report.js';

/** The document of a call that ended in an error; shared by the commands that print this schema. */
export const quarantineJson = {
  schema: QUARANTINE_SCHEMA,
  empty: (_error: unknown, { now }: { readonly now: number }) => ({
    at: formatIso(now),
    run: null,
    outcome: 'failed',
    slots: [],
    files: [],
  }),
};

/** The command. */
export const replicationQuarantineCommand = defineCommand({
  name: 'replication quarantine',
  summary: 'Set aside the events that block a slot’s replication; without a slot: list them',
  description:
    'An event whose data cannot be sent blocks all that come after it. With SLOT the blocked log is set aside by one ' +
    'rename, so that replication goes on at once; its events are sent in parts, and those that cannot be sent are ' +
    'kept, with the birth of the oldest, whose they are, why, and what mends it. They count as lag and as possible ' +
    'loss until they have been sent. Nothing is dropped. A log that is not blocked is refused. Without SLOT, or with ' +
    '"list", what is set aside is shown: exit 0 when there is nothing, 1 when there is, 3 when a host did not answer.',
  args: { slot: optionalArg('SLOT', 'a slot of the directory, or "list"') },
  options: {
    replica: value('--replica <host>', 'only what is for this replica', text),
    takeOver: takeOverOption,
    reason: reasonOption,
    yes: yesOption,
    dryRun: dryRunOption,
  },
  examples: [
    ['mailctl replication quarantine', 'what is set aside, why, and who looks after it'],
    ['mailctl replication quarantine store15', 'let the others through; shows the plan and asks'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: quarantineJson,
  async run(options, context) {
    const { listQuarantines, quarantineSlot } = await import('./tend.js');
    if (options.slot === undefined || options.slot === 'list') return listQuarantines(context);
    const exit = await quarantineSlot({ ...options, slot: options.slot }, context);
    return exit ?? EXIT.done;
  },
});
