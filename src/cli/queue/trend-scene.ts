// What `queue stats --trend` and `--watch` look at: each host on its own, so that one that hangs keeps no other waiting,
// its queues, its logs, its connections and limits at once; and the picture that all of it makes together.
import { readSockets } from '../../drivers/sockets/sockets.js';
import { MailctlError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { LastKnown, Senders, TrendView } from '../../output/columns/queue-trend.js';
import { NumberColumn } from '../../queue/columns.js';
import { type ConnectionRow, joinConnections } from '../../queue/connections.js';
import type { Queue, QueueLimits } from '../../queue/driver.js';
import type { QueueFleet } from '../../queue/gather-queues.js';
import { OutFold, placeOf, WINDOW_S } from '../../queue/out-fold.js';
import { looksOf, ownerAmong, type QueueLook } from '../../queue/queue-look.js';
import { fleetSource, type ReadReport } from '../../queue/read-all.js';
import { reasonKeys } from '../../queue/reason-key.js';
import type { MessageFilter } from '../../queue/select.js';
import type { Socket } from '../../queue/socket.js';
import type { StatKey } from '../../queue/stat-keys.js';
import { groupName, QueueStats } from '../../queue/stats.js';
import { type StatsUnion, unionOf } from '../../queue/stats-union.js';
import {
  baseOf,
  type Flows,
  flowsOf,
  type Interval,
  intervalOf,
  type QueueNow,
  trendOf,
  type WatchedLook,
  waitingOf,
  watchedFlows,
} from '../../queue/trend.js';
import type { Context } from '../context.js';
import { type DestinationDesk, destinationDesk } from './destinations.js';
import { nameFarSides } from './far-sides.js';
import { openQueues } from './queues.js';
import { type Sender, SenderCount } from './sender-count.js';
import { lastKnownOf } from './stats-view.js';

/** What is asked for. */
export interface TrendRequest {
  readonly by: readonly StatKey[];
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly noDns: boolean;
  readonly filter: MessageFilter;
  readonly wantsSubmitter: boolean;
  /** Logs and kept looks tell of whole queues, by these keys; else successive looks are compared by ids. */
  readonly mode: 'whole' | 'watched';
  /** Connections, limits and what expires. */
  readonly isFull: boolean;
  /** What is seen may be kept: of whole queues, with their domains. */
  readonly keeps: boolean;
  /** A warning would stand in the middle of a screen that is drawn. */
  readonly isQuiet: boolean;
}

const SMTP_PORT = 25;

/** One host as it was looked at last. */
export interface HostState {
  readonly host: Host;
  /** When the look that goes on was begun, by the monotonic clock; null: none goes on. */
  askedAt: number | null;
  /** The last look that came to an end; null: none has. */
  report: ReadReport | null;
  look: HostLook | null;
  readonly intervals: Interval[];
  readonly logs: Map<string, QueueLog>;
  readonly limits: Map<string, QueueLimits>;
}

interface HostLook extends WatchedLook {
  /** By queue and domain. */
  /** Null: nobody wants its domains. */
  readonly byDomain: QueueStats | null;
  readonly looks: readonly QueueLook[];
  readonly sockets: readonly Socket[] | null;
  readonly believed: Map<string, number> | null;
  readonly senders: SenderCount;
}

interface QueueLog {
  readonly fold: OutFold;
  position: string | null;
  /** Null: it can be read. */
  trouble: string | null;
}

/** All of it at one time. */
export interface Picture extends StatsUnion {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly report: ReadReport;
  readonly view: TrendView;
  /** Hosts of which there was no answer yet, and since when they were asked, in seconds. */
  readonly silent: readonly { readonly host: string; readonly seconds: number }[];
  /** Hosts whose figures are of an earlier look. */
  readonly late: readonly { readonly host: string; readonly at: number; readonly seconds: number }[];
}

/** Opens it. */
export async function openTrendScene(request: TrendRequest, context: Context): Promise<TrendScene> {
  const fleet = await openQueues(context, { ...request, readOnly: true, queue: request.filter.queue });
  const wantsNames = request.by.includes('destination');
  const desk = wantsNames ? await destinationDesk(context, request.noDns) : null;
  return new TrendScene(request, context, fleet, desk);
}

/** The hosts. */
export class TrendScene {
  readonly states: readonly HostState[];
  readonly #request: TrendRequest;
  readonly #context: Context;
  readonly #fleet: QueueFleet;
  readonly #desk: DestinationDesk | null;
  readonly #queues = new Map<string, Promise<readonly Queue[]>>();
  readonly #destinations = new Map<string, string>();
  /** Looks of before, ours and those that were kept. */
  #history: QueueLook[] = [];
  #last: readonly QueueLook[] = [];
  readonly #connections = new Map<string, ConnectionRow>();

  constructor(request: TrendRequest, context: Context, fleet: QueueFleet, desk: DestinationDesk | null) {
    this.#request = request;
    this.#context = context;
    this.#fleet = fleet;
    this.#desk = desk;
    this.states = fleet.hosts.map((host) => ({
      host,
      askedAt: null,
      report: null,
      look: null,
      intervals: [],
      logs: new Map(),
      limits: new Map(),
    }));
  }

  /** Takes looks that were kept earlier: those of the last hours, and the last of each queue. */
  remember(since: readonly QueueLook[], last: readonly QueueLook[]): void {
    this.#history = [...since, ...this.#history];
    this.#last = last;
  }

  /** Looks at one host. What cannot be asked is in its state. */
  async lookAt(state: HostState, signal: AbortSignal): Promise<readonly QueueLook[]> {
    const { clock } = this.#context;
    const { filter, by, mode, isFull, keeps } = this.#request;
    state.askedAt = clock.monotonic();
    const at = clock.now();
    const now = Math.floor(at / 1000);
    const reasonOf = by.includes('reason') ? reasonKeys() : undefined;
    const stats = new QueueStats({ by, now, reasonOf });
    const byDomain = isFull || keeps ? new QueueStats({ by: ['queue', 'domain'], now }) : null;
    const before = state.look;
    const fresh = new NumberColumn(1);
    const senders = new SenderCount();
    const host: QueueFleet = { hosts: [state.host], queuesOf: () => this.#queuesOf(state.host, signal) };
    const source = fleetSource(host, { clock, concurrency: 1 });
    const reading = source.read(
      (message) => {
        if (!filter.isEmpty && !filter.matches(message, now)) return;
        const isFresh = before !== null && !before.stats.has(message);
        const row = stats.add(message);
        if (isFresh) fresh.set(row, 1);
        byDomain?.add(message);
        senders.add(message.sender);
      },
      { submitter: this.#request.wantsSubmitter, glance: true, signal },
    );
    const [report, sockets, believed] = await Promise.all([
      reading,
      isFull && this.#desk !== null ? this.#tolerate(() => this.#socketsOf(state.host, signal)) : null,
      isFull && this.#desk !== null ? this.#tolerate(() => this.#believedOn(state.host, signal)) : null,
      mode === 'whole' ? this.#readLogs(state, now, signal) : undefined,
      isFull ? this.#readLimits(state, signal) : undefined,
    ]);
    if (by.includes('destination')) {
      await this.#nameDestinations(stats);
      stats.joinDestinations((domain) => this.#destinations.get(domain) ?? domain);
    }
    state.askedAt = null;
    state.report = report;
    if (before !== null && report.failures.length > 0) this.#last = [...this.#last, ...before.looks];
    if (report.queues.length === 0) {
      state.look = null;
      state.intervals.length = 0;
      return [];
    }
    const looks = looksOf(byDomain ?? stats, report.queues, at, { withDomains: byDomain !== null });
    const isFresh = (row: number) => fresh.get(row) === 1;
    const look: HostLook = { stats, at, isFresh, byDomain, looks, sockets, believed, senders };
    state.look = look;
    if (before !== null && mode === 'watched') {
      state.intervals.push(intervalOf(before, look));
      const oldest = at - WINDOW_S * 1000;
      while ((state.intervals[0]?.at ?? at) < oldest) state.intervals.shift();
    }
    if (mode === 'whole') {
      this.#history = this.#history.filter((one) => one.at > at - 3 * WINDOW_S * 1000 || !isOurs(one, looks));
      if (before !== null) this.#history.push(...before.looks);
    }
    return looks;
  }

  /** Names the far sides of the connections: asks name servers, so that it is no part of a picture. */
  async nameConnections(): Promise<void> {
    const desk = this.#desk;
    if (desk === null || !this.#request.isFull) return;
    const sights = this.#looks().flatMap(({ state, look }) => {
      if (look.sockets === null) return [];
      const domains = new Map<string, number>();
      for (const { key, messages } of look.byDomain?.groups() ?? [])
        domains.set(String(key[1] ?? ''), (domains.get(String(key[1] ?? '')) ?? 0) + messages);
      const { sockets, believed } = look;
      return [{ host: state.host.name, sockets, believed, domains, hasQueue: true }];
    });
    const quiet = {
      ...desk,
      resolve: (domains: Iterable<string>) => desk.resolve(domains, { isQuiet: true }),
    };
    const { ofAddress } = await nameFarSides(quiet, sights);
    const { destinations } = await this.#context.config();
    const of = (domain: string) => this.#destinations.get(domain) ?? domain;
    const rows = joinConnections(
      sights.map(({ host, sockets, believed, domains }) => {
        const waiting = new Map<string, number>();
        for (const [domain, count] of domains)
          waiting.set(of(domain), (waiting.get(of(domain)) ?? 0) + count);
        return { host, sockets, believed, waiting };
      }),
      {
        ofAddress,
        ofName: (name) => (destinations.has(name) ? name : of(name.toLowerCase())),
        limitOf: (name) => destinations.get(name)?.connections ?? null,
      },
    );
    this.#connections.clear();
    for (const row of rows) this.#connections.set(row.destination, row);
  }

  /** What there is to see. */
  picture(): Picture {
    const { clock } = this.#context;
    const now = clock.now();
    const seen = this.#looks();
    const all = seen.map(({ look }) => look.stats);
    const union = unionOf(all);
    const report = this.#report();
    const limits = new Map(this.states.flatMap(({ limits: own }) => [...own]));
    const lifetimeOf = (queue: string) => limits.get(queue)?.lifetimeS ?? null;
    const flows = this.#flows(seen);
    const trend = trendOf(flows, waitingOf(all, lifetimeOf), Math.floor(now / 1000));
    const named = report.queues.map(({ queue }) => limits.get(queue));
    const sum = (values: readonly (number | null | undefined)[], join: (a: number, b: number) => number) =>
      values.length === 0 || values.some((value) => value === null || value === undefined)
        ? null
        : (values as readonly number[]).reduce(join);
    const ages = this.states.map((state) => ({
      host: state.host.name,
      at: state.look?.at ?? null,
      isAsked: state.askedAt !== null,
      seconds: state.askedAt === null ? 0 : Math.round((clock.monotonic() - state.askedAt) / 1000),
      hasReport: state.report !== null,
    }));
    return {
      ...union,
      now,
      report,
      silent: ages.filter(({ isAsked, hasReport }) => isAsked && !hasReport),
      late: ages.flatMap(({ host, at, isAsked, seconds }) =>
        isAsked && at !== null && seconds >= 3 ? [{ host, at, seconds }] : [],
      ),
      view: {
        trend,
        connections: this.#desk === null || !this.#request.isFull ? null : this.#connections,
        activeLimit: sum(
          named.map((one) => one?.activeMessages),
          (a, b) => a + b,
        ),
        lifetimeS: sum(
          named.map((one) => one?.lifetimeS),
          Math.min,
        ),
        senders: sendersOf(seen.map(({ look }) => look.senders.result())),
        lastKnown: this.lastKnown(report),
        incomplete: this.states.flatMap(({ logs }) =>
          [...logs].flatMap(([queue, { trouble }]) =>
            trouble === null || !report.queues.some((read) => read.queue === queue)
              ? []
              : [`log of ${queue}: ${trouble}`],
          ),
        ),
      },
    };
  }

  /** What is known of what failed. */
  lastKnown(report: Pick<ReadReport, 'failures'>): readonly LastKnown[] {
    const newest = new Map<string, QueueLook>();
    for (const look of [...this.#last, ...this.#history]) {
      const known = newest.get(`${look.host}\n${look.queue}`);
      if (known === undefined || known.at <= look.at) newest.set(`${look.host}\n${look.queue}`, look);
    }
    return lastKnownOf(report.failures, [...newest.values()]);
  }

  async close(): Promise<void> {
    await this.#desk?.close();
  }

  #looks(): readonly { readonly state: HostState; readonly look: HostLook }[] {
    return this.states.flatMap((state) => (state.look === null ? [] : [{ state, look: state.look }]));
  }

  #report(): ReadReport {
    const reports = this.states.flatMap(({ report }) => (report === null ? [] : [report]));
    return {
      queues: reports.flatMap(({ queues }) => queues),
      failures: reports.flatMap(({ failures }) => failures),
      without: reports.flatMap(({ without }) => without),
    };
  }

  #flows(seen: readonly { readonly state: HostState; readonly look: HostLook }[]): Flows {
    const { mode, by } = this.#request;
    if (mode === 'watched') return watchedFlows(seen.map(({ state }) => state.intervals));
    const queues = seen.flatMap(({ state, look }) => this.#queuesNow(state, look));
    const [key] = by;
    const groupOf = ({ queue, host }: QueueNow, domain: string): string => {
      if (key === 'queue') return groupName([queue]);
      if (key === 'host') return groupName([host]);
      return groupName([key === 'destination' ? (this.#destinations.get(domain) ?? domain) : domain]);
    };
    return flowsOf(queues, groupOf, key === 'queue' || key === 'host');
  }

  #queuesNow(state: HostState, look: HostLook): readonly QueueNow[] {
    const now = Math.floor(look.at / 1000);
    const bases = new Map(
      look.looks.map((one) => [
        one.queue,
        baseOf(
          this.#history.filter(({ queue, host }) => queue === one.queue && host === one.host),
          look.at,
        ),
      ]),
    );
    const leftOf = (queue: string) => {
      const log = state.logs.get(queue);
      return log === undefined || log.trouble !== null ? null : log.fold.parts(now);
    };
    const ownerOf = ownerAmong(look.looks.map(({ queue }) => queue));
    const byQueue = new Map<string, Map<string, number>>();
    for (const { key, messages } of look.byDomain?.groups() ?? []) {
      const [queue, domain] = [ownerOf(String(key[0])), String(key[1] ?? '')];
      const domains = byQueue.get(queue) ?? new Map<string, number>();
      byQueue.set(queue, domains);
      domains.set(domain, (domains.get(domain) ?? 0) + messages);
    }
    const arrived = new Map<string, number>();
    const places = new Map<number, string>();
    const isNew = (queue: string, arrivedAt: number | null) => {
      const base = bases.get(queue) ?? null;
      return base !== null && arrivedAt !== null && arrivedAt > Math.floor(base.at / 1000);
    };
    look.byDomain?.eachMessage(({ queue: within, arrivedAt }) => {
      const queue = ownerOf(within);
      if (isNew(queue, arrivedAt)) arrived.set(queue, (arrived.get(queue) ?? 0) + 1);
    });
    look.byDomain?.eachMember(({ group, queue: within, arrivedAt }) => {
      const queue = ownerOf(within);
      if (!isNew(queue, arrivedAt)) return;
      let place = places.get(group);
      if (place === undefined) {
        const [, domain] = JSON.parse(look.byDomain?.groupName(group) ?? '[]') as [string, string];
        place = placeOf(queue, domain);
        places.set(group, place);
      }
      arrived.set(place, (arrived.get(place) ?? 0) + 1);
    });
    return look.looks.map(
      ({ queue, host, messages }): QueueNow => ({
        queue,
        host,
        at: look.at,
        messages,
        domains: byQueue.get(queue) ?? new Map(),
        base: bases.get(queue) ?? null,
        arrived,
        left: leftOf(queue),
      }),
    );
  }

  /** Found once; asked again when it failed. */
  #queuesOf(host: Host, signal: AbortSignal): Promise<readonly Queue[]> {
    const known = this.#queues.get(host.name);
    if (known !== undefined) return known;
    const finding = this.#fleet.queuesOf(host, signal);
    this.#queues.set(host.name, finding);
    finding.catch(() => this.#queues.delete(host.name));
    return finding;
  }

  async #readLogs(state: HostState, now: number, signal: AbortSignal): Promise<void> {
    const queues = (await this.#tolerate(() => this.#queuesOf(state.host, signal))) ?? [];
    await Promise.all(
      queues.map(async ({ name, driver }) => {
        if (driver.readLog === undefined) return;
        const log = state.logs.get(name) ?? { fold: new OutFold(), position: null, trouble: null };
        state.logs.set(name, log);
        const from =
          log.position === null ? { since: now - WINDOW_S - 60 } : ({ position: log.position } as const);
        try {
          const { position, incomplete } = await driver.readLog(
            from,
            (event) => log.fold.add(event, name, now + 60),
            signal,
          );
          log.position = position;
          // A log that was begun just now has what there was.
          log.trouble = incomplete === null || /^the log begins at \S+$/.test(incomplete) ? null : incomplete;
        } catch (error) {
          if (!(error instanceof MailctlError)) throw error;
          log.position = null;
          log.trouble = error.message;
        }
      }),
    );
  }

  async #readLimits(state: HostState, signal: AbortSignal): Promise<void> {
    const queues = (await this.#tolerate(() => this.#queuesOf(state.host, signal))) ?? [];
    await Promise.all(
      queues.map(async ({ name, driver }) => {
        if (driver.limits === undefined || state.limits.has(name)) return;
        const limits = await this.#tolerate(async () => driver.limits?.(signal));
        if (limits !== null && limits !== undefined) state.limits.set(name, limits);
      }),
    );
  }

  async #socketsOf(host: Host, signal: AbortSignal): Promise<readonly Socket[]> {
    const [transport, config] = await Promise.all([
      this.#context.transport({ readOnly: true }),
      this.#context.config(),
    ]);
    const places = (config.hosts.get(host.name)?.queues ?? []).map(({ within }) => within);
    const distinct = new Map(places.map((within) => [JSON.stringify(within ?? []), within]));
    if (distinct.size === 0) distinct.set('', undefined);
    const all = await Promise.all(
      [...distinct.values()].map((within) => readSockets(transport, host, [SMTP_PORT], { within, signal })),
    );
    return all.flat();
  }

  async #believedOn(host: Host, signal: AbortSignal): Promise<Map<string, number> | null> {
    const queues = await this.#queuesOf(host, signal);
    const beliefs = await Promise.all(queues.map(({ driver }) => driver.believed?.(signal)));
    const known = beliefs.filter((belief) => belief !== undefined);
    if (known.length === 0) return null;
    const sum = new Map<string, number>();
    for (const belief of known)
      for (const [name, count] of belief) sum.set(name, (sum.get(name) ?? 0) + count);
    return sum;
  }

  async #nameDestinations(stats: QueueStats): Promise<void> {
    const unknown = stats.domains().filter((domain) => !this.#destinations.has(domain));
    if (this.#desk === null || unknown.length === 0) return;
    const { of } = await this.#desk.resolve(unknown, { isQuiet: this.#request.isQuiet });
    for (const domain of unknown) this.#destinations.set(domain, of(domain));
  }

  /** What is good to have beside the queues themselves; a host that is away is told by its queues. */
  async #tolerate<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      return null;
    }
  }
}

function isOurs(one: QueueLook, looks: readonly QueueLook[]): boolean {
  return looks.some(({ queue, host }) => queue === one.queue && host === one.host);
}

function sendersOf(all: readonly Sender[]): Senders | null {
  const messages = all.reduce((sum, one) => sum + one.messages, 0);
  if (messages === 0) return null;
  const counts = new Map<string, number>();
  for (const { counts: own } of all)
    for (const [sender, count] of own) counts.set(sender, (counts.get(sender) ?? 0) + count);
  const [top] = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return {
    messages,
    ofNull: all.reduce((sum, one) => sum + one.ofNull, 0),
    top: top === undefined ? null : { sender: top[0], messages: top[1] },
  };
}
