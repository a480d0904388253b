// Judging a failover: from what the directory says, what was seen and what the operator said, to a decision per
// slot. Pure. A gate refuses its own slot and no other; only the word that is named for it passes it.

import { formatDuration } from '../lib/duration.js';
import type { CanaryFact } from './canary.js';
import { type Candidate, chooseBest, type FleetFacts, hostHealth, overCapacity, overDisk } from './choose.js';
import { clockDoubt } from './clock-skew.js';
import type { DeathVerdict } from './death.js';
import { decideReadOnly, readFault } from './decide-read-only.js';
import type { InstanceState, ReplicaFiles } from './driver.js';
import { estimateLoss, type LossEstimate, type SignOfLife } from './evidence.js';
import { channelTowards, judgeFreshness, quarantinedFor } from './freshness.js';
import type { OpenLane } from './lane-record.js';
import type { LossSheet } from './loss-sheet.js';
import type { UserMove } from './moves.js';
import { type LookupJudgement, lookupKey } from './mx-lookup.js';
import { canEndReading, END_OWED, owesOnlyReading, readableHosts, readingOn } from './readable.js';
import type { Sample } from './samples.js';
import {
  type FleetSight,
  hasOwnChanges,
  isMaster,
  leftBy,
  openLaneOf,
  owedOf,
  stateOf,
  undrainedBy,
} from './sight.js';
import { type Instance, instanceOn, type Slot } from './slot.js';
import { movesInMotion } from './users.js';

/** Gates by the ids that -o json uses (design 3.3). */
export type GateId =
  | 'lag'
  | 'quarantine'
  | 'still-serving'
  | 'not-proven-dead'
  | 'two-masters'
  | 'busy'
  | 'capacity'
  | 'disk'
  | 'directory-disagrees'
  | 'directory-away'
  | 'moves'
  | 'no-replica'
  | 'read-only';

/** Gates that `--override GATE:SLOT` answers. */
export const OVERRIDABLE: readonly GateId[] = [
  'still-serving',
  'two-masters',
  'capacity',
  'disk',
  'directory-disagrees',
  'moves',
];

/** A closed gate; `word` is what the operator said to pass it. */
export interface Gate {
  readonly gate: GateId;
  readonly reason: string;
  readonly word: string | null;
  /** The silent host that it is about. */
  readonly host?: string;
  /** That host can be cut off: `--fence` passes the gate once it is seen off. */
  readonly canFence?: boolean;
  /** It was to be a planned move: a failover is something else, and another command. */
  readonly isMove?: boolean;
}

/** What the operator said. */
export interface FailoverWishes {
  readonly to: string | undefined;
  readonly maxLagS: number;
  readonly acceptLoss: ReadonlySet<string>;
  /** Slots that are to be readable where they would be refused. */
  readonly readOnly?: ReadonlySet<string>;
  /** Slots whose reading is to be ended where their master serves, and nothing else done with them. */
  readonly endReading?: ReadonlySet<string>;
  /** The operator's own eyes: `console: fsck prompt`. */
  readonly fenced: string | undefined;
  /** The configured fence may be used: for all slots, or for these. */
  readonly fence?: boolean | ReadonlySet<string>;
  /** Where single slots are to go; others go where `to` says, if it does. */
  readonly toBySlot?: ReadonlyMap<string, string>;
  /** A planned move: a slot whose master does not answer stays where it is. */
  readonly plannedOnly?: boolean;
  /** With the directory away: go by its copy, and tell it later. */
  readonly directoryLater?: boolean;
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
  /** The MXs' last deliveries, looked up on replicas, by `lookupKey`; absent: none were. */
  readonly lookups?: ReadonlyMap<string, LookupJudgement>;
  /** Canaries on replicas of silent masters; absent: none are configured. */
  readonly canaries?: readonly CanaryFact[];
  /** Seconds that the hosts' clocks are ahead of ours; absent: not measured. */
  readonly clocks?: ReadonlyMap<string, number>;
  /** For the choice among replicas; absent: nothing of the fleet is known. */
  readonly fleet?: FleetFacts;
  /** Why the directory cannot say that a slot is readable only; absent or null: it can. */
  readonly stateFault?: string | null;
  /** The site's list of user moves; absent or null: not known. */
  readonly moves?: readonly UserMove[] | null;
}

/** What is to be done with one slot. */
export interface Decision {
  readonly slot: Slot;
  /**
   * `planned`: OLD answers; `dead`: it does not; `finish`: a lane that was begun and not given back;
   * `demote`: the slot has moved already, and OLD (a stray or in debt) can be stopped and swapped now;
   * `readonly`: its replica serves reading while OLD is away; `end-readonly`: OLD serves again, that is ended.
   */
  readonly kind: 'planned' | 'dead' | 'finish' | 'demote' | 'readonly' | 'end-readonly';
  readonly from: string;
  readonly to: string | null;
  readonly gates: readonly Gate[];
  /** For a dead master. */
  readonly loss: LossEstimate | null;
  /** The open lane that is finished. */
  readonly open: OpenLane | null;
  /** An open lane whose NEW is left for another host: what OLD gave to it, nobody else is known to have. */
  readonly left?: OpenLane | null;
  /** OLD answers, so that its own steps can be done now. */
  readonly fromReachable: boolean;
  /** The open lane is past its point of no return: NEW was started as master, and only what follows is left. */
  readonly isStarted: boolean;
  /** The directory is away, and is told when it answers. */
  readonly later?: boolean;
  /** It could be made readable instead: the directory and the replica are ready for it. */
  readonly mayRead?: boolean;
  /** Users on the way from or to the slot. */
  readonly moving?: readonly UserMove[];
  /** Who would miss what, where that is a question. */
  readonly sheet?: LossSheet;
  /** How many users the site places on the slot; null or absent: not known. */
  readonly users?: number | null;
  /** Where it can be read meanwhile, and since when; null or absent: nowhere. */
  readonly reading?: { readonly host: string; readonly since: string | null } | null;
  /** Why this NEW, where there was a choice. */
  readonly because?: string | null;
  /** Replicas that were not even asked about, and why. */
  readonly passedOver?: readonly { readonly host: string; readonly why: string }[];
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
    const open = openLaneOf(sight, slot);
    if ((open?.way === 'move' || open?.way === 'return') && open.from === target) return true;
    // What serves reading there can be ended once the master serves again.
    if (canEndReading(slot, sight) && readableHosts(slot, sight, open).includes(target)) return true;
    const state = stateOf(sight, slot.slot, target);
    if (state === undefined) return false;
    const isDue = (step: string) => step !== 'rejoin' && step !== END_OWED;
    return (
      isMaster(state) || owedOf(sight, slot).some((owed) => owed.host === target && owed.steps.some(isDue))
    );
  });
}

/** Decides about one slot. `target`: the host that was named, when a host was. */
export function decide(
  slot: Slot,
  target: string | undefined,
  facts: FailoverFacts,
  all: FailoverWishes,
): Decision {
  const { sight } = facts;
  const own = all.toBySlot?.get(slot.slot);
  const wishes = own === undefined ? all : { ...all, to: own };
  const begun = openLaneOf(sight, slot);
  const busy = busyGate(slot, facts, wishes);
  const aside = decideReadOnly({
    slot,
    target,
    facts,
    wishes,
    open: begun,
    busy,
    choose: () => chooseNew(slot, slot.master, facts, wishes),
    deathGates: (host) => deathGates(slot, facts.deaths.get(host), host, wishes, false),
  });
  if (aside !== null) return aside;
  // A lane that moved nobody is no move to be finished: whatever it left is where this one starts from.
  const found = begun?.way === 'move' ? begun : null;
  // NEW was, or may have been, started and is gone since: to name NEW, or the slot, is a failover from there.
  const isGone = found !== null && stateOf(sight, slot.slot, found.to) === undefined;
  // NEW answers, and the operator wants to be rid of it: it may never come up.
  const isLeft =
    found !== null &&
    (target === found.to || (target === undefined && wishes.to !== undefined && wishes.to !== found.to));
  const isNamed = found !== null && slot.master === found.to;
  const open = isNamed && ((isGone && target !== found.from) || isLeft) ? null : found;
  const left = open === null ? found : leftBy(open, sight, slot);
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
      ? chooseNew(slot, from, facts, wishes, isGone ? null : left)
      : isBack
        ? { to: open.from, loss: null, why: '' }
        : {
            to: open.to,
            loss: drainedLoss(slot, open) ?? lossOf(slot, from, open.to, facts, wishes, open),
            why: '',
          };
  const moving = movesInMotion(slot.slot, facts.moves ?? null);
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
    const canFence = (host: string) => sight.get(host)?.host.fence !== undefined;
    if (!fromReachable && wishes.plannedOnly === true) {
      const reason = `${from} does not answer, and a move is for a master that does`;
      gates.push({ gate: 'not-proven-dead', reason, word: null, host: from, isMove: true });
    }
    if (!fromReachable) gates.push(...deathGates(slot, death, from, wishes, canFence(from)));
    // Nor is a master started beside a third that nobody saw.
    for (const { host } of slot.instances) {
      const isThird = host !== from && host !== choice.to;
      if (choice.to === null || !isThird || stateOf(sight, slot.slot, host) !== undefined) continue;
      gates.push(...deathGates(slot, facts.deaths.get(host), host, wishes, canFence(host)));
    }
    if (choice.to === null) gates.push({ gate: 'no-replica', reason: choice.why, word: null });
    else if (!fromReachable && !isBack) gates.push(...lossGates(slot, choice.loss, wishes));
    if (choice.to !== null) {
      const host = choice.to;
      const capacity =
        open === null ? overCapacity(host, mastersAfter(host, facts), maxSlotsOf(host, facts)) : null;
      if (capacity !== null) gates.push(gate('capacity', slot, wishes, capacity));
      const disk = overDisk(host, stateOf(sight, slot.slot, host), facts.fleet?.minFree);
      if (disk !== null) gates.push(gate('disk', slot, wishes, disk));
    }
    // A move that is under way writes to the slot; with OLD dead it has ended, and it is only told.
    if (fromReachable && open === null && moving.length > 0) {
      const names = moving.map(({ user }) => user);
      const users = `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` +${names.length - 3}` : ''}`;
      gates.push(gate('moves', slot, wishes, `${users} on the way from or to it`));
    }
    const aside = fromReachable ? asideFor(slot, old, choice.to, sight) : null;
    if (aside !== null && aside.files > 0) gates.push(quarantineGate(slot, aside.events, wishes));
  }
  if (open !== null && isGone && !isBack) {
    const then = slot.master === open.to ? `; mailctl failover ${slot.slot} goes on from there` : '';
    const reason = `${open.to}, where the open lane of run ${open.run} leads, does not answer${then}`;
    gates.push({ gate: 'no-replica', reason, word: null });
  }
  const reading = readingOn(slot, sight);
  return {
    slot,
    kind,
    from,
    to: choice.to,
    gates,
    loss: fromReachable ? null : choice.loss,
    open,
    left,
    fromReachable,
    isStarted,
    mayRead: !fromReachable && reading === null && readFault(slot, choice.to, facts) === null,
    reading,
    moving,
    because: choice.because ?? null,
    passedOver: choice.passedOver ?? [],
  };
}

/**
 * Decides about many slots. Each one that goes is a master more on its host for those after it, so that the slots of
 * a dead host spread; those with the fewest replicas first, since they have no choice.
 */
export function decideAll(
  meant: readonly { readonly slot: Slot; readonly host: string | undefined }[],
  facts: FailoverFacts,
  wishes: FailoverWishes,
): readonly Decision[] {
  const { fleet } = facts;
  if (fleet === undefined) return meant.map(({ slot, host }) => decide(slot, host, facts, wishes));
  const masters = new Map(fleet.masters);
  const decisions = new Map<string, Decision>();
  const inOrder = meant.toSorted((a, b) => a.slot.instances.length - b.slot.instances.length);
  for (const { slot, host } of inOrder) {
    const decision = decide(slot, host, { ...facts, fleet: { ...fleet, masters } }, wishes);
    decisions.set(slot.slot, decision);
    if (decision.to === null || decision.to === slot.master || !mayGo(decision)) continue;
    masters.set(decision.to, (masters.get(decision.to) ?? 0) + 1);
  }
  return meant.map(({ slot }) => decisions.get(slot.slot) as Decision);
}

// The directory named NEW before it was started. What only came up as a master by itself (its host has booted after
// its role was swapped) has taken no mail: the directory does not name it.
function wasStarted(slot: Slot, open: OpenLane, sight: FleetSight): boolean {
  // It was away then, and is still to be told.
  if (open.later === true && open.started) return true;
  if (slot.master !== open.to) return false;
  const next = stateOf(sight, slot.slot, open.to);
  return open.started || isMaster(next) || (next !== undefined && hasOwnChanges(next));
}

// OLD was stopped, drained and swapped before NEW was stopped, and nobody has started it as a master since: the lane
// that did so wrote down the version of the record, its own next step sets it once, everything else raises it.
function drainedLoss(slot: Slot, { run, from, to, at, drained }: OpenLane): LossEstimate | null {
  if (drained === undefined || slot.version === undefined) return null;
  const isAsThen = slot.master === from && slot.version === drained;
  const isSet = slot.master === to && slot.version === drained + 1;
  const begunAt = Date.parse(at);
  if ((!isAsThen && !isSet) || Number.isNaN(begunAt)) return null;
  const moment = Math.floor(begunAt / 1000);
  const value = `run ${run} had stopped ${from} and drained it to ${to}`;
  return {
    possibleLossS: 0,
    provenUntil: moment,
    provenBy: 'record',
    lastAlive: moment,
    quarantinedEvents: 0,
    pendingEvents: 0,
    evidence: [{ kind: 'record', at, value }],
  };
}

function mastersAfter(host: string, facts: FailoverFacts): number {
  return (facts.fleet?.masters.get(host) ?? 0) + 1;
}

function maxSlotsOf(host: string, facts: FailoverFacts): number | undefined {
  return facts.sight.get(host)?.host.maxSlots;
}

function gate(id: GateId, slot: Slot, wishes: FailoverWishes, reason: string): Gate {
  const word = wishes.overrides.has(`${id}:${slot.slot}`) ? `--override ${id}:${slot.slot}` : null;
  return { gate: id, reason, word };
}

/** What is set aside of OLD's events that NEW lacks. */
function asideFor(slot: Slot, old: InstanceState, to: string | null, sight: FleetSight) {
  const next = to === null ? undefined : instanceOn(slot, to);
  const channel =
    next === undefined ? undefined : channelTowards(old, next, sight.get(next.host)?.host, slot);
  return quarantinedFor(old, channel);
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
  canFence: boolean,
): Gate[] {
  const id = death === undefined ? 'not-proven-dead' : death.gate;
  if (id === null) return [];
  const reason = death?.reason ?? `${from} could not be judged`;
  const isAsked = wishes.fence === true || (typeof wishes.fence === 'object' && wishes.fence.has(slot.slot));
  const about = { host: from, canFence };
  // Cut off first and seen off, it neither serves nor wakes up.
  if (canFence && isAsked) return [{ gate: id, reason, word: '--fence', ...about }];
  if (id === 'still-serving') return [{ ...gate(id, slot, wishes, reason), ...about }];
  const word = wishes.fenced === undefined ? null : `--fenced ${wishes.fenced}`;
  return [{ gate: id, reason, word, ...about }];
}

function lossGates(slot: Slot, loss: LossEstimate | null, wishes: FailoverWishes): Gate[] {
  const word = wishes.acceptLoss.has(slot.slot) ? `--accept-loss ${slot.slot}` : null;
  const gates: Gate[] = [];
  if (loss !== null && loss.quarantinedEvents > 0)
    gates.push(quarantineGate(slot, loss.quarantinedEvents, wishes));
  const lossS = loss?.possibleLossS ?? null;
  const limit = formatDuration(wishes.maxLagS * 1000);
  if (lossS === null) {
    const isClock = loss?.clocks !== undefined && loss.provenUntil !== null;
    const why = isClock ? `${loss?.clocks?.words}: ` : '';
    gates.push({
      gate: 'lag',
      reason: `${why}nothing proves how fresh its replica is (limit ${limit})`,
      word,
    });
  } else if (lossS >= wishes.maxLagS) {
    const events = loss?.pendingEvents ? `, ${loss.pendingEvents} events` : '';
    gates.push({
      gate: 'lag',
      reason: `${formatDuration(lossS * 1000, 'up')} would be missing, the limit is ${limit}${events}${loss?.clocks === undefined ? '' : ` (${loss.clocks.words})`}`,
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

type Choice = {
  readonly to: string | null;
  readonly loss: LossEstimate | null;
  readonly why: string;
  readonly because?: string | null;
  readonly passedOver?: NonNullable<Decision['passedOver']>;
};

// Of the replicas that can take it the best (choose.ts), or the one that --to names; a replica that owes a rejoin is
// no copy, and a host that is failing itself is chosen by the operator's word only.
function chooseNew(
  slot: Slot,
  from: string,
  facts: FailoverFacts,
  wishes: FailoverWishes,
  left: OpenLane | null = null,
): Choice {
  if (wishes.to === from) return { to: null, loss: null, why: `${from} is its master already` };
  if (wishes.to !== undefined && instanceOn(slot, wishes.to) === undefined) {
    return { to: null, loss: null, why: `${wishes.to} does not carry ${slot.slot}` };
  }
  const owing = new Set(
    owedOf(facts.sight, slot)
      .filter((owed) => !owesOnlyReading(owed.steps))
      .map((owed) => owed.host),
  );
  const undrained = undrainedBy(left, slot, facts.sight);
  if (undrained !== null) owing.add(undrained);
  const old = stateOf(facts.sight, slot.slot, from);
  const passedOver: { host: string; why: string }[] = [];
  const losses = new Map<string, LossEstimate>();
  const able: Candidate[] = [];
  for (const instance of slot.instances) {
    if (instance.host === from) continue;
    if (wishes.to !== undefined && instance.host !== wishes.to) continue;
    const why = whyNotNew(instance, facts, owing);
    if (why !== null) {
      passedOver.push({ host: instance.host, why });
      continue;
    }
    // Better seen now than when nobody serves any more; who names the host may know better than we read.
    const fault = stateOf(facts.sight, slot.slot, instance.host)?.masterFault ?? null;
    if (fault !== null && wishes.to === undefined) {
      passedOver.push({ host: instance.host, why: fault });
      continue;
    }
    const loss = lossOf(slot, from, instance.host, facts, wishes, null);
    losses.set(instance.host, loss);
    able.push(candidateOf(slot, instance, old, loss, facts, wishes));
  }
  const failing = able.filter((one) => one.health === 'failing' && wishes.to === undefined);
  for (const { host, why } of failing) passedOver.push({ host, why: `its host is failing: ${why}` });
  const candidates = able.filter((one) => !failing.includes(one));
  if (candidates.length === 0) {
    // What the transport says begins with its host's name itself.
    const reasons = passedOver.map(({ host, why }) =>
      why.startsWith(`${host}: `) ? why : `${host}: ${why}`,
    );
    const why =
      slot.instances.length < 2
        ? 'the directory names no replica'
        : `no replica can take it: ${reasons.join('; ')}`;
    return { to: null, loss: null, why, passedOver };
  }
  const { host, because } = chooseBest(candidates, hostOf(from, facts)?.location, old !== undefined);
  const chosen = candidates.find((one) => one.host === host);
  const fault = stateOf(facts.sight, slot.slot, host)?.masterFault ?? null;
  const strain = chosen === undefined || chosen.health === 'well' ? null : `${host}: ${chosen.why}`;
  return {
    to: host,
    loss: losses.get(host) ?? null,
    why: '',
    because: wishes.to !== undefined ? `--to${fault === null ? '' : `; ${fault}`}` : (because ?? strain),
    passedOver,
  };
}

const hostOf = (host: string, facts: FailoverFacts) => facts.sight.get(host)?.host;

function candidateOf(
  slot: Slot,
  instance: Instance,
  old: InstanceState | undefined,
  loss: LossEstimate,
  facts: FailoverFacts,
  wishes: FailoverWishes,
): Candidate {
  const { sight, fleet } = facts;
  const { host } = instance;
  const own = hostOf(host, facts);
  const state = stateOf(sight, slot.slot, host);
  const known = { slots: [], masters: new Map(), answeredMs: new Map(), minFree: undefined };
  // A living OLD is drained; how far its log is behind tells which of two is ready sooner.
  const seen =
    old === undefined ? null : judgeFreshness(old, channelTowards(old, instance, own, slot), wishes.maxLagS);
  const lagS = seen === null ? loss.possibleLossS : seen.lagS;
  const masters = mastersAfter(host, facts);
  return {
    ...hostHealth(host, slot.slot, sight, fleet ?? known),
    host,
    isFresh:
      seen === null
        ? lagS !== null && lagS < wishes.maxLagS && loss.quarantinedEvents === 0
        : seen.freshness === 'fresh',
    lagS,
    pendingEvents: loss.pendingEvents ?? 0,
    running: state?.running === true,
    full: overCapacity(host, masters, own?.maxSlots) ?? overDisk(host, state, fleet?.minFree),
    masters,
    maxSlots: own?.maxSlots,
    location: own?.location,
    preference: own?.preference ?? 0,
  };
}

function whyNotNew(instance: Instance, facts: FailoverFacts, owing: ReadonlySet<string>): string | null {
  const seen = facts.sight.get(instance.host);
  if (seen === undefined || !seen.ok) return seen === undefined ? 'not asked' : seen.error.message;
  const state = seen.states.get(instance.slot);
  if (state === undefined) return 'not seen';
  if (instance.former === true) return 'another has taken its place';
  if (owing.has(instance.host)) return 'owes a rejoin';
  return whyNoReplica(state);
}

function whyNoReplica(state: InstanceState): string | null {
  if (state.running === null) return state.problem ?? 'cannot be told whether it runs';
  if (state.running && state.role === 'master') return null; // A stray: the gates above speak of it.
  if (state.running && state.role !== 'replica' && state.role !== 'readonly')
    return state.problem ?? 'does not run as a replica';
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
    lookup: facts.lookups?.get(lookupKey(slot.slot, to)),
    signs: facts.signs.get(from) ?? [],
    canary: facts.canaries?.find((one) => one.slot === slot.slot && one.host === to),
    recorded: open?.judged ?? null,
    clocks: clockDoubt([from, to], facts.clocks ?? new Map()),
    maxLagS: wishes.maxLagS,
  });
}
