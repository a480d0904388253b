// `mailctl queue why`: the causes for which mail waits or is refused, from the queues and from the logs.
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import { flag, groupOption, hostOption, timeSpan, value, valueOr } from '../options.js';
import { messageOptions } from './selectors.js';
import { inputOptions } from './source.js';

const SCHEMA = 'mailctl/queue-why/v1';

/** The command. */
export const queueWhyCommand = defineCommand({
  name: 'queue why',
  summary: 'Why mail waits, and what was refused at once',
  description:
    'Reads the queues and the mail logs of the hosts and gathers the reasons into causes: numbers, addresses, ids and ' +
    'hosts are taken out, status codes and well-known answers of providers are named, and each says whether it ' +
    'clears by itself, slowly, or not before somebody acts. What is refused at once never queues: it is seen in the ' +
    'log alone. The log counts what was sent, deferred, bounced and refused, against the same hours before. A text ' +
    'that nobody knows stays as it is. Exits 3 when a host did not answer or a line could not be read.',
  args: {},
  options: {
    hosts: hostOption,
    groups: groupOption,
    sinceMs: valueOr('--since <duration>', 'so much of the logs', timeSpan, 7_200_000, '2h'),
    compareMs: value(
      '--compare <duration>',
      'against the same hours so long before: 1d; the hours right before otherwise',
      timeSpan,
    ),
    noLog: flag('--no-log', 'the queues only'),
    ...inputOptions,
    ...messageOptions,
  },
  examples: [
    ['mailctl queue why', 'of all mail, the last two hours'],
    ['mailctl queue why --destination gmail --since 1h --compare 1d', 'against the same hour yesterday'],
    ['mailctl queue why --input queue.json', 'of a listing that somebody has sent, without a log'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'destinations'],
  json: {
    schema: SCHEMA,
    empty: (error, { now, tookMs }) => ({
      at: formatIso(now),
      took_ms: tookMs,
      complete: false,
      queue: null,
      log: null,
      causes: [],
      door: [],
      errors: [error],
    }),
  },
  async run(options, context) {
    const { runWhy } = await import('./run-why.js');
    return runWhy(SCHEMA, options, context);
  },
});
