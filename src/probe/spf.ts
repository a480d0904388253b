// Does a domain's SPF record let mail from an address pass? RFC 7208 without macros: a term that holds one cannot be
// judged before there is a message, and says so. At most ten lookups, as receivers count them. The lookups are given.
import { ipBytes, isInNetwork } from '../lib/ip.js';

/** The result, as receivers name it; `unknown`: it depends on the message. */
export type SpfResult =
  | 'pass'
  | 'fail'
  | 'softfail'
  | 'neutral'
  | 'none'
  | 'permerror'
  | 'temperror'
  | 'unknown';

/** The answer and what decided it. */
export interface SpfAnswer {
  readonly result: SpfResult;
  /** The term, or why there is none. */
  readonly by: string;
}

/** Lookups; null: they failed. */
export interface SpfLookups {
  txt(name: string): Promise<readonly string[] | null>;
  addresses(name: string): Promise<readonly string[] | null>;
  mx(name: string): Promise<readonly string[] | null>;
}

const MOST_LOOKUPS = 10;
const TERM =
  /^([-+~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?::([^/]*))?(?:\/(\d{1,3}))?(?:\/\/(\d{1,3}))?$/i;
const RESULTS: Readonly<Record<string, SpfResult>> = {
  '+': 'pass',
  '-': 'fail',
  '~': 'softfail',
  '?': 'neutral',
};

/** Judges an address. */
export async function checkSpf(domain: string, address: string, lookups: SpfLookups): Promise<SpfAnswer> {
  return checkDomain(domain, address, lookups, { left: MOST_LOOKUPS, unknown: null });
}

interface State {
  left: number;
  /** A term that could not be judged. */
  unknown: string | null;
}

async function checkDomain(
  domain: string,
  address: string,
  lookups: SpfLookups,
  state: State,
): Promise<SpfAnswer> {
  const texts = await lookups.txt(domain);
  if (texts === null) return { result: 'temperror', by: `${domain} could not be looked up` };
  const records = texts.filter((text) => /^v=spf1(?: |$)/i.test(text));
  const [record] = records;
  if (record === undefined) return { result: 'none', by: `${domain} has no SPF record` };
  if (records.length > 1) return { result: 'permerror', by: `${domain} has ${records.length} SPF records` };
  let redirect: string | null = null;
  for (const term of record.split(/ +/).slice(1, 200)) {
    if (term === '') continue;
    const modifier = /^([a-z][a-z0-9_.-]*)=(.*)$/i.exec(term);
    if (modifier !== null) {
      if (modifier[1]?.toLowerCase() === 'redirect') redirect = modifier[2] ?? '';
      continue;
    }
    const found = TERM.exec(term);
    if (found === null) return { result: 'permerror', by: `${domain}: no term of SPF: ${term.slice(0, 60)}` };
    const [, sign = '', name = '', value, four, six] = found;
    const result = RESULTS[sign === '' ? '+' : sign] ?? 'neutral';
    const match = await matches(
      { name: name.toLowerCase(), value, four, six, domain },
      address,
      lookups,
      state,
    );
    if (typeof match === 'object') return match;
    if (match) return decided({ result, by: `${domain}: ${term}` }, state);
  }
  if (redirect !== null) {
    if (redirect.includes('%'))
      return { result: 'unknown', by: `${domain}: redirect=${redirect} depends on the message` };
    if (state.left <= 0) return { result: 'permerror', by: `more than ${MOST_LOOKUPS} lookups` };
    state.left -= 1;
    return checkDomain(redirect, address, lookups, state);
  }
  return decided({ result: 'neutral', by: `${domain}: no term fits` }, state);
}

/** A term before that could not be judged may have decided otherwise. */
function decided(answer: SpfAnswer, { unknown }: State): SpfAnswer {
  return unknown === null || answer.result === 'pass'
    ? answer
    : { result: 'unknown', by: `${unknown} depends on the message, else ${answer.result} by ${answer.by}` };
}

interface Term {
  readonly name: string;
  readonly value: string | undefined;
  readonly four: string | undefined;
  readonly six: string | undefined;
  readonly domain: string;
}

async function matches(
  { name, value, four, six, domain }: Term,
  address: string,
  lookups: SpfLookups,
  state: State,
): Promise<boolean | SpfAnswer> {
  if (name === 'all') return true;
  const isSix = address.includes(':');
  const whole = isSix ? 128 : 32;
  if (name === 'ip4' || name === 'ip6') {
    if (value === undefined || ipBytes(value) === undefined || value.includes(':') !== (name === 'ip6'))
      return { result: 'permerror', by: `${domain}: ${name}:${value ?? ''} is no address` };
    const prefix = four === undefined ? (name === 'ip6' ? 128 : 32) : Number(four);
    return isInNetwork(address, value, prefix);
  }
  if (name === 'ptr' || name === 'exists' || value?.includes('%') === true) {
    state.unknown ??= `${domain}: ${name}${value === undefined ? '' : `:${value}`}`;
    return false;
  }
  if (state.left <= 0) return { result: 'permerror', by: `more than ${MOST_LOOKUPS} lookups` };
  state.left -= 1;
  const target = value ?? domain;
  if (name === 'include') {
    const inner = await checkDomain(target, address, lookups, state);
    if (inner.result === 'pass') return true;
    if (inner.result === 'none')
      return { result: 'permerror', by: `${domain}: include:${target} has no record` };
    if (inner.result === 'permerror' || inner.result === 'temperror') return inner;
    if (inner.result === 'unknown') state.unknown ??= inner.by;
    return false;
  }
  const hosts = name === 'mx' ? await lookups.mx(target) : [target];
  if (hosts === null) return { result: 'temperror', by: `${target} could not be looked up` };
  const prefix = isSix
    ? six === undefined
      ? whole
      : Number(six)
    : four === undefined
      ? whole
      : Number(four);
  for (const host of hosts.slice(0, MOST_LOOKUPS)) {
    const addresses = await lookups.addresses(host);
    if (addresses === null) return { result: 'temperror', by: `${host} could not be looked up` };
    if (addresses.some((one) => isInNetwork(address, one, prefix))) return true;
  }
  return false;
}
