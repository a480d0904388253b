// Does `probe dns`: opens the vantages, asks, prints. Apart from the command, since its parts are loaded for no help.
import { setMaxListeners } from 'node:events';
import { askFrom } from '../../drivers/vantage/name-server.js';
import { readResolvers } from '../../drivers/vantage/resolvers.js';
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import { formatIso } from '../../lib/clock.js';
import { findingColumns, findingJson } from '../../output/columns/probe-dns.js';
import { type DnsFinding, type DnsShare, type DnsWay, dnsShares, lookAtDns } from '../../probe/dns.js';
import { rowsOf } from '../../probe/rows.js';
import type { Vantage } from '../../probe/vantage.js';
import type { Context } from '../context.js';
import { reportError, worstExit } from '../report.js';
import { chosenUplinks } from './chosen.js';
import { openVantageDesk } from './vantage-desk.js';

/** What it takes. */
export interface DnsOptions {
  readonly domains: readonly string[];
  readonly uplinks: readonly string[];
  readonly from: readonly string[];
  readonly blockLists: readonly string[];
}

const MOST_DOMAINS = 50;
const NOTHING: DnsShare = { asksOfDomains: false, sources: [], senders: [] };

/** A host that answered. */
interface OpenedHost {
  readonly name: string;
  readonly vantage: Vantage;
  readonly resolvers: readonly string[];
}

/** The whole command. */
export async function runProbeDns(schema: string, options: DnsOptions, context: Context): Promise<number> {
  const { clock, interruption } = context;
  const begunAt = clock.monotonic();
  setMaxListeners(0, interruption.abort);
  const [{ uplinks, notes }, { probe }] = await Promise.all([
    chosenUplinks(context, options),
    context.config(),
  ]);
  const domains = [
    ...new Set((options.domains.length > 0 ? options.domains : probe.domains).map(domainName)),
  ];
  if (domains.length === 0)
    throw new UsageError('there is no domain to ask about', {
      hint: 'name one: mailctl probe dns example.net; or put probe.domains into the configuration',
    });
  if (domains.length > MOST_DOMAINS) throw new UsageError(`at most ${MOST_DOMAINS} domains at once`);
  const blockLists = (options.blockLists.length > 0 ? options.blockLists : probe.blockLists).map(domainName);
  const inventory = await context.inventory();
  const hostOf = (name: string): Host => inventory.byName.get(name) ?? context.thisHost();
  const names = [...new Set(uplinks.map(({ host }) => host))];
  const desk = await openVantageDesk(context);
  const problems: MailctlError[] = [];
  try {
    const transport = await context.transport({ readOnly: true });
    const opened = await Promise.all(
      names.map(async (name): Promise<readonly OpenedHost[]> => {
        try {
          const [vantage, resolvers] = await Promise.all([
            desk.of(hostOf(name)),
            readResolvers(transport, hostOf(name), interruption.abort),
          ]);
          return [{ name, vantage, resolvers }];
        } catch (error) {
          if (!(error instanceof MailctlError)) throw error;
          problems.push(error);
          return [];
        }
      }),
    );
    const hosts = opened.flat();
    const shares = dnsShares(
      hosts.map(({ name }) => name),
      uplinks,
    );
    const findings = await Promise.all(
      hosts.map(async ({ name, vantage, resolvers }): Promise<readonly DnsFinding[]> => {
        const { asksOfDomains, sources, senders } = shares.get(name) ?? NOTHING;
        const rows = rowsOf(
          uplinks.filter(({ host }) => host === name),
          new Set([4, 6]),
        );
        const ways = rows.map(
          (row): DnsWay => ({ row, ask: askFrom(vantage, row, clock, interruption.abort) }),
        );
        return lookAtDns({
          domains: asksOfDomains ? domains : [],
          ownDomains: asksOfDomains
            ? domains.filter((domain) => options.domains.length === 0 || probe.domains.includes(domain))
            : [],
          ways,
          resolvers,
          plain: askFrom(vantage, { source: null, interface: null }, clock, interruption.abort),
          sources,
          senders,
          blockLists,
        });
      }),
    );
    interruption.abort.throwIfAborted();
    return await print(schema, context, { domains, findings: findings.flat(), problems, notes, begunAt });
  } finally {
    await desk.close();
  }
}

function domainName(word: string): string {
  const name = word.toLowerCase().replace(/\.$/, '');
  if (!/^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*$/.test(name))
    throw new UsageError(`${JSON.stringify(word)} is no domain`, { hint: 'for example example.net' });
  return name;
}

interface DnsReport {
  readonly domains: readonly string[];
  readonly findings: readonly DnsFinding[];
  readonly problems: readonly MailctlError[];
  readonly notes: readonly string[];
  readonly begunAt: number;
}

async function print(schema: string, context: Context, report: DnsReport): Promise<number> {
  const { domains, findings, problems, notes, begunAt } = report;
  const { clock, output } = context;
  const tookMs = Math.round(clock.monotonic() - begunAt);
  const screenModule =
    output.format === 'table' ? await import('../../output/screens/probe-dns.js') : undefined;
  const isUnknown = findings.some(({ level }) => level === 'unknown');
  await output.print({
    schema,
    document: () => ({
      at: formatIso(clock.now()),
      took_ms: tookMs,
      complete: problems.length === 0 && !isUnknown,
      domains,
      findings: findings.map(findingJson),
      notes,
      errors: problems.map((problem) => reportError(problem).report),
    }),
    rows: findings,
    columns: findingColumns,
    record: findingJson,
    screen: (canvas) =>
      screenModule?.probeDnsScreen(
        { domains, findings, tookMs, problems, notes, now: clock.now() },
        canvas,
      ) ?? [],
  });
  if (output.format === 'tsv' || output.format === 'ndjson')
    for (const { message, hint } of problems) context.warn(message, hint);
  return worstExit(
    problems.length > 0 || isUnknown ? EXIT.partial : EXIT.done,
    findings.some(({ level }) => level === 'bad') ? EXIT.failed : EXIT.done,
  );
}
