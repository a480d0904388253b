// Whose addresses the peers of a mail host's connections are: the exchangers of the largest domains, looked up once
// when a drain begins. What is not found here the drain learns from the deliveries it sees.
import type { Destinations } from '../../queue/destination.js';
import type { Dns } from '../../transport/dns.js';
import { addExchangers } from '../queue/far-sides.js';

/** Domains whose exchangers are looked up, those with the most mail, and exchangers of each. */
const MOST = { domains: 200, exchangers: 10 };

/** Addresses to destinations. Never throws for what DNS says. */
export async function addressesOf(
  dns: Dns | undefined,
  domains: Iterable<string>,
  destinations: Pick<Destinations, 'of'>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  if (dns !== undefined)
    await addExchangers(found, dns, [...domains], (domain) => destinations.of(domain), MOST);
  return found;
}
