// From the operator's words to the servers that are looked at: a destination of the configuration, a domain (its MX), a
// host, an address, each with a port of its own where one is given. Names are looked up by what it is given; how many
// servers of a destination are looked at depends on how many destinations there are to compare.
import { familyOf, ipBytes } from '../lib/ip.js';
import type { Family, Target } from './observation.js';

/** What a lookup gave. */
export type Found<T> =
  | { readonly kind: 'found'; readonly values: readonly T[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly why: string };

/** One exchanger of a domain, as DNS gave it. */
export interface Exchanger {
  readonly name: string;
  readonly preference: number;
}

/** Of `none` with `isNull` the domain says that it takes no mail. */
export type FoundExchangers =
  | Exclude<Found<Exchanger>, { readonly kind: 'none' }>
  | { readonly kind: 'none'; readonly isNull?: true };

/** Why nobody is asked in the place of a domain with a null MX. */
export const TAKES_NO_MAIL = 'takes no mail (null MX)';
/** Of a domain whose exchangers have no names that hosts may have. */
export const MX_IS_NO_HOST = 'takes no mail (its MX is no host)';

/** Name lookups; never throw for what DNS says. */
export interface TargetLookups {
  mx(domain: string): Promise<FoundExchangers>;
  addresses(name: string): Promise<Found<string>>;
}

/** One destination, as it was asked for. */
export interface DestinationWish {
  /** What its column is called. */
  readonly destination: string;
  /** Domains to take the MX of, the first that has one; empty: an address. */
  readonly names: readonly string[];
  readonly address: string | null;
  readonly port: number;
}

/** What was found. */
export interface FoundTargets {
  readonly targets: readonly Target[];
  /** The domain that stands behind a destination, for recipients. */
  readonly domains: ReadonlyMap<string, string>;
  readonly failed: readonly { readonly destination: string; readonly why: string }[];
}

/** Servers that a run looks at, at least, where there are so many. */
const SERVERS_WANTED = 3;

/** `mx.example.net`, `192.0.2.1:2525`, `[2001:db8::1]:25`; null: it is nothing that can be looked at. */
export function parseDestination(word: string): DestinationWish | null {
  const found =
    /^\[([0-9a-f:.]{2,45})\](?::(\d{1,5}))?$/i.exec(word) ??
    /^([0-9a-f:]*:[0-9a-f:.]*:[0-9a-f:.]*)$/i.exec(word) ??
    /^([a-z0-9](?:[a-z0-9._-]{0,252})|[a-z0-9])(?::(\d{1,5}))?$/i.exec(word);
  if (found === null) return null;
  const [, name = '', portText] = found;
  const port = portText === undefined ? 25 : Number(portText);
  if (port < 1 || port > 65_535) return null;
  const isAddress = name.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(name);
  if (isAddress && ipBytes(name) === undefined) return null;
  const lower = name.toLowerCase().replace(/\.$/, '');
  return {
    destination: portText === undefined ? lower : word.toLowerCase(),
    names: isAddress ? [] : [lower],
    address: isAddress ? lower : null,
    port,
  };
}

/** How many servers of each destination: one where there are enough destinations to compare. */
export function serversEach(destinations: number): number {
  return Math.max(1, Math.ceil(SERVERS_WANTED / Math.max(1, destinations)));
}

/** Looks all names up. */
export async function findTargets(
  wishes: readonly DestinationWish[],
  lookups: TargetLookups,
): Promise<FoundTargets> {
  const most = serversEach(wishes.length);
  const found = await Promise.all(wishes.map((wish) => findOne(wish, lookups, most)));
  return {
    targets: found.flatMap(({ targets }) => targets),
    domains: new Map(
      found.flatMap(({ domain }, at) => {
        const { destination } = wishes[at] ?? {};
        return domain === null || destination === undefined ? [] : [[destination, domain] as const];
      }),
    ),
    failed: found.flatMap(({ why }, at) => {
      const { destination } = wishes[at] ?? {};
      return why === null || destination === undefined ? [] : [{ destination, why }];
    }),
  };
}

interface OneFound {
  readonly targets: readonly Target[];
  readonly domain: string | null;
  readonly why: string | null;
}

async function findOne(wish: DestinationWish, lookups: TargetLookups, most: number): Promise<OneFound> {
  const { destination, names, address, port } = wish;
  if (address !== null) {
    const target = { destination, host: null, address, family: familyOf(address), port };
    return { targets: [target], domain: null, why: null };
  }
  let why: string | null = null;
  for (const name of names) {
    const hosts = await exchangersOf(name, lookups);
    if (typeof hosts === 'string') {
      why ??= `${name}: ${hosts}`;
      continue;
    }
    const servers: { readonly host: string; readonly addresses: readonly string[] }[] = [];
    for (const host of hosts) {
      // One after the other: those behind the first ones are mostly not needed.
      if (servers.length >= most) break;
      const answer = await lookups.addresses(host);
      if (answer.kind === 'found' && answer.values.length > 0)
        servers.push({ host, addresses: answer.values });
      else why ??= `${host}: ${answer.kind === 'failed' ? answer.why : 'it has no address'}`;
    }
    const targets = ([4, 6] as const).flatMap((family) =>
      choose(servers, family, most).map(({ host, address: one }) => ({
        destination,
        host,
        address: one,
        family,
        port,
      })),
    );
    if (targets.length > 0) return { targets, domain: name, why: null };
  }
  return { targets: [], domain: null, why: why ?? 'it has no address' };
}

/** The hosts that take the mail of a name, the best first; a text: why there are none. */
async function exchangersOf(name: string, lookups: TargetLookups): Promise<readonly string[] | string> {
  const answer = await lookups.mx(name);
  if (answer.kind === 'failed') return answer.why;
  // RFC 5321, 5.1: a name without MX takes mail itself.
  if (answer.kind === 'none') return answer.isNull === true ? `it ${TAKES_NO_MAIL}` : [name];
  const hosts = exchangerHosts(answer.values);
  return hosts.length === 0 ? `it ${MX_IS_NO_HOST}` : hosts;
}

/** The hosts of an answer, the best first. DNS is a stranger's word: what is no name of a host is left out. */
export function exchangerHosts(exchangers: readonly Exchanger[]): readonly string[] {
  return exchangers
    .map(({ name, preference }) => ({ host: name.toLowerCase().replace(/\.$/, ''), preference }))
    .sort((a, b) => a.preference - b.preference || (a.host < b.host ? -1 : 1))
    .map(({ host }) => host)
    .filter((host) => /^[a-z0-9_]([a-z0-9._-]{0,252})$/.test(host));
}

/** Different servers first, then further addresses of them. */
function choose(
  servers: readonly { readonly host: string; readonly addresses: readonly string[] }[],
  family: Family,
  most: number,
): readonly { readonly host: string; readonly address: string }[] {
  const lists = servers.map(({ host, addresses }) => ({
    host,
    addresses: [...new Set(addresses)].filter((address) => familyOf(address) === family),
  }));
  const chosen: { readonly host: string; readonly address: string }[] = [];
  const deepest = Math.max(0, ...lists.map(({ addresses }) => addresses.length));
  for (let at = 0; at < deepest; at += 1)
    for (const { host, addresses } of lists) {
      const address = addresses[at];
      if (address !== undefined && chosen.length < most && !chosen.some((one) => one.address === address))
        chosen.push({ host, address });
    }
  return chosen;
}
