// `mailctl queue stats`: how much waits, for whom, since when, over all hosts at once.
import { UsageError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { STAT_KEYS, type StatKey } from '../../queue/stat-keys.js';
import { defineCommand, type Parse } from '../command.js';
import { flag, groupOption, hostOption, value, valueOr, watchPace, wholeNumber } from '../options.js';
import { messageOptions } from './selectors.js';
import { inputOptions } from './source.js';

const SCHEMA = 'mailctl/queue-stats/v1';

const keys: Parse<readonly StatKey[]> = (word) => {
  const words = word.split(',').map((one) => one.trim());
  const found = words.map((one) => STAT_KEYS.find((key) => key === one));
  const unknown = words.find((_, at) => found[at] === undefined);
  if (unknown !== undefined)
    throw new UsageError(`${JSON.stringify(unknown)} is nothing to group by`, { hint: STAT_KEYS.join(', ') });
  if (words.length > 2 || new Set(words).size < words.length)
    throw new UsageError('one or two different keys', { hint: 'for example --by domain,age' });
  return found.filter((key) => key !== undefined);
};

/** The command. */
export const queueStatsCommand = defineCommand({
  name: 'queue stats',
  groupDefault: true,
  summary: 'How many messages wait, for whom, since when',
  description:
    'Reads the queues of the hosts: those that the configuration names, else those that are found there; with no ' +
    'configuration those of this machine. A group by domain counts a message once if it has a recipient there, and ' +
    'all of its recipients there. Exits 3 when a host did not answer, its mail server does not run, or a line could ' +
    'not be read: the figures are of the others.\n\n' +
    'With --trend rates out are from the logs of the last five minutes where they can be read, else from earlier ' +
    'looks, and the screen says which; a look is kept by each --trend and --watch, and by a timer (queue sample). ' +
    'EMPTY IN is what waits by what goes, whatever comes; 10d! means that some of it expires first. What a host had ' +
    'that is away now is told with its time.\n\n' +
    'With --watch a terminal has one screen that is drawn anew, anything else an answer after the other.',
  args: {},
  options: {
    hosts: hostOption,
    groups: groupOption,
    by: value(
      '--by <keys>',
      `one or two of ${STAT_KEYS.join(', ')}; domain,age is qshape's table`,
      keys,
      'domain; with --trend destination',
    ),
    trend: flag('--trend', 'what comes and goes, when it will be empty, what expires before that'),
    watch: flag('--watch', 'look again and again, with the rates between the looks, until it is interrupted'),
    everyMs: value('--every <duration>', 'how often --watch looks', watchPace, '5s'),
    top: valueOr('--top <n>', 'groups on the screen; other forms have all', wholeNumber(1, 100_000), 10),
    ...inputOptions,
    ...messageOptions,
  },
  examples: [
    ['mailctl queue stats', 'what waits, by recipient domain'],
    ['mailctl queue stats --trend', 'by destination: rates, connections, and when it will be empty'],
    ['mailctl queue stats --watch --every 10s --state active', 'what is being delivered, again and again'],
    ['mailctl queue stats --by domain,age --state deferred', "qshape's table, of all hosts"],
    ['mailctl queue stats --input -', 'of what another host has printed: ssh odd-host postqueue -j | ...'],
  ],
  sections: ['defaults', 'hosts', 'destinations', 'state'],
  json: {
    schema: SCHEMA,
    empty: (error, { now, tookMs }) => ({
      at: formatIso(now),
      took_ms: tookMs,
      complete: false,
      total: null,
      by: [],
      groups: [],
      hosts: [],
      trend: null,
      holds: [],
      errors: [error],
    }),
  },
  async run(options, context) {
    const { runStats } = await import('./run-stats.js');
    return runStats(SCHEMA, options, context);
  },
});
