// What was seen of the fleet's slots at one moment: per host its instances, or why it could not be asked. Data
// only; everything that is judged is judged from this and from the directory.
import type { MailctlError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import type { InstanceState } from './driver.js';
import { type LaneFile, lastRunTo, linesOf, type OpenLane, type Owed, parseLaneFile } from './lane-record.js';
import type { Slot } from './slot.js';

/** One host as it answered, or did not. */
export type HostSight =
  | {
      readonly host: Host;
      readonly ok: true;
      readonly states: ReadonlyMap<string, InstanceState>;
      /** Seconds that its clock is ahead of ours, at least; absent: not measured. */
      readonly aheadS?: number | undefined;
    }
  | { readonly host: Host; readonly ok: false; readonly error: MailctlError };

/** All hosts that were asked, by name. */
export type FleetSight = ReadonlyMap<string, HostSight>;

/** The state of a slot's instance on a host; undefined: the host did not answer, or was not asked. */
export function stateOf(sight: FleetSight, slot: string, host: string): InstanceState | undefined {
  const seen = sight.get(host);
  return seen?.ok ? seen.states.get(slot) : undefined;
}

/** Is the instance a possible master: seen as one, or running as nobody knows what? */
export function mayBeMaster(state: InstanceState): boolean {
  if (state.running === false) return false;
  return state.role !== 'replica';
}

/** Seen running as a master, without doubt. */
export function isMaster(state: InstanceState | undefined): boolean {
  return state !== undefined && state.running === true && state.role === 'master';
}

/** Has a log of its own that nobody has taken: it was a master. */
export function hasOwnChanges(state: InstanceState): boolean {
  return state.channels.some((channel) => channel.pending);
}

/** Of an instance that the directory does not name: runs as a master, or would come up as one. Nobody's choice. */
export function isStray(state: InstanceState | undefined): boolean {
  return isMaster(state) || (state?.running === false && state.configuredRole === 'master');
}

/** Steps that a host may owe while it is the slot's master: what they end is not its own copy. */
const OF_A_MASTER: readonly string[] = ['readonly-end', 'directory'];

/** What the slot's hosts say is owed, each host and step once. */
export function owedOf(sight: FleetSight, slot: Slot): readonly Owed[] {
  const byHost = new Map<string, Owed>();
  for (const instance of slot.instances) {
    const state = stateOf(sight, slot.slot, instance.host);
    for (const owed of state === undefined ? [] : parseLaneFile(state.laneLines).owed) {
      // The newest line of a host holds. What the host itself says of its own debts counts the same.
      const known = byHost.get(owed.host);
      if (known === undefined || known.at <= owed.at) byHost.set(owed.host, owed);
    }
  }
  // A line without a step says that the debt is paid, to whoever was away then.
  return [...byHost.values()].filter(({ steps }) => steps.length > 0);
}

/**
 * The same, with the directory as it is now. Whoever it names owes no stop and no rejoin: what was noted when it was
 * another's replica is over, since its disk is the master's.
 */
export function dueNow(sight: FleetSight, slot: Slot): readonly Owed[] {
  return owedOf(sight, slot).flatMap((owed) => {
    if (owed.host !== slot.master) return [owed];
    const steps = owed.steps.filter((step) => OF_A_MASTER.includes(step));
    return steps.length === 0 ? [] : [{ ...owed, steps }];
  });
}

/** A lane of this slot that was not given back, by the newest record on its hosts. */
export function openLaneOf(sight: FleetSight, slot: Slot): OpenLane | null {
  const files = slot.instances.flatMap(({ host }) => {
    const state = stateOf(sight, slot.slot, host);
    return state === undefined ? [] : [{ host, ...parseLaneFile(state.laneLines) }];
  });
  let found = null as OpenLane | null;
  for (const { host, open } of files) {
    if (open === null || isOutlived(host, open, files)) continue;
    if (found === null || (found.way === 'return' && open.way === 'move')) found = open;
    else if (found.way === 'move' && open.way === 'return') continue;
    else if (found.run === open.run) {
      const began = [...found.began, ...open.began];
      // Only NEW's file has this.
      const drained = found.drained ?? open.drained;
      const proof = drained === undefined ? {} : { drained };
      const newest = found.at < open.at ? open : found;
      found = { ...newest, started: found.started || open.started, began, ...proof };
    } else if (found.at < open.at) found = open;
  }
  return found !== null && isOvertaken(found, sight, slot) ? null : found;
}

/**
 * The slot has gone to a third, which serves it, while this lane waited for its leases, and it had begun nothing, as every
 * host of the slot says: there is nothing of it to finish, nor to go back from.
 */
function isOvertaken({ way, started, began, from, to }: OpenLane, sight: FleetSight, slot: Slot): boolean {
  if (way !== 'move' || started || began.length > 0 || slot.master === from || slot.master === to)
    return false;
  if (![from, to].every((host) => slot.instances.some((one) => one.host === host))) return false;
  if (!isMaster(stateOf(sight, slot.slot, slot.master))) return false;
  return slot.instances.every(({ host }) => stateOf(sight, slot.slot, host) !== undefined);
}

/**
 * Did the lane end while this host was away, so that nobody could clear its file? NEW's lease is the first to be
 * taken, so NEW's file would still have it; and whoever ended a lane without this host wrote down what it owes.
 */
function isOutlived(
  host: string,
  open: OpenLane,
  files: readonly ({ readonly host: string } & LaneFile)[],
): boolean {
  const next = files.find((file) => file.host === open.to);
  if (next !== undefined && next.open === null) return true;
  return files.some(
    (file) => file.host !== host && file.owed.some((one) => one.host === host && one.at >= open.at),
  );
}

/**
 * The lane that this one leaves: it was to make a master of the host that this one leads from, and was not given back. What
 * it moved there has come by replication, so that no log of that host knows of it.
 */
export function leftBy(open: OpenLane, sight: FleetSight, slot: Slot): OpenLane | null {
  const lines = (host: string) => stateOf(sight, slot.slot, host)?.laneLines ?? [];
  const run = lastRunTo(open.from, lines(open.from), open.run);
  if (run === undefined) return null;
  const lanes = slot.instances.flatMap(({ host }) => parseLaneFile(linesOf(run, lines(host))).open ?? []);
  const own = lanes.find((lane) => lane.to === open.from);
  if (own === undefined) return null;
  return { ...own, began: lanes.flatMap(({ began }) => began) };
}

/** An OLD that an open lane has drained: its role was swapped only after its log was empty, and it still is. */
export function isDrainedBy(open: OpenLane, old: InstanceState | undefined): boolean {
  return (
    open.began.includes('role-old') &&
    old !== undefined &&
    old.configuredRole === 'replica' &&
    !isMaster(old) &&
    !hasOwnChanges(old)
  );
}

/** The host that a lane which is left half way has moved from without draining it: it owes a rejoin that nobody noted yet. */
export function undrainedBy(left: OpenLane | null | undefined, slot: Slot, sight: FleetSight): string | null {
  if (left === null || left === undefined) return null;
  return isDrainedBy(left, stateOf(sight, slot.slot, left.from)) ? null : left.from;
}
