// `mailctl queue sample`: what a timer runs once a minute. It looks at every queue and keeps what it saw; with
// --do-owed it keeps what holds with an end promise.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import { flag, groupOption, hostOption } from '../options.js';

const SCHEMA = 'mailctl/queue-sample/v1';

/** The command. */
export const queueSampleCommand = defineCommand({
  name: 'queue sample',
  summary: 'Keep one look at every queue, do what is owed to holds; for a timer, once a minute',
  description:
    'Counts what waits in every queue and keeps the figures for a day: what queue stats --trend takes its rates from, ' +
    'and what is known of a host that is away. With --do-owed it also does what queue tend does: new mail of a standing ' +
    'hold is held, a hold whose end has passed is released. Prints nothing but what it did; what is wrong is a warning. ' +
    'Exits 3 when a host did not answer. A systemd timer and a line for cron are in share/.',
  args: {},
  options: {
    hosts: hostOption,
    groups: groupOption,
    doOwed: flag('--do-owed', 'hold and release what is owed to holds with an end'),
  },
  examples: [
    ['mailctl queue sample --do-owed -q', 'the line of a timer'],
    ['mailctl queue sample -o json', 'what it saw'],
  ],
  sections: ['defaults', 'hosts', 'destinations', 'queue', 'state'],
  json: {
    schema: SCHEMA,
    empty: (_error, { now }) => ({ at: formatIso(now), queues: [], done: [] }),
  },
  async run(options, context) {
    const { runSample } = await import('./run-sample.js');
    const { isWhole } = await runSample(SCHEMA, options, context);
    return isWhole ? EXIT.done : EXIT.partial;
  },
});
