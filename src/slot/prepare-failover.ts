// Everything of a failover before the operator's word: which slots are meant, what the hosts say, what is decided
// for each. Reads only; what was seen is handed back to be stored as samples.
import { ConfigError, MailctlError, RefusedError, UsageError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import { nearest } from '../lib/nearest.js';
import { askLookups } from './ask-lookups.js';
import { clocksOf } from './clock-skew.js';
import {
  type Decision,
  decideAll,
  type FailoverFacts,
  type FailoverWishes,
  slotsOfTarget,
} from './decide.js';
import type { Directory } from './directory.js';
import type { DirectoryCopy } from './directory-copy.js';
import { decidedWithoutDirectory, withoutDirectory } from './directory-later.js';
import { withFormers } from './former.js';
import {
  askReplicaFiles,
  callWitnesses,
  judgeSilent,
  lookAtSlots,
  type Silences,
  type Surroundings,
  type Witnesses,
} from './look-around.js';
import type { UserMove } from './moves.js';
import type { Sample, SampleStore } from './samples.js';
import { type FleetSight, type HostSight, openLaneOf } from './sight.js';
import type { Slot } from './slot.js';

/** What a failover is prepared from. */
export interface FailoverSources {
  readonly directory: Directory;
  /** The directory as it was when it last answered; undefined: nobody kept it. */
  readonly copy?: (() => Promise<DirectoryCopy | undefined>) | undefined;
  readonly samples: Pick<SampleStore, 'latest'>;
  readonly around: Surroundings;
  readonly clock: Clock;
  /** The site's list of user moves; absent: none is asked for. */
  readonly moves?: () => Promise<readonly UserMove[] | null>;
}

/** What was found out. */
export interface PreparedFailover {
  readonly decisions: readonly Decision[];
  /** Slots that were looked at: those of the targets, and those that the named hosts carry. */
  readonly slots: readonly Slot[];
  readonly sight: FleetSight;
  readonly silences: Silences;
  /** The directory is away, and the slots are those of its copy. */
  readonly later?: { readonly reason: string; readonly copiedAt: number } | undefined;
  /** Named hosts that have no slot, no open lane and no debt. */
  readonly empty: readonly string[];
  /** What was stored of their masters' logs, where one is away. */
  readonly stored: readonly Sample[];
  /** null: there is no list of moves, or `movesProblem` says why it could not be read. */
  readonly moves: readonly UserMove[] | null;
  readonly movesProblem: string | null;
}

/**
 * Looks and decides. Nothing is changed.
 * @throws UsageError for a target that is neither host nor slot, RefusedError (`directory-away`)
 */
export async function prepareFailover(
  targets: readonly string[],
  wishes: FailoverWishes,
  { directory, copy, samples, around, clock, moves }: FailoverSources,
): Promise<PreparedFailover> {
  const asked = readMoves(moves);
  const { slots: all, later } = await readDirectory(directory, wishes.directoryLater === true, copy);
  for (const target of targets) knownTarget(target, all, around);
  if (wishes.to !== undefined && !around.hosts.has(wishes.to)) {
    throw new UsageError(`--to ${wishes.to}: the configuration knows no such host`, {
      hint: suggestion(wishes.to, [...around.hosts.keys()]),
    });
  }
  const isHost = (target: string) => around.hosts.has(target) || !all.some((slot) => slot.slot === target);
  const named = all.filter((slot) => targets.includes(slot.slot) && !isHost(slot.slot));
  const hosts = new Set([...targets.filter(isHost), ...named.map((slot) => slot.master)]);
  // A host that carries nothing by the directory may be one that was replaced: only the slots' own hosts know.
  const mayBeFormer = targets.some(
    (target) => isHost(target) && !all.some((slot) => slot.instances.some((one) => one.host === target)),
  );
  // All slots of a host bear witness to how long it lived, also those that are not meant.
  const listed = all.filter(
    (slot) => named.includes(slot) || slot.instances.some((one) => hosts.has(one.host)) || mayBeFormer,
  );
  const { sight: seen, early, answeredMs } = await lookWithWitnesses(listed, around, clock);
  const { slots: candidates, sight } = await withFormers(listed, seen, around);

  const meant = new Map<string, { slot: Slot; host: string | undefined }>();
  const empty: string[] = [];
  for (const target of targets) {
    const found = slotsOfTarget(target, isHost(target), candidates, sight);
    if (found.length === 0) empty.push(target);
    for (const slot of found)
      if (!meant.has(slot.slot)) meant.set(slot.slot, { slot, host: isHost(target) ? target : undefined });
  }
  checkWords([...meant.keys()], wishes);

  const fromOf = (slot: Slot) => {
    const open = openLaneOf(sight, slot);
    return open?.way === 'move' ? open.from : slot.master;
  };
  const silent = new Map<string, Slot[]>();
  for (const { slot } of meant.values()) {
    const from = fromOf(slot);
    if (sight.get(from)?.ok === false && !silent.has(from))
      silent.set(
        from,
        candidates.filter((one) => fromOf(one) === from),
      );
  }
  // A silent host that carries one of them as a third could run it as a master, for all that is known.
  const thirds = [...meant.values()]
    .flatMap(({ slot }) => slot.instances.map((one) => one.host))
    .filter((host) => sight.get(host)?.ok === false);
  const quiet = [...new Set([...silent.keys(), ...thirds])];
  const stored = silent.size === 0 ? [] : await samples.latest();
  const [witnesses, { files, signs, canaries }] = await Promise.all([
    witnessesOf(quiet, candidates, sight, around, early),
    askReplicaFiles(silent, candidates, sight, stored, around),
  ]);
  const judged = judgeSilent(quiet, sight, witnesses);
  const silences = later === undefined ? judged : { ...judged, deaths: withoutDirectory(judged.deaths) };
  // Whoever is seen serving lives, whatever the logs say: what it takes now counts as well.
  const nowS = Math.floor(clock.now() / 1000);
  const living = new Map(
    [...signs].map(([host, of]) => {
      const isServing = silences.deaths.get(host)?.gate === 'still-serving';
      return [host, isServing ? [...of, { at: nowS, what: 'seen serving', bySlot: null }] : of] as const;
    }),
  );
  const masters = new Map<string, number>();
  for (const { master } of all) masters.set(master, (masters.get(master) ?? 0) + 1);
  const fleet = { masters, slots: candidates, answeredMs, minFree: around.minFree };
  const facts: FailoverFacts = {
    sight,
    deaths: silences.deaths,
    samples: stored,
    files,
    signs: living,
    canaries,
    clocks: clocksOf(sight, stored),
    fleet,
    stateFault: later === undefined ? directory.stateFault : 'the directory is away',
    moves: (await asked).moves,
  };
  const first = decideAll([...meant.values()], facts, wishes);
  const doubtful = new Set(
    first.filter((one) => isDoubtful(one, wishes.maxLagS)).map(({ slot }) => slot.slot),
  );
  const lookups = await askLookups(silent, doubtful, sight, around);
  const decided = lookups.size === 0 ? first : decideAll([...meant.values()], { ...facts, lookups }, wishes);
  const decisions = later === undefined ? decided : decidedWithoutDirectory(decided);
  const { moves: inMotion, problem } = await asked;
  return {
    decisions,
    slots: candidates,
    sight,
    silences,
    empty,
    later,
    stored,
    moves: inMotion,
    movesProblem: problem,
  };
}

// What the master's own log said shortly before it died needs no further proof; all else is looked up.
function isDoubtful({ fromReachable, loss, kind }: Decision, maxLagS: number): boolean {
  if (fromReachable || kind === 'demote' || kind === 'end-readonly') return false;
  const isShort = loss !== null && loss.possibleLossS !== null && loss.possibleLossS < maxLagS;
  return !isShort || loss.provenBy === 'replica-files' || loss.provenBy === null;
}

/** A living host has answered by then; others are asked about the rest while their connect timeout still runs. */
const PATIENCE_MS = 1500;

async function lookWithWitnesses(
  slots: readonly Slot[],
  around: Surroundings,
  clock: Clock,
): Promise<{
  readonly sight: FleetSight;
  readonly early: Promise<Witnesses> | undefined;
  readonly answeredMs: ReadonlyMap<string, number>;
}> {
  const startedAt = clock.monotonic();
  const answeredMs = new Map<string, number>();
  const answered = new Map<string, HostSight>();
  const looked = new AbortController();
  let early: Promise<Witnesses> | undefined;
  const waiting = clock.sleep(PATIENCE_MS, looked.signal).then(
    () => {
      const late = [...new Set(slots.flatMap((slot) => slot.instances.map((one) => one.host)))].filter(
        (host) => !answered.has(host) && around.hosts.has(host),
      );
      if (late.length > 0) early = callWitnesses(late, slots, new Map(answered), around);
      early?.catch(() => {});
    },
    () => {},
  );
  const onHost = (seen: HostSight) => {
    answered.set(seen.host.name, seen);
    answeredMs.set(seen.host.name, clock.monotonic() - startedAt);
    around.onHost?.(seen);
  };
  const sight = await lookAtSlots(slots, { ...around, onHost });
  looked.abort();
  await waiting;
  return { sight, early, answeredMs };
}

// What was asked early holds if somebody tried ports of every silent host; a host that fell silent since is asked
// about now, and so is one whose replicas were slow to answer: their files name the ports.
async function witnessesOf(
  silent: readonly string[],
  slots: readonly Slot[],
  sight: FleetSight,
  around: Surroundings,
  early: Promise<Witnesses> | undefined,
): Promise<Witnesses> {
  if (silent.length === 0) return { reachable: [], peers: [], sightings: new Map() };
  const seen = await early?.catch(() => undefined);
  const isCovered = (host: string) =>
    seen?.sightings.get(host)?.some(({ ports }) => ports.length > 0) === true;
  if (seen !== undefined && silent.every(isCovered)) return seen;
  return callWitnesses(silent, slots, sight, around);
}

// A list that cannot be read is told; it refuses nothing, since a site whose list is broken must still fail over.
async function readMoves(
  moves: FailoverSources['moves'],
): Promise<{ readonly moves: readonly UserMove[] | null; readonly problem: string | null }> {
  try {
    return { moves: (await moves?.()) ?? null, problem: null };
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
    return { moves: null, problem: error.message };
  }
}

async function readDirectory(
  directory: Directory,
  isLater: boolean,
  copy: FailoverSources['copy'],
): Promise<{ readonly slots: readonly Slot[]; readonly later?: PreparedFailover['later'] }> {
  try {
    return { slots: await directory.list() };
  } catch (error) {
    if (!(error instanceof MailctlError) || error instanceof ConfigError) throw error;
    const kept = await copy?.();
    if (isLater && kept !== undefined) {
      return { slots: kept.slots, later: { reason: error.message, copiedAt: kept.at } };
    }
    const noCopy = isLater ? '; no copy of it was kept here either' : '';
    throw new RefusedError(`the directory cannot be read, so nothing is stopped: ${error.message}${noCopy}`, {
      code: 'directory-away',
      detail: error.detail,
      hint: error.hint ?? 'the directory has to answer first',
      cause: error,
    });
  }
}

function knownTarget(target: string, slots: readonly Slot[], around: Surroundings): void {
  if (around.hosts.has(target)) return;
  if (slots.some((slot) => slot.slot === target || slot.instances.some((one) => one.host === target))) return;
  const names = [...around.hosts.keys(), ...slots.map((slot) => slot.slot)];
  throw new UsageError(`${target} is neither a host of the configuration nor a slot of the directory`, {
    detail: `${around.hosts.size} hosts are configured, the directory has ${slots.length} slots`,
    hint: suggestion(target, names),
  });
}

function suggestion(word: string, names: readonly string[]): string {
  const near = nearest(word, names).join(', ');
  return near === '' ? 'mailctl slots list shows what there is' : `did you mean ${near}?`;
}

// A word that names a slot which is not meant is a slip of the fingers, and the slot it was meant for is another.
function checkWords(slots: readonly string[], wishes: FailoverWishes): void {
  const known = new Set(slots);
  const check = (option: string, slot: string) => {
    if (known.has(slot)) return;
    throw new UsageError(`${option} names ${slot}, which is not among the slots of this failover`, {
      hint: suggestion(slot, slots),
    });
  };
  for (const slot of wishes.acceptLoss) check('--accept-loss', slot);
  for (const slot of wishes.readOnly ?? []) {
    check('--read-only', slot);
    if (!wishes.acceptLoss.has(slot)) continue;
    throw new UsageError(`--read-only ${slot} and --accept-loss ${slot} exclude each other`, {
      hint: 'readable with nothing lost, or writable with what its replica lacks',
    });
  }
  for (const word of wishes.overrides) check('--override', word.slice(word.indexOf(':') + 1));
}
