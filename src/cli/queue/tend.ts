// `mailctl queue tend`: what a timer runs once a minute, so that holds with an end keep what they promise.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import type { Column } from '../../output/columns/column.js';
import { defineCommand } from '../command.js';
import { dryRunOption, groupOption, hostOption } from '../options.js';
import { reportError } from '../report.js';
import type { Tended } from './tend-holds.js';

const SCHEMA = 'mailctl/queue-tend/v1';

/** The command. */
export const queueTendCommand = defineCommand({
  name: 'queue tend',
  summary: 'Hold what is owed to standing holds, release those that have passed; for a timer',
  description:
    'For every hold with an end: mail that has arrived meanwhile and fits its selectors is held too, and once the ' +
    'end has passed all that it has held is released. What is sent between two turns goes out: no mail server is ' +
    'reconfigured. Deleted messages whose time is over are removed for good. Prints nothing but what it did. A timer runs queue sample --do-owed, which does this as well.',
  args: {},
  options: { hosts: hostOption, groups: groupOption, dryRun: dryRunOption },
  examples: [
    ['mailctl queue tend', 'now, without waiting for the timer'],
    ['mailctl queue tend --dry-run', 'what is owed now'],
  ],
  sections: ['defaults', 'hosts', 'destinations', 'queue'],
  json: { schema: SCHEMA, empty: (_error, { now }) => ({ at: formatIso(now), done: [] }) },
  async run(options, context) {
    const { tendHolds } = await import('./tend-holds.js');
    const { done, failures } = await tendHolds(options, context);
    const isDocument = context.output.format === 'json' || context.output.format === 'ndjson';
    if (isDocument || done.length > 0) {
      await context.output.print({
        schema: SCHEMA,
        document: () => ({
          at: formatIso(context.clock.now()),
          done,
          errors: failures.map(({ host, error }) => ({ ...reportError(error).report, host })),
        }),
        rows: done,
        columns: tendedColumns,
      });
    }
    for (const { error } of failures) context.warn(error.message, error.hint);
    const isWrong = done.some(({ outcome }) => outcome === 'failed' || outcome === 'partial');
    return failures.length > 0 || isWrong ? EXIT.partial : EXIT.done;
  },
});

/** Columns of what was done for holds. */
export const tendedColumns: readonly Column<Tended>[] = [
  { key: 'run', header: 'RUN', value: (one) => one.run },
  { key: 'queue', header: 'QUEUE', value: (one) => one.queue },
  { key: 'what', header: 'WHAT', value: (one) => one.what },
  { key: 'outcome', header: 'OUTCOME', value: (one) => one.outcome },
  { key: 'messages', header: 'MSGS', value: (one) => one.messages, align: 'right' },
  { key: 'reason', header: 'REASON', value: (one) => one.reason, mayCut: true },
];
