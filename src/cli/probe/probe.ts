// `mailctl probe`: every uplink against every destination at once: which way is broken, how, and behind which hop.
import { formatIso } from '../../lib/clock.js';
import { parseDuration } from '../../lib/duration.js';
import { defineCommand } from '../command.js';
import { flag, list, optionalArgs, text, timeSpan, valueOr } from '../options.js';

const SCHEMA = 'mailctl/probe/v1';

/** The command. */
export const probeCommand = defineCommand({
  name: 'probe',
  summary: 'Which uplink or destination is broken, how, and behind which hop',
  description:
    'Opens short mail sessions from every uplink of the configuration to every destination, all at once, sends no ' +
    'mail, and judges each uplink by what the others see. Nothing needs to be installed on the mail host. The ' +
    'verdict stands within some seconds, the hop of a bad uplink a few later.\n\n' +
    'A destination is one of the configuration, a domain (its MX hosts), a host or an address, each with :PORT where ' +
    'it is not 25. Without any: those of the configuration, and the largest that wait in the queues of the hosts.\n\n' +
    'Verdicts: ok, slow, lossy, hangs, mtu, unreachable, refused, intercepted, remote (a destination that is bad from ' +
    'every uplink: no uplink is blamed), unknown (too little was seen, which is not ok). Exits 0 when all is ok, 1 ' +
    'when something is bad, 3 when not everything could be looked at.',
  args: { destinations: optionalArgs('DESTINATION', 'a destination, domain, host or address') },
  options: {
    uplinks: list('--uplink <name>', 'only these uplinks; a name, a glob or all', text),
    from: list(
      '--from <host>',
      'look from this host: by its uplinks, or where it has none by its default route',
      text,
    ),
    light: flag('--light', 'one short session a pair, for a timer: finds less, costs less reputation'),
    rcpt: flag('--rcpt', 'name a recipient, too (postmaster of the domain); still no mail is sent'),
    watch: flag('--watch', 'look again and again, and tell what changes'),
    everyMs: valueOr(
      '--every <duration>',
      'how often --watch looks',
      timeSpan,
      parseDuration('1m') ?? 60_000,
      '1m',
    ),
  },
  examples: [
    ['mailctl probe', 'all uplinks, all destinations'],
    ['mailctl probe gmail example.net --uplink level3', 'one uplink, two destinations'],
    ['mailctl probe 192.0.2.25 --from mx2', 'one server, seen from mx2'],
    ['mailctl probe --light -o json', 'for a timer'],
  ],
  sections: ['defaults', 'hosts', 'destinations', 'uplinks'],
  json: {
    schema: SCHEMA,
    empty: (error, { now, tookMs }) => ({
      at: formatIso(now),
      took_ms: tookMs,
      verdicts: [],
      cells: [],
      destinations: [],
      errors: [error],
    }),
  },
  async run(options, context) {
    const { runProbe } = await import('./run-probe.js');
    return runProbe(SCHEMA, options, context);
  },
});
