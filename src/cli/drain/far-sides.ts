// Whose addresses the peers of a mail host's connections are: the exchangers of the largest domains, looked up once
// when a drain begins. What is not found here the drain learns from the deliveries it sees.
import type { Destinations } from '../../queue/destination.js';
import type { Dns } from '../../transport/dns.js';

/** Domains whose exchangers are looked up: those with the most mail. */
const MOST_DOMAINS = 200;

/** Addresses to destinations. Never throws for what DNS says. */
export async function addressesOf(
  dns: Dns | undefined,
  domains: Iterable<string>,
  destinations: Pick<Destinations, 'of'>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  if (dns === undefined) return found;
  const named = [...domains].filter((domain) => domain.includes('.') && !domain.startsWith('['));
  await Promise.all(
    named.slice(0, MOST_DOMAINS).map(async (domain) => {
      const answer = await dns.mx(domain);
      const names =
        answer.kind === 'found'
          ? answer.values.map(({ name }) => name)
          : answer.kind === 'none'
            ? [domain]
            : [];
      await Promise.all(
        names.slice(0, 10).map(async (name) => {
          const addresses = await dns.addresses(name);
          if (addresses.kind !== 'found') return;
          for (const address of addresses.values)
            if (!found.has(address)) found.set(address, destinations.of(domain));
        }),
      );
    }),
  );
  return found;
}
