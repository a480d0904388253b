// Judging a failover and planning it. Pure: from what the directory says, what was seen and what the operator
// said, to a decision per slot and a plan of lanes. A gate refuses its own slot and no other. The order of steps
// is failover.md's; each rule there closes a hole, so nothing here is moved for convenience.
import { formatDuration } from '../lib/duration.js';
import type { Json, Lane } from '../plan/plan.js';
import type { Step } from '../plan/step.js';
import type { DeathVerdict } from './death.js';
import type { InstanceState, ReplicaFiles } from './driver.js';
import { estimateLoss, type LossEstimate, type SignOfLife } from './evidence.js';
import type { OpenLane } from './lane-record.js';
import type { Sample } from './samples.js';
import { type FleetSight, isMaster, openLaneOf, owedOf, stateOf } from './sight.js';
import { type Instance, instanceOn, type Slot } from './slot.js';

/** Gates by the ids that -o json uses (design 3.3). */
export type GateId =
  | 'lag'
  | 'quarantine'
  | 'still-serving'
  | 'not-proven-dead'
  | 'two-masters'
  | 'busy'
  | 'disk'
  | 'directory-disagrees'
  | 'no-replica';

/** Gates that `--override GATE:SLOT` answers. */
export const OVERRIDABLE: readonly GateId[] = ['still-serving', 'two-masters', 'disk', 'directory-disagrees'];

/** A closed gate; `word` is what the operator said to pass it. */
export interface Gate {
  readonly gate: GateId;
  readonly reason: string;
  readonly word: string | null;
  /** The silent host that it is about. */
  readonly host?: string;
}

/** What the operator said. */
export interface FailoverWishes {
  readonly to: string | undefined;
  readonly maxLagS: number;
  readonly acceptLoss: ReadonlySet<string>;
  /** The operator's own eyes: `console: fsck prompt`. */
  readonly fenced: string | undefined;
  /** `still-serving:store1`. */
  readonly overrides: ReadonlySet<string>;
  /** Runs that may be taken over: --take-over, and dead runs of our own journals. */
  readonly takeOver: ReadonlySet<string>;
}

/** What was gathered. */
export interface FailoverFacts {
  readonly sight: FleetSight;
  /** Silent master hosts, judged. */
  readonly deaths: ReadonlyMap<string, DeathVerdict>;
  readonly samples: readonly Sample[];
  /** Files of replicas of slots whose master is silent, by slot and host. */
  readonly files: readonly (ReplicaFiles & { readonly host: string })[];
  readonly signs: ReadonlyMap<string, readonly SignOfLife[]>;
}

/** What is to be done with one slot. */
export interface Decision {
  readonly slot: Slot;
  /**
   * `planned`: OLD answers; `dead`: it does not; `finish`: a lane that was begun and not given back;
   * `demote`: the slot has moved already, and OLD (a stray or in debt) can be stopped and swapped now.
   */
  readonly kind: 'planned' | 'dead' | 'finish' | 'demote';
  readonly from: string;
  readonly to: string | null;
  readonly gates: readonly Gate[];
  /** For a dead master. */
  readonly loss: LossEstimate | null;
  /** The open lane that is finished. */
  readonly open: OpenLane | null;
  /** OLD answers, so that its own steps can be done now. */
  readonly fromReachable: boolean;
  /** The open lane is past its point of no return: NEW was started as master, and only what follows is left. */
  readonly isStarted: boolean;
}

/** True when no gate is closed against it. */
export function mayGo(decision: Decision): boolean {
  return decision.gates.every((gate) => gate.word !== null) && decision.to !== null;
}

/** The gate that refuses a slot; undefined: none does. */
export function refusal(decision: Decision): Gate | undefined {
  return decision.gates.find((gate) => gate.word === null);
}

/** Which slots a target means: those that the directory gives to the host, open lanes from it, and its debts. */
export function slotsOfTarget(
  target: string,
  isHost: boolean,
  slots: readonly Slot[],
  sight: FleetSight,
): readonly Slot[] {
  if (!isHost) return slots.filter((slot) => slot.slot === target);
  return slots.filter((slot) => {
    if (slot.master === target) return true;
    if (openLaneOf(sight, slot)?.from === target) return true;
    const state = stateOf(sight, slot.slot, target);
    if (state === undefined) return false;
    return (
      isMaster(state) ||
      owedOf(sight, slot).some((owed) => owed.host === target && owed.steps.some((step) => step !== 'rejoin'))
    );
  });
}

/** Decides about one slot. `target`: the host that was named, when a host was. */
export function decide(
  slot: Slot,
  target: string | undefined,
  facts: FailoverFacts,
  wishes: FailoverWishes,
): Decision {
  const { sight } = facts;
  const found = openLaneOf(sight, slot);
  // NEW was, or may have been, started and is gone since: to name NEW, or the slot, is a failover from there.
  const isGone = found !== null && stateOf(sight, slot.slot, found.to) === undefined;
  const open = isGone && slot.master === found.to && target !== found.from ? null : found;
  const busy = busyGate(slot, facts, wishes);
  if (open === null && target !== undefined && slot.master !== target) {
    const gates = busy === null ? [] : [busy];
    return {
      slot,
      kind: 'demote',
      from: target,
      to: slot.master,
      gates,
      loss: null,
      open: null,
      fromReachable: true,
      isStarted: false,
    };
  }
  const gates: Gate[] = busy === null ? [] : [busy];
  if (open !== null && [open.from, open.to].some((host) => instanceOn(slot, host) === undefined)) {
    const reason = `the open lane of run ${open.run} goes from ${open.from} to ${open.to}, which do not both carry it`;
    gates.push({ gate: 'directory-disagrees', reason, word: null });
    return {
      slot,
      kind: 'finish',
      from: slot.master,
      to: null,
      gates,
      loss: null,
      open,
      fromReachable: false,
      isStarted: false,
    };
  }
  // NEW died before the directory named it: the lane goes back from whatever bastion, as a failover from NEW to OLD.
  const isBack =
    isGone &&
    open !== null &&
    slot.master === open.from &&
    stateOf(sight, slot.slot, open.from) !== undefined;
  const from = isBack ? open.to : (open?.from ?? slot.master);
  const old = stateOf(sight, slot.slot, from);
  const fromReachable = old !== undefined;
  const death = facts.deaths.get(from);
  const isStarted = open !== null && wasStarted(slot, open, sight);
  const choice =
    open === null
      ? chooseNew(slot, from, facts, wishes)
      : isBack
        ? { to: open.from, loss: null, why: '' }
        : { to: open.to, loss: lossOf(slot, from, open.to, facts, wishes, open), why: '' };
  const kind = open !== null ? 'finish' : fromReachable ? 'planned' : 'dead';

  if (open !== null && slot.master !== open.from && slot.master !== open.to) {
    gates.push(
      gate(
        'directory-disagrees',
        slot,
        wishes,
        `the directory names ${slot.master}, the open lane of run ${open.run} goes from ${open.from} to ${open.to}`,
      ),
    );
  }
  if (!isStarted) {
    const masters = slot.instances
      .map((instance) => instance.host)
      .filter((host) => isMaster(stateOf(sight, slot.slot, host)));
    const strays = masters.filter((host) => host !== from);
    if (strays.length > 0 && open === null) {
      const id = masters.includes(from) ? 'two-masters' : 'directory-disagrees';
      gates.push(
        gate(id, slot, wishes, `${strays.join(', ')} runs it as master, the directory names ${slot.master}`),
      );
    }
    if (!fromReachable) gates.push(...deathGates(slot, death, from, wishes));
    // Nor is a master started beside a third that nobody saw.
    for (const { host } of slot.instances) {
      const isThird = host !== from && host !== choice.to;
      if (choice.to === null || !isThird || stateOf(sight, slot.slot, host) !== undefined) continue;
      gates.push(...deathGates(slot, facts.deaths.get(host), host, wishes));
    }
    if (choice.to === null) gates.push({ gate: 'no-replica', reason: choice.why, word: null });
    else if (!fromReachable && !isBack) gates.push(...lossGates(slot, choice.loss, wishes));
    const free = choice.to === null ? null : (stateOf(sight, slot.slot, choice.to)?.freeBytes ?? null);
    if (free !== null && free < DISK_MIN_BYTES) {
      gates.push(gate('disk', slot, wishes, `${choice.to} has ${Math.floor(free / 1024)} KiB free`));
    }
    if (fromReachable && old.quarantined.files > 0) {
      gates.push(quarantineGate(slot, old.quarantined.events, wishes));
    }
  }
  if (open !== null && isGone && !isBack) {
    const then = slot.master === open.to ? `; mailctl failover ${slot.slot} goes on from there` : '';
    const reason = `${open.to}, where the open lane of run ${open.run} leads, does not answer${then}`;
    gates.push({ gate: 'no-replica', reason, word: null });
  }
  return {
    slot,
    kind,
    from,
    to: choice.to,
    gates,
    loss: fromReachable ? null : choice.loss,
    open,
    fromReachable,
    isStarted,
  };
}

// The directory named NEW before it was started. What only came up as a master by itself (its host has booted after
// its role was swapped) has taken no mail: the directory does not name it.
function wasStarted(slot: Slot, open: OpenLane, sight: FleetSight): boolean {
  if (slot.master !== open.to) return false;
  return open.started || isMaster(stateOf(sight, slot.slot, open.to));
}

/** Below this a started master would fail at its first deliveries. */
const DISK_MIN_BYTES = 64 * 1024 * 1024;

function gate(id: GateId, slot: Slot, wishes: FailoverWishes, reason: string): Gate {
  const word = wishes.overrides.has(`${id}:${slot.slot}`) ? `--override ${id}:${slot.slot}` : null;
  return { gate: id, reason, word };
}

function quarantineGate(slot: Slot, events: number, wishes: FailoverWishes): Gate {
  const word = wishes.acceptLoss.has(slot.slot) ? `--accept-loss ${slot.slot}` : null;
  return { gate: 'quarantine', reason: `${events} events are quarantined and not on any replica`, word };
}

function deathGates(
  slot: Slot,
  death: DeathVerdict | undefined,
  from: string,
  wishes: FailoverWishes,
): Gate[] {
  const id = death === undefined ? 'not-proven-dead' : death.gate;
  if (id === null) return [];
  const reason = death?.reason ?? `${from} could not be judged`;
  if (id === 'still-serving') return [{ ...gate(id, slot, wishes, reason), host: from }];
  const word = wishes.fenced === undefined ? null : `--fenced ${wishes.fenced}`;
  return [{ gate: id, reason, word, host: from }];
}

function lossGates(slot: Slot, loss: LossEstimate | null, wishes: FailoverWishes): Gate[] {
  const word = wishes.acceptLoss.has(slot.slot) ? `--accept-loss ${slot.slot}` : null;
  const gates: Gate[] = [];
  if (loss !== null && loss.quarantinedEvents > 0)
    gates.push(quarantineGate(slot, loss.quarantinedEvents, wishes));
  const lossS = loss?.possibleLossS ?? null;
  const limit = formatDuration(wishes.maxLagS * 1000);
  if (lossS === null)
    gates.push({ gate: 'lag', reason: `nothing proves how fresh its replica is (limit ${limit})`, word });
  else if (lossS >= wishes.maxLagS) {
    const events = loss?.pendingEvents ? `, ${loss.pendingEvents} events` : '';
    gates.push({
      gate: 'lag',
      reason: `${formatDuration(lossS * 1000, 'up')} would be missing, the limit is ${limit}${events}`,
      word,
    });
  }
  return gates;
}

function busyGate(slot: Slot, facts: FailoverFacts, wishes: FailoverWishes): Gate | null {
  for (const instance of slot.instances) {
    const state = stateOf(facts.sight, slot.slot, instance.host);
    const lease = state?.lease;
    if (state === undefined || lease === null || lease === undefined || lease.run === undefined) continue;
    if (lease.expires < state.at || wishes.takeOver.has(lease.run)) continue;
    return {
      gate: 'busy',
      reason: `run ${lease.run} of ${lease.operator} on ${lease.bastion} holds it (${lease.phase}, lease for another ${lease.expires - state.at} s)`,
      word: null,
    };
  }
  return null;
}

type Choice = { readonly to: string | null; readonly loss: LossEstimate | null; readonly why: string };

// The most complete reachable replica, unless --to says otherwise; a replica that owes a rejoin is no copy.
function chooseNew(slot: Slot, from: string, facts: FailoverFacts, wishes: FailoverWishes): Choice {
  const owing = new Set(owedOf(facts.sight, slot).map((owed) => owed.host));
  const reasons: string[] = [];
  const candidates: { host: string; loss: LossEstimate; running: boolean }[] = [];
  for (const instance of slot.instances) {
    if (instance.host === from) continue;
    if (wishes.to !== undefined && instance.host !== wishes.to) continue;
    const why = whyNotNew(instance, facts, owing);
    // What the transport says begins with its host's name itself.
    if (why !== null) reasons.push(why.startsWith(`${instance.host}: `) ? why : `${instance.host}: ${why}`);
    else {
      const running = stateOf(facts.sight, slot.slot, instance.host)?.running === true;
      candidates.push({
        host: instance.host,
        loss: lossOf(slot, from, instance.host, facts, wishes, null),
        running,
      });
    }
  }
  if (wishes.to === from) return { to: null, loss: null, why: `${from} is its master already` };
  if (wishes.to !== undefined && instanceOn(slot, wishes.to) === undefined) {
    return { to: null, loss: null, why: `${wishes.to} does not carry ${slot.slot}` };
  }
  const rank = (loss: LossEstimate) => loss.possibleLossS ?? Number.POSITIVE_INFINITY;
  // What is on its disk counts, running or not: it is stopped and started anyway. Two unknowns are equal.
  const best = candidates.sort(
    (a, b) => rank(a.loss) - rank(b.loss) || Number(b.running) - Number(a.running),
  )[0];
  if (best === undefined) {
    const why =
      slot.instances.length < 2
        ? 'the directory names no replica'
        : `no replica can take it: ${reasons.join('; ')}`;
    return { to: null, loss: null, why };
  }
  return { to: best.host, loss: best.loss, why: '' };
}

function whyNotNew(instance: Instance, facts: FailoverFacts, owing: ReadonlySet<string>): string | null {
  const seen = facts.sight.get(instance.host);
  if (seen === undefined || !seen.ok) return seen === undefined ? 'not asked' : seen.error.message;
  const state = seen.states.get(instance.slot);
  if (state === undefined) return 'not seen';
  if (owing.has(instance.host)) return 'owes a rejoin';
  return whyNoReplica(state);
}

function whyNoReplica(state: InstanceState): string | null {
  if (state.running === null) return state.problem ?? 'cannot be told whether it runs';
  if (state.running && state.role === 'master') return null; // A stray: the gates above speak of it.
  if (state.running && state.role !== 'replica') return state.problem ?? 'does not run as a replica';
  if (state.configuredRole === null && state.problem !== null) return state.problem;
  return null;
}

function lossOf(
  slot: Slot,
  from: string,
  to: string,
  facts: FailoverFacts,
  wishes: FailoverWishes,
  open: OpenLane | null,
): LossEstimate {
  return estimateLoss({
    slot: slot.slot,
    sample: facts.samples.find(
      (one) => one.slot === slot.slot && one.host === from && one.channel === to && one.role === 'master',
    ),
    files: facts.files.find((one) => one.slot === slot.slot && one.host === to),
    signs: facts.signs.get(from) ?? [],
    recorded: open?.judged ?? null,
    maxLagS: wishes.maxLagS,
  });
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
  const steps =
    decision.kind === 'demote'
      ? demoteSteps(decision, parts)
      : decision.isStarted
        ? settleSteps(decision, parts)
        : moveSteps(decision, parts);
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
      words: decision.gates
        .filter((one) => one.word !== null)
        .map((one) => ({ gate: one.gate, word: one.word, reason: one.reason })),
    },
  };
}

const paramsOf = (instance: Instance) => ({
  slot: instance.slot,
  instance: instance.instance,
  address: instance.address ?? null,
});

function moveSteps(decision: Decision, parts: PlanParts): readonly Step[] {
  const { slot, from, fromReachable } = decision;
  const to = decision.to as string;
  const old = instanceOn(slot, from) as Instance;
  const next = instanceOn(slot, to) as Instance;
  const s = slot.slot;
  const possibleMasters = possibleMastersOf(decision);
  const lane = laneParams(decision);
  const steps: Step[] = [...leaseSteps(decision, parts.sight)];
  // Back from a NEW that died before the directory named it: it never was a master, and has nothing to be replayed.
  const isWayBack = decision.open !== null && decision.open.to === from;
  const owable = !fromReachable;
  const onOld = { ...paramsOf(old), ...lane };
  const onNew = { ...paramsOf(next), ...lane };
  const accepted = decision.gates.some((one) => one.word?.startsWith('--accept-loss'));
  steps.push(
    {
      id: 'confirm',
      action: 'slot.confirm',
      host: to,
      phase: 'prepare',
      title: `${s} is still as planned`,
      params: { ...onNew, version: slot.version ?? null, mayBeMaster: newMayBeMaster(decision) },
    },
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
        possibleMasters: possibleMastersBut(possibleMasters, from, next, to),
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
        target: paramsOf(next),
        thirds: thirdsOf(decision).map(hostedParams),
        acceptLoss: accepted,
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
    ...stopThirds(decision, parts.sight),
    {
      id: 'stop-new',
      action: 'slot.stop',
      host: to,
      phase: 'prepare',
      title: `stop ${s} on ${to} (replica)`,
      params: { ...onNew, wasRole: 'replica', planned: fromReachable },
      // NEW dies on the way: OLD, if it can be started again, makes sure of promise 1 by itself.
      undoMayBeOwed: true,
    },
    {
      id: 'role-new',
      action: 'slot.set-role',
      host: to,
      phase: 'prepare',
      title: `role of ${s} on ${to}: master`,
      params: { ...onNew, role: 'master', wasRole: 'replica' },
      undoMayBeOwed: true,
    },
    {
      id: 'directory',
      action: 'slot.set-directory',
      host: '',
      phase: 'prepare',
      title: `directory: ${s} is on ${to}`,
      params: { slot: s, from, to, version: slot.version ?? null, next: paramsOf(next) },
    },
    {
      id: 'start-new',
      action: 'slot.start-master',
      host: to,
      phase: 'commit',
      title: `start ${s} on ${to} as master`,
      params: { ...onNew, possibleMasters, ...(fromReachable ? {} : { rewindTo: 'stop-old' }) },
    },
    ...serveSteps(decision, parts),
  );
  steps.push(...startThirds(decision, parts.sight));
  if (fromReachable) steps.push(...attachSteps(decision));
  else steps.push(...lateSteps(s, from, onOld));
  steps.push(
    giveBack(slot, parts.sight, lane, {
      moves: true,
      drained: fromReachable || isWayBack,
      lossAccepted: accepted,
      neverMaster: isWayBack,
    }),
  );
  return steps;
}

// After the commit of a lane that was left open. NEW serves, or did, and its own mail is ahead of OLD's: nothing is
// drained into it and nothing goes back any more, hence no commit step. A stray OLD is stopped before anything else.
function settleSteps(decision: Decision, parts: PlanParts): readonly Step[] {
  const { slot, from, open } = decision;
  const to = decision.to as string;
  const next = instanceOn(slot, to) as Instance;
  const lane = laneParams(decision);
  const onOld = { ...paramsOf(instanceOn(slot, from) as Instance), ...lane };
  // The lane swapped OLD's role only after its log was empty, and it still is.
  const old = stateOf(parts.sight, slot.slot, from);
  const isDrained =
    open?.began.includes('role-old') === true &&
    old !== undefined &&
    old.configuredRole === 'replica' &&
    !isMaster(old) &&
    !old.channels.some((channel) => channel.pending);
  return [
    ...leaseSteps(decision, parts.sight),
    ...lateSteps(slot.slot, from, onOld),
    {
      id: 'start-new',
      action: 'slot.start-master',
      host: to,
      phase: 'settle',
      title: `start ${slot.slot} on ${to} as master`,
      params: { ...paramsOf(next), ...lane, possibleMasters: possibleMastersOf(decision) },
    },
    ...serveSteps(decision, parts),
    ...startThirds(decision, parts.sight),
    ...(isDrained ? attachSteps(decision) : []),
    giveBack(slot, parts.sight, lane, {
      moves: true,
      drained: isDrained,
      lossAccepted: false,
      neverMaster: false,
    }),
  ];
}

const hostedParams = (instance: Instance) => ({ ...paramsOf(instance), host: instance.host });

const laneParams = (decision: Decision) => ({
  from: decision.from,
  to: decision.to as string,
  lossS: decision.loss?.possibleLossS ?? null,
  provenUntil: decision.loss?.provenUntil ?? null,
  lastAlive: decision.loss?.lastAlive ?? null,
  started: decision.isStarted,
});

// NEW's lease first: it is the one that every other bastion meets.
function leaseSteps(decision: Decision, sight: FleetSight): readonly Step[] {
  const { slot, to } = decision;
  const seen = slot.instances.filter((instance) => sight.get(instance.host)?.ok === true);
  return [...seen]
    .sort((a, b) => Number(b.host === to) - Number(a.host === to))
    .map((instance) => ({
      id: `lease-${instance.host}`,
      action: 'slot.take-lease',
      host: instance.host,
      phase: 'prepare',
      title: `lease of ${slot.slot} on ${instance.host}`,
      params: { ...paramsOf(instance), ...laneParams(decision) },
      // A lease on NEW is what the lane stands on; another host may have died since it was seen.
      mayBeOwed: instance.host !== to,
      undoMayBeOwed: instance.host !== to,
    }));
}

function possibleMastersOf(decision: Decision): readonly { readonly [key: string]: Json }[] {
  const { slot, to, gates } = decision;
  return slot.instances
    .filter((instance) => instance.host !== to)
    .map((instance) => ({
      ...paramsOf(instance),
      host: instance.host,
      // A host that nobody saw at planning stands on this word or on the witnesses' silence.
      word: gates.find((one) => one.word !== null && one.host === instance.host)?.word ?? null,
    }));
}

/** NEW may be found running as master: its lane is finished, or the operator passed the gate that says so. */
function newMayBeMaster({ open, gates }: Decision): boolean {
  const passed = gates.filter((one) => one.word !== null).map((one) => one.gate);
  return open !== null || passed.includes('two-masters') || passed.includes('directory-disagrees');
}

function serveSteps({ slot, from, to }: Decision, parts: PlanParts): readonly Step[] {
  const host = to as string;
  const serve: Step = {
    id: 'serve',
    action: 'slot.see-serving',
    host,
    phase: 'settle',
    title: `${slot.slot} answers on ${host}${parts.hasTestAccount ? ', login works' : ''}`,
    params: { ...paramsOf(instanceOn(slot, host) as Instance), from, to },
  };
  const hooks = parts.slotHooks.map(
    (hook, index): Step => ({
      id: `hook-${index + 1}`,
      action: 'slot.run-hook',
      host: hook.host ?? '',
      phase: 'settle',
      title: `hook ${index + 1} of ${slot.slot}`,
      params: { slot: slot.slot, from, to, run: hook.run, timeoutMs: hook.timeoutMs },
    }),
  );
  return [serve, ...hooks];
}

/** Instances that are neither OLD nor NEW. */
function thirdsOf({ slot, from, to }: Decision): readonly Instance[] {
  return slot.instances.filter(({ host }) => host !== from && host !== to);
}

// A third's replication service would take what OLD and NEW send it (promise 6), so that it is stopped meanwhile.
function stopThirds(decision: Decision, sight: FleetSight): readonly Step[] {
  const { slot } = decision;
  return thirdsOf(decision)
    .filter(({ host }) => !isMaster(stateOf(sight, slot.slot, host)))
    .map((third) => ({
      id: `stop-${third.host}`,
      action: 'slot.stop',
      host: third.host,
      phase: 'prepare',
      title: `stop ${slot.slot} on ${third.host} (replica)`,
      params: { ...paramsOf(third), ...laneParams(decision), wasRole: 'replica', third: true, planned: true },
      mayBeOwed: true,
      undoMayBeOwed: true,
    }));
}

// A third is a replica of NEW from here on. Not one that owed a rejoin and was stopped for it, and not while OLD is
// known to serve: then it would have two masters.
function startThirds(decision: Decision, sight: FleetSight): readonly Step[] {
  const { slot, gates } = decision;
  if (gates.some((one) => one.gate === 'still-serving')) return [];
  const owing = new Set(owedOf(sight, slot).map((owed) => owed.host));
  return thirdsOf(decision)
    .filter(({ host }) => !owing.has(host) || stateOf(sight, slot.slot, host)?.running === true)
    .map((third) => ({
      id: `start-${third.host}`,
      action: 'slot.start-replica',
      host: third.host,
      phase: 'settle',
      title: `start ${slot.slot} on ${third.host} as replica`,
      params: { ...paramsOf(third), ...laneParams(decision), role: 'replica' },
      mayBeOwed: true,
    }));
}

/** OLD becomes a replica of NEW. */
function attachSteps(decision: Decision): readonly Step[] {
  const { slot, from } = decision;
  const to = decision.to as string;
  const old = paramsOf(instanceOn(slot, from) as Instance);
  const next = paramsOf(instanceOn(slot, to) as Instance);
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

/** Steps of the whole run: hooks with `per: run`, once, after all lanes. */
export function planAfter(hooks: readonly PlannedHook[]): readonly Step[] {
  return hooks.map((hook, index) => ({
    id: `run-hook-${index + 1}`,
    action: 'slot.run-hook',
    host: hook.host ?? '',
    phase: 'settle',
    title: `hook ${index + 1} of the run`,
    params: { run: hook.run, timeoutMs: hook.timeoutMs },
  }));
}

// Going back starts OLD as master again: NEW is then the one that must not be one.
function possibleMastersBut(all: readonly Json[], from: string, next: Instance, to: string): readonly Json[] {
  return [
    ...all.filter((one) => (one as { host: string }).host !== from),
    { ...paramsOf(next), host: to, word: null },
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
  },
): Step {
  const owed = owedOf(sight, slot).filter((one) => one.host !== lane.from);
  return {
    id: 'give-back',
    action: 'slot.give-lease-back',
    host: lane.to,
    phase: 'settle',
    title: `give the leases of ${slot.slot} back`,
    params: {
      slot: slot.slot,
      ...lane,
      ...old,
      instances: slot.instances.map((one) => ({ ...paramsOf(one), host: one.host })),
      owed: owed as unknown as Json,
    },
  };
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
  const lane = { from, to, lossS: null, provenUntil: null, lastAlive };
  const onOld = { ...paramsOf(old), ...lane };
  const s = slot.slot;
  return [
    {
      id: `lease-${to}`,
      action: 'slot.take-lease',
      host: to,
      phase: 'prepare',
      title: `lease of ${s} on ${to}`,
      params: { ...paramsOf(next), ...lane },
    },
    {
      id: `lease-${from}`,
      action: 'slot.take-lease',
      host: from,
      phase: 'prepare',
      title: `lease of ${s} on ${from}`,
      params: onOld,
    },
    {
      id: 'seen-serving',
      action: 'slot.see-serving',
      host: to,
      phase: 'prepare',
      title: `${s} is served by ${to}`,
      params: { ...paramsOf(next), ...lane },
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
    giveBack(slot, parts.sight, lane, {
      moves: false,
      drained: isClean,
      lossAccepted: false,
      neverMaster: isClean,
    }),
  ];
}
