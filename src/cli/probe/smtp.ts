// `mailctl probe smtp HOST`: one dialogue with a mail server, phase by phase, with its clock.
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import { arg, flag, text, value } from '../options.js';
import { recipientWord, serverWord } from './server.js';

const SCHEMA = 'mailctl/probe-smtp/v1';

/** The command. */
export const probeSmtpCommand = defineCommand({
  name: 'probe smtp',
  summary: 'One dialogue with a mail server, phase by phase, with its clock',
  description:
    'Connects from an uplink, or from a host, and speaks SMTP: connect, banner, EHLO, STARTTLS, TLS, EHLO, commands ' +
    'that fill a packet, QUIT. No mail is sent, and without --rcpt no sender or recipient is named. Where it stands ' +
    'still, the kernel is asked what it knows of the connection, and connections with small packets are tried. One ' +
    'dialogue cannot tell whose fault it is: mailctl probe compares the uplinks. Exits 1 when the dialogue did not ' +
    'come to its end, or the certificate is not good; 3 when the host to look from did not answer.',
  args: {
    server: arg('HOST[:PORT]', 'name, address or destination; a domain stands for its first MX', serverWord),
  },
  options: {
    uplink: value('--uplink <name>', 'leave by this uplink of the configuration', text),
    from: value('--from <host>', 'look from this host', text, 'this machine'),
    ipv6: flag('--ipv6', 'by IPv6; otherwise IPv4 where there is one'),
    light: flag('--light', 'without the second EHLO and the full packets'),
    rcpt: value(
      '--rcpt <address>',
      'name this recipient (MAIL FROM:<>, RCPT TO); still no DATA',
      recipientWord,
    ),
    transcript: flag('--transcript', 'everything that was said, with its clock'),
  },
  examples: [
    ['mailctl probe smtp mx1.example.net --uplink cogent', 'one server by one uplink'],
    ['mailctl probe smtp 192.0.2.25 --from mx1 --transcript', 'what is said, word for word'],
  ],
  sections: ['defaults', 'hosts', 'uplinks'],
  json: {
    schema: SCHEMA,
    empty: (error, { now, tookMs }) => ({
      at: formatIso(now),
      took_ms: tookMs,
      end: null,
      phases: [],
      errors: [error],
    }),
  },
  async run(options, context) {
    const { runProbeSmtp } = await import('./run-smtp.js');
    return runProbeSmtp(SCHEMA, options, context);
  },
});
