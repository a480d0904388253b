// `mailctl queue holds`: what runs have left beside the queues of all hosts: holds, and deleted messages that are kept.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import { groupOption, hostOption } from '../options.js';
import { reportError } from '../report.js';

const SCHEMA = 'mailctl/queue-holds/v1';

/** The command. */
export const queueHoldsCommand = defineCommand({
  name: 'queue holds',
  summary: 'Who holds what, why and until when; and what was deleted and is kept',
  description:
    'Reads what the runs of queue hold and queue delete have left on the mail hosts, whichever bastion they were ' +
    'begun on. Exits 1 when the end of a hold has passed and its messages were not released, 3 when a host did not ' +
    'answer.',
  args: {},
  options: { hosts: hostOption, groups: groupOption },
  examples: [['mailctl queue holds', 'all of them']],
  sections: ['defaults', 'hosts'],
  json: { schema: SCHEMA, empty: (_error, { now }) => ({ at: formatIso(now), holds: [], deleted: [] }) },
  async run(options, context) {
    const [{ recordsOf }, { holdColumns, holdJson, isPassed }, { holdsScreen }] = await Promise.all([
      import('./change-chosen.js'),
      import('../../output/columns/holds.js'),
      import('../../output/screens/holds.js'),
    ]);
    const { answers, failures } = await recordsOf(context, options);
    const { refreshHolds } = await import('./holds-file.js');
    await refreshHolds(await context.stateDirPath(), answers);
    const now = Math.floor(context.clock.now() / 1000);
    const rows = answers.flatMap(({ queue, value }) =>
      value.map(({ record, messages }) => ({ queue: queue.name, host: queue.host, record, messages, now })),
    );
    const of = (act: string) => rows.filter(({ record }) => record.act === act);
    await context.output.print({
      schema: SCHEMA,
      document: () => ({
        at: formatIso(now * 1000),
        holds: of('hold').map(holdJson),
        deleted: of('delete').map(holdJson),
        errors: failures.map(({ host, error }) => ({ ...reportError(error).report, host })),
      }),
      rows,
      columns: holdColumns,
      record: holdJson,
      screen: (canvas) => holdsScreen(rows, canvas),
    });
    for (const { error } of failures) context.warn(error.message, error.hint);
    if (failures.length > 0) return EXIT.partial;
    return rows.some(isPassed) ? EXIT.failed : EXIT.done;
  },
});
