// Judging and planning a rejoin: instances that owe one, or run as masters that the directory does not name, become
// replicas of the slot's master again, and what only their disks have goes to it first. Pure. The order of steps is
// failover.md's; a gate refuses its own instance and no other.
import type { Lane } from '../plan/plan.js';
import type { Step } from '../plan/step.js';
import { type PlanParts, planLane } from './failover.js';
import { giveBackStep, hostedParams, instanceParams, leaseStep, strayStops } from './lane-steps.js';
import { canEndReading, END_OWED, isReading, readableHost, readableHosts } from './readable.js';
import { type FleetSight, isMaster, isStray, openLaneOf, owedOf, stateOf } from './sight.js';
import { type Instance, instanceOn, type Slot } from './slot.js';

/** Gates by the ids that -o json uses. */
export type RejoinGateId =
  | 'busy'
  | 'open-lane'
  | 'master-not-serving'
  | 'host-away'
  | 'directory-disagrees'
  | 'still-master';

/** A closed gate. */
export interface RejoinGate {
  readonly gate: RejoinGateId;
  readonly reason: string;
}

/** What the operator said. */
export interface RejoinWishes {
  /** Slots whose mail on a disk that does not return, or cannot be brought over, is given up. */
  readonly acceptLoss: ReadonlySet<string>;
  /** Dead runs whose leases may be taken over. */
  readonly takeOver: ReadonlySet<string>;
}

/**
 * One instance that is to come back. `close`: its host is away for good, and what it owes is closed by word;
 * `end-reading`: it is the master still, serves again, and what was read elsewhere meanwhile is ended.
 */
export interface Return {
  readonly slot: Slot;
  readonly host: string;
  readonly how: 'rejoin' | 'close' | 'end-reading';
  readonly gate: RejoinGate | null;
  /** It runs as a master now. */
  readonly isStray: boolean;
  /** Events that its logs hold by the last look; null: it was not seen. */
  readonly events: number | null;
  readonly acceptLoss: boolean;
}

/** The instances that a target means: what owes a rejoin or a stop, what is a stray, what a rejoin was interrupted at. */
export function returnsOf(
  target: string,
  isHost: boolean,
  slots: readonly Slot[],
  sight: FleetSight,
): readonly { readonly slot: Slot; readonly host: string }[] {
  return slots.flatMap((slot) => {
    if (!isHost && slot.slot !== target) return [];
    const owing = new Set(
      owedOf(sight, slot).flatMap(({ host, steps }) =>
        steps.some((step) => step !== END_OWED && step !== 'directory') ? [host] : [],
      ),
    );
    const open = openLaneOf(sight, slot);
    const reads = readableHost(slot.state) !== undefined || canEndReading(slot, sight);
    return slot.instances
      .map(({ host }) => host)
      .filter((host) => !isHost || host === target)
      .filter((host) => {
        if (host === slot.master) return reads;
        return owing.has(host) || isMaster(stateOf(sight, slot.slot, host)) || isOwn(open, slot, host);
      })
      .map((host) => ({ slot, host }));
  });
}

// A lane of a rejoin leads from the instance that returns to the master, and has started nothing.
function isOwn(open: ReturnType<typeof openLaneOf>, slot: Slot, host: string): boolean {
  return open !== null && open.to === slot.master && open.from === host && !open.started;
}

/** Judges one of them. */
export function judgeReturn(
  { slot, host }: { readonly slot: Slot; readonly host: string },
  sight: FleetSight,
  wishes: RejoinWishes,
): Return {
  const acceptLoss = wishes.acceptLoss.has(slot.slot);
  const state = stateOf(sight, slot.slot, host);
  const how = host === slot.master ? 'end-reading' : state === undefined && acceptLoss ? 'close' : 'rejoin';
  return {
    slot,
    host,
    how,
    acceptLoss,
    isStray: host !== slot.master && isMaster(state),
    events:
      state === undefined
        ? null
        : state.channels.reduce((sum, one) => sum + one.events, 0) + state.quarantined.events,
    gate: gateOf(slot, host, how, sight, wishes),
  };
}

function gateOf(
  slot: Slot,
  host: string,
  how: Return['how'],
  sight: FleetSight,
  wishes: RejoinWishes,
): RejoinGate | null {
  const busy = busyGate(slot, sight, wishes);
  if (busy !== null) return busy;
  if (how === 'end-reading') {
    if (canEndReading(slot, sight)) return null;
    const reason = `${host} is still its master, and is not seen serving it: mailctl failover ${slot.slot}`;
    return { gate: 'still-master', reason };
  }
  const open = openLaneOf(sight, slot);
  if (open !== null && open.to !== slot.master) {
    const reason = `the lane of run ${open.run} from ${open.from} to ${open.to} is not over: mailctl failover ${slot.slot}`;
    return { gate: 'open-lane', reason };
  }
  if (open?.started === true) {
    const reason = `run ${open.run}, which moved it to ${open.to}, is not over: mailctl failover ${slot.slot}`;
    return { gate: 'open-lane', reason };
  }
  const master = stateOf(sight, slot.slot, slot.master);
  if (master === undefined || !isMaster(master) || !master.started) {
    const seen = sight.get(slot.master);
    const why =
      seen?.ok === false
        ? seen.error.message
        : (master?.problem ?? `${slot.master} does not run it as master`);
    return { gate: 'master-not-serving', reason: `its master is not seen serving: ${why}` };
  }
  if (how === 'close') return null;
  const state = stateOf(sight, slot.slot, host);
  if (state !== undefined) {
    if (state.running !== null) return null;
    return { gate: 'host-away', reason: `${host}: ${state.problem ?? 'cannot be told whether it runs'}` };
  }
  const seen = sight.get(host);
  return { gate: 'host-away', reason: seen?.ok === false ? seen.error.message : `${host} was not seen` };
}

function busyGate(slot: Slot, sight: FleetSight, wishes: RejoinWishes): RejoinGate | null {
  for (const { host } of slot.instances) {
    const state = stateOf(sight, slot.slot, host);
    const lease = state?.lease;
    if (state === undefined || lease === null || lease?.run === undefined) continue;
    if (lease.expires < state.at || wishes.takeOver.has(lease.run)) continue;
    const left = lease.expires - state.at;
    return {
      gate: 'busy',
      reason: `run ${lease.run} of ${lease.operator} on ${lease.bastion} holds it (${lease.phase}, lease for another ${left} s)`,
    };
  }
  return null;
}

/** The lanes: one a slot, for all of its instances that may return. */
export function planRejoins(returns: readonly Return[], parts: PlanParts): readonly Lane[] {
  const bySlot = new Map<string, Return[]>();
  for (const one of returns) {
    if (one.gate !== null) continue;
    bySlot.set(one.slot.slot, [...(bySlot.get(one.slot.slot) ?? []), one]);
  }
  return [...bySlot.values()].flatMap((of): readonly Lane[] => {
    const back = of.filter(({ how }) => how !== 'end-reading');
    if (back.length > 0) return [planReturns(back, parts.sight)];
    return of.slice(0, 1).map(({ slot }) => planEndOfReading(slot, parts));
  });
}

// As a failover plans it: the master that serves again is not stopped, and its log drains into what is a replica again.
function planEndOfReading(slot: Slot, parts: PlanParts): Lane {
  const open = openLaneOf(parts.sight, slot);
  return planLane(
    {
      slot,
      kind: 'end-readonly',
      from: slot.master,
      to: readableHost(slot.state) ?? readableHosts(slot, parts.sight)[0] ?? null,
      gates: [],
      loss: null,
      open: open !== null && isReading(open) ? open : null,
      fromReachable: true,
      isStarted: false,
    },
    parts,
  );
}

function planReturns(returns: readonly Return[], sight: FleetSight): Lane {
  const [first] = returns as [Return];
  const { slot } = first;
  const master = instanceOn(slot, slot.master) as Instance;
  const lane = {
    from: first.host,
    to: slot.master,
    lossS: null,
    provenUntil: null,
    lastAlive: null,
    way: 'return',
  };
  const back = returns.filter(({ how }) => how === 'rejoin');
  // What every host says of the debt is to be cleared, also by those that have no part in it.
  const parties = [slot.master, ...back.map(({ host }) => host)];
  const others = slot.instances
    .map(({ host }) => host)
    .filter((host) => !parties.includes(host) && stateOf(sight, slot.slot, host) !== undefined);
  const steps: Step[] = [...parties, ...others].map((host) =>
    leaseStep(instanceOn(slot, host) as Instance, lane, others.includes(host)),
  );
  steps.push({
    id: 'seen-serving',
    action: 'slot.see-serving',
    host: slot.master,
    phase: 'prepare',
    title: `${slot.slot} is served by ${slot.master}`,
    params: { ...instanceParams(master), ...lane },
  });
  // A stray is stopped by every run that touches its slot, also by one that was meant for another host; it owes a
  // rejoin of its own.
  const strays = others.filter((host) => isStray(stateOf(sight, slot.slot, host)));
  for (const host of strays) {
    const stray = instanceOn(slot, host) as Instance;
    steps.push(...strayStops(stray, lane, { phase: 'settle', mark: 'stray-' }));
  }
  for (const one of back) steps.push(...returnSteps(one, slot, master));
  steps.push(
    giveBackStep(slot, {
      action: 'slot.end-rejoin',
      host: slot.master,
      params: {
        ...lane,
        returns: returns.map(({ host, how, acceptLoss }) => ({ host, how, acceptLoss })),
        strays,
      },
      owed: owedOf(sight, slot),
    }),
  );
  return {
    id: slot.slot,
    steps,
    facts: {
      kind: 'rejoin',
      from: first.host,
      to: slot.master,
      returns: returns.map(({ host, how, events, acceptLoss }) => ({ host, how, events, acceptLoss })),
    },
  };
}

// What is only on the old disk goes to the master before the instance takes its replication: as a replica it would
// forget what it alone has.
function returnSteps({ host, acceptLoss }: Return, slot: Slot, master: Instance): readonly Step[] {
  const old = instanceOn(slot, host) as Instance;
  const s = slot.slot;
  const params = {
    ...instanceParams(old),
    from: host,
    to: slot.master,
    way: 'return',
    master: hostedParams(master),
    others: slot.instances.filter((one) => one.host !== host && one.host !== slot.master).map(hostedParams),
    acceptLoss,
  };
  const step = (
    id: string,
    action: string,
    title: string,
    more: Step['params'] = {},
    on: string = host,
  ): Step => ({
    id: `${id}-${host}`,
    action,
    host: on,
    phase: 'settle',
    title,
    params: { ...params, ...more },
  });
  return [
    // Whatever it runs as: a replica that is fed while its own mail is sent would be changed under it.
    step('stop', 'slot.stop', `stop ${s} on ${host}`, { wasRole: 'replica', third: true, planned: true }),
    step('role', 'slot.set-role', `role of ${s} on ${host}: replica`, { role: 'replica', wasRole: 'master' }),
    step('aside', 'slot.set-leftovers-aside', `set the logs of ${s} on ${host} aside`),
    step('replay', 'slot.replay', `what only ${host} has of ${s} to ${slot.master}`),
    step('start', 'slot.start-returned', `start ${s} on ${host} as replica`, { role: 'replica' }),
    step('equal', 'slot.make-equal', `${s} on ${host} is made equal to ${slot.master}`),
    step(
      'replicate',
      'slot.see-returned',
      `${s} replicates to ${host}`,
      { ...instanceParams(master), replica: hostedParams(old), returned: hostedParams(old) },
      slot.master,
    ),
    step('end', 'slot.end-leftovers', `clear what was set aside of ${s} on ${host}`),
  ];
}
