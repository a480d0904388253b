// What a timer may do without a human: end what a run left owed on a host that was away, while the master that the
// directory names is seen serving. Pure. A stray that nobody owes a stop is told, and left to an operator: a site's own
// tool may have moved it this minute.
import type { Decision } from './decide.js';
import { canEndReading, END_OWED, isServedByMaster } from './readable.js';
import { type FleetSight, owedOf, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** What is due, by the targets that a failover is prepared with. */
export interface DueWork {
  /** Hosts that are back and owe a stop or a role, with the slots that they owe it for. */
  readonly demote: ReadonlyMap<string, ReadonlySet<string>>;
  /** Slots whose reading elsewhere can be ended. */
  readonly endReading: ReadonlySet<string>;
}

/** Steps of a debt that are not a stop or a swap: rejoin's, and those that have a way of their own. */
const OTHERS: ReadonlySet<string> = new Set(['rejoin', END_OWED, 'directory']);

/** Everything that is due. */
export function dueWork(slots: readonly Slot[], sight: FleetSight): DueWork {
  const demote = new Map<string, Set<string>>();
  const endReading = new Set<string>();
  for (const slot of slots) {
    if (!isServedByMaster(slot, sight)) continue;
    if (canEndReading(slot, sight)) endReading.add(slot.slot);
    for (const owed of owedOf(sight, slot)) {
      if (owed.host === slot.master || stateOf(sight, slot.slot, owed.host) === undefined) continue;
      if (owed.steps.every((step) => OTHERS.has(step))) continue;
      demote.set(owed.host, (demote.get(owed.host) ?? new Set()).add(slot.slot));
    }
  }
  return { demote, endReading };
}

/** The targets to prepare. */
export function targetsOf(due: DueWork): readonly string[] {
  return [...new Set([...due.demote.keys(), ...due.endReading])];
}

/** Is this decision the timer's to carry out? */
export function isDue(decision: Decision, due: DueWork): boolean {
  const { slot, kind, from } = decision;
  if (kind === 'demote') return due.demote.get(from)?.has(slot.slot) === true;
  return kind === 'end-readonly' && due.endReading.has(slot.slot);
}
