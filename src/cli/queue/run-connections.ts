// Does `queue connections`: asks each host for its queues, its sender's beliefs and its sockets, names the far sides,
// prints. Apart from the command, since its parts are loaded for no help.
import { readSockets } from '../../drivers/sockets/sockets.js';
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { gather } from '../../fleet/gather.js';
import type { Host } from '../../fleet/host.js';
import { formatIso } from '../../lib/clock.js';
import { textGlobs } from '../../lib/text-glob.js';
import { connectionColumns, connectionJson } from '../../output/columns/connections.js';
import type { View } from '../../output/output.js';
import { type ConnectionRow, joinConnections } from '../../queue/connections.js';
import { domainOf } from '../../queue/message.js';
import type { Context } from '../context.js';
import { sentenceOf } from '../report.js';
import { destinationDesk } from './destinations.js';
import { type HostSight, nameFarSides } from './far-sides.js';
import { openQueues } from './queues.js';
import { problemJson } from './source.js';

/** What it takes. */
export interface ConnectionsOptions {
  readonly destinations: readonly string[];
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly ports: readonly number[];
  readonly noDns: boolean;
  readonly watch: boolean;
  readonly everyMs: number | undefined;
}

const EVERY_MS = 5000;

const SMTP_PORT = 25;
/** The whole command. */
export async function runConnections(
  schema: string,
  options: ConnectionsOptions,
  context: Context,
): Promise<number> {
  if (options.everyMs !== undefined && !options.watch)
    throw new UsageError('--every is how often --watch looks, and --watch is not given', {
      hint: 'add --watch, or leave out --every',
    });
  if (!options.watch) {
    const { view, errors, code } = await lookAtConnections(schema, options, context);
    await context.output.print(view);
    if (context.output.format !== 'table') warnOf(errors, context);
    return code;
  }
  const { watchViews } = await import('./watch-views.js');
  return watchViews(context, options.everyMs ?? EVERY_MS, async () => {
    const { view, errors, code } = await lookAtConnections(schema, options, context);
    return { view, code, told: () => warnOf(errors, context) };
  });
}

function warnOf(errors: readonly MailctlError[], context: Context): void {
  for (const error of errors) context.warn(sentenceOf(error), error.hint);
}

/** One look, as a view. */
async function lookAtConnections(schema: string, options: ConnectionsOptions, context: Context) {
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
  const view: View<ConnectionRow> = {
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
  };
  const isBad = rows.some(({ verdict }) => verdict === 'sender' || verdict === 'over-limit');
  const code: number = errors.length > 0 ? EXIT.partial : isBad ? EXIT.failed : EXIT.done;
  return { view, errors, code };
}
