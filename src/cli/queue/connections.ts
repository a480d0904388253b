// `mailctl queue connections`: what is open to each destination, what may be, and what the sender believes.
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import {
  flag,
  groupOption,
  hostOption,
  list,
  optionalArgs,
  value,
  watchPace,
  wholeNumber,
} from '../options.js';

const SCHEMA = 'mailctl/queue-connections/v1';

/** The command. */
export const queueConnectionsCommand = defineCommand({
  name: 'queue connections',
  summary: 'Connections open to each destination, beside the limit and what the sender believes',
  description:
    'Looks at the connections outwards of the hosts and puts them together by destination: those open now by state, ' +
    'with the longest time without a byte, the limit of the configuration, what the sender believes where it can be ' +
    'known, and the messages that wait. Exits 1 when more are open than allowed, or when a sender believes in ' +
    'connections that are not there while mail waits; 3 when a host did not answer.',
  args: { destinations: optionalArgs('DESTINATION', 'only these; a name or a glob') },
  options: {
    hosts: hostOption,
    groups: groupOption,
    ports: list('--port <port>', 'ports of the far side; 25 otherwise', wholeNumber(1, 65_535)),
    watch: flag('--watch', 'look again and again, until it is interrupted'),
    everyMs: value('--every <duration>', 'how often --watch looks', watchPace, '5s'),
    noDns: flag('--no-dns', 'destinations by the configuration alone: no name server is asked'),
  },
  examples: [
    ['mailctl queue connections', 'all destinations'],
    ['mailctl queue connections --watch', 'all of them, again and again'],
    ['mailctl queue connections gmail', 'one: the limit, what is open, what the sender believes'],
  ],
  sections: ['defaults', 'hosts', 'destinations'],
  json: {
    schema: SCHEMA,
    empty: (error, { now, tookMs }) => ({
      at: formatIso(now),
      took_ms: tookMs,
      complete: false,
      destinations: [],
      errors: [error],
    }),
  },
  async run(options, context) {
    const { runConnections } = await import('./run-connections.js');
    return runConnections(SCHEMA, options, context);
  },
});
