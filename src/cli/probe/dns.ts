// `mailctl probe dns`: what DNS says of our mail and of a receiver's, asked from every uplink.
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import { list, optionalArgs, text } from '../options.js';

const SCHEMA = 'mailctl/probe-dns/v1';

/** The command. */
export const probeDnsCommand = defineCommand({
  name: 'probe dns',
  summary: 'Name servers, MX, SPF, reverse names and block lists, asked from every uplink',
  description:
    "Asks the mail host's resolvers and every authoritative server of the domains from every uplink, by UDP and TCP; " +
    'follows MX to addresses and TLSA; looks whether the address of every uplink has a name that leads back, is ' +
    'covered by the SPF of the domains, and is on a block list, each of which must first show its test entry.\n\n' +
    'Without a domain those of probe.domains in the configuration. SPF is about domains that we send from: it is ' +
    'looked at for these alone. A resolver that is dead by one uplink is told, and is no verdict on the uplink: ' +
    'mailctl probe gives that. Exits 0 when nothing is bad, 1 when something is, 3 when not everything could be ' +
    'found out.',
  args: { domains: optionalArgs('DOMAIN', 'ours, or one that we send to') },
  options: {
    uplinks: list('--uplink <name>', 'only these uplinks; a name, a glob or all', text),
    from: list('--from <host>', 'ask from this host: by its uplinks, or by its default route', text),
    blockLists: list('--blocklist <zone>', 'this block list, in place of those of the configuration', text),
  },
  examples: [
    ['mailctl probe dns', 'our own domains'],
    ['mailctl probe dns example.net --blocklist zen.spamhaus.org', 'one domain, one block list'],
  ],
  sections: ['defaults', 'hosts', 'uplinks', 'probe'],
  json: {
    schema: SCHEMA,
    empty: (error, { now, tookMs }) => ({
      at: formatIso(now),
      took_ms: tookMs,
      complete: false,
      domains: [],
      findings: [],
      errors: [error],
    }),
  },
  async run(options, context) {
    const { runProbeDns } = await import('./run-dns.js');
    return runProbeDns(SCHEMA, options, context);
  },
});
