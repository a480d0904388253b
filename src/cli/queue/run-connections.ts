// Does `queue connections`: asks each host for its queues, its sender's beliefs and its sockets, names the far sides,
// prints. Apart from the command, since its parts are loaded for no help.
import { readSockets } from '../../drivers/sockets/sockets.js';
import { EXIT, MailctlError } from '../../errors.js';
import { gather } from '../../fleet/gather.js';
import type { Host } from '../../fleet/host.js';
import { formatIso } from '../../lib/clock.js';
import { textGlobs } from '../../lib/text-glob.js';
import { connectionColumns, connectionJson } from '../../output/columns/connections.js';
import { joinConnections } from '../../queue/connections.js';
import { registeredDomain } from '../../queue/destination.js';
import { DomainCount } from '../../queue/domain-count.js';
import { domainOf } from '../../queue/message.js';
import type { Socket } from '../../queue/socket.js';
import type { Context } from '../context.js';
import { type DestinationDesk, destinationDesk } from './destinations.js';
import { openQueues } from './queues.js';
import { problemJson } from './source.js';

/** What it takes. */
export interface ConnectionsOptions {
  readonly destinations: readonly string[];
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly ports: readonly number[];
  readonly noDns: boolean;
}

const SMTP_PORT = 25;
/** Domains whose exchangers are looked up: those with the most mail. */
const MOST_DOMAINS = 500;
/** Addresses that are asked for their names. */
const MOST_PEERS = 500;

interface HostSight {
  readonly host: string;
  readonly sockets: readonly Socket[];
  readonly believed: Map<string, number> | null;
  /** Messages by recipient domain. */
  readonly domains: Map<string, number>;
  readonly hasQueue: boolean;
}

/** The whole command. */
export async function runConnections(
  schema: string,
  options: ConnectionsOptions,
  context: Context,
): Promise<number> {
  const begunAt = context.clock.monotonic();
  const [fleet, transport, config] = await Promise.all([
    openQueues(context, { ...options, readOnly: true }),
    context.transport({ readOnly: true }),
    context.config(),
  ]);
  const ports = options.ports.length === 0 ? [SMTP_PORT] : options.ports;
  const lookAt = async (host: Host, signal: AbortSignal): Promise<HostSight> => {
    const queues = await fleet.queuesOf(host, signal);
    const domains = new Map<string, number>();
    const beliefs: ReadonlyMap<string, number>[] = [];
    const places = (config.hosts.get(host.name)?.queues ?? []).map(({ within }) => within);
    const distinct = new Map(places.map((within) => [JSON.stringify(within ?? []), within]));
    if (distinct.size === 0) distinct.set('', undefined);
    const [sockets] = await Promise.all([
      Promise.all(
        [...distinct.values()].map((within) => readSockets(transport, host, ports, { within, signal })),
      ),
      ...queues.map(async ({ driver }) => {
        await driver.list(
          ({ recipients }) => {
            for (const domain of new Set(recipients.map(({ address }) => domainOf(address))))
              domains.set(domain, (domains.get(domain) ?? 0) + 1);
          },
          { signal },
        );
        if (driver.believed !== undefined) beliefs.push(await driver.believed(signal));
      }),
    ]);
    const believed = beliefs.length === 0 ? null : new Map<string, number>();
    for (const belief of beliefs)
      for (const [name, count] of belief) believed?.set(name, (believed.get(name) ?? 0) + count);
    return { host: host.name, sockets: sockets.flat(), believed, domains, hasQueue: queues.length > 0 };
  };
  const results = await gather(fleet.hosts, lookAt, {
    concurrency: context.globals.concurrency,
    signal: context.interruption.abort,
  });
  const sights = results.flatMap((result) => (result.ok && result.value.hasQueue ? [result.value] : []));
  const errors = results.flatMap((result) => (result.ok ? [] : [result.error]));
  if (sights.length === 0 && errors.length === 0) {
    throw new MailctlError('no mail server with a queue was found', {
      code: 'queue.none',
      exitCode: EXIT.failed,
      hint: 'name its queues in the configuration (hosts.NAME.queues), or another host with -H',
    });
  }

  const desk = await destinationDesk(context, options.noDns);
  const { ofDomain, ofAddress } = await nameFarSides(desk, sights);
  await desk.close();
  const all = joinConnections(
    sights.map(({ host, sockets, believed, domains }) => {
      const waiting = new Map<string, number>();
      for (const [domain, count] of domains)
        waiting.set(ofDomain(domain), (waiting.get(ofDomain(domain)) ?? 0) + count);
      return { host, sockets, believed, waiting };
    }),
    {
      ofAddress,
      ofName: (name) => (config.destinations.has(name) ? name : ofDomain(name.toLowerCase())),
      limitOf: (name) => config.destinations.get(name)?.connections ?? null,
    },
  );
  const wanted = textGlobs(options.destinations);
  const rows = options.destinations.length === 0 ? all : all.filter(({ destination }) => wanted(destination));
  const screenModule =
    context.output.format === 'table' ? await import('../../output/screens/connections.js') : undefined;
  await context.output.print({
    schema,
    document: () => ({
      at: formatIso(context.clock.now()),
      took_ms: Math.round(context.clock.monotonic() - begunAt),
      complete: errors.length === 0,
      destinations: rows.map(connectionJson),
      errors: errors.map(problemJson),
    }),
    rows,
    columns: connectionColumns,
    record: connectionJson,
    screen: (canvas) =>
      screenModule?.connectionsScreen(
        {
          rows,
          read: sights.length,
          asked: sights.length + errors.length,
          missing: errors.map(({ message }) => message),
          now: context.clock.now(),
        },
        canvas,
      ) ?? [],
  });
  if (context.output.format !== 'table')
    for (const { message, detail, hint } of errors)
      context.warn(detail === undefined ? message : `${message}: ${detail}`, hint);
  if (errors.length > 0) return EXIT.partial;
  return rows.some(({ verdict }) => verdict === 'sender' || verdict === 'over-limit')
    ? EXIT.failed
    : EXIT.done;
}

/** Peers are known by the addresses of the exchangers of what waits, else by their own names. */
async function nameFarSides(desk: DestinationDesk, sights: readonly HostSight[]) {
  const count = new DomainCount();
  for (const { domains } of sights)
    for (const [domain, messages] of domains) count.addDomain(domain, messages);
  // What is configured is looked up although nothing waits for it: its connections shall have its name.
  const configured = desk.rules.flatMap(({ domains }) => domains);
  const domains = [...new Set([...count.largestFirst(), ...configured])];
  const resolved = await desk.resolve(domains);
  const byAddress = new Map<string, string>();
  const { dns } = desk;
  if (dns !== undefined) {
    const lookUp = async (domain: string) => {
      // A destination by its domains alone is never looked up by them; its exchangers are.
      const answer = await dns.mx(domain);
      const names =
        answer.kind === 'found'
          ? answer.values.map(({ name }) => name)
          : answer.kind === 'none'
            ? [domain]
            : [];
      await Promise.all(
        names.slice(0, 20).map(async (name) => {
          const addresses = await dns.addresses(name);
          if (addresses.kind !== 'found') return;
          for (const address of addresses.values)
            if (!byAddress.has(address)) byAddress.set(address, resolved.of(domain));
        }),
      );
    };
    const named = domains.filter((domain) => domain.includes('.') && !domain.startsWith('['));
    await Promise.all(named.slice(0, MOST_DOMAINS).map(lookUp));
    const strange = new Set(
      sights.flatMap(({ sockets }) => sockets.map(({ peer }) => peer)).filter((peer) => !byAddress.has(peer)),
    );
    await Promise.all(
      [...strange].slice(0, MOST_PEERS).map(async (peer) => {
        const names = await dns.names(peer);
        const [name] = names.kind === 'found' ? names.values : [];
        if (name === undefined || !/^[\w.-]{3,253}$/.test(name)) return;
        const lower = name.toLowerCase();
        const rule = desk.rules.find(({ mx }) => textGlobs(mx)(lower));
        byAddress.set(peer, rule?.name ?? registeredDomain(lower));
      }),
    );
  }
  return { ofDomain: resolved.of, ofAddress: (address: string) => byAddress.get(address) ?? address };
}
