// Gathers what a loss sheet needs, from whoever can be asked: the master's log, what was stored of it, the replica's
// mailbox list, the site's lists. Reads only, beside each other, and never long: the operator waits for the plan.
import { MailctlError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import type { Decision } from './decide.js';
import type { Surroundings } from './look-around.js';
import { type LossSheet, lossSheet, needsLossSheet } from './loss-sheet.js';
import { userOf } from './mailbox-lists.js';
import type { UserMove } from './moves.js';
import { type PendingRecord, type PendingStore, pendingRecords } from './pending-users.js';
import type { Sample } from './samples.js';
import { type FleetSight, stateOf } from './sight.js';
import { instanceOn, type Slot } from './slot.js';
import type { UserSources } from './users.js';

/** Whom to ask. */
export interface LossSources {
  readonly around: Surroundings;
  readonly sight: FleetSight;
  readonly samples: readonly Sample[];
  readonly pending: PendingStore;
  readonly users: UserSources;
  /** null: no list of moves, or none that could be read. */
  readonly moves: readonly UserMove[] | null;
  readonly clock: Clock;
}

/** A list of a big store takes its time; a plan does not wait for it longer than this. */
const PATIENCE_MS = 10_000;

/** The sheets of those decisions that need one, by slot. Never throws for what could not be asked. */
export async function gatherLossSheets(
  decisions: readonly Decision[],
  sources: LossSources,
): Promise<ReadonlyMap<string, LossSheet>> {
  const wanted = decisions.filter(needsLossSheet);
  if (wanted.length === 0) return new Map();
  const stored = await sources.pending.latest(wanted.map(({ slot }) => slot.slot)).catch(tolerated([]));
  const sheets = await Promise.all(wanted.map((decision) => sheetOf(decision, stored, sources)));
  return new Map(sheets.map((sheet) => [sheet.slot, sheet]));
}

/** The decisions with their sheets, and how many users each slot has where the site says so. */
export async function withLossSheets(
  decisions: readonly Decision[],
  sources: LossSources,
): Promise<readonly Decision[]> {
  const [sheets, users] = await Promise.all([
    gatherLossSheets(decisions, sources),
    countUsers(decisions, sources),
  ]);
  return decisions.map((decision) => {
    const sheet = sheets.get(decision.slot.slot);
    const count = users.get(decision.slot.slot);
    return {
      ...decision,
      ...(sheet === undefined ? {} : { sheet }),
      ...(count === undefined ? {} : { users: count }),
    };
  });
}

/** More slots than this are not asked about one by one. */
const MOST_COUNTED = 60;

async function countUsers(
  decisions: readonly Decision[],
  { users, clock }: LossSources,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  if (decisions.length > MOST_COUNTED) return counts;
  const all = decisions.map(async ({ slot }) => {
    const found = await users.usersOf(slot.slot).catch(tolerated(null));
    if (found !== null) counts.set(slot.slot, found.length);
  });
  await within(clock, Promise.all(all)).catch(tolerated([]));
  return new Map(counts);
}

async function sheetOf(
  decision: Decision,
  stored: readonly PendingRecord[],
  sources: LossSources,
): Promise<LossSheet> {
  const { slot, from, to } = decision;
  const { around, sight, users, moves, clock } = sources;
  const problems: string[] = [];
  const ask = <T>(what: string, work: () => Promise<T>): Promise<T | undefined> =>
    within(clock, work()).catch((error: unknown) => {
      if (!(error instanceof MailctlError)) throw error;
      problems.push(`${what}: ${error.message}`);
      return undefined;
    });
  const [live, replicaUsers, siteUsers] = await Promise.all([
    decision.fromReachable ? ask('whose changes wait', () => lookNear(decision, sources)) : undefined,
    to === null ? undefined : ask(`who is on ${to}`, () => usersOn(slot, to, sight, around)),
    ask('who belongs to the slot', () => users.usersOf(slot.slot)),
  ]);
  return lossSheet({
    slot: slot.slot,
    live,
    stored: stored.find((one) => one.slot === slot.slot && one.host === from && one.replica === to),
    sample: sources.samples.find(
      (one) => one.slot === slot.slot && one.host === from && one.channel === to && one.role === 'master',
    ),
    replicaUsers,
    siteUsers: siteUsers ?? null,
    moves,
    problems,
  });
}

async function lookNear(
  { slot, from, to }: Decision,
  { around, sight, clock }: LossSources,
): Promise<PendingRecord | undefined> {
  const host = around.hosts.get(from);
  const instance = instanceOn(slot, from);
  if (host === undefined || instance === undefined) return undefined;
  const [look] = await around.driver.replication(host, [instance], around.signal);
  if (look === undefined) return undefined;
  return pendingRecords(slot, look, sight, clock.now()).find(({ replica }) => replica === to);
}

async function usersOn(
  slot: Slot,
  on: string,
  sight: FleetSight,
  around: Surroundings,
): Promise<ReadonlySet<string> | undefined> {
  const host = around.hosts.get(on);
  const instance = instanceOn(slot, on);
  if (host === undefined || instance === undefined || sight.get(on)?.ok !== true) return undefined;
  const role = stateOf(sight, slot.slot, on)?.configuredRole ?? 'replica';
  const mailboxes = await around.driver.mailboxes(host, instance, role);
  return new Set(mailboxes.filter(({ deleted }) => !deleted).map(({ name }) => userOf(name)));
}

/** Looks at the logs of masters that have something waiting, and stores whose it is. Gives what was stored. */
export async function storePendingUsers(
  slots: readonly Slot[],
  { around, sight, pending, clock }: Pick<LossSources, 'around' | 'sight' | 'pending' | 'clock'>,
): Promise<readonly PendingRecord[]> {
  const byHost = new Map<string, Slot[]>();
  for (const slot of slots) {
    const state = stateOf(sight, slot.slot, slot.master);
    const waits = state?.channels.some((channel) => channel.pending) || (state?.quarantined.files ?? 0) > 0;
    if (waits) byHost.set(slot.master, [...(byHost.get(slot.master) ?? []), slot]);
  }
  const records = await Promise.all(
    [...byHost].map(async ([name, waiting]) => {
      const host = around.hosts.get(name);
      const instances = waiting.flatMap((slot) => instanceOn(slot, name) ?? []);
      if (host === undefined) return [];
      const looks = await around.driver.replication(host, instances, around.signal).catch(tolerated([]));
      return looks.flatMap((look) => {
        const slot = waiting.find((one) => one.slot === look.slot);
        return slot === undefined ? [] : pendingRecords(slot, look, sight, clock.now());
      });
    }),
  );
  const all = records.flat();
  if (all.length > 0) await pending.store(all).catch(tolerated(undefined));
  return all;
}

const tolerated =
  <T>(otherwise: T) =>
  (error: unknown): T => {
    if (error instanceof MailctlError) return otherwise;
    throw error;
  };

async function within<T>(clock: Clock, work: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const late = clock.sleep(PATIENCE_MS, ended.signal).then(
    () => {
      throw new MailctlError(`no answer in ${PATIENCE_MS / 1000} s`, {
        code: 'transport.timeout',
        exitCode: 3,
      });
    },
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    ended.abort();
  }
}
