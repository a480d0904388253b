// Does `probe`: chooses, looks, judges, traces what is bad, adds what it costs and what may be done, prints. Apart from
// the command, since its parts are loaded for no help.
import { setMaxListeners } from 'node:events';
import { readHanging } from '../../drivers/sockets/hanging.js';
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { familyOf } from '../../lib/ip.js';
import { fillPlaceholders } from '../../lib/placeholders.js';
import { cellColumns } from '../../output/columns/probe.js';
import { costOf, type HostSockets, type UplinkCost } from '../../probe/cost.js';
import { gatherProbe, type ProbeSight } from '../../probe/gather.js';
import { type CellVerdict, type Judgement, judge, type UplinkVerdict } from '../../probe/judge.js';
import { DEFAULT_PLAN, observePair, sharesOf } from '../../probe/observe-pair.js';
import { rowsOf, type UplinkRow, type UplinkWish } from '../../probe/rows.js';
import type { DestinationWish } from '../../probe/targets.js';
import type { Context } from '../context.js';
import { reportError, worstExit } from '../report.js';
import { type ChosenUplinks, chosenUplinks, configuredDestinations, namedDestinations } from './chosen.js';
import { lookUpTargets } from './lookups.js';
import { cellJson, probeDocument } from './probe-json.js';
import { largestInQueues } from './queue-destinations.js';
import { type Located, traceBad } from './trace-bad.js';
import { openVantageDesk } from './vantage-desk.js';

/** What it takes. */
export interface ProbeOptions {
  readonly destinations: readonly string[];
  readonly uplinks: readonly string[];
  readonly from: readonly string[];
  readonly light: boolean;
  readonly rcpt: boolean;
  readonly watch: boolean;
  readonly everyMs: number;
}

/** One look, with all that is said of it. */
export interface ProbeReport {
  readonly at: number;
  readonly tookMs: number;
  /** Until the verdicts stood. */
  readonly judgedMs: number;
  readonly hosts: readonly string[];
  readonly destinations: readonly string[];
  readonly judgement: Judgement;
  readonly located: ReadonlyMap<UplinkVerdict, Located>;
  readonly costs: readonly UplinkCost[];
  readonly next: readonly NextStep[];
  readonly notes: readonly string[];
  readonly problems: readonly MailctlError[];
  readonly light: boolean;
  readonly rcpt: boolean;
}

/** What the operator may do about a bad uplink. */
export interface NextStep {
  readonly uplink: string;
  readonly host: string;
  /** The configured command, filled in; null: none is configured. */
  readonly command: readonly string[] | null;
  readonly text: string;
}

/** Of the queues, beside those of the configuration. */
const MOST_FROM_QUEUES = 3;
const MOST_DESTINATIONS = 200;

/** The whole command. */
export async function runProbe(schema: string, options: ProbeOptions, context: Context): Promise<number> {
  if (options.watch && context.output.format === 'json')
    throw new UsageError('--watch has no end, and JSON is one document', { hint: 'use -o ndjson' });
  // Words are checked before any host is logged in to.
  const chosen = { ...(await chosenUplinks(context, options)), named: await namedWishes(options, context) };
  if (!options.watch) {
    const report = await lookOnce(options, chosen, context);
    await print(schema, report, context);
    return exitOf(report);
  }
  let known: string | undefined;
  for (;;) {
    try {
      const report = await lookOnce(options, chosen, context);
      const now = wordsOf(report);
      if (now !== known) await print(schema, report, context);
      else (await context.progress()).line(`as before, ${report.judgement.uplinks.length} rows`);
      known = now;
    } catch (error) {
      // A mistake of the command line stays one however often it is looked.
      if (!(error instanceof MailctlError) || error instanceof UsageError) throw error;
      context.warn(error.message, error.hint);
    }
    await context.clock.sleep(options.everyMs, context.interruption.finish).catch(() => {});
    if (context.interruption.finish.aborted) return EXIT.interrupted;
  }
}

/** What a watch compares: verdicts, no figures. */
function wordsOf({ judgement }: ProbeReport): string {
  return JSON.stringify([
    judgement.uplinks.map(({ uplink, family, verdict }) => [uplink, family, verdict]),
    judgement.cells.map(({ uplink, family, destination, verdict }) => [uplink, family, destination, verdict]),
  ]);
}

function exitOf({ judgement, problems }: ProbeReport): number {
  const isBad =
    judgement.uplinks.some(({ verdict }) => verdict !== 'ok') ||
    judgement.cells.some(({ verdict }) => verdict !== 'ok') ||
    judgement.destinations.some(({ verdict }) => verdict !== 'ok');
  return worstExit(
    judgement.isComplete ? EXIT.done : EXIT.partial,
    problems.length === 0 ? EXIT.done : EXIT.partial,
    isBad ? EXIT.failed : EXIT.done,
  );
}

async function print(schema: string, report: ProbeReport, context: Context): Promise<void> {
  const screenModule =
    context.output.format === 'table' ? await import('../../output/screens/probe.js') : undefined;
  const { judgement, problems } = report;
  await context.output.print({
    schema,
    document: () => ({
      ...probeDocument(report),
      errors: problems.map((problem) => reportError(problem).report),
    }),
    rows: judgement.cells,
    columns: cellColumns,
    record: (cell: CellVerdict) => ({ at: formatIso(report.at), ...cellJson(cell) }),
    screen: (canvas) => screenModule?.probeScreen(report, canvas) ?? [],
  });
  if (context.output.format === 'table' || context.output.format === 'json') return;
  for (const { message, hint } of problems) context.warn(message, hint);
  for (const { uplink, family, verdict, summary } of judgement.uplinks)
    if (verdict !== 'ok') context.note(`${uplink} v${family}: ${verdict}: ${summary}`);
}

async function lookOnce(
  options: ProbeOptions,
  {
    uplinks,
    notes: choiceNotes,
    named,
  }: ChosenUplinks & { readonly named: readonly DestinationWish[] | null },
  context: Context,
): Promise<ProbeReport> {
  const { clock, interruption } = context;
  const begunAt = clock.monotonic();
  // Every session listens; node would take more than ten of them for a leak and say so on stderr.
  setMaxListeners(0, interruption.abort);
  const inventory = await context.inventory();
  const hostOf = (name: string): Host => inventory.byName.get(name) ?? context.thisHost();
  const desk = await openVantageDesk(context);
  try {
    const hosts = [...new Set(uplinks.map(({ host }) => host))];
    // Opening a vantage and looking names up take a moment each, and neither needs the other.
    for (const host of hosts) desk.of(hostOf(host)).catch(() => {});
    const sockets = new SocketLooks(context, hostOf);
    sockets.begin(hosts);
    const { wishes, notes: wishNotes } =
      named === null ? await wishesOf(hosts, context) : { wishes: named, notes: [] };
    const { targets, domains, failed, old } = await lookUpTargets(context, wishes);
    const problems = failed.map(
      ({ destination, why }) =>
        new MailctlError(`${destination} could not be looked up: ${why}`, {
          code: 'probe.no-address',
          exitCode: EXIT.partial,
          hint: 'a resolver that is away may use the broken uplink: give an address instead',
        }),
    );
    if (targets.length === 0)
      throw (
        problems[0] ??
        new UsageError('there is no destination to look at', {
          hint: 'name one: mailctl probe example.net; or put destinations into the configuration',
        })
      );
    const rows = rowsOf(uplinks, new Set(targets.map(({ family }) => family)));
    if (rows.length === 0)
      throw new UsageError('no uplink has an address of a family that a destination has', {
        hint: 'give the uplink a source of that family, or neither source nor interface',
      });
    const sight = await gatherProbe({
      rows,
      targets,
      open: (host) => desk.of(hostOf(host)),
      observe: async (vantage, row, target) => {
        const domain = domains.get(target.destination);
        const plan = {
          ...DEFAULT_PLAN,
          ...sharesOf(targets.filter(({ family }) => family === row.family).length),
          helo: vantage.name,
          light: options.light,
          recipient: options.rcpt && domain !== undefined ? `postmaster@${domain}` : null,
        };
        return observePair(vantage, row, target, plan, clock, interruption.abort);
      },
    });
    interruption.abort.throwIfAborted();
    const judgement = judge(sight.observations, sight.missing);
    const judgedMs = clock.monotonic() - begunAt;
    const [located, costs] = await Promise.all([
      traceBad(judgement, sight, context, judgedMs),
      costsOf(judgement, rows, sight, sockets),
    ]);
    const bad = judgement.uplinks.filter(({ verdict }) => verdict !== 'ok' && verdict !== 'unknown');
    return {
      at: clock.now(),
      tookMs: clock.monotonic() - begunAt,
      judgedMs,
      hosts,
      destinations: wishes.map(({ destination }) => destination),
      judgement: withFailed(judgement, failed),
      located,
      costs,
      next: await nextSteps(bad, uplinks, located, context),
      notes: [
        ...choiceNotes,
        ...wishNotes,
        ...[...old].map(
          ([destination, at]) =>
            `${destination}: no name server answered; its addresses are those of ${formatIso(at)}`,
        ),
        ...sight.notes,
      ],
      problems: [...problems, ...sight.problems],
      light: options.light,
      rcpt: options.rcpt,
    };
  } finally {
    await desk.close();
  }
}

/** A destination that could not be looked up is not ok, and not forgotten. */
function withFailed(
  judgement: Judgement,
  failed: readonly { readonly destination: string; readonly why: string }[],
): Judgement {
  return {
    ...judgement,
    isComplete: judgement.isComplete && failed.length === 0,
    destinations: [
      ...judgement.destinations,
      ...failed.map(({ destination, why }) => ({
        destination,
        verdict: 'unknown' as const,
        evidence: `could not be looked up: ${why}`,
      })),
    ],
  };
}

/** The destinations that the operator named; null: none. */
async function namedWishes(
  { destinations }: ProbeOptions,
  context: Context,
): Promise<readonly DestinationWish[] | null> {
  if (destinations.length === 0) return null;
  const wishes = await namedDestinations(context, destinations);
  if (wishes.length > MOST_DESTINATIONS)
    throw new UsageError(`at most ${MOST_DESTINATIONS} destinations at once`);
  return wishes;
}

/** Those of the configuration and of the queues. */
async function wishesOf(
  hosts: readonly string[],
  context: Context,
): Promise<{ readonly wishes: readonly DestinationWish[]; readonly notes: readonly string[] }> {
  const [configured, { wishes, note }] = await Promise.all([
    configuredDestinations(context),
    largestInQueues(context, hosts, MOST_FROM_QUEUES),
  ]);
  const all = [...configured, ...wishes].slice(0, MOST_DESTINATIONS);
  return { wishes: all, notes: note === null || configured.length > 0 ? [] : [note] };
}

/** Two looks at the connections of each host: one as the probe begins, one when something is bad. */
class SocketLooks {
  readonly #before = new Map<
    string,
    Promise<{ readonly seen: HostSockets; readonly at: number } | undefined>
  >();

  constructor(
    private readonly context: Context,
    private readonly hostOf: (name: string) => Host,
  ) {}

  begin(hosts: readonly string[]): void {
    for (const host of hosts) this.#before.set(host, this.#look(host));
  }

  async again(host: string) {
    const before = await this.#before.get(host);
    const after = before === undefined ? undefined : await this.#look(host);
    return before === undefined || after === undefined ? undefined : { before, after };
  }

  /** A look that fails costs the cost, nothing else. */
  async #look(name: string) {
    const { clock, interruption } = this.context;
    try {
      const transport = await this.context.transport({ readOnly: true });
      const seen = await readHanging(transport, this.hostOf(name), 25, interruption.abort);
      return { seen, at: clock.monotonic() };
    } catch {
      return undefined;
    }
  }
}

async function costsOf(
  { uplinks }: Judgement,
  rows: readonly UplinkRow[],
  { routed }: ProbeSight,
  sockets: SocketLooks,
): Promise<readonly UplinkCost[]> {
  const bad = uplinks.filter(({ verdict }) => verdict !== 'ok' && verdict !== 'unknown');
  const names = [...new Set(bad.map(({ uplink }) => uplink))];
  const costs = await Promise.all(
    names.map(async (uplink) => {
      const own = rows.filter((row) => row.uplink === uplink);
      const host = own[0]?.host;
      if (host === undefined) return null;
      const looks = await sockets.again(host);
      if (looks === undefined) return null;
      const isBad = (row: UplinkRow) =>
        bad.some((one) => one.uplink === row.uplink && one.family === row.family);
      const sources = own.filter(isBad).flatMap((row) => {
        const source = row.source ?? routed.find((one) => one.row === row)?.route.source;
        return source == null || familyOf(source) !== row.family ? [] : [source];
      });
      const { before, after } = looks;
      return costOf(uplink, host, sources, {
        before: before.seen,
        after: after.seen,
        elapsedMs: after.at - before.at,
      });
    }),
  );
  return costs.filter((cost) => cost !== null);
}

async function nextSteps(
  bad: readonly UplinkVerdict[],
  wishes: readonly UplinkWish[],
  located: ReadonlyMap<UplinkVerdict, Located>,
  context: Context,
): Promise<readonly NextStep[]> {
  const { uplinks } = await context.config();
  const steps = new Map<string, NextStep>();
  for (const verdict of bad) {
    // A refusal is a matter of reputation: another uplink helps, its owner does not.
    const { uplink } = verdict;
    const wish = wishes.find((one) => one.uplink === uplink);
    if (wish === undefined || steps.has(uplink)) continue;
    const hop = located.get(verdict)?.finding.hop ?? null;
    const call =
      verdict.verdict === 'refused'
        ? 'ask the receivers why'
        : hop === null
          ? 'call them'
          : `call them: behind hop ${hop.ttl} ${hop.name ?? hop.address}`;
    const configured = uplinks.get(uplink);
    // A host that was looked from by its default route is no uplink that could be taken out.
    if (configured === undefined) {
      const ask = verdict.verdict === 'refused' ? call : hop === null ? 'call its provider' : call;
      const text = `with its uplinks in the configuration a probe of ${wish.host} tells which one it is; ${ask}`;
      steps.set(uplink, { uplink, host: wish.host, command: null, text });
      continue;
    }
    const { drop } = configured;
    const command =
      drop?.map((word) =>
        fillPlaceholders(word, { uplink, host: wish.host, source: wish.sources[0] ?? wish.interface ?? '' }),
      ) ?? null;
    steps.set(uplink, {
      uplink,
      host: wish.host,
      command,
      text:
        command === null
          ? `take ${uplink} out (no uplinks.${uplink}.drop configured); ${call}`
          : `take ${uplink} out, on ${wish.host}: ${formatCommand(command)}; ${call}`,
    });
  }
  return [...steps.values()];
}
