// The destinations of a command's domains: the configuration's, and by MX lookups that are kept in the state
// directory. Domains whose MX could not be found out stand for themselves, and a warning counts them.
import { join } from 'node:path';
import type { DestinationRule, Destinations, MxLookup } from '../../queue/destination.js';
import type { MessageFilter } from '../../queue/select.js';
import type { Dns } from '../../transport/dns.js';
import type { Context } from '../context.js';
import type { MessageOptions } from './selectors.js';
import type { SourceOptions } from './source.js';

/** Resolving, and the name server that it asks. */
export interface DestinationDesk {
  readonly rules: readonly DestinationRule[];
  /** Undefined: with --no-dns. */
  readonly dns: Dns | undefined;
  /** Domains, those with the most messages first; warns of those that failed, unless `isQuiet`. */
  resolve(domains: Iterable<string>, options?: { readonly isQuiet: boolean }): Promise<Destinations>;
  /** Keeps what was looked up for the next command. Never throws. */
  close(): Promise<void>;
}

/** Opens it; a state directory that cannot be used costs the cache only. */
export async function destinationDesk(context: Context, noDns: boolean): Promise<DestinationDesk> {
  const { destinations } = await context.config();
  const rules = [...destinations].map(([name, { domains, mx }]) => ({ name, domains, mx }));
  const opened = noDns ? undefined : await openLookups(context);
  const lookup: MxLookup | undefined =
    opened === undefined
      ? undefined
      : async (domain, signal) => {
          const answer = await opened.dns.mx(domain, signal);
          return answer.kind === 'found' ? { kind: 'found', hosts: answer.values } : answer;
        };
  return {
    rules,
    dns: opened?.dns,
    async resolve(domains, { isQuiet } = { isQuiet: false }) {
      const { failedText, resolveDestinations } = await import('../../queue/destination.js');
      const resolved = await resolveDestinations(domains, rules, {
        lookup,
        signal: context.interruption.abort,
      });
      const failed = failedText(resolved);
      if (failed !== null && !isQuiet)
        context.warn(failed, 'name their destination in the configuration, or use --no-dns');
      return resolved;
    },
    close: async () => opened?.cache?.save(),
  };
}

async function openLookups(context: Context) {
  const [{ openDns }, { openDnsCache }] = await Promise.all([
    import('../../transport/dns.js'),
    import('../../transport/dns-cache.js'),
  ]);
  const { clock } = context;
  const cache = await context.stateDir().then(
    (dir) => openDnsCache(join(dir, 'dns-cache.json'), () => clock.now()),
    () => undefined,
  );
  return { dns: openDns({ clock, cache }), cache };
}

/**
 * The test that the options make, where `--destination` may be given. Which domains there are must be known before
 * the first message can be judged, so that the queues are then read once more.
 */
export async function filterByDestination(
  context: Context,
  options: MessageOptions & SourceOptions,
): Promise<MessageFilter> {
  const { configuredDestinations, filterOf } = await import('./selectors.js');
  // Standard input cannot be read twice.
  if (options.destinations.length === 0 || options.noDns || options.input === '-')
    return filterOf(options, await configuredDestinations(context));
  const [{ messageSource }, { DomainCount }, desk] = await Promise.all([
    import('./source.js'),
    import('../../queue/domain-count.js'),
    destinationDesk(context, false),
  ]);
  const rough = await filterOf({ ...options, destinations: [] }, (domain) => domain);
  const source = await messageSource(context, options, rough);
  const count = new DomainCount();
  const now = Math.floor(context.clock.now() / 1000);
  await source.read(
    (message) => {
      if (rough.matches(message, now)) count.add(message);
    },
    { ...rough.wishes, signal: context.interruption.abort },
  );
  const { of } = await desk.resolve(count.largestFirst());
  await desk.close();
  return filterOf(options, of);
}
