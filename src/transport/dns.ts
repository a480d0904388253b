// DNS as a mail server asks it: mail exchangers, addresses and names. By node's own resolver (c-ares: UDP, TCP for
// what is too long, the servers of /etc/resolv.conf), a bounded number at once and within a deadline for all, so that
// a dead resolver costs seconds, not minutes. Answers are strangers' words. What fails is an answer, never thrown.
import { Resolver } from 'node:dns/promises';
import { domainToASCII } from 'node:url';
import type { Clock } from '../lib/clock.js';
import { Semaphore } from '../lib/semaphore.js';

/** What a lookup gave: `none` when there is no such record or name, for sure. */
export type DnsAnswer<T> =
  | { readonly kind: 'found'; readonly values: T }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly why: string };

/** One exchanger of a domain. */
export interface MailExchanger {
  readonly name: string;
  readonly preference: number;
}

/** The exchangers; of `none` with `isNull` the domain says itself that it takes no mail (RFC 7505). */
export type MxAnswer =
  | Exclude<DnsAnswer<readonly MailExchanger[]>, { readonly kind: 'none' }>
  | { readonly kind: 'none'; readonly isNull?: true };

/** Answers that are kept from one program run to the next. */
export interface DnsCache {
  get(key: string): DnsAnswer<unknown> | undefined;
  set(key: string, answer: DnsAnswer<unknown>): void;
}

/** Lookups. */
export interface Dns {
  mx(domain: string, signal?: AbortSignal): Promise<MxAnswer>;
  /** IPv4 and IPv6. */
  addresses(name: string, signal?: AbortSignal): Promise<DnsAnswer<readonly string[]>>;
  /** Names of an address (PTR). */
  names(address: string, signal?: AbortSignal): Promise<DnsAnswer<readonly string[]>>;
}

/** What lookups may take, and where they go. */
export interface DnsOptions {
  readonly clock: Clock;
  readonly cache?: DnsCache | undefined;
  /** `127.0.0.1:5353`; undefined: those of /etc/resolv.conf. */
  readonly servers?: readonly string[] | undefined;
  /** For one try of one question; a second one takes twice as long. */
  readonly tryMs?: number | undefined;
  /** For all lookups together, from the first; what is left then has failed. */
  readonly allMs?: number | undefined;
  /** Instead: for each lookup, from when it is asked, for work that goes on for as long as there is some. */
  readonly eachMs?: number | undefined;
  readonly atOnce?: number | undefined;
}

const TRY_MS = 1500;
const ALL_MS = 10_000;
const AT_ONCE = 64;
/** More exchangers or addresses than any honest name has. */
const MOST_VALUES = 100;

/** node's words for: the name or the record is not there. */
const NOT_THERE: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

const WHY: ReadonlyMap<string, string> = new Map([
  ['ETIMEOUT', 'the resolver did not answer'],
  ['ESERVFAIL', 'the resolver could not find out (SERVFAIL)'],
  ['EREFUSED', 'the resolver refused'],
  ['ECONNREFUSED', 'no resolver answers'],
  ['EBADNAME', 'it is no name'],
  ['EBADRESP', 'the answer is broken'],
  ['ECANCELLED', 'there was no time left'],
]);

type Ask<T> = (resolver: Resolver) => Promise<T>;

/** Opens a resolver; it holds sockets only while it asks. */
export function openDns(options: DnsOptions): Dns {
  const { clock, cache, servers, tryMs = TRY_MS, allMs = ALL_MS, eachMs, atOnce = AT_ONCE } = options;
  const open = () => {
    const resolver = new Resolver({ timeout: tryMs, tries: 2 });
    if (servers !== undefined) resolver.setServers([...servers]);
    return resolver;
  };
  const shared = open();
  const places = new Semaphore(atOnce);
  const running = new Map<string, Promise<DnsAnswer<unknown>>>();
  let endsAt: number | undefined;

  // c-ares gives up everything at once that one resolver asks: of several at a time each has its own.
  const within = async <T>(ask: Ask<T>): Promise<T> => {
    if (eachMs !== undefined) return until(eachMs, open(), ask);
    endsAt ??= clock.monotonic() + allMs;
    const left = endsAt - clock.monotonic();
    if (left <= 0) throw Object.assign(new Error('no time left'), { code: 'ECANCELLED' });
    return until(left, shared, ask);
  };
  const until = async <T>(ms: number, resolver: Resolver, ask: Ask<T>): Promise<T> => {
    const stop = clock.timer(ms, () => resolver.cancel(), false);
    try {
      return await ask(resolver);
    } finally {
      stop();
    }
  };

  const lookUp = async <T extends readonly unknown[]>(
    key: string,
    signal: AbortSignal | undefined,
    ask: Ask<T>,
  ): Promise<DnsAnswer<T>> => {
    const kept = cache?.get(key);
    if (kept !== undefined) return kept as DnsAnswer<T>;
    const asked = running.get(key);
    if (asked !== undefined) return asked as Promise<DnsAnswer<T>>;
    const asking = (async (): Promise<DnsAnswer<T>> => {
      const free = await places.acquire(signal);
      try {
        const values = (await within(ask)).slice(0, MOST_VALUES) as unknown as T;
        return values.length === 0 ? { kind: 'none' } : { kind: 'found', values };
      } catch (error) {
        const code = (error as { code?: unknown }).code;
        if (typeof code !== 'string') throw error;
        return NOT_THERE.has(code) ? { kind: 'none' } : { kind: 'failed', why: WHY.get(code) ?? code };
      } finally {
        free();
      }
    })();
    running.set(key, asking);
    const answer = await asking;
    if (answer.kind !== 'failed') cache?.set(key, answer);
    return answer;
  };

  return {
    async mx(domain, signal) {
      const name = domainToASCII(domain);
      if (name === '') return { kind: 'failed', why: 'it is no name' };
      const answer = await lookUp(`mx ${name}`, signal, async (resolver) =>
        (await resolver.resolveMx(name)).map(({ exchange, priority }) => ({
          name: exchange,
          preference: priority,
        })),
      );
      // RFC 7505: the root as exchanger says that the domain takes no mail.
      return answer.kind === 'found' && answer.values.every((one) => one.name === '' || one.name === '.')
        ? { kind: 'none', isNull: true }
        : answer;
    },
    async addresses(name, signal) {
      const both = await Promise.all([
        lookUp(`a ${name}`, signal, (resolver) => resolver.resolve4(name)),
        lookUp(`aaaa ${name}`, signal, (resolver) => resolver.resolve6(name)),
      ]);
      const values = both.flatMap((answer) => (answer.kind === 'found' ? answer.values : []));
      if (values.length > 0) return { kind: 'found', values };
      return both.find(({ kind }) => kind === 'failed') ?? { kind: 'none' };
    },
    names: (address, signal) => lookUp(`ptr ${address}`, signal, (resolver) => resolver.reverse(address)),
  };
}
