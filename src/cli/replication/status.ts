// `mailctl replication status`: how far every replica is behind, whose mail that is, and whether it gets better.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import type { SlotReplication } from '../../slot/replication.js';
import { defineCommand } from '../command.js';
import { flag, groupOption, hostOption, optionalArgs } from '../options.js';
import { reportError } from '../report.js';

const SCHEMA = 'mailctl/replication-status/v1';

/** The command. */
export const replicationStatusCommand = defineCommand({
  name: 'replication status',
  groupDefault: true,
  summary: 'How far the replicas are behind, whose mail that is, and whether it gets better',
  description:
    'Asks every host once and reads the masters’ replication logs, bounded: the age of the oldest event that waits, ' +
    'the users whose events wait, what is quarantined, whether sync_client lives, fails on the same events again and ' +
    'again, or was given up. Critical: no replica of the slot is known to be less than max_lag behind. Exits 0 when ' +
    'all is well, 1 when a slot is not, 3 when a host did not answer. It cannot see silent loss: replication verify.',
  args: { slots: optionalArgs('SLOT', 'slots of the directory; all when none is named') },
  options: {
    hosts: hostOption,
    groups: groupOption,
    all: flag('--all', 'also the slots that are fine, line by line'),
  },
  examples: [
    ['mailctl replication status', 'what is behind or stuck, the rest in one line'],
    ['mailctl replication status store15 -o json', 'one slot with every user that waits'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: { schema: SCHEMA, empty: (_error, { now }) => ({ at: formatIso(now), slots: [] }) },
  async run(options, context) {
    const { surroundingsOf } = await import('../slots/surroundings.js');
    const { silentHosts } = await import('../slots/list.js');
    const { replicationStatus } = await import('../../slot/replication-status.js');
    const { storeSamples } = await import('../../slot/list.js');
    const { chosenSlots } = await import('./chosen-slots.js');
    const config = await context.config();
    const slots = await chosenSlots(context, options);
    const samples = await context.samples();
    const comparisons = await context.comparisons({ readOnly: true });
    const sources = await context.userSources({ readOnly: true });
    const found = await replicationStatus(slots, {
      around: await surroundingsOf(context, { readOnly: true }),
      samples,
      comparisons: (names) => comparisons.latest(names),
      moves: () => sources.moves(),
      maxLagS: config.stores.maxLagMs / 1000,
    });
    await storeSamples(samples, slots, found.sight, context.clock);
    const silent = silentHosts(found.sight);
    const now = context.clock.now();
    const { replicationColumns, replicationRows } = await import('../../output/columns/replication.js');
    const { replicationScreen } = await import('../../output/screens/replication.js');
    const { replicationDocument } = await import('./status-json.js');
    await context.output.print({
      schema: SCHEMA,
      document: () => ({
        ...replicationDocument(found.slots, now),
        errors: [
          ...silent.map(({ host, error }) => ({ ...reportError(error).report, host })),
          ...found.problems.map((error) => reportError(error).report),
        ],
      }),
      rows: replicationRows(found.slots),
      columns: replicationColumns,
      screen: (canvas) =>
        replicationScreen(
          {
            slots: found.slots,
            silent: silent.map(({ host, error }) => ({ host, message: error.message })),
            hostsAsked: found.sight.size,
            now,
            all: options.all,
          },
          canvas,
        ),
    });
    if (context.output.format !== 'table')
      for (const { error } of silent) context.warn(error.message, error.hint);
    for (const error of found.problems) context.warn(error.message, error.hint);
    return exitOfReplication(found.slots, silent.length > 0 || found.problems.length > 0);
  },
});

/** 3 when somebody did not answer, 1 when a slot is not well. */
export function exitOfReplication(slots: readonly SlotReplication[], isPartial: boolean): number {
  if (isPartial) return EXIT.partial;
  return slots.every((slot) => slot.level === 'ok') ? EXIT.done : EXIT.failed;
}
