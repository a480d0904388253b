// What a timer may do without a human: end what a run left owed on a host that was away, while the master that the
// directory names is seen serving. Pure. A stray that nobody owes a stop is told, and left to an operator: a site's own
// tool may have moved it this minute.
import type { Decision } from './decide.js';
import { canEndReading, END_OWED, isServedByMaster } from './readable.js';
import { dueNow, type FleetSight, isMaster, isStray, openLaneOf, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** What is due, by the targets that a failover is prepared with. */
export interface DueWork {
  /** Hosts that are back and owe a stop or a role, with the slots that they owe it for. */
  readonly demote: ReadonlyMap<string, ReadonlySet<string>>;
  /** Slots whose reading elsewhere can be ended. */
  readonly endReading: ReadonlySet<string>;
  /** Slots that were moved while the directory was away, which answers by now, and whose new master serves. */
  readonly tell: ReadonlySet<string>;
}

/** Steps of a debt that are not a stop or a swap: rejoin's, and those that have a way of their own. */
const OTHERS: ReadonlySet<string> = new Set(['rejoin', END_OWED, 'directory']);

/** Everything that is due. */
export function dueWork(slots: readonly Slot[], sight: FleetSight): DueWork {
  const demote = new Map<string, Set<string>>();
  const endReading = new Set<string>();
  const tell = new Set<string>();
  for (const slot of slots) {
    const open = openLaneOf(sight, slot);
    if (open?.later === true && open.started) {
      const state = stateOf(sight, slot.slot, open.to);
      if (isMaster(state) && state?.started === true) tell.add(slot.slot);
      continue;
    }
    if (!isServedByMaster(slot, sight)) continue;
    if (canEndReading(slot, sight)) endReading.add(slot.slot);
    // It was said to be gone for good, and another has its place: nobody has made it a master on purpose.
    for (const { host, former } of slot.instances) {
      if (former !== true || !isStray(stateOf(sight, slot.slot, host))) continue;
      demote.set(host, (demote.get(host) ?? new Set()).add(slot.slot));
    }
    for (const owed of dueNow(sight, slot)) {
      if (owed.host === slot.master || stateOf(sight, slot.slot, owed.host) === undefined) continue;
      if (owed.steps.every((step) => OTHERS.has(step))) continue;
      demote.set(owed.host, (demote.get(owed.host) ?? new Set()).add(slot.slot));
    }
  }
  return { demote, endReading, tell };
}

/** The targets to prepare. */
export function targetsOf(due: DueWork): readonly string[] {
  return [...new Set([...due.demote.keys(), ...due.endReading, ...due.tell])];
}

/** Is this decision the timer's to carry out? */
export function isDue(decision: Decision, due: DueWork): boolean {
  const { slot, kind, from } = decision;
  if (kind === 'demote') return due.demote.get(from)?.has(slot.slot) === true;
  if (kind === 'finish') return decision.isStarted && due.tell.has(slot.slot);
  return kind === 'end-readonly' && due.endReading.has(slot.slot);
}
