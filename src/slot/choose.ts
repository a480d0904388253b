// Which of several replicas becomes the master. Pure. One question after the other, each of which only the best
// answers pass: is it within the limit, is its host well, has it room, does it stand elsewhere than OLD, does the
// site prefer it, how much would it lack, how many masters are there already. The question that decided is told.
import { formatDuration } from '../lib/duration.js';
import { formatSize } from '../lib/size.js';
import type { InstanceState } from './driver.js';
import { type FleetSight, openLaneOf, owedOf, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** What is known of the fleet beyond the slot in question. All of it may be missing: then it decides nothing. */
export interface FleetFacts {
  /** Masters on each host by the directory, with those that this run has given it already. */
  readonly masters: ReadonlyMap<string, number>;
  /** Slots that were looked at. */
  readonly slots: readonly Slot[];
  /** How long each host took to answer, in ms. */
  readonly answeredMs: ReadonlyMap<string, number>;
  readonly minFree: Room | undefined;
}

/** Room that a disk must have left; a percentage is of the whole disk. */
export interface Room {
  readonly bytes: number;
  readonly percent: number;
}

/** How a host does, as far as was seen. `strained`: another one is better; `failing`: only by the operator's word. */
export interface HostHealth {
  readonly health: 'well' | 'strained' | 'failing';
  /** Empty when it is well. */
  readonly why: string;
}

/** A replica that could become the master. */
export interface Candidate extends HostHealth {
  readonly host: string;
  /** Within the limit by what is known. */
  readonly isFresh: boolean;
  /** What would be missing, or how far it is behind; null: nobody knows. */
  readonly lagS: number | null;
  /** Events that waited for it when its master was seen last. */
  readonly pendingEvents: number;
  readonly running: boolean;
  /** Why its host or disk is too full; null: it has room. */
  readonly full: string | null;
  /** Masters on its host once it is one. */
  readonly masters: number;
  readonly maxSlots: number | undefined;
  readonly location: string | undefined;
  readonly preference: number;
}

/** Who was chosen and why; `because` is null where there was nothing to choose. */
export interface Chosen {
  readonly host: string;
  readonly because: string | null;
}

/** ms after which a living host is slow, also with a cold connection over a long way. */
const SLOW_MS = 5000;
/** Load for each processor that no working mail store has for a minute. */
const LOAD_MAX = 8;
/** Differences below this are how samples and log files happen to fall. */
const NEARLY_S = 10;
/** The room that a master needs where the configuration does not say: this, or 5 % of a small disk. */
export const DEFAULT_ROOM: Room = { bytes: 1024 ** 3, percent: 5 };

/** The best of at least one candidate. `oldLocation`: where OLD stands. `drains`: nothing is lost, OLD is alive. */
export function chooseBest(
  candidates: readonly Candidate[],
  oldLocation: string | undefined,
  drains: boolean,
): Chosen {
  let left = candidates;
  let because: string | null = null;
  const lag = (one: Candidate) => one.lagS ?? Number.POSITIVE_INFINITY;
  /** Keeps those with the lowest figure; the first question that tells them apart is the reason. */
  const keep = (figure: (one: Candidate) => number, why: (best: Candidate, out: Candidate) => string) => {
    if (left.length < 2) return;
    const lowest = Math.min(...left.map(figure));
    const best = left.filter((one) => figure(one) === lowest);
    const out = left.find((one) => figure(one) !== lowest);
    if (out !== undefined) because = why(best[0] as Candidate, out);
    left = best;
  };
  keep(
    (one) => Number(!one.isFresh),
    (_, out) => `${out.host} is ${behind(out)}`,
  );
  const anyFresh = candidates.some((one) => one.isFresh);
  // None within the limit: whatever else speaks for one, the least is lost by the most complete.
  if (!anyFresh && !drains) keep(lag, (best) => `${best.host} lacks least`);
  keep(
    (one) => Number(one.health !== 'well'),
    (_, out) => `${out.host}: ${out.why}`,
  );
  keep(
    (one) => Number(one.full !== null),
    (_, out) => out.full ?? '',
  );
  if (oldLocation !== undefined) {
    keep(
      (one) => Number(one.location === oldLocation),
      (best, out) => `${best.host} is not in ${oldLocation} as ${out.host} is`,
    );
  }
  keep(
    (one) => -one.preference,
    (best, out) => `preference ${best.preference}, ${out.host} ${out.preference}`,
  );
  if (!drains) {
    keep(
      (one) => Number(one.pendingEvents > 0),
      (_, out) => `${out.pendingEvents} events waited for ${out.host}`,
    );
    const least = Math.min(...left.map(lag));
    keep(
      (one) => Number(lag(one) > least + NEARLY_S),
      (_, out) => `${out.host} is ${behind(out)}`,
    );
  }
  const most = Math.max(1, ...left.map((one) => one.maxSlots ?? 0));
  keep(
    (one) => one.masters / (one.maxSlots ?? most),
    (best, out) => `${mastersOf(best)}, ${out.host} ${out.masters - 1}`,
  );
  keep(lag, (_, out) => `${out.host} is ${behind(out)}`);
  keep(
    (one) => Number(!one.running),
    (_, out) => `${out.host} does not run it`,
  );
  return { host: (left[0] as Candidate).host, because };
}

// Of those that it has besides the slot that is asked about.
const mastersOf = ({ masters }: Candidate) => `${masters - 1} ${masters === 2 ? 'master' : 'masters'}`;

function behind({ lagS }: Candidate): string {
  return lagS === null ? 'of unknown freshness' : `${formatDuration(lagS * 1000, 'up')} behind`;
}

/** How a host does, by all that was seen of it; `slot` is the one that it is asked about. */
export function hostHealth(host: string, slot: string, sight: FleetSight, fleet: FleetFacts): HostHealth {
  const seen = sight.get(host);
  if (seen === undefined || !seen.ok) return { health: 'failing', why: 'does not answer' };
  const own = seen.states.get(slot);
  if (own?.readOnlyDisk === true) return { health: 'failing', why: 'its disk was remounted read-only' };
  const others = fleet.slots.filter(
    (one) => one.slot !== slot && seen.states.has(one.slot) && !isAtWork(one, host, sight),
  );
  const ill = others.filter((one) => isIll(stateOf(sight, one.slot, host)));
  const down = `${ill.length} of ${others.length} other slots do not run there as they should`;
  if (ill.length >= 2 && ill.length * 2 >= others.length) return { health: 'failing', why: down };
  const strains: string[] = [];
  // One of many that is down says little of its host.
  if (ill.length > 0 && ill.length * 4 >= others.length) strains.push(down);
  if (others.some((one) => stateOf(sight, one.slot, host)?.readOnlyDisk === true))
    strains.push('one of its disks was remounted read-only');
  const load = own?.hostLoad ?? null;
  if (load !== null && load >= LOAD_MAX) strains.push(`load ${load.toFixed(0)} for each processor`);
  const tookMs = fleet.answeredMs.get(host) ?? 0;
  if (tookMs >= SLOW_MS) strains.push(`took ${(tookMs / 1000).toFixed(0)}s to answer`);
  return strains.length === 0 ? { health: 'well', why: '' } : { health: 'strained', why: strains.join(', ') };
}

// Stopped for a reason that is on record: a lane that goes on, or a debt.
function isAtWork(slot: Slot, host: string, sight: FleetSight): boolean {
  return openLaneOf(sight, slot) !== null || owedOf(sight, slot).some((owed) => owed.host === host);
}

function isIll(state: InstanceState | undefined): boolean {
  return state !== undefined && (state.running !== true || !state.started || state.readOnlyDisk === true);
}

/** Why a host has no place for one master more; null: it has, or no limit is known. */
export function overCapacity(host: string, masters: number, maxSlots: number | undefined): string | null {
  if (maxSlots === undefined || masters <= maxSlots) return null;
  return `${host} would be the master of ${masters} slots, its max_slots is ${maxSlots}`;
}

/** Why a disk has too little room; null: it has enough, or it is not known. */
export function overDisk(
  host: string,
  state: InstanceState | undefined,
  minFree: Room | undefined,
): string | null {
  const free = state?.freeBytes ?? null;
  if (free === null) return null;
  const total = state?.totalBytes ?? null;
  const share = (percent: number) => (total === null ? 0 : (total * percent) / 100);
  const least =
    minFree === undefined
      ? total === null
        ? DEFAULT_ROOM.bytes
        : Math.min(DEFAULT_ROOM.bytes, share(DEFAULT_ROOM.percent))
      : Math.max(minFree.bytes, share(minFree.percent));
  if (free >= least) return null;
  const of = total === null ? '' : ` of ${formatSize(total)}`;
  return `${host} has ${formatSize(free)}${of} free, a master needs ${formatSize(Math.ceil(least))}`;
}
