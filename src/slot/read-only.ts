// The lanes of the third way (failover.md, "A refused slot has a third way"). Pure. The way there is all prepare:
// a replica that does not come to serve goes back to being one. The way back only goes forward: whoever is the
// master serves already, and its log drains into what is a replica again.
import type { Json } from '../plan/plan.js';
import type { Step } from '../plan/step.js';
import type { Decision } from './decide.js';
import type { LaneWay, Owed } from './lane-record.js';
import { giveBackStep, hostedParams, instanceParams, leaseStep } from './lane-steps.js';
import { END_OWED, readableHost, readableHosts } from './readable.js';
import { type FleetSight, owedOf, stateOf } from './sight.js';
import { type Instance, instanceOn, type Slot } from './slot.js';

const laneOf = ({ from, to, loss }: Decision, way: LaneWay) => ({
  from,
  to: to as string,
  lossS: loss?.possibleLossS ?? null,
  provenUntil: loss?.provenUntil ?? null,
  lastAlive: loss?.lastAlive ?? null,
  way,
});

/** Makes a slot readable on its replica. `hooks` tell the site, as after a move. */
export function readOnlySteps(
  decision: Decision,
  sight: FleetSight,
  hooks: readonly Step[],
): readonly Step[] {
  const { slot, from, gates } = decision;
  const to = decision.to as string;
  const s = slot.slot;
  const lane = laneOf(decision, 'readonly');
  const next = instanceOn(slot, to) as Instance;
  const old = instanceOn(slot, from) as Instance;
  const onNew = { ...instanceParams(next), ...lane };
  const word = gates.find((one) => one.word !== null && one.host === from)?.word ?? null;
  return [
    ...leases(slot, to, sight, lane),
    {
      id: 'confirm',
      action: 'slot.confirm',
      host: to,
      phase: 'prepare',
      title: `${s} is still as planned`,
      params: { ...onNew, version: slot.version ?? null, mayBeMaster: false },
    },
    // Another one that was readable until now: one copy at a time is shown to people.
    ...endElsewhere(slot, [to], sight, lane),
    {
      id: 'stop-new',
      action: 'slot.stop',
      host: to,
      phase: 'prepare',
      title: `stop ${s} on ${to} (replica)`,
      params: { ...onNew, wasRole: 'replica', onward: 'readonly', planned: false },
      undoMayBeOwed: true,
    },
    {
      id: 'role-new',
      action: 'slot.set-role',
      host: to,
      phase: 'prepare',
      title: `role of ${s} on ${to}: readonly`,
      params: { ...onNew, role: 'readonly', wasRole: 'replica' },
      undoMayBeOwed: true,
    },
    {
      id: 'state',
      action: 'slot.set-state',
      host: '',
      phase: 'prepare',
      title: `directory: ${s} is readable on ${to}, its mail waits`,
      params: {
        slot: s,
        master: from,
        fromState: slot.state === `readonly:${to}` ? 'normal' : slot.state,
        toState: `readonly:${to}`,
        version: slot.version ?? null,
      },
    },
    {
      id: 'start-new',
      action: 'slot.start-readonly',
      host: to,
      phase: 'prepare',
      title: `start ${s} on ${to} for reading`,
      params: { ...onNew, possibleMasters: [{ ...hostedParams(old), word }] },
      undoMayBeOwed: true,
    },
    {
      id: 'serve',
      action: 'slot.see-readable',
      host: to,
      phase: 'prepare',
      title: `${s} can be read on ${to}, and refuses changes`,
      params: onNew,
    },
    ...hooks,
    giveBack(slot, sight, lane),
  ];
}

/** Ends it: OLD serves again. */
export function endReadOnlySteps(
  decision: Decision,
  sight: FleetSight,
  hooks: readonly Step[],
): readonly Step[] {
  const { slot, from } = decision;
  const to = decision.to as string;
  const s = slot.slot;
  const lane = laneOf(decision, 'end-readonly');
  const old = instanceOn(slot, from) as Instance;
  return [
    ...leases(slot, to, sight, lane),
    {
      id: 'seen-serving',
      action: 'slot.see-serving',
      host: from,
      phase: 'prepare',
      title: `${s} is served by ${from}`,
      params: { ...instanceParams(old), ...lane },
    },
    ...readableHosts(slot, sight).map(
      (host): Step => ({
        id: `end-reading-${host}`,
        action: 'slot.end-reading',
        host,
        phase: 'settle',
        title: `${s} on ${host} is a replica again`,
        params: { ...instanceParams(instanceOn(slot, host) as Instance), ...lane, planned: false },
        mayBeOwed: true,
      }),
    ),
    ...toNormal(slot, 'settle', true),
    {
      id: 'kick',
      action: 'slot.kick-replication',
      host: from,
      phase: 'settle',
      title: `${from}'s log of ${s} goes on`,
      params: { ...instanceParams(old), ...lane },
      mayBeOwed: true,
    },
    ...hooks,
    giveBack(slot, sight, lane),
  ];
}

/**
 * What a move of the slot does first about reading that was going on: ended where it is no more wanted, and the
 * directory's word taken back. Where NEW itself was readable and OLD is dead, its own steps follow: it is stopped anyway.
 */
export function stepsBeforeMove(decision: Decision, sight: FleetSight): readonly Step[] {
  const { slot, from, fromReachable } = decision;
  const to = decision.to as string;
  const lane = {
    from,
    to,
    lossS: decision.loss?.possibleLossS ?? null,
    provenUntil: decision.loss?.provenUntil ?? null,
    lastAlive: decision.loss?.lastAlive ?? null,
    started: decision.isStarted,
  };
  // OLD answers: NEW has to take its log before it is swapped, and only a replica does.
  const ended = endElsewhere(slot, fromReachable ? [from] : [from, to], sight, lane);
  // The directory that is away says it with the new master, whenever it is told.
  return decision.later === true ? ended : [...ended, ...toNormal(slot, 'prepare', fromReachable)];
}

/** The role that an instance goes back to when its stop is undone. */
export function roleBefore(slot: Slot, host: string, fromReachable: boolean, sight: FleetSight): string {
  const isReadable = readableHosts(slot, sight).includes(host);
  const state = stateOf(sight, slot.slot, host);
  return !fromReachable && isReadable && state?.configuredRole === 'readonly' ? 'readonly' : 'replica';
}

/** What stays owed after a lane that moved the slot: nothing of its reading. */
export function withoutReading(owed: readonly Owed[]): readonly Owed[] {
  return owed
    .map((one) => ({ ...one, steps: one.steps.filter((step) => step !== END_OWED) }))
    .filter((one) => one.steps.length > 0);
}

function endElsewhere(
  slot: Slot,
  but: readonly string[],
  sight: FleetSight,
  lane: { readonly [key: string]: Json },
): readonly Step[] {
  return readableHosts(slot, sight)
    .filter((host) => !but.includes(host))
    .map((host) => ({
      id: `end-reading-${host}`,
      action: 'slot.end-reading',
      host,
      phase: 'prepare',
      title: `${slot.slot} on ${host} is a replica again`,
      params: {
        ...instanceParams(instanceOn(slot, host) as Instance),
        ...lane,
        planned: false,
        mayBeStopped: true,
      },
      // A copy that only reads takes nothing and harms nothing; people are led elsewhere by the directory.
      mayBeOwed: true,
    }));
}

function toNormal(slot: Slot, phase: 'prepare' | 'settle', keep: boolean): readonly Step[] {
  if (readableHost(slot.state) === undefined) return [];
  return [
    {
      id: 'state',
      action: 'slot.set-state',
      host: '',
      phase,
      title: `directory: ${slot.slot} is normal again`,
      params: {
        slot: slot.slot,
        master: slot.master,
        fromState: slot.state,
        toState: 'normal',
        version: slot.version ?? null,
        keep,
      },
    },
  ];
}

// NEW's lease first: it is the one that every other bastion meets.
function leases(
  slot: Slot,
  to: string,
  sight: FleetSight,
  lane: { readonly [key: string]: Json },
): readonly Step[] {
  return slot.instances
    .filter((instance) => sight.get(instance.host)?.ok === true)
    .toSorted((a, b) => Number(b.host === to) - Number(a.host === to))
    .map((instance) => leaseStep(instance, lane, instance.host !== to));
}

function giveBack(
  slot: Slot,
  sight: FleetSight,
  lane: { readonly to: string; readonly [key: string]: Json },
): Step {
  const readable = [...new Set([...readableHosts(slot, sight), lane.to])];
  return giveBackStep(slot, { host: lane.to, params: { ...lane, readable }, owed: owedOf(sight, slot) });
}
