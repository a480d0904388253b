// `mailctl probe delivery`: a real message, handed over by SMTP, found by IMAP, removed.
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import { flag, optionalArgs, timeSpan, value } from '../options.js';

const SCHEMA = 'mailctl/probe-delivery/v1';

/** The command. */
export const probeDeliveryCommand = defineCommand({
  name: 'probe delivery',
  summary: 'Send one small message to a mailbox of our own and find it there',
  description:
    "Hands a small message to a mail server, as the configuration's deliveries say, looks for it in the mailbox by IMAP, " +
    'INBOX and junk, prints the time at each hop by its Received headers, and removes it. This sends mail: to your ' +
    'own mailbox. Exits 0 when it arrived in INBOX, 1 when it was refused, did not come in time or came into junk, 3 ' +
    'when the mailbox could not be looked into.',
  args: { names: optionalArgs('DELIVERY', "of the configuration's deliveries; all of them without a word") },
  options: {
    waitMs: value('--wait <duration>', 'how long it may take', timeSpan, "the configuration's, or 60s"),
    keep: flag('--keep', 'leave the message in the mailbox'),
  },
  examples: [
    ['mailctl probe delivery', 'every mailbox of the configuration'],
    ['mailctl probe delivery gmail --wait 5m --keep', 'one, patiently, and look at it afterwards'],
  ],
  sections: ['defaults', 'hosts', 'deliveries'],
  json: {
    schema: SCHEMA,
    empty: (error, { now, tookMs }) => ({
      at: formatIso(now),
      took_ms: tookMs,
      deliveries: [],
      errors: [error],
    }),
  },
  async run(options, context) {
    const { runDelivery } = await import('./run-delivery.js');
    return runDelivery(SCHEMA, options, context);
  },
});
