// `drain start` from the look to its end: which messages, whose they are, what each destination takes, the plan, the
// question, the journal, and then the drain itself, here or detached.

import { Guards } from '../../drain/guards.js';
import { RANKS, rankOf } from '../../drain/order.js';
import { ParcelParts } from '../../drain/parcel-parts.js';
import type { DrainFacts, PlannedDrain } from '../../drain/plan-drain.js';
import { planDrain } from '../../drain/plan-drain.js';
import { type DestinationLimit, mostInFlight } from '../../drain/window.js';
import { EXIT, MailctlError } from '../../errors.js';
import { RunFiles } from '../../journal/run-files.js';
import { RunNotes } from '../../journal/run-notes.js';
import { createRun, pickRunId } from '../../journal/store.js';
import { formatIso } from '../../lib/clock.js';
import { version } from '../../lib/version.js';
import type { Line } from '../../output/line.js';
import { drainPlanScreen, type PlannedDestination } from '../../output/screens/drain.js';
import type { Plan } from '../../plan/plan.js';
import type { Selection } from '../../queue/change.js';
import { DomainCount } from '../../queue/domain-count.js';
import type { DrainWay } from '../../queue/drain-way.js';
import type { Queue } from '../../queue/driver.js';
import { gatherQueues, type QueueFailure } from '../../queue/gather-queues.js';
import { domainOf, type MessageKey, type QueueMessage } from '../../queue/message.js';
import { runKey } from '../../queue/plan-change.js';
import type { Values } from '../command.js';
import type { Context } from '../context.js';
import { chosenMessages } from '../queue/chosen-messages.js';
import { deskPlace, drainPostOf } from '../queue/desks.js';
import { destinationDesk } from '../queue/destinations.js';
import { openQueues } from '../queue/queues.js';
import { reportError } from '../report.js';
import { addressesOf } from './far-sides.js';
import { destinationOf, mustBeKnown } from './known-limits.js';
import { mustNotBeDrained } from './mine-already.js';
import { DRAIN_SCHEMA, type startOptions } from './options.js';
import { detachRun, runDrain, wayOf } from './run-session.js';

export type StartOptions = Values<typeof startOptions, Record<never, never>>;

/** The messages of a dead drain that lies on mail hosts, in the place of what selectors say. */
export interface TakeOver {
  readonly selection: Selection;
  readonly keys: readonly string[];
  readonly queue: (name: string) => boolean;
}

/** Connections of a destination of which nobody says what it takes: what Postfix itself opens to a domain. */
const DEFAULT_CONNECTIONS = 20;
const DEAD_AFTER_MS = 600_000;
const RANK_NAMES = Object.keys(RANKS) as (keyof typeof RANKS)[];

/** What was found of one queue. */
interface Found {
  readonly way: DrainWay;
  readonly keys: readonly MessageKey[];
  /** Of each message the number of its set of domains. */
  readonly sets: readonly number[];
  readonly already: number;
  readonly lifetimeS: number | null;
}

/** Does it. */
export async function startDrain(
  options: StartOptions,
  context: Context,
  takeOver?: TakeOver,
): Promise<number> {
  const { clock } = context;
  // What is wrong with the words comes first: its hint must not lead to the next refusal.
  const chosen = await chosenMessages(context, {
    ids: [],
    selectors: options,
    all: options.all,
    asksOnStdin: false,
  });
  if (!options.yes && !options.dryRun) (await context.prompt()).requireTerminal();
  const fleet = await openQueues(context, {
    hosts: options.hosts.length === 0 && options.groups.length === 0 ? chosen.hosts : options.hosts,
    groups: options.groups,
    readOnly: options.dryRun,
    queue: takeOver?.queue ?? chosen.filter.queue,
  });
  const progress = await context.progress();
  progress.update([
    `looking at ${fleet.hosts.length === 1 ? fleet.hosts[0]?.name : `${fleet.hosts.length} hosts`}`,
  ]);
  const domains = new DomainSets();
  const { answers, failures, without } = await gatherQueues(
    fleet,
    (queue, signal) =>
      look(queue, takeOver?.selection ?? chosen.selection, domains, chosen.filter.wishes.submitter, signal),
    { concurrency: context.globals.concurrency, signal: context.interruption.abort },
  );
  progress.end();
  if (answers.length === 0) throw noQueue(failures, without);
  const going = answers.filter(({ value }) => value.keys.length > 0);
  const missing = chosen.named.missing();
  for (const { error } of failures) context.warn(error.message, error.hint);
  if (missing.length > 0)
    context.warn(
      `${missing.length} ${missing.length === 1 ? 'id is' : 'ids are'} in no queue that was seen: ${missing.slice(0, 5).join(' ')}`,
    );
  const isPartial = failures.length > 0 || missing.length > 0;
  const already = answers.reduce((sum, { value }) => sum + value.already, 0);
  if (going.length === 0) {
    const held = answers.filter(({ value }) => value.already > 0);
    const stopped = await mustNotBeDrained(
      held.map(({ queue }) => queue),
      context,
    );
    for (const { text, hint } of stopped) context.warn(text, hint);
    const said =
      already > 0
        ? `nothing to drain: ${already} messages that were asked for are held already; --state hold drains those`
        : 'nothing to drain: no message is meant';
    // Behind a pipe there is no screen, and a sentence is no row.
    if (context.output.format === 'tsv') context.note(said);
    await context.output.print({
      schema: DRAIN_SCHEMA,
      document: () => ({
        at: formatIso(clock.now()),
        outcome: 'nothing',
        runs: [],
        errors: failures.map(failureJson),
      }),
      rows: [],
      columns: [],
      screen: () => [said],
    });
    return isPartial ? EXIT.partial : EXIT.done;
  }

  const desk = await destinationDesk(context, options.noDns);
  const resolved = await desk.resolve(domains.largestFirst());
  const peers = await addressesOf(desk.dns, domains.largestFirst(), resolved);
  await desk.close();
  const limits = await limitsOf(context, options);
  const assigned = assign(domains, resolved.of, limits.of);
  // What a dead drain was told may be of destinations that have got all of theirs.
  if (takeOver === undefined)
    mustBeKnown(
      options,
      destinationOf(assigned.names, domains.largestFirst(), resolved.of),
      limits.isConfigured,
    );
  const counts = assigned.names.map(() => 0);
  for (const { value } of going)
    for (const set of value.sets) {
      const number = assigned.ofSet[set] as number;
      counts[number] = (counts[number] ?? 0) + 1;
    }

  const stateDir = await context.stateDir();
  const id = await pickRunId(stateDir);
  const createdAt = formatIso(clock.now());
  const { bastion, name } = context.operator;
  const facts: DrainFacts = {
    key: runKey(id, bastion, createdAt),
    onDeath: options.onDeath ?? 'release',
    deadAfterS: Math.ceil((options.deadAfterMs ?? DEAD_AFTER_MS) / 1000),
    perSecond: options.perSecond ?? null,
    takesOver: takeOver?.keys ?? [],
    destinations: assigned.names.map((destination) => ({ name: destination, ...limits.of(destination) })),
  };
  const head = { id, operator: name, bastion, createdAt, reason: options.reason };
  const post = await drainPostOf(
    context,
    true,
    going.map(({ queue }) => queue),
  );
  const guards = await Promise.all(
    going.map(async ({ queue }) => {
      const seen = new Guards();
      try {
        seen.see(await post.guards(deskPlace(queue), context.interruption.abort), null, 0);
      } catch (error) {
        if (!(error instanceof MailctlError)) throw error;
        context.warn(`${queue.name}: its guards cannot be seen: ${error.message}`);
      }
      return { host: queue.host, sights: seen.sights };
    }),
  );
  const isCounted = going.every(({ value }) => value.way.countsConnections === true);
  const destinations = plannedDestinations(facts, counts, isCounted);
  const now = clock.now() / 1000;
  const withinS = Math.max(3600, ...destinations.map(({ mostS }) => mostS));
  const { queue: rules } = await context.config();
  const rank = rankOf({ first: rules.drainFirst, last: rules.drainLast });
  const ranked: { -readonly [K in keyof typeof RANKS]: number } = { expiring: 0, first: 0, rest: 0, last: 0 };
  const parts = going.map(({ value }) => {
    const own = new ParcelParts();
    const expiresBefore = value.lifetimeS === null ? null : now + withinS - value.lifetimeS;
    for (const [index, key] of value.keys.entries()) {
      const set = value.sets[index] as number;
      const of = rank(key, expiresBefore);
      for (const name of RANK_NAMES) if (RANKS[name] === of) ranked[name] += 1;
      own.add(key, assigned.ofSet[set] as number, assigned.hopOfSet[set] ?? '', of, assigned.widthOfSet[set]);
    }
    return own;
  });
  const { renderTable } = await import('../../output/table.js');
  const width = 79;
  const screen = drainPlanScreen(
    {
      run: id,
      queues: going.map(({ queue, value }) => ({ queue: queue.name, messages: value.keys.length })),
      destinations,
      isCounted,
      already,
      expiring: ranked.expiring === 0 ? null : { messages: ranked.expiring, withinS },
      order: ranked,
      perSecond: facts.perSecond,
      isOneEach: going.every(({ value }) => value.way.oneConnectionEach),
      onDeath: facts.onDeath,
      deadAfterS: facts.deadAfterS,
      reason: options.reason,
      guards,
      notes: [],
      now: clock.now(),
    },
    {
      width,
      color: context.terminal.stderrColor,
      table: (rows, columns, more) =>
        renderTable(rows, columns, { width, color: context.terminal.stderrColor, ...more }),
    },
  );
  const planned = going.map(
    ({ queue, value }): PlannedDrain => ({
      queue: queue.name,
      host: queue.host,
      software: queue.driver.software,
      places: [],
      messages: value.keys.length,
    }),
  );
  if (options.dryRun)
    return reportDryRun(context, screen, going, {
      facts,
      planned,
      destinations,
      ranked,
      isPartial,
      failures,
    });
  for (const line of screen) context.note(line);
  const total = planned.reduce((sum, { messages }) => sum + messages, 0);
  if (!options.yes && !(await confirmed(context, total))) {
    context.note('nothing was changed');
    return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
  }

  const files = new RunFiles(stateDir, facts.key);
  const written = parts.map((own) => own.parts());
  const places = await files.writeParts(written.flat());
  let at = 0;
  const queues = planned.map((one, index) => {
    const many = written[index]?.length ?? 0;
    at += many;
    return { ...one, places: places.slice(at - many, at) };
  });
  const notes = new RunNotes(stateDir, id);
  await notes.passOverRequests();
  const { readBootId } = await import('../../journal/boot-id.js');
  const created = await createRun<Plan>({
    stateDir,
    plan: planDrain(head, facts, queues),
    mailctl: version,
    operator: name,
    host: bastion,
    bootId: await readBootId(),
    clock,
  }).catch(async (error: unknown) => {
    await files.remove().catch(() => {});
    throw error;
  });
  if (options.detach) {
    await created.journal.close();
    return detachRun(context, created.id, stateDir);
  }
  const byName = new Map(going.map(({ queue }) => [queue.name, queue]));
  const exit = await runDrain(
    context,
    {
      plan: created.plan,
      facts,
      journal: created.journal,
      files,
      notes: created.id === id ? notes : new RunNotes(stateDir, created.id),
      queueNamed: (queue) => byName.get(queue),
      peers,
    },
    false,
  );
  return exit === EXIT.done && isPartial ? EXIT.partial : exit;
}

async function look(
  queue: Queue,
  selection: Selection,
  domains: DomainSets,
  submitter: boolean,
  signal: AbortSignal,
): Promise<Found> {
  const way = await wayOf(queue);
  const keys: MessageKey[] = [];
  const sets: number[] = [];
  const seen = new Set<string>();
  let already = 0;
  const [lifetimeS] = await Promise.all([
    way.lifetime(signal).catch(() => null),
    queue.driver.list(
      (message) => {
        if (!selection.matches(message) || seen.has(message.id) || message.state === 'corrupt') return;
        seen.add(message.id);
        if (message.state === 'hold' && !selection.wantsHeld) {
          already += 1;
          return;
        }
        keys.push({ id: message.id, arrivedAt: message.arrivedAt, sender: message.sender });
        sets.push(domains.add(message));
      },
      { submitter, signal },
    ),
  ]);
  return { way, keys, sets, already, lifetimeS };
}

/** Recipients of a domain that a server sends over one connection; more make more (Postfix: 50). */
const RECIPIENTS_EACH = 50;

/** Sets of recipient domains, each with a number; a domain is in a set as often as a message may connect to it. */
class DomainSets {
  readonly #numbers = new Map<string, number>();
  readonly #sets: (readonly string[])[] = [];
  readonly #count = new DomainCount();

  add(message: QueueMessage): number {
    const recipients = new Map<string, number>();
    for (const { address } of message.recipients) {
      const domain = domainOf(address);
      recipients.set(domain, (recipients.get(domain) ?? 0) + 1);
    }
    for (const domain of recipients.keys()) this.#count.addDomain(domain, 1);
    const domains = [...recipients]
      .flatMap(([domain, count]) => Array<string>(Math.ceil(count / RECIPIENTS_EACH)).fill(domain))
      .sort();
    const word = domains.join('\n');
    let number = this.#numbers.get(word);
    if (number === undefined) {
      number = this.#sets.length;
      this.#numbers.set(word, number);
      this.#sets.push(domains);
    }
    return number;
  }

  get sets(): readonly (readonly string[])[] {
    return this.#sets;
  }

  largestFirst(): readonly string[] {
    return [...this.#count.largestFirst()];
  }
}

/** Each set's destination: of several the one that takes least. */
function assign(
  domains: DomainSets,
  of: (domain: string) => string,
  limitOf: (destination: string) => DestinationLimit,
): {
  readonly names: readonly string[];
  readonly ofSet: readonly number[];
  readonly hopOfSet: readonly string[];
  /** Connections that a message makes to its destination at most. */
  readonly widthOfSet: readonly number[];
} {
  const numbers = new Map<string, number>();
  const numberOf = (name: string) => {
    const known = numbers.get(name);
    if (known !== undefined) return known;
    numbers.set(name, numbers.size);
    return numbers.size - 1;
  };
  const hopOfSet: string[] = [];
  const widthOfSet: number[] = [];
  const ofSet = domains.sets.map((set) => {
    const names = [...new Set(set.map(of))];
    const strictest = names.reduce(
      (least, name) => (mostInFlight(limitOf(name)) < mostInFlight(limitOf(least)) ? name : least),
      names[0] ?? '',
    );
    widthOfSet.push(set.filter((domain) => of(domain) === strictest).length);
    hopOfSet.push(set.find((domain) => of(domain) === strictest) ?? '');
    return numberOf(strictest);
  });
  return { names: [...numbers.keys()], ofSet, hopOfSet, widthOfSet };
}

/** What each destination takes, and by whose word. @throws UsageError for a limit that nobody could mean */
async function limitsOf(context: Context, options: StartOptions) {
  const { destinations } = await context.config();
  const limits = new Map(options.limits);
  const flights = new Map(options.inFlight);
  return {
    of(name: string): DestinationLimit {
      const flag = limits.get(name);
      const own = destinations.get(name);
      const connections = flag ?? own?.connections ?? DEFAULT_CONNECTIONS;
      const source = flag !== undefined ? 'flag' : own?.connections !== undefined ? 'config' : 'default';
      const forAll = flights.get('');
      // A number for all never lifts what a destination takes; only its own name does.
      const inFlight =
        flights.get(name) ??
        (forAll === undefined
          ? null
          : Math.min(forAll, mostInFlight({ connections, source, perSecond: null, inFlight: null })));
      return { connections, source, perSecond: own?.ratePerSecond ?? null, inFlight };
    },
    isConfigured: (name: string): boolean => destinations.has(name),
  };
}

function plannedDestinations(
  facts: DrainFacts,
  counts: readonly number[],
  isCounted: boolean,
): readonly PlannedDestination[] {
  return facts.destinations
    .map((limit, index) => {
      const messages = counts[index] ?? 0;
      const window = mostInFlight(limit, isCounted);
      const slowest = Math.min(
        limit.perSecond ?? Number.POSITIVE_INFINITY,
        facts.perSecond ?? Number.POSITIVE_INFINITY,
      );
      // A window above it is the operator's word for a server that bounds its connections itself.
      const places = Math.min(window, limit.connections);
      const seconds = (each: number) => messages / Math.min(places / each, slowest);
      return {
        destination: limit.name,
        messages,
        window,
        connections: limit.connections,
        perSecond: limit.perSecond,
        source: { flag: '--limit', config: 'configuration', default: 'default' }[limit.source],
        leastS: seconds(0.1),
        mostS: seconds(1),
      };
    })
    .sort((a, b) => b.messages - a.messages || (a.destination < b.destination ? -1 : 1));
}

async function confirmed(context: Context, messages: number): Promise<boolean> {
  const prompt = await context.prompt();
  const { queue } = await context.config();
  const noun = messages === 1 ? 'message' : 'messages';
  if (messages > queue.confirmAbove)
    return prompt.typed({ word: String(messages), purpose: `to drain these ${noun}` });
  return prompt.yesNo(`drain ${messages} ${noun}?`);
}

function noQueue(failures: readonly QueueFailure[], without: readonly string[]): MailctlError {
  const [first] = failures;
  if (first !== undefined) return first.error;
  return new MailctlError(
    `no mail server with a queue was found on ${without.slice(0, 5).join(', ') || 'any host'}`,
    {
      code: 'queue.none',
      exitCode: EXIT.failed,
      hint: 'name its queues in the configuration (hosts.NAME.queues), or another host with -H',
    },
  );
}

const failureJson = ({ host, error }: QueueFailure) => ({ ...reportError(error).report, host });

async function reportDryRun(
  context: Context,
  screen: readonly Line[],
  going: readonly { readonly queue: Queue; readonly value: Found }[],
  plan: {
    readonly facts: DrainFacts;
    readonly planned: readonly PlannedDrain[];
    readonly destinations: readonly PlannedDestination[];
    readonly ranked: Readonly<Record<keyof typeof RANKS, number>>;
    readonly isPartial: boolean;
    readonly failures: readonly QueueFailure[];
  },
): Promise<number> {
  const { planned, destinations, ranked, isPartial, failures } = plan;
  const commands = going.flatMap(({ queue, value: { way } }) =>
    (['park', 'release', 'unpark'] as const).map(
      (part) => `${part.padEnd(8)}${queue.name}: ${way.preview(part).join('; ')}`,
    ),
  );
  // Behind a pipe there is no screen, and a plan is no row.
  if (context.output.format === 'tsv') for (const line of screen) context.note(line);
  await context.output.print({
    schema: DRAIN_SCHEMA,
    document: () => ({
      at: formatIso(context.clock.now()),
      outcome: 'planned',
      runs: [],
      plan: {
        queues: planned.map(({ queue, host, messages }) => ({ queue, host, messages })),
        destinations: destinations.map((one) => ({
          destination: one.destination,
          messages: one.messages,
          window: one.window,
          limit: one.connections,
          limit_from: one.source,
          takes_least_s: Math.round(one.leastS),
          takes_most_s: Math.round(one.mostS),
        })),
        order: ranked,
      },
      errors: failures.map(failureJson),
    }),
    rows: [],
    columns: [],
    screen: () => [
      ...screen,
      '',
      ...commands,
      'dry run: nothing was changed; that it would go well today is no promise',
    ],
  });
  return isPartial ? EXIT.partial : EXIT.done;
}
