// Which replicas serve reading for a slot whose master is away, or were left doing it. Pure. Read off everything
// that can say so: the directory's state, the instances as seen, an open lane, and what is owed.
import type { OpenLane } from './lane-record.js';
import { type FleetSight, openLaneOf, owedOf, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** The step that is owed by a host whose replica serves reading. */
export const END_OWED = 'readonly-end';

/** The host of `readonly:HOST`; undefined: another state. */
export function readableHost(state: string): string | undefined {
  return state.startsWith('readonly:') ? state.slice('readonly:'.length) : undefined;
}

/** Does a lane make a replica readable, or end that? */
export const isReading = ({ way }: OpenLane): boolean => way === 'readonly' || way === 'end-readonly';

/** Hosts of the slot, not its master's, that serve reading or may come up doing it. */
export function readableHosts(
  slot: Slot,
  sight: FleetSight,
  open: OpenLane | null = openLaneOf(sight, slot),
): readonly string[] {
  const said = readableHost(slot.state);
  const begun = open !== null && isReading(open) ? open.to : undefined;
  const owing = owedOf(sight, slot)
    .filter((owed) => owed.steps.includes(END_OWED))
    .map((owed) => owed.host);
  return slot.instances
    .map((instance) => instance.host)
    .filter((host) => {
      if (host === slot.master) return false;
      if (host === said || host === begun || owing.includes(host)) return true;
      const state = stateOf(sight, slot.slot, host);
      return state?.role === 'readonly' || state?.configuredRole === 'readonly';
    });
}

/** Where it is seen serving reading, and since when by the lane's records (ISO 8601); null: nowhere. */
export function readingOn(
  slot: Slot,
  sight: FleetSight,
): { readonly host: string; readonly since: string | null } | null {
  for (const { host } of slot.instances) {
    const state = stateOf(sight, slot.slot, host);
    if (state?.running !== true || state.role !== 'readonly' || !state.started) continue;
    const owed = owedOf(sight, slot).find((one) => one.host === host && one.steps.includes(END_OWED));
    return { host, since: owed?.at ?? null };
  }
  return null;
}

/** Does the master that the directory names serve, as seen? Then nothing has to be read elsewhere. */
export function isServedByMaster(slot: Slot, sight: FleetSight): boolean {
  // A run has moved it and still owes the directory that name: what it names is a stray.
  if (isToldLater(slot, sight)) return false;
  const state = stateOf(sight, slot.slot, slot.master);
  return state?.running === true && state.role === 'master' && state.started;
}

/** Was it moved while the directory was away, which has not been told since? */
export function isToldLater(slot: Slot, sight: FleetSight): boolean {
  const open = openLaneOf(sight, slot);
  return open?.later === true && open.started && open.to !== slot.master;
}

/** A slot whose reading can be ended now, without a human: its master serves again. */
export function canEndReading(slot: Slot, sight: FleetSight): boolean {
  if (!isServedByMaster(slot, sight)) return false;
  // A host that is away is waited for; the directory's word can be taken back at once.
  if (readableHost(slot.state) !== undefined) return true;
  return readableHosts(slot, sight).some((host) => stateOf(sight, slot.slot, host) !== undefined);
}

/** True when nothing but the end of its reading is owed by a host: then it is a copy like any other. */
export function owesOnlyReading(steps: readonly string[]): boolean {
  return steps.every((step) => step === END_OWED);
}
