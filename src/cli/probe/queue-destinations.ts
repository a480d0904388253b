// The destinations with the most mail waiting on the hosts that a probe looks from, beside those of the configuration. A
// queue that does not answer in time costs its destinations, never the probe.
import { gather } from '../../fleet/gather.js';
import type { DestinationWish } from '../../probe/targets.js';
import { registeredDomain, resolveDestinations } from '../../queue/destination.js';
import { DomainCount } from '../../queue/domain-count.js';
import { domainOf } from '../../queue/message.js';
import type { Context } from '../context.js';
import { openQueues } from '../queue/queues.js';

const READ_MS = 2500;
/** Domains that are looked at for their destination. */
const MOST_DOMAINS = 20;

/** At most `most` that the configuration does not name; a note when the queues could not be read. */
export async function largestInQueues(
  context: Context,
  hosts: readonly string[],
  most: number,
): Promise<{ readonly wishes: readonly DestinationWish[]; readonly note: string | null }> {
  const late = new AbortController();
  const stop = context.clock.timer(READ_MS, () => late.abort(new Error('no time left')));
  const signal = AbortSignal.any([late.signal, context.interruption.abort]);
  const count = new DomainCount();
  let note: string | null = null;
  try {
    const fleet = await openQueues(context, { hosts: [...hosts], groups: [], readOnly: true });
    const results = await gather(
      fleet.hosts,
      async (host, stopped) => {
        for (const { driver } of await fleet.queuesOf(host, stopped))
          await driver.list(
            ({ recipients }) => {
              for (const domain of new Set(recipients.map(({ address }) => domainOf(address))))
                count.addDomain(domain, 1);
            },
            { signal: stopped },
          );
      },
      { concurrency: context.globals.concurrency, signal },
    );
    const silent = results.filter(({ ok }) => !ok).map(({ host }) => host.name);
    if (silent.length > 0) note = `the queues of ${silent.join(', ')} were not read in time`;
  } catch {
    // What has no queue, or cannot be asked, has nothing that waits.
    note = 'the queues could not be read';
  } finally {
    stop();
  }
  const { destinations } = await context.config();
  const rules = [...destinations].map(([name, { domains, mx }]) => ({ name, domains, mx }));
  const domains = count
    .largestFirst()
    .filter((domain) => domain.includes('.') && !domain.startsWith('['))
    .slice(0, MOST_DOMAINS);
  const { of } = await resolveDestinations(domains, rules, { lookup: undefined });
  const wishes = new Map<string, DestinationWish>();
  for (const domain of domains) {
    const destination = of(domain);
    if (destinations.has(destination) || wishes.size >= most) continue;
    wishes.set(registeredDomain(domain), { destination: domain, names: [domain], address: null, port: 25 });
  }
  return { wishes: [...wishes.values()], note };
}
