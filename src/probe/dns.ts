// What DNS says of our mail, asked from every uplink: do the resolvers and every authoritative server answer by UDP and
// TCP, where does the mail of a domain go, do our addresses have names that lead back, does SPF cover every uplink, is an
// address on a block list, are the keys of the receivers (TLSA) and the signatures in order. A resolver that is dead by
// one uplink says nothing about that uplink: it is asked by the others, and told. Questions go where they are given.
import { familyOf, ipBytes, isLoopback, reverseName } from '../lib/ip.js';
import type { DnsQuestion, DnsRecord, DnsReply, DnsType } from '../transport/dns-message.js';
import type { AskServer, DnsAnswerSeen } from './ask-server.js';
import type { UplinkRow, UplinkWish } from './rows.js';
import { checkSpf } from './spf.js';

/** How a finding counts. `info` is no fault; `unknown` is not ok. */
export type DnsLevel = 'ok' | 'info' | 'bad' | 'unknown';

/** What a finding is about. */
export type DnsTopic =
  | 'resolver'
  | 'server'
  | 'mx'
  | 'address'
  | 'dnssec'
  | 'tlsa'
  | 'spf'
  | 'reverse'
  | 'blocklist';

/** One line of the answer. */
export interface DnsFinding {
  readonly topic: DnsTopic;
  /** The domain, host, server or address. */
  readonly subject: string;
  /** By which uplink it was asked, or whose address it is; null: it does not matter. */
  readonly uplink: string | null;
  readonly family: 4 | 6 | null;
  readonly level: DnsLevel;
  readonly text: string;
  readonly ms: number | null;
}

/** A way to ask. */
export interface DnsWay {
  readonly row: UplinkRow;
  readonly ask: AskServer;
}

/** An address that mail leaves from. */
export interface DnsSource {
  readonly uplink: string;
  readonly address: string;
}

/** What is asked about, and by which ways. */
export interface DnsWish {
  readonly domains: readonly string[];
  /** Those of them that we send from: SPF counts. */
  readonly ownDomains: readonly string[];
  readonly ways: readonly DnsWay[];
  /** The resolvers of the host, in its order. */
  readonly resolvers: readonly string[];
  /** The host's own choice of a way. */
  readonly plain: AskServer;
  /** Addresses whose names and block lists are asked for. */
  readonly sources: readonly DnsSource[];
  /** All addresses that mail leaves from, of other hosts as well: SPF must cover them. */
  readonly senders: readonly DnsSource[];
  readonly blockLists: readonly string[];
}

const MOST_SERVERS = 16;
const MOST_EXCHANGERS = 20;
/** Ways that one question is asked by. */
const MOST_TRIES = 6;

/** What one of several hosts asks. */
export interface DnsShare extends Pick<DnsWish, 'sources' | 'senders'> {
  readonly asksOfDomains: boolean;
}

/**
 * Who asks what: the first host that answers about the domains, each about its own addresses, the first about those of
 * hosts that do not answer as well.
 */
export function dnsShares(
  answering: readonly string[],
  uplinks: readonly UplinkWish[],
): ReadonlyMap<string, DnsShare> {
  const of = (hosts: (host: string) => boolean): readonly DnsSource[] =>
    uplinks
      .filter(({ host }) => hosts(host))
      .flatMap(({ uplink, sources }) => sources.map((address) => ({ uplink, address })));
  return new Map(
    answering.map((name, at): [string, DnsShare] => [
      name,
      {
        asksOfDomains: at === 0,
        sources: of((host) => host === name || (at === 0 && !answering.includes(host))),
        senders: of(() => true),
      },
    ]),
  );
}

/** Asks and judges. */
export async function lookAtDns(wish: DnsWish): Promise<readonly DnsFinding[]> {
  const resolver = new AnyResolver(wish);
  const parts = await Promise.all([
    lookAtResolvers(wish),
    ...wish.domains.map((domain) => lookAtDomain(domain, wish, resolver)),
    ...wish.sources.map((source) => lookAtSource(source, wish, resolver)),
    ...wish.blockLists.map((list) => lookAtList(list, resolver)),
  ]);
  return parts.flat();
}

const of = (
  topic: DnsTopic,
  subject: string,
  level: DnsLevel,
  text: string,
  more: { readonly row?: UplinkRow; readonly uplink?: string; readonly ms?: number } = {},
): DnsFinding => ({
  topic,
  subject,
  uplink: more.row?.uplink ?? more.uplink ?? null,
  family: more.row?.family ?? null,
  level,
  text,
  ms: more.ms ?? null,
});

/** Any resolver of the host that answers, by the host's own way first, then by each uplink. */
class AnyResolver {
  readonly #known = new Map<string, Promise<DnsReply | null>>();

  constructor(private readonly wish: DnsWish) {}

  ask(name: string, type: DnsType, checkingDisabled = false): Promise<DnsReply | null> {
    const key = `${name} ${type} ${checkingDisabled}`;
    let answer = this.#known.get(key);
    if (answer === undefined) {
      answer = this.#find({ name, type, recursion: true, checkingDisabled });
      this.#known.set(key, answer);
    }
    return answer;
  }

  async #find(question: DnsQuestion): Promise<DnsReply | null> {
    const { resolvers, plain, ways } = this.wish;
    // All at once, and the first good answer is taken: a dead one must not cost its time again for each name.
    const tries = resolvers.flatMap((server) => [
      () => plain(server, question),
      ...ways
        .filter(({ row }) => canReach(row, server))
        .map(
          ({ ask }) =>
            () =>
              ask(server, question),
        ),
    ]);
    return firstGood(tries.slice(0, MOST_TRIES).map((run) => run()));
  }

  /** Values of a type; null: it could not be found out. */
  async values(name: string, type: DnsType): Promise<readonly DnsRecord[] | null> {
    const reply = await this.ask(name, type);
    if (reply === null || (reply.rcode !== 'NOERROR' && reply.rcode !== 'NXDOMAIN')) return null;
    return reply.answers.filter((record) => record.type === type);
  }

  async addresses(name: string): Promise<readonly string[] | null> {
    if (ipBytes(name) !== undefined) return [name];
    const both = await Promise.all([this.values(name, 'A'), this.values(name, 'AAAA')]);
    if (both.every((one) => one === null)) return null;
    return both.flatMap((one) => one ?? []).map(({ value }) => value);
  }
}

/** The first reply that knows; where none does, the last in order that says anything; null: none came. */
async function firstGood(running: readonly Promise<DnsAnswerSeen>[]): Promise<DnsReply | null> {
  const others: (DnsReply | undefined)[] = [];
  const isGood = ({ rcode }: DnsReply) => rcode === 'NOERROR' || rcode === 'NXDOMAIN';
  return new Promise((resolve, reject) => {
    const all = running.map(async (one, at) => {
      const seen = await one;
      if (seen.kind !== 'reply') return;
      if (isGood(seen.reply)) resolve(seen.reply);
      else others[at] = seen.reply;
    });
    // Of those that lose, an error has nobody left to tell: the promise is settled.
    Promise.all(all).then(() => resolve(others.findLast((reply) => reply !== undefined) ?? null), reject);
  });
}

/** A source can only ask a server of its own family, and no other host asks one on its loopback. */
function canReach({ family }: UplinkRow, server: string): boolean {
  return familyOf(server) === family && !isLoopback(server);
}

async function lookAtResolvers({ resolvers, ways, plain }: DnsWish): Promise<readonly DnsFinding[]> {
  if (resolvers.length === 0)
    return [of('resolver', '/etc/resolv.conf', 'bad', 'the host has no resolver configured')];
  const question: DnsQuestion = { name: '.', type: 'NS', recursion: true };
  const findings = await Promise.all(
    resolvers.map(async (server): Promise<readonly DnsFinding[]> => {
      const [own, ...byWay] = await Promise.all([
        plain(server, question),
        ...ways
          .filter(({ row }) => canReach(row, server))
          .map(async ({ row, ask }) => ({ row, seen: await ask(server, question) })),
      ]);
      const lines = byWay.map(({ row, seen }) =>
        seen.kind === 'reply'
          ? of('resolver', server, 'ok', `answers ${seen.reply.rcode}`, { row, ms: seen.ms })
          : // Its own way may be dead: a word about the resolver's reach, not about the uplink.
            of('resolver', server, 'bad', `${seen.why} by this uplink`, { row, ms: seen.ms }),
      );
      return [
        own?.kind === 'reply'
          ? of('resolver', server, 'ok', `answers ${own.reply.rcode} to the host itself`, { ms: own.ms })
          : of(
              'resolver',
              server,
              'bad',
              `${own?.why ?? 'no answer'} to the host itself: every lookup of the mail server waits for it`,
            ),
        ...lines,
      ];
    }),
  );
  return findings.flat();
}

async function lookAtDomain(
  domain: string,
  wish: DnsWish,
  resolver: AnyResolver,
): Promise<readonly DnsFinding[]> {
  const parts = await Promise.all([
    lookAtServers(domain, wish, resolver),
    lookAtExchangers(domain, resolver),
    lookAtSignatures(domain, resolver),
    wish.ownDomains.includes(domain) ? lookAtSpf(domain, wish, resolver) : [],
  ]);
  return parts.flat();
}

/** The zone that a name is in, and its servers; null: it could not be found out. */
async function zoneOf(
  domain: string,
  resolver: AnyResolver,
): Promise<{ readonly zone: string; readonly servers: readonly string[] } | null> {
  const labels = domain.split('.');
  for (let at = 0; at < labels.length; at += 1) {
    const zone = labels.slice(at).join('.');
    const servers = await resolver.values(zone, 'NS');
    if (servers === null) return null;
    const own = servers.filter(({ name }) => name === zone).map(({ value }) => value);
    if (own.length > 0) return { zone, servers: own };
  }
  return null;
}

async function lookAtServers(
  domain: string,
  { ways }: DnsWish,
  resolver: AnyResolver,
): Promise<readonly DnsFinding[]> {
  const found = await zoneOf(domain, resolver);
  if (found === null) return [of('server', domain, 'unknown', 'its name servers could not be found out')];
  const { zone, servers } = found;
  const findings = await Promise.all(
    servers.slice(0, MOST_SERVERS).map(async (server): Promise<readonly DnsFinding[]> => {
      const addresses = await resolver.addresses(server);
      if (addresses === null || addresses.length === 0)
        return [
          of('server', `${server} (${zone})`, addresses === null ? 'unknown' : 'bad', 'it has no address'),
        ];
      const looks = await Promise.all(
        addresses.flatMap((address) =>
          ways
            .filter(({ row }) => canReach(row, address))
            .map(async ({ row, ask }) => {
              const question: DnsQuestion = { name: zone, type: 'SOA', recursion: false };
              const [udp, tcp] = await Promise.all([
                ask(address, question),
                ask(address, question, { tcp: true }),
              ]);
              return { row, address, udp, tcp };
            }),
        ),
      );
      return looks.map(({ row, address, udp, tcp }) => {
        const others = looks.filter((look) => look.address === address && look.row !== row);
        const isAlone = others.some((look) => faultOfServer(look.udp, look.tcp) === null);
        const fault = faultOfServer(udp, tcp);
        const subject = `${server} ${address} (${zone})`;
        if (fault === null)
          return of('server', subject, 'ok', `answers by UDP in ${udp.ms} ms and by TCP in ${tcp.ms} ms`, {
            row,
            ms: udp.ms,
          });
        return of('server', subject, 'bad', `${fault}${isAlone ? '; by another uplink it answers' : ''}`, {
          row,
        });
      });
    }),
  );
  return findings.flat();
}

/** What is wrong with a server that should know the zone; null: nothing. */
function faultOfServer(udp: DnsAnswerSeen, tcp: DnsAnswerSeen): string | null {
  if (udp.kind === 'silent') return tcp.kind === 'silent' ? udp.why : `${udp.why} by UDP, by TCP it answers`;
  const { rcode, isAuthoritative, answers } = udp.reply;
  if (rcode !== 'NOERROR') return `answers ${rcode}: it does not know the zone (lame)`;
  if (!isAuthoritative && answers.length === 0)
    return 'answers with a referral: it does not know the zone (lame)';
  return tcp.kind === 'silent' ? `${tcp.why} by TCP, by UDP it answers: large answers are lost` : null;
}

async function lookAtExchangers(domain: string, resolver: AnyResolver): Promise<readonly DnsFinding[]> {
  const reply = await resolver.ask(domain, 'MX');
  if (reply === null) return [of('mx', domain, 'unknown', 'no resolver answers')];
  if (reply.rcode === 'SERVFAIL') {
    const unchecked = await resolver.ask(domain, 'MX', true);
    return [
      unchecked?.rcode === 'NOERROR'
        ? of(
            'dnssec',
            domain,
            'bad',
            `its signatures are wrong${extended(reply)}: validating receivers do not find it`,
          )
        : of('mx', domain, 'bad', `its name servers are dead or lame (SERVFAIL)${extended(reply)}`),
    ];
  }
  if (reply.rcode !== 'NOERROR') return [of('mx', domain, 'bad', `there is no such domain (${reply.rcode})`)];
  const exchangers = reply.answers
    .filter(({ type }) => type === 'MX')
    .sort((a, b) => (a.preference ?? 0) - (b.preference ?? 0));
  if (exchangers.length === 1 && (exchangers[0]?.value === '.' || exchangers[0]?.value === ''))
    return [of('mx', domain, 'info', 'it takes no mail (null MX)')];
  const hosts = exchangers.length === 0 ? [domain] : exchangers.map(({ value }) => value);
  const head = of(
    'mx',
    domain,
    'ok',
    exchangers.length === 0
      ? 'it has no MX: mail goes to its own address'
      : exchangers.map(({ value, preference }) => `${preference} ${value}`).join(', '),
  );
  const findings = await Promise.all(
    hosts.slice(0, MOST_EXCHANGERS).map(async (host): Promise<readonly DnsFinding[]> => {
      const [addresses, alias, tlsa] = await Promise.all([
        resolver.addresses(host),
        resolver.ask(host, 'A'),
        resolver.ask(`_25._tcp.${host}`, 'TLSA'),
      ]);
      const isAlias = (alias?.answers ?? []).some(({ type, name }) => type === 'CNAME' && name === host);
      const line =
        addresses === null
          ? of('address', host, 'unknown', 'no resolver answers')
          : addresses.length === 0
            ? of('address', host, 'bad', 'it has no address')
            : isAlias && exchangers.length > 0
              ? of('address', host, 'bad', `an MX may be no alias (RFC 2181, 10.3): ${addresses.join(', ')}`)
              : of('address', host, 'ok', addresses.join(', '));
      return [line, tlsaFinding(host, tlsa)];
    }),
  );
  return [head, ...findings.flat()];
}

function tlsaFinding(host: string, reply: DnsReply | null): DnsFinding {
  if (reply === null) return of('tlsa', host, 'unknown', 'no resolver answers');
  const records = reply.answers.filter(({ type }) => type === 'TLSA');
  if (reply.rcode === 'SERVFAIL')
    return of(
      'tlsa',
      host,
      'bad',
      `it cannot be looked up (SERVFAIL)${extended(reply)}: senders that know DANE defer`,
    );
  if (records.length === 0) return of('tlsa', host, 'info', 'none: TLS is opportunistic');
  const usable = records.filter(({ value }) => /^[23] [01] [012] /.test(value));
  const words = records.map(
    ({ value }) => `${value.split(' ').slice(0, 3).join(' ')} ${value.split(' ')[3]?.slice(0, 16)}...`,
  );
  return of(
    'tlsa',
    host,
    usable.length === 0 ? 'bad' : 'ok',
    `${words.join(', ')}${usable.length === 0 ? ': none of them is usable for mail (RFC 7672)' : ''}${reply.isAuthentic ? '' : '; the resolver does not say that it is signed'}`,
  );
}

function extended({ extendedError }: DnsReply): string {
  return extendedError === null ? '' : `, extended error ${extendedError}`;
}

async function lookAtSignatures(domain: string, resolver: AnyResolver): Promise<readonly DnsFinding[]> {
  const [soa, ds] = await Promise.all([resolver.ask(domain, 'SOA'), resolver.ask(domain, 'DS')]);
  if (soa === null) return [of('dnssec', domain, 'unknown', 'no resolver answers')];
  if (soa.rcode === 'SERVFAIL') return [];
  const hasDs = (ds?.answers ?? []).some(({ type }) => type === 'DS');
  if (soa.isAuthentic) return [of('dnssec', domain, 'ok', 'signed, and the resolver has checked it')];
  return [
    of(
      'dnssec',
      domain,
      'info',
      hasDs
        ? 'signed; the resolver does not check signatures'
        : 'not signed, or the resolver does not say so',
    ),
  ];
}

async function lookAtSpf(
  domain: string,
  { senders }: DnsWish,
  resolver: AnyResolver,
): Promise<readonly DnsFinding[]> {
  const lookups = {
    txt: async (name: string) => (await resolver.values(name, 'TXT'))?.map(({ value }) => value) ?? null,
    addresses: (name: string) => resolver.addresses(name),
    mx: async (name: string) => (await resolver.values(name, 'MX'))?.map(({ value }) => value) ?? null,
  };
  return Promise.all(
    senders.map(async ({ uplink, address }) => {
      const { result, by } = await checkSpf(domain, address, lookups);
      const level: DnsLevel =
        result === 'pass' ? 'ok' : result === 'temperror' || result === 'unknown' ? 'unknown' : 'bad';
      return of('spf', domain, level, `${address}: ${result} (${by})`, { uplink });
    }),
  );
}

async function lookAtSource(
  { uplink, address }: DnsWish['sources'][number],
  { blockLists }: DnsWish,
  resolver: AnyResolver,
): Promise<readonly DnsFinding[]> {
  const findings = await Promise.all([
    reverseOf(address, uplink, resolver),
    ...blockLists.map((list) => listed(address, uplink, list, resolver)),
  ]);
  return findings;
}

/** The address has a name, and the name leads back (FCrDNS). */
async function reverseOf(address: string, uplink: string, resolver: AnyResolver): Promise<DnsFinding> {
  const name = reverseName(address);
  const names = name === undefined ? null : await resolver.values(name, 'PTR');
  if (names === null) return of('reverse', address, 'unknown', 'its name could not be looked up', { uplink });
  if (names.length === 0)
    return of('reverse', address, 'bad', 'it has no name (PTR): many receivers refuse or delay it', {
      uplink,
    });
  const forward = await Promise.all(names.slice(0, 5).map(({ value }) => resolver.addresses(value)));
  const at = forward.findIndex((addresses) => addresses?.some((one) => sameAddress(one, address)) === true);
  const first = names[0]?.value ?? '';
  if (at >= 0) return of('reverse', address, 'ok', `${names[at]?.value}, which leads back`, { uplink });
  if (forward.some((one) => one === null))
    return of('reverse', address, 'unknown', `${first} could not be looked up`, { uplink });
  return of('reverse', address, 'bad', `${first} does not lead back to it: receivers do not trust the name`, {
    uplink,
  });
}

function sameAddress(one: string, other: string): boolean {
  return ipBytes(one)?.join('.') === ipBytes(other)?.join('.');
}

/** A list that does not know its own test entry does not answer us: silence is no clean bill. */
async function lookAtList(list: string, resolver: AnyResolver): Promise<readonly DnsFinding[]> {
  const works = await listWorks(list, resolver);
  return works === null ? [] : [of('blocklist', list, 'unknown', works)];
}

async function listWorks(list: string, resolver: AnyResolver): Promise<string | null> {
  const test = await resolver.values(reverseName('127.0.0.2', list) ?? list, 'A');
  if (test === null) return 'it does not answer: nothing is known of our addresses';
  const codes = test.map(({ value }) => value);
  if (codes.some((code) => code.startsWith('127.255.255.')))
    return `it refuses this resolver (${codes.join(', ')}): ask it by a resolver of your own`;
  if (!codes.some((code) => code.startsWith('127.')))
    return 'its test entry 127.0.0.2 is not listed: it does not answer this resolver';
  return null;
}

async function listed(
  address: string,
  uplink: string,
  list: string,
  resolver: AnyResolver,
): Promise<DnsFinding> {
  if ((await listWorks(list, resolver)) !== null)
    return of('blocklist', address, 'unknown', `${list} does not answer`, { uplink });
  const name = reverseName(address, list) ?? list;
  const codes = await resolver.values(name, 'A');
  if (codes === null) return of('blocklist', address, 'unknown', `${list} did not answer`, { uplink });
  const hits = codes.map(({ value }) => value).filter((code) => code.startsWith('127.'));
  if (hits.length === 0) return of('blocklist', address, 'ok', `not on ${list}`, { uplink });
  const texts = await resolver.values(name, 'TXT');
  const text = texts?.[0]?.value.slice(0, 200);
  return of(
    'blocklist',
    address,
    'bad',
    `ON ${list}: ${hits.join(', ')}${text === undefined ? '' : ` ${JSON.stringify(text)}`}`,
    {
      uplink,
    },
  );
}
