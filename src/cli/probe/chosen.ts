// What a probe looks at by the command line and the configuration: which uplinks, and which destinations. Words that
// name nothing are mistakes, told before anything is looked at.
import { UsageError } from '../../errors.js';
import { nearest } from '../../lib/nearest.js';
import { textGlobs } from '../../lib/text-glob.js';
import type { UplinkWish } from '../../probe/rows.js';
import { type DestinationWish, parseDestination } from '../../probe/targets.js';
import type { Context } from '../context.js';

/** Uplinks, and what the operator should know of the choice. */
export interface ChosenUplinks {
  readonly uplinks: readonly UplinkWish[];
  readonly notes: readonly string[];
}

/** @throws UsageError when a word names no uplink or host */
export async function chosenUplinks(
  context: Context,
  wish: { readonly uplinks: readonly string[]; readonly from: readonly string[] },
): Promise<ChosenUplinks> {
  const [{ uplinks: configured }, inventory] = await Promise.all([context.config(), context.inventory()]);
  const all: readonly UplinkWish[] = [...configured].map(
    ([uplink, { host, sources, interface: device }]) => ({
      uplink,
      host,
      sources,
      interface: device,
    }),
  );
  for (const name of wish.from)
    if (!inventory.byName.has(name)) throw noSuch('host', name, [...inventory.byName.keys()]);
  const names = wish.uplinks.filter((name) => name !== 'all');
  for (const name of names) {
    const fits = textGlobs([name]);
    if (!all.some(({ uplink }) => fits(uplink)))
      throw noSuch(
        'uplink',
        name,
        all.map(({ uplink }) => uplink),
      );
  }
  const fits = names.length === 0 ? () => true : textGlobs(names);
  const named = all.filter(({ uplink }) => fits(uplink));
  if (wish.from.length > 0) {
    const chosen = wish.from.flatMap((host) => {
      const own = named.filter((one) => one.host === host);
      // A host without uplinks is a vantage of its own.
      return own.length > 0 || names.length > 0
        ? own
        : [{ uplink: host, host, sources: [], interface: undefined }];
    });
    if (chosen.length === 0)
      throw new UsageError(`none of these uplinks is one of ${wish.from.join(', ')}`, {
        hint: 'leave out --from, or --uplink',
      });
    return { uplinks: chosen, notes: [] };
  }
  if (named.length > 0) return { uplinks: named, notes: [] };
  const here = context.thisHost();
  return {
    uplinks: [{ uplink: here.name, host: here.name, sources: [], interface: undefined }],
    notes: [
      `the configuration has no uplinks: looked from ${here.name} by its default route alone; --from HOST looks from another`,
    ],
  };
}

function noSuch(what: 'host' | 'uplink', name: string, known: readonly string[]): UsageError {
  const [near] = nearest(name, known, 1);
  return new UsageError(`no ${what} is called ${JSON.stringify(name)}`, {
    hint:
      known.length === 0
        ? `the configuration has no ${what}s`
        : near === undefined
          ? `there are ${known.slice(0, 8).join(', ')}`
          : `did you mean ${near}?`,
  });
}

const COMMANDS = ['smtp', 'route', 'dns', 'delivery', 'readiness'];

/** The destinations that the operator named. @throws UsageError when a word names none */
export async function namedDestinations(
  context: Context,
  words: readonly string[],
): Promise<readonly DestinationWish[]> {
  const { destinations } = await context.config();
  const wishes = words.map((word) => {
    const configured = destinations.get(word);
    if (configured !== undefined) return ofConfiguration(word, configured.domains);
    const parsed = parseDestination(word);
    const known = [...destinations.keys()];
    if (parsed === null)
      throw new UsageError(`${JSON.stringify(word)} is no destination, domain, host or address`, {
        hint: 'for example example.net, mx1.example.net:587, 192.0.2.25 or [2001:db8::25]:25',
      });
    // A word without a dot is mostly a mistyped command, or a mistyped name of the configuration.
    if (parsed.address === null && !word.includes('.')) {
      const [near] = nearest(word, [...known, ...COMMANDS], 1);
      if (near !== undefined || (word !== 'localhost' && known.length > 0))
        throw new UsageError(`no destination is called ${JSON.stringify(word)}`, {
          hint:
            near === undefined
              ? `there are ${known.slice(0, 8).join(', ')}; a domain or an address may be given as well`
              : COMMANDS.includes(near)
                ? `did you mean mailctl probe ${near}?`
                : `did you mean ${near}?`,
        });
    }
    return parsed;
  });
  return wishes.filter((wish, at) => wishes.findIndex((one) => one.destination === wish.destination) === at);
}

/** All of the configuration. */
export async function configuredDestinations(context: Context): Promise<readonly DestinationWish[]> {
  const { destinations } = await context.config();
  return [...destinations].map(([name, { domains }]) => ofConfiguration(name, domains));
}

const ofConfiguration = (destination: string, names: readonly string[]): DestinationWish => ({
  destination,
  names,
  address: null,
  port: 25,
});
