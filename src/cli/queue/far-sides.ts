// The far sides of connections by the names of destinations: by the addresses of the exchangers of what waits, else by
// their own names. Shared by queue connections and the trend of queue stats.
import { textGlobs } from '../../lib/text-glob.js';
import { registeredDomain } from '../../queue/destination.js';
import { DomainCount } from '../../queue/domain-count.js';
import type { Socket } from '../../queue/socket.js';
import type { Dns } from '../../transport/dns.js';
import type { DestinationDesk } from './destinations.js';

/** Domains whose exchangers are looked up: those with the most mail. */
const MOST_DOMAINS = 500;
/** Addresses that are asked for their names. */
const MOST_PEERS = 500;

/** What one host gave. */
export interface HostSight {
  readonly host: string;
  readonly sockets: readonly Socket[];
  readonly believed: Map<string, number> | null;
  /** Messages by recipient domain. */
  readonly domains: Map<string, number>;
  readonly hasQueue: boolean;
}

/** Adds the addresses of the exchangers of domains, by destination; the first word holds. Never throws for what DNS says. */
export async function addExchangers(
  byAddress: Map<string, string>,
  dns: Dns,
  domains: readonly string[],
  destinationOf: (domain: string) => string,
  most: { readonly domains: number; readonly exchangers: number },
): Promise<void> {
  const named = domains.filter((domain) => domain.includes('.') && !domain.startsWith('['));
  await Promise.all(
    named.slice(0, most.domains).map(async (domain) => {
      const answer = await dns.mx(domain);
      const names =
        answer.kind === 'found'
          ? answer.values.map(({ name }) => name)
          : answer.kind === 'none'
            ? [domain]
            : [];
      await Promise.all(
        names.slice(0, most.exchangers).map(async (name) => {
          const addresses = await dns.addresses(name);
          if (addresses.kind !== 'found') return;
          for (const address of addresses.values)
            if (!byAddress.has(address)) byAddress.set(address, destinationOf(domain));
        }),
      );
    }),
  );
}

/** Peers are known by the addresses of the exchangers of what waits, else by their own names. */
export async function nameFarSides(desk: DestinationDesk, sights: readonly HostSight[]) {
  const count = new DomainCount();
  for (const { domains } of sights)
    for (const [domain, messages] of domains) count.addDomain(domain, messages);
  // What is configured is looked up although nothing waits for it: its connections shall have its name.
  const configured = desk.rules.flatMap(({ domains }) => domains);
  const domains = [...new Set([...count.largestFirst(), ...configured])];
  const resolved = await desk.resolve(domains);
  const byAddress = new Map<string, string>();
  const { dns } = desk;
  if (dns !== undefined) {
    // A destination by its domains alone is never looked up by them; its exchangers are.
    await addExchangers(byAddress, dns, domains, resolved.of, { domains: MOST_DOMAINS, exchangers: 20 });
    const strange = new Set(
      sights.flatMap(({ sockets }) => sockets.map(({ peer }) => peer)).filter((peer) => !byAddress.has(peer)),
    );
    await Promise.all(
      [...strange].slice(0, MOST_PEERS).map(async (peer) => {
        const names = await dns.names(peer);
        const [name] = names.kind === 'found' ? names.values : [];
        if (name === undefined || !/^[\w.-]{3,253}$/.test(name)) return;
        const lower = name.toLowerCase();
        const rule = desk.rules.find(({ mx }) => textGlobs(mx)(lower));
        byAddress.set(peer, rule?.name ?? registeredDomain(lower));
      }),
    );
  }
  return { ofDomain: resolved.of, ofAddress: (address: string) => byAddress.get(address) ?? address };
}
