// What becomes of each open lane of a run that is taken up again, by what its slots' hosts show today. Pure. A bastion
// that was thought to be dead may hold a journal that says less than the hosts do: what another run has finished, or
// has in hand, is not done a second time.
import type { LaneProgress, RunProgress, StepProgress } from '../plan/progress.js';
import { isCommitted } from '../plan/progress.js';
import type { Refusal } from '../plan/run-lane.js';
import { type Decision, refusal } from './decide.js';
import { parseLaneFile } from './lane-record.js';
import { returnsOf } from './rejoin.js';
import type { FleetSight } from './sight.js';
import { isMaster, isStray, openLaneOf, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** What was found out for a run that is taken up. */
export interface TakeUpFacts {
  readonly decisions: readonly Decision[];
  readonly slots: readonly Slot[];
  readonly sight: FleetSight;
}

/** Lanes that are not simply gone on with, and why. */
export function refusalsOf(
  progress: RunProgress,
  { decisions, slots, sight }: TakeUpFacts,
  how: 'resume' | 'undo',
): ReadonlyMap<string, Refusal> {
  const refused = new Map<string, Refusal>();
  for (const lane of progress.lanes) {
    if (lane.closed !== undefined) continue;
    const slot = slots.find((one) => one.slot === lane.lane);
    const isPast = isDemotion(progress, lane) ? demoted(sight) : hasMoved;
    const over = slot === undefined ? undefined : whoEndedIt(progress.plan.id, lane, slot, sight, isPast);
    if (over !== undefined) {
      refused.set(lane.lane, over);
      continue;
    }
    if (how === 'undo' || isCommitted(lane)) continue;
    const decision = decisions.find((one) => one.slot.slot === lane.lane);
    const proven = slot !== undefined && isDrained(progress, lane, slot, sight);
    const gate = decision === undefined ? undefined : refusal(proven ? withoutLoss(decision) : decision);
    if (gate === undefined) continue;
    // The slot has moved before that lane: what would refuse another move of it is what the lane is to mend.
    if (isDemotion(progress, lane) && gate.gate !== 'busy') continue;
    // What somebody else holds is left alone; what is refused by the evidence goes back.
    const way = gate.gate === 'busy' ? 'leave' : 'back';
    refused.set(lane.lane, { way, reason: gate.reason, code: `slot.${gate.gate}` });
  }
  return refused;
}

/**
 * Lanes of a rejoin that others have ended, or have in hand. A lane that never came to its lease has nothing to end.
 */
export function endedElsewhere(
  progress: RunProgress,
  slots: readonly Slot[],
  sight: FleetSight,
): ReadonlyMap<string, Refusal> {
  const ended = new Map<string, Refusal>();
  for (const lane of progress.lanes) {
    const slot = slots.find((one) => one.slot === lane.lane);
    const isBegun = lane.steps.some(({ began }) => began);
    if (lane.closed !== undefined || slot === undefined || !isBegun) continue;
    // Its master is another one than where it leads from before anything was done: what is still to come back tells.
    const isOver = () => returnsOf(slot.slot, false, [slot], sight).length === 0;
    const over = whoEndedIt(progress.plan.id, lane, slot, sight, isOver);
    if (over !== undefined) ended.set(lane.lane, over);
  }
  return ended;
}

// NEW's lease is the first to be taken and the last to be given back. A lane that had it and has left no trace of
// itself there was ended by somebody: by another run, or by this one just before its process died.
function whoEndedIt(
  run: string,
  lane: LaneProgress,
  slot: Slot,
  sight: FleetSight,
  isPast: (lane: LaneProgress, slot: Slot) => boolean,
): Refusal | undefined {
  const lease = lane.steps.find(({ step }) => step.action === 'slot.take-lease');
  // Moved to somebody that this lane knows as a third: what it would take back is that one's replica by now.
  const { from, to } = lease?.step.params ?? {};
  if (lease !== undefined && slot.master !== from && slot.master !== to) {
    const where = `the directory names ${slot.master}, and the lane leads from ${from} to ${to}`;
    const reason = `${where}; mailctl failover ${slot.slot} goes on from what is there`;
    const code = 'slot.directory-disagrees';
    const isTouched = lane.steps.some(({ step, began }) => began && step.action !== 'slot.take-lease');
    if (isSettled(slot, sight)) {
      return {
        way: 'close',
        state: 'reverted',
        reason: `${where}; that one serves it, and nothing is left open`,
        code,
      };
    }
    if (!isTouched)
      return { way: 'close', state: 'reverted', reason: `${where}; nothing of it was begun`, code };
    return { way: 'leave', reason, code };
  }
  const isBegun = lane.steps.some((each) => each !== lease && each.state !== 'todo');
  // Whether a lease was granted whose answer was lost cannot be known; but what the lane is for may be over.
  if (lease === undefined || !(lease.state === 'did' || isBegun || isPast(lane, slot))) return undefined;
  const state = stateOf(sight, slot.slot, lease.step.host);
  if (state === undefined) return undefined;
  const { open, malformed } = parseLaneFile(state.laneLines);
  // NEW was away when it was left for another host: its own files still say that the lane is this one's. One whose NEW the
  // directory is yet to be told of goes on: nobody else can. A lane that has no word for it leads to whom it named already.
  const newest = openLaneOf(sight, slot);
  const wasNamed = lane.steps.every(
    ({ step, state: end }) => step.action !== 'slot.set-directory' || end === 'did' || end === 'skipped',
  );
  const isTaken = newest !== null && newest.run !== run && newest.way === 'move' && slot.master !== to;
  const isLeft = open?.run === run && wasNamed && isTaken;
  const isOurs = state.lease?.run === run || malformed > 0 || open?.run === run;
  if (isOurs && !isLeft) return undefined;
  const other = isLeft ? newest : open;
  if (other !== null) {
    const reason = `run ${other.run} of ${other.operator} on ${other.bastion} has taken it over; mailctl failover ${slot.slot} goes on from there`;
    return { way: 'leave', reason, code: 'slot.taken-over' };
  }
  return {
    way: 'close',
    state: slot.master === lease.step.params.to ? 'done' : 'reverted',
    reason: `the lane was given back meanwhile, and the directory names ${slot.master}`,
    code: 'slot.given-back',
  };
}

/** Every host of the slot was seen, none has a lane that is open, and the master that the directory names serves. */
function isSettled(slot: Slot, sight: FleetSight): boolean {
  const isClosed = ({ host }: { readonly host: string }) => {
    const state = stateOf(sight, slot.slot, host);
    if (state === undefined) return false;
    const { open, malformed } = parseLaneFile(state.laneLines);
    return open === null && malformed === 0;
  };
  return slot.instances.every(isClosed) && isMaster(stateOf(sight, slot.slot, slot.master));
}

/**
 * Its journal says that OLD was stopped, drained and swapped, and that nothing of it was taken back; and NEW's lease,
 * which is taken first, still is this run's: NEW has everything, whatever has become of OLD since.
 */
function isDrained(
  { plan }: RunProgress,
  { steps, reverting, rewinds }: LaneProgress,
  slot: Slot,
  sight: FleetSight,
): boolean {
  const byId = (id: string) => steps.find(({ step }) => step.id === id);
  const [stop, drain, role] = [byId('stop-old'), byId('drain'), byId('role-old')];
  const isDone = (one: StepProgress | undefined) => one?.state === 'did' || one?.state === 'skipped';
  if (reverting !== undefined || rewinds > 0 || !isDone(stop) || drain?.state !== 'did' || !isDone(role))
    return false;
  if (drain.step.params.acceptLoss === true) return false;
  return stateOf(sight, slot.slot, String(drain.step.params.to))?.lease?.run === plan.id;
}

function withoutLoss(decision: Decision): Decision {
  return { ...decision, gates: decision.gates.filter(({ gate }) => gate !== 'lag' && gate !== 'quarantine') };
}

/** A lane that stops a former master, and moves nobody. */
function isDemotion({ plan }: RunProgress, { lane }: LaneProgress): boolean {
  const facts = plan.lanes.find(({ id }) => id === lane)?.facts as { readonly kind?: unknown } | null;
  return facts?.kind === 'demote';
}

/** Is it a replica, or stopped as one? One that cannot be asked may be none. */
const demoted = (sight: FleetSight) => (lane: LaneProgress, slot: Slot) => {
  const { from } = lane.steps.find(({ step }) => step.action === 'slot.take-lease')?.step.params ?? {};
  const state = stateOf(sight, slot.slot, String(from));
  return state !== undefined && !isStray(state);
};

/** The slot has a master that the lane did not find. */
function hasMoved(lane: LaneProgress, slot: Slot): boolean {
  return slot.master !== lane.steps.find(({ step }) => step.action === 'slot.take-lease')?.step.params.from;
}
