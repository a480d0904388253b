// `mailctl probe route`: the ways of all uplinks to one server, hop by hop, and the hop behind which a bad one is bad.
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import { flag, optionalArg, text, value } from '../options.js';
import { serverWord } from './server.js';

const SCHEMA = 'mailctl/probe-route/v1';

/** The command. */
export const probeRouteCommand = defineCommand({
  name: 'probe route',
  summary: 'The ways of all uplinks to one server, and the hop where a bad one parts from the good',
  description:
    'Looks by every uplink at one server first, as mailctl probe does, since only packets that meet a fault can find ' +
    'its hop: large packets, beginnings of connections, connections that stand still, pings of the routers. Then ' +
    'traces every way with small packets and with those, by what an ordinary user may do and a bare system has. A hop ' +
    'that never answers, or seldom, is no fault. Exits 1 when an uplink is bad, 3 when a host could not be looked from.',
  args: {
    server: optionalArg(
      'HOST[:PORT]',
      'name, address or destination; a domain stands for its first MX; the first of destinations',
      serverWord,
    ),
  },
  options: {
    uplink: value('--uplink <name>', 'only these uplinks; a name, a glob or all', text, 'all'),
    from: value('--from <host>', 'the uplinks of this host, or its default way', text),
    ipv6: flag('--ipv6', 'by IPv6; otherwise IPv4 where there is one'),
    light: flag('--light', 'trace only: small and large packets, no look before'),
  },
  examples: [
    ['mailctl probe route gmail.com', 'all uplinks, to the first MX'],
    ['mailctl probe route 192.0.2.25 --uplink level3', 'one uplink'],
  ],
  sections: ['defaults', 'hosts', 'uplinks', 'destinations'],
  json: {
    schema: SCHEMA,
    empty: (error, { now, tookMs }) => ({
      at: formatIso(now),
      took_ms: tookMs,
      target: null,
      routes: [],
      errors: [error],
    }),
  },
  async run(options, context) {
    const { runProbeRoute } = await import('./run-route.js');
    return runProbeRoute(SCHEMA, options, context);
  },
});
