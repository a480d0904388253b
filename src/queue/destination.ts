// Recipient domains joined into destinations, as receivers see themselves: by the configuration, then by the MX hosts,
// so that 400 hosted domains of one provider are one row. A domain whose MX is not known stands for itself. Pure but
// for the lookups that it is given; a mail exchanger's name is a stranger's word and only counts when it is a host name.
import { textGlobs } from '../lib/text-glob.js';

/** One of the configuration's `destinations`. */
export interface DestinationRule {
  readonly name: string;
  /** In lower case. */
  readonly domains: readonly string[];
  /** Globs over names of MX hosts, in lower case. */
  readonly mx: readonly string[];
}

/** What a domain's MX lookup gave. */
export type MxAnswer =
  /** By preference, the best first; more than one host may share the best. */
  | {
      readonly kind: 'found';
      readonly hosts: readonly { readonly name: string; readonly preference: number }[];
    }
  /** The domain has no MX, or does not exist: it takes mail itself or not at all. */
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly why: string };

/** Looks domains up; never throws for what DNS says. */
export type MxLookup = (domain: string, signal?: AbortSignal) => Promise<MxAnswer>;

/** Domains in their destinations. */
export interface Destinations {
  /** The destination of a recipient domain in lower case; one that nobody groups is its own. */
  of(domain: string): string;
  /** The MX hosts of the domain, the best first; empty: not looked up, or it has none. */
  mxOf(domain: string): readonly string[];
  /** Domains that stand for themselves because their MX could not be found out, and why. */
  readonly failed: readonly { readonly domain: string; readonly why: string }[];
}

/** What the resolving may take. */
export interface ResolveOptions {
  /** Undefined: no DNS, only the configuration counts. */
  readonly lookup: MxLookup | undefined;
  /** Domains that are looked up at most, in the order given; the others stand for themselves. */
  readonly most?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** More domains than this in one queue are mostly a spammer's inventions. */
const MOST_DOMAINS = 5000;

/** Resolves domains, the most important first. Never throws for what DNS says. */
export async function resolveDestinations(
  domains: Iterable<string>,
  rules: readonly DestinationRule[],
  { lookup, most = MOST_DOMAINS, signal }: ResolveOptions,
): Promise<Destinations> {
  const configured = new Map(
    rules.flatMap((rule) => rule.domains.map((domain) => [domain, rule.name] as const)),
  );
  const byMx = rules.flatMap(({ name, mx }) => (mx.length === 0 ? [] : [{ name, fits: textGlobs(mx) }]));
  const known = new Map<string, string>();
  const exchangers = new Map<string, readonly string[]>();
  const failed: { domain: string; why: string }[] = [];
  const wanted = [...new Set(domains)].filter((domain) => isLookedUp(domain) && !configured.has(domain));
  if (lookup !== undefined) {
    for (const domain of wanted.slice(most))
      failed.push({ domain, why: `only the ${most} largest domains are looked up` });
    await Promise.all(
      wanted.slice(0, most).map(async (domain) => {
        const answer = await lookup(domain, signal);
        if (answer.kind === 'failed') failed.push({ domain, why: answer.why });
        if (answer.kind !== 'found') return;
        const hosts = [...answer.hosts]
          .sort((a, b) => a.preference - b.preference)
          .map(({ name, preference }) => ({ name: hostName(name), preference }))
          .filter(({ name }) => name !== '');
        exchangers.set(
          domain,
          hosts.map(({ name }) => name),
        );
        const best = hosts.filter(({ preference }) => preference === hosts[0]?.preference);
        const group = groupOf(
          best.map(({ name }) => name),
          byMx,
        );
        if (group !== null) known.set(domain, group);
      }),
    );
  }
  failed.sort((a, b) => (a.domain < b.domain ? -1 : 1));
  return {
    of: (domain) => configured.get(domain) ?? known.get(domain) ?? domain,
    mxOf: (domain) => exchangers.get(domain) ?? [],
    failed,
  };
}

/** The warning for people about domains that stand for themselves; null: there are none. */
export function failedText({ failed }: Pick<Destinations, 'failed'>): string | null {
  const [first] = failed;
  if (first === undefined) return null;
  const count = failed.length === 1 ? '1 domain stands' : `${failed.length} domains stand`;
  const itself = failed.length === 1 ? 'itself' : 'themselves';
  return `${count} for ${itself}, the MX was not found out: ${first.domain}: ${first.why}`;
}

// An address literal and a text that DNS cannot hold are never looked up.
function isLookedUp(domain: string): boolean {
  return domain.includes('.') && domain.length <= 253 && !/[\s[\]"\\]/.test(domain);
}

function hostName(name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, '');
  return /^(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+$/.test(lower) && lower.length <= 253 ? lower : '';
}

// The configuration's pattern that fits one of the best exchangers, else the registered domain that most of them are
// in, the alphabet deciding.
function groupOf(
  best: readonly string[],
  byMx: readonly { readonly name: string; fits(host: string): boolean }[],
): string | null {
  const ruled = byMx.find(({ fits }) => best.some(fits));
  if (ruled !== undefined) return ruled.name;
  const counts = new Map<string, number>();
  for (const name of best) {
    const owner = registeredDomain(name);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  const order = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return order[0]?.[0] ?? null;
}

// Second-level names below country codes where the third label is what somebody registers (publicsuffix.org holds
// thousands; these are those under which providers are found). One that is missing makes a row too large by name
// only when two providers share it as their registrar's suffix.
const SECOND_LEVEL = new Set(
  'ac ad adm art asn asso biz co com conf ed edu eng ens firm gen go gob gouv gov govt gr gub gv id ind inf info int jus k12 lg ltd me mil mod muni name ne net net2 nhs nic nom on or org plc police pp pro sch sld web'.split(
    ' ',
  ),
);

/** What somebody registered of a host's name: `google.com` of `aspmx.l.google.com`, `mail.co.uk` stays whole. */
export function registeredDomain(host: string): string {
  const labels = host.split('.');
  if (labels.length <= 2 || /^[\d.]+$|:/.test(host)) return host;
  const [second = '', top = ''] = labels.slice(-2);
  return labels.slice(top.length === 2 && SECOND_LEVEL.has(second) ? -3 : -2).join('.');
}
