// Planning a failover: from a decision to the lane of its slot. Pure. The order of steps is failover.md's; each
// rule there closes a hole, so nothing here is moved for convenience.
import { fillPlaceholders } from '../lib/placeholders.js';
import type { Json, Lane } from '../plan/plan.js';
import type { Step } from '../plan/step.js';
import type { Decision } from './decide.js';
import type { LossEstimate } from './evidence.js';
import { giveBackStep, hostedParams, instanceParams, leaseStep, strayStops } from './lane-steps.js';
import { lossSheetJson, NAMES_KEPT } from './loss-sheet.js';
import { endReadOnlySteps, readOnlySteps, roleBefore, stepsBeforeMove, withoutReading } from './read-only.js';
import { readableHosts } from './readable.js';
import { type FleetSight, isDrainedBy, isMaster, isStray, owedOf, stateOf, undrainedBy } from './sight.js';
import { type Instance, instanceOn, type Slot } from './slot.js';
import type { SlotRoad } from './waiting.js';

/** A hook of the site, as a step needs it. */
export interface PlannedHook {
  readonly host: string | null;
  readonly run: readonly string[];
  readonly timeoutMs: number;
}

/** What planning needs besides decisions. */
export interface PlanParts {
  readonly sight: FleetSight;
  readonly slotHooks: readonly PlannedHook[];
  readonly hasTestAccount: boolean;
}

/** The lane of a slot that may go. */
export function planLane(decision: Decision, parts: PlanParts): Lane {
  const { slot, from, open } = decision;
  const to = decision.to as string;
  const steps = stepsOf(decision, parts);
  return {
    id: slot.slot,
    steps,
    facts: {
      kind: decision.kind,
      fromReachable: decision.fromReachable,
      from,
      to,
      version: slot.version ?? null,
      finishes: open?.run ?? null,
      possibleLossS: decision.loss?.possibleLossS ?? null,
      provenUntil: decision.loss?.provenUntil ?? null,
      lastAlive: decision.loss?.lastAlive ?? null,
      evidence: (decision.loss?.evidence ?? []) as unknown as Json,
      // What was shown before the operator's word.
      ...(decision.sheet === undefined ? {} : { lossSheet: lossSheetJson(decision.sheet, NAMES_KEPT) }),
      words: decision.gates
        .filter((one) => one.word !== null)
        .map((one) => ({ gate: one.gate, word: one.word, reason: one.reason })),
    },
  };
}

function stepsOf(decision: Decision, parts: PlanParts): readonly Step[] {
  const { kind, isStarted } = decision;
  if (kind === 'readonly') return readOnlySteps(decision, parts.sight, hookSteps(decision, parts));
  if (kind === 'end-readonly') return endReadOnlySteps(decision, parts.sight, hookSteps(decision, parts));
  if (kind === 'demote') return demoteSteps(decision, parts);
  return isStarted || isWayBack(decision) ? settleSteps(decision, parts) : moveSteps(decision, parts);
}

/**
 * Back from a NEW that died before the directory named it for good: it never was a master, and has nothing to be
 * replayed. OLD, which the directory names, has all the mail: nothing is drained into it, and nothing goes back.
 */
const isWayBack = ({ open, from }: Decision): boolean => open !== null && open.to === from;

function moveSteps(decision: Decision, parts: PlanParts): readonly Step[] {
  const { slot, from, fromReachable } = decision;
  const to = decision.to as string;
  const old = instanceOn(slot, from) as Instance;
  const next = instanceOn(slot, to) as Instance;
  const s = slot.slot;
  const possibleMasters = possibleMastersOf(decision);
  const lane = laneParams(decision);
  const steps: Step[] = [...leaseSteps(decision, parts.sight)];
  const owable = !fromReachable;
  // What NEW goes back to, should the lane: it may have served reading until now.
  const newWas = roleBefore(slot, to, fromReachable, parts.sight);
  const onOld = { ...instanceParams(old), ...lane };
  const onNew = { ...instanceParams(next), ...lane };
  const accepted = decision.gates.some((one) => one.word?.startsWith('--accept-loss'));
  const thirdStops = stopThirds(decision, parts.sight);
  steps.push(
    {
      id: 'confirm',
      action: 'slot.confirm',
      host: to,
      phase: 'prepare',
      title: `${s} is still as planned`,
      params: { ...onNew, version: slot.version ?? null, mayBeMaster: newMayBeMaster(decision) },
    },
    ...fenceSteps(decision, parts.sight),
    ...stopStrays(decision, parts.sight),
    ...stepsBeforeMove(decision, parts.sight),
    {
      id: 'stop-old',
      action: 'slot.stop',
      host: from,
      phase: 'prepare',
      title: `stop ${s} on ${from}`,
      params: {
        ...onOld,
        wasRole: 'master',
        planned: fromReachable,
        possibleMasters: possibleMastersBut(possibleMasters, from, next),
      },
      mayBeOwed: owable,
      retryAfterCommit: owable,
      undoMayBeOwed: true,
    },
    {
      id: 'drain',
      action: 'slot.drain',
      host: from,
      phase: 'prepare',
      title: `${from}'s log of ${s} to ${to}`,
      params: {
        ...onOld,
        target: instanceParams(next),
        thirds: thirdsOf(decision).map(hostedParams),
        acceptLoss: accepted,
        whole: fromReachable && decision.left !== null && decision.left !== undefined,
      },
      mayBeOwed: owable,
    },
    {
      id: 'role-old',
      action: 'slot.set-role',
      host: from,
      phase: 'prepare',
      title: `role of ${s} on ${from}: replica`,
      params: { ...onOld, role: 'replica', wasRole: 'master' },
      mayBeOwed: owable,
      retryAfterCommit: owable,
      undoMayBeOwed: true,
    },
    ...thirdStops,
    {
      id: 'stop-new',
      action: 'slot.stop',
      host: to,
      phase: 'prepare',
      title: `stop ${s} on ${to} (${newWas})`,
      params: {
        ...onNew,
        wasRole: newWas,
        planned: fromReachable,
        ...(fromReachable && !accepted ? { afterDrain: slot.version ?? null } : {}),
      },
      // NEW dies on the way: OLD, if it can be started again, makes sure of promise 1 by itself.
      undoMayBeOwed: true,
      // A third that nobody has seen may come back as a master, and write to NEW: OLD serves first, as it would on the
      // way forward (promise 6).
      ...(hasUnseenThird(decision, parts.sight) ? { undoLast: true } : {}),
    },
    {
      id: 'role-new',
      action: 'slot.set-role',
      host: to,
      phase: 'prepare',
      title: `role of ${s} on ${to}: master`,
      params: { ...onNew, role: 'master', wasRole: newWas },
      undoMayBeOwed: true,
    },
    ...(decision.later === true ? [] : [directoryStep(decision, 'prepare')]),
    {
      id: 'start-new',
      action: 'slot.start-master',
      host: to,
      phase: 'commit',
      title: `start ${s} on ${to} as master`,
      params: {
        ...onNew,
        possibleMasters,
        ...(fromReachable ? {} : { rewindTo: 'stop-old' }),
        thirdStops: Object.fromEntries(thirdStops.map(({ host, id }) => [host, id])),
      },
    },
    ...serveSteps(decision, parts),
  );
  steps.push(...startThirds(decision, parts.sight));
  if (fromReachable) steps.push(...attachSteps(decision));
  else steps.push(...lateSteps(s, from, onOld));
  steps.push(...sendToThirds(decision, parts.sight, fromReachable));
  steps.push(...laterSteps(decision, parts));
  steps.push(
    giveBack(slot, parts.sight, lane, {
      moves: true,
      drained: fromReachable,
      lossAccepted: accepted,
      neverMaster: false,
    }),
  );
  return steps.map((step) => inherit(step, decision));
}

// What the open lane has begun is this one's to take back, should it not come to its end: a slot that it stopped would
// stay stopped.
function inherit(step: Step, { slot, open }: Decision): Step {
  if (open === null || step.phase !== 'prepare') return step;
  const isSet = step.action === 'slot.set-directory' && slot.master === open.to;
  const isOurs = ['slot.stop', 'slot.set-role'].includes(step.action) && open.began.includes(step.id);
  return isSet || isOurs ? { ...step, inherited: true } : step;
}

// After the commit of a lane that was left open, or back from one that did not come to it. NEW serves, or did, and its
// own mail is ahead of OLD's: nothing is drained into it and nothing goes back any more, hence no commit step. A stray
// OLD is stopped before anything else.
function settleSteps(decision: Decision, parts: PlanParts): readonly Step[] {
  const { slot, from, open } = decision;
  const to = decision.to as string;
  const next = instanceOn(slot, to) as Instance;
  const lane = laneParams(decision);
  const onOld = { ...instanceParams(instanceOn(slot, from) as Instance), ...lane };
  const isDrained = open !== null && isDrainedBy(open, stateOf(parts.sight, slot.slot, from));
  const back = isWayBack(decision);
  const isServing = isMaster(stateOf(parts.sight, slot.slot, to));
  return [
    ...leaseSteps(decision, parts.sight),
    ...(isToldLater(decision) ? [] : [stillNamed(decision)]),
    ...(back ? fenceSteps(decision, parts.sight) : []),
    ...stopStrays(decision, parts.sight),
    ...(isServing ? [] : stopThirds(decision, parts.sight)),
    // NEW is not started before them: a resume tries again what was owed.
    ...lateSteps(slot.slot, from, onOld).map((step) => ({ ...step, retryAfterCommit: true })),
    ...(isServing ? [] : masterSteps(slot.slot, to, { ...instanceParams(next), ...lane })),
    {
      id: 'start-new',
      action: 'slot.start-master',
      host: to,
      phase: 'settle',
      title: `start ${slot.slot} on ${to} as master`,
      params: { ...instanceParams(next), ...lane, possibleMasters: possibleMastersOf(decision) },
    },
    ...serveSteps(decision, parts),
    ...startThirds(decision, parts.sight),
    ...(isDrained ? attachSteps(decision) : []),
    ...sendToThirds(decision, parts.sight, isDrained),
    ...laterSteps(decision, parts),
    giveBack(slot, parts.sight, lane, {
      moves: true,
      drained: isDrained || back,
      lossAccepted: false,
      neverMaster: back,
    }),
  ];
}

function stillNamed({ slot, from, to }: Decision): Step {
  const next = instanceOn(slot, to as string) as Instance;
  return {
    id: 'confirm',
    action: 'slot.confirm',
    host: next.host,
    phase: 'prepare',
    title: `${slot.slot} is still ${to}'s`,
    params: { ...instanceParams(next), from, to: next.host, onlyForward: true },
  };
}

// Whoever is to be the master may have been made a replica by the lane that did not come to its end.
function masterSteps(slot: string, to: string, onNew: Step['params']): readonly Step[] {
  return [
    {
      id: 'stop-new',
      action: 'slot.stop',
      host: to,
      phase: 'settle',
      title: `stop ${slot} on ${to} (replica)`,
      params: { ...onNew, wasRole: 'replica', planned: true },
    },
    {
      id: 'role-new',
      action: 'slot.set-role',
      host: to,
      phase: 'settle',
      title: `role of ${slot} on ${to}: master`,
      params: { ...onNew, role: 'master', wasRole: 'replica' },
    },
  ];
}

const laneParams = (decision: Decision) => ({
  from: decision.from,
  to: decision.to as string,
  lossS: decision.loss?.possibleLossS ?? null,
  provenUntil: decision.loss?.provenUntil ?? null,
  lastAlive: decision.loss?.lastAlive ?? null,
  started: decision.isStarted || isWayBack(decision),
  later: isToldLater(decision),
});

// NEW's lease first: it is the one that every other bastion meets.
function leaseSteps(decision: Decision, sight: FleetSight): readonly Step[] {
  const { slot, to } = decision;
  const seen = slot.instances.filter((instance) => sight.get(instance.host)?.ok === true);
  const params = {
    ...laneParams(decision),
    pair: pairOf(decision),
    strays: straysOf(decision, sight).map(hostedParams),
    thirds: thirdsOf(decision).map(hostedParams),
  };
  return seen
    .toSorted((a, b) => Number(b.host === to) - Number(a.host === to))
    .map((instance) =>
      // A lease on NEW is what the lane stands on; another host may have died since it was seen.
      leaseStep(instance, params, instance.host !== to),
    );
}

const FENCE = '--fence';

// Before anything is stopped: a fence that fails leaves everything as it was.
function fenceSteps({ gates }: Decision, sight: FleetSight): readonly Step[] {
  return gates.flatMap((gate): readonly Step[] => {
    const fence = sight.get(gate.host ?? '')?.host;
    if (gate.word !== FENCE || fence?.fence === undefined) return [];
    const fill = (words: readonly string[]) =>
      words.map((word) => fillPlaceholders(word, { host: fence.name, address: fence.address ?? fence.name }));
    const { run, verify, on, timeoutMs } = fence.fence;
    return [
      {
        id: `fence-${fence.name}`,
        action: 'host.fence',
        host: fence.name,
        phase: 'prepare',
        title: `cut ${fence.name} off`,
        params: { run: fill(run), verify: fill(verify ?? []), on: on ?? null, timeoutMs, gate: gate.gate },
      },
    ];
  });
}

/** OLD and NEW, with their hosts. */
function pairOf({ slot, from, to }: Decision): Json {
  return slot.instances.filter(({ host }) => host === from || host === to).map(hostedParams);
}

function possibleMastersOf(decision: Decision): readonly { readonly [key: string]: Json }[] {
  const { slot, to, gates } = decision;
  return slot.instances
    .filter((instance) => instance.host !== to)
    .map((instance) => ({
      ...hostedParams(instance),
      // A host that nobody saw at planning stands on this word or on the witnesses' silence.
      word: gates.find((one) => one.word !== null && one.host === instance.host)?.word ?? null,
    }));
}

/** NEW may be found running as master: its lane is finished, or the operator passed the gate that says so. */
function newMayBeMaster({ open, gates }: Decision): boolean {
  const passed = gates.filter((one) => one.word !== null).map((one) => one.gate);
  return open !== null || passed.includes('two-masters') || passed.includes('directory-disagrees');
}

function serveSteps(decision: Decision, parts: PlanParts): readonly Step[] {
  const { slot, from, to } = decision;
  const host = to as string;
  const serve: Step = {
    id: 'serve',
    action: 'slot.see-serving',
    host,
    phase: 'settle',
    title: `${slot.slot} answers on ${host}${parts.hasTestAccount ? ', login works' : ''}`,
    params: { ...instanceParams(instanceOn(slot, host) as Instance), from, to },
  };
  return [serve, ...(isToldLater(decision) ? [] : hookSteps(decision, parts))];
}

function directoryStep({ slot, from, to, later, fromReachable }: Decision, phase: Step['phase']): Step {
  const next = instanceOn(slot, to as string) as Instance;
  const old = instanceOn(slot, from);
  const mayBeBack = phase === 'prepare' && !fromReachable && old !== undefined;
  return {
    id: 'directory',
    action: 'slot.set-directory',
    host: '',
    phase,
    title: `directory: ${slot.slot} is on ${to}`,
    params: {
      slot: slot.slot,
      from,
      to,
      // A copy's version says nothing of the record by then.
      version: later === true ? null : (slot.version ?? null),
      next: instanceParams(next),
      ...(mayBeBack ? { old: hostedParams(old), rewindTo: 'stop-old' } : {}),
    },
  };
}

/** NEW was started, or is about to be, and the directory does not name it. */
function isToldLater({ slot, to, later, isStarted }: Decision): boolean {
  return later === true || (isStarted && slot.master !== to);
}

// Last, since the directory may be away for long, and nothing else is to wait for it; the lease stays until it is
// told. Hooks are told after it.
function laterSteps(decision: Decision, parts: PlanParts): readonly Step[] {
  return isToldLater(decision) ? [directoryStep(decision, 'settle'), ...hookSteps(decision, parts)] : [];
}

function hookSteps(
  { slot, from, to }: Pick<Decision, 'slot' | 'from' | 'to'>,
  parts: PlanParts,
): readonly Step[] {
  return parts.slotHooks.map((hook, index) => ({
    id: `hook-${index + 1}`,
    action: 'slot.run-hook',
    host: hook.host ?? '',
    phase: 'settle',
    title: `hook ${index + 1} of ${slot.slot}`,
    params: { slot: slot.slot, from, to, run: hook.run, timeoutMs: hook.timeoutMs },
  }));
}

function hasUnseenThird(decision: Decision, sight: FleetSight): boolean {
  return thirdsOf(decision).some(({ host }) => stateOf(sight, decision.slot.slot, host) === undefined);
}

/** Instances that are neither OLD nor NEW. */
function thirdsOf({ slot, from, to }: Decision): readonly Instance[] {
  return slot.instances.filter(({ host }) => host !== from && host !== to);
}

// A third's replication service would take what OLD and NEW send it (promise 6), so that it is stopped meanwhile.
function stopThirds(decision: Decision, sight: FleetSight): readonly Step[] {
  const { slot } = decision;
  return thirdsOf(decision)
    .filter(({ host }) => !isStray(stateOf(sight, slot.slot, host)))
    .map((third) => ({
      id: `stop-${third.host}`,
      action: 'slot.stop',
      host: third.host,
      phase: 'prepare',
      title: `stop ${slot.slot} on ${third.host} (replica)`,
      params: {
        ...instanceParams(third),
        ...laneParams(decision),
        wasRole: 'replica',
        third: true,
        planned: true,
      },
      mayBeOwed: true,
      undoMayBeOwed: true,
      // Not before OLD serves again: until then NEW, gone after its swap, could come back and write to it as well.
      undoLast: true,
    }));
}

/** Thirds that run as masters, or would come up as ones: nobody's choice (promise 2). */
function straysOf(decision: Decision, sight: FleetSight): readonly Instance[] {
  const { slot } = decision;
  return thirdsOf(decision).filter(({ host }) => isStray(stateOf(sight, slot.slot, host)));
}

// Before anything else: OLD and NEW can only be started while nobody else is a master. It stays stopped, also when the
// lane goes back.
function stopStrays(decision: Decision, sight: FleetSight): readonly Step[] {
  return straysOf(decision, sight).flatMap((stray) =>
    strayStops(stray, laneParams(decision), { phase: 'prepare' }),
  );
}

/** Hosts that owe a rejoin, and are no copies before it. */
function owingOf({ slot, left }: Decision, sight: FleetSight): ReadonlySet<string> {
  const owing = new Set(withoutReading(owedOf(sight, slot)).map((owed) => owed.host));
  const undrained = undrainedBy(left, slot, sight);
  return undrained === null ? owing : owing.add(undrained);
}

// A third is a replica of NEW from here on. Not one that owed a rejoin and was stopped for it, and not while OLD is
// known to serve: then it would have two masters.
function startThirds(decision: Decision, sight: FleetSight): readonly Step[] {
  const { slot, gates } = decision;
  if (gates.some((one) => one.gate === 'still-serving' && one.word !== FENCE)) return [];
  const owing = owingOf(decision, sight);
  const strays = straysOf(decision, sight);
  return thirdsOf(decision)
    .filter((third) => !strays.includes(third))
    .filter(({ host }) => !owing.has(host) || stateOf(sight, slot.slot, host)?.running === true)
    .map((third) => ({
      id: `start-${third.host}`,
      action: 'slot.start-replica',
      host: third.host,
      phase: 'settle',
      title: `start ${slot.slot} on ${third.host} as replica`,
      params: { ...instanceParams(third), ...laneParams(decision), role: 'replica' },
      mayBeOwed: true,
    }));
}

// NEW's log does not know what OLD still had for a third. One that owed a rejoin before is rejoin's.
function sendToThirds(decision: Decision, sight: FleetSight, drained: boolean): readonly Step[] {
  const { slot, from } = decision;
  const to = decision.to as string;
  const next = instanceParams(instanceOn(slot, to) as Instance);
  const old = hostedParams(instanceOn(slot, from) as Instance);
  const owing = owingOf(decision, sight);
  const started = startThirds(decision, sight).map((step) => step.host);
  return thirdsOf(decision)
    .filter(({ host }) => started.includes(host) && !owing.has(host))
    .map((third) => ({
      id: `send-${third.host}`,
      action: 'slot.send-pending',
      host: to,
      phase: 'settle',
      title: `${slot.slot} whole to ${third.host}`,
      params: { ...next, ...laneParams(decision), third: hostedParams(third), old, drained },
      mayBeOwed: true,
    }));
}

/** OLD becomes a replica of NEW. */
function attachSteps(decision: Decision): readonly Step[] {
  const { slot, from } = decision;
  const to = decision.to as string;
  const old = instanceParams(instanceOn(slot, from) as Instance);
  const next = instanceParams(instanceOn(slot, to) as Instance);
  const lane = laneParams(decision);
  return [
    {
      id: 'start-old',
      action: 'slot.start-replica',
      host: from,
      phase: 'settle',
      title: `start ${slot.slot} on ${from} as replica`,
      params: { ...old, ...lane, role: 'replica' },
      mayBeOwed: true,
    },
    {
      id: 'replicate',
      action: 'slot.see-replication',
      host: to,
      phase: 'settle',
      title: `${slot.slot} replicates to ${from}`,
      params: { ...next, ...lane, replica: { ...old, host: from } },
      mayBeOwed: true,
    },
  ];
}

/** The step that lets waiting mail go. */
export const RELEASE_STEP = 'release-waiting';

/**
 * Steps of the whole run, once, after all lanes: hooks with `per: run`, then the mail that waits on the MXs for the
 * slots of these roads (null: no queue is configured).
 */
export function planAfter(
  hooks: readonly PlannedHook[],
  roads: readonly SlotRoad[] | null = null,
): readonly Step[] {
  const told = hooks.map(
    (hook, index): Step => ({
      id: `run-hook-${index + 1}`,
      action: 'slot.run-hook',
      host: hook.host ?? '',
      phase: 'settle',
      title: `hook ${index + 1} of the run`,
      params: { run: hook.run, timeoutMs: hook.timeoutMs },
    }),
  );
  if (roads === null || roads.length === 0) return told;
  return [
    ...told,
    {
      id: RELEASE_STEP,
      action: 'slot.release-waiting',
      host: '',
      phase: 'settle',
      title: `mail that waits for ${roads.length === 1 ? roads[0]?.slot : `${roads.length} slots`}: released`,
      params: { roads: roads as unknown as Json },
    },
  ];
}

// Going back starts OLD as master again: NEW is then the one that must not be one.
function possibleMastersBut(all: readonly Json[], from: string, next: Instance): readonly Json[] {
  return [
    ...all.filter((one) => (one as { host: string }).host !== from),
    { ...hostedParams(next), word: null },
  ];
}

// Once NEW has been started, a dead OLD that answers is stopped and swapped; the rest is rejoin's.
function lateSteps(slot: string, from: string, onOld: Step['params']): readonly Step[] {
  return [
    {
      id: 'late-stop',
      action: 'slot.stop',
      host: from,
      phase: 'settle',
      title: `stop ${slot} on ${from} if it is back`,
      params: { ...onOld, wasRole: 'master', planned: false, lease: true },
      mayBeOwed: true,
    },
    {
      id: 'late-role',
      action: 'slot.set-role',
      host: from,
      phase: 'settle',
      title: `role of ${slot} on ${from}: replica`,
      params: { ...onOld, role: 'replica', wasRole: 'master', lease: true },
      mayBeOwed: true,
    },
  ];
}

function giveBack(
  slot: Slot,
  sight: FleetSight,
  lane: { from: string; to: string; lastAlive: number | null },
  old: {
    readonly moves: boolean;
    readonly drained: boolean;
    readonly lossAccepted: boolean;
    readonly neverMaster: boolean;
    readonly strays?: readonly string[];
  },
): Step {
  const all = owedOf(sight, slot).filter((one) => one.host !== lane.from);
  const readable = readableHosts(slot, sight).filter((host) => host !== lane.to);
  return giveBackStep(slot, {
    host: lane.to,
    params: { ...lane, ...old, readable },
    owed: old.moves ? withoutReading(all) : all,
  });
}

// The slot has moved; OLD is back, as a stray or in debt. Only while the directory's master is seen serving.
function demoteSteps(decision: Decision, parts: PlanParts): readonly Step[] {
  const { slot, from } = decision;
  const to = decision.to as string;
  const old = instanceOn(slot, from) as Instance;
  const next = instanceOn(slot, to) as Instance;
  // What an earlier run knew of its last sign of life is evidence for the slots that are still its own.
  const debt = owedOf(parts.sight, slot).find((one) => one.host === from);
  const lastAlive = debt?.lastAlive ?? null;
  // A lane that went back left it in doubt; it has taken no mail.
  const isClean = debt !== undefined && !debt.steps.includes('rejoin');
  const lane = { from, to, lossS: null, provenUntil: null, lastAlive, way: 'return' };
  const onOld = { ...instanceParams(old), ...lane };
  const s = slot.slot;
  // A stray is stopped by every run that touches its slot, also by one that was meant for another host.
  const strays = slot.instances.filter(
    ({ host }) => host !== from && host !== to && isStray(stateOf(parts.sight, s, host)),
  );
  return [
    leaseStep(next, lane),
    leaseStep(old, lane),
    ...strays.map((stray) => leaseStep(stray, lane, true)),
    {
      id: 'seen-serving',
      action: 'slot.see-serving',
      host: to,
      phase: 'prepare',
      title: `${s} is served by ${to}`,
      params: { ...instanceParams(next), ...lane },
    },
    {
      id: 'late-stop',
      action: 'slot.stop',
      host: from,
      phase: 'settle',
      title: `stop ${s} on ${from}`,
      params: { ...onOld, wasRole: 'master', planned: true },
    },
    {
      id: 'late-role',
      action: 'slot.set-role',
      host: from,
      phase: 'settle',
      title: `role of ${s} on ${from}: replica`,
      params: { ...onOld, role: 'replica', wasRole: 'master' },
    },
    ...strays.flatMap((stray) => strayStops(stray, lane, { phase: 'settle' })),
    giveBack(slot, parts.sight, lane, {
      moves: false,
      drained: isClean,
      lossAccepted: false,
      neverMaster: isClean,
      strays: strays.map(({ host }) => host),
    }),
  ];
}

/** The decision that a plan's lane came from, for reporting on a run that another process began. */
export function decisionOfLane(slot: Slot, lane: Lane | undefined): Decision {
  const facts = (lane?.facts ?? {}) as {
    kind?: Decision['kind'];
    fromReachable?: boolean;
    from?: string;
    to?: string;
    possibleLossS?: number | null;
    provenUntil?: number | null;
    lastAlive?: number | null;
    evidence?: LossEstimate['evidence'];
  };
  const kind = facts.kind ?? 'planned';
  const isPlanned = facts.fromReachable ?? kind !== 'dead';
  const loss: LossEstimate = {
    possibleLossS: facts.possibleLossS ?? null,
    provenUntil: facts.provenUntil ?? null,
    provenBy: null,
    lastAlive: facts.lastAlive ?? null,
    quarantinedEvents: 0,
    pendingEvents: null,
    evidence: facts.evidence ?? [],
  };
  return {
    slot,
    kind,
    from: facts.from ?? slot.master,
    to: facts.to ?? null,
    gates: [],
    loss: isPlanned ? null : loss,
    open: null,
    fromReachable: isPlanned,
    isStarted: false,
  };
}
