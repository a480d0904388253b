// `mailctl probe readiness`: would those who take mail from our usual hosts take it from another host?
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import { list, text, value } from '../options.js';
import { senderWord } from './server.js';

const SCHEMA = 'mailctl/probe-readiness/v1';

/** The command. */
export const probeReadinessCommand = defineCommand({
  name: 'probe readiness',
  summary: 'Would the receivers of our mail take it from another host as well',
  description:
    'Speaks with the server of each receiver up to RCPT, from the host that is to take over and from the usual ones, ' +
    'by every uplink that they have, and lists who would not take mail from the new place. No mail is sent. A ' +
    'receiver that puts off a first contact (greylisting) is listed as deferred: ask again in some minutes. Exits 0 ' +
    'when all are ready, 1 when some are not, 3 when some could not be looked at.',
  args: {},
  options: {
    from: list('--from <host>', 'host that is to take over; may be given many times', text),
    usual: list(
      '--usual <host>',
      'host that mail leaves from now; otherwise two that have queues or uplinks',
      text,
    ),
    to: value(
      '--to <file>',
      'receivers, one a line: ADDRESS or DOMAIN, and a server where it is not the MX; - for stdin',
      text,
      'the destinations of the configuration',
    ),
    sender: value('--sender <address>', 'envelope sender; otherwise the null sender', senderWord),
  },
  examples: [
    ['mailctl probe readiness --from mx9 --to customers.txt', 'every customer, before mx9 is needed'],
    [
      'mailctl probe readiness --from mx9 --usual mx1',
      'the destinations of the configuration, compared with mx1',
    ],
  ],
  sections: ['defaults', 'hosts', 'destinations', 'uplinks'],
  json: {
    schema: SCHEMA,
    empty: (error, { now, tookMs }) => ({
      at: formatIso(now),
      took_ms: tookMs,
      receivers: [],
      errors: [error],
    }),
  },
  async run(options, context) {
    const { runReadiness } = await import('./run-readiness.js');
    return runReadiness(SCHEMA, options, context);
  },
});
