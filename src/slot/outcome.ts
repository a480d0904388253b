// What became of a failover, slot by slot and as a whole: from decisions and the runner's results to the words and
// codes of design 2.1. Pure.
import type { LaneResult, RunResult } from '../plan/runner.js';
import { type Decision, type GateId, mayGo, refusal } from './decide.js';
import type { InstanceState } from './driver.js';
import { RELEASE_STEP } from './failover.js';
import { channelTowards, judgeFreshness } from './freshness.js';
import { overallOf, type RunOutcome } from './overall.js';
import { END_OWED, readingOn } from './readable.js';
import { type FleetSight, openLaneOf, owedOf, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** Outcome of one slot. `reverted`: it was to be taken back, and is. */
export type SlotOutcome =
  | 'moved'
  | 'readable'
  | 'ended'
  | 'refused'
  | 'failed'
  | 'incomplete'
  | 'planned'
  | 'reverted';

/** One slot's result. */
export interface SlotResult {
  readonly decision: Decision;
  readonly outcome: SlotOutcome;
  readonly gate: GateId | null;
  readonly reason: string | null;
  readonly lane: LaneResult | undefined;
}

const GATES: ReadonlySet<string> = new Set<GateId>([
  'lag',
  'quarantine',
  'still-serving',
  'not-proven-dead',
  'two-masters',
  'busy',
  'capacity',
  'disk',
  'directory-disagrees',
  'directory-away',
  'moves',
  'no-replica',
  'read-only',
]);

/** Before a run, or instead of one: what is planned and what is refused. */
export function plannedResults(decisions: readonly Decision[]): readonly SlotResult[] {
  return decisions.map((decision) =>
    mayGo(decision) ? { ...blank(decision), outcome: 'planned' as const } : refused(decision),
  );
}

/** After a run. */
export function runResults(decisions: readonly Decision[], result: RunResult): readonly SlotResult[] {
  return decisions.map((decision) => {
    const lane = result.lanes.find((one) => one.lane === decision.slot.slot);
    return lane === undefined ? refused(decision) : laneOutcome(decision, lane);
  });
}

const blank = (decision: Decision) => ({ decision, gate: null, reason: null, lane: undefined });

function refused(decision: Decision): SlotResult {
  const gate = refusal(decision);
  return { ...blank(decision), outcome: 'refused', gate: gate?.gate ?? null, reason: gate?.reason ?? null };
}

/** One lane's end, in the words of the contract. `isUndo`: the run was to be taken back. */
export function laneOutcome(decision: Decision, lane: LaneResult, isUndo = false): SlotResult {
  const base = { decision, gate: null, lane };
  if (isUndo && (lane.state === 'reverted' || lane.state === 'failed'))
    return { ...base, outcome: 'reverted', reason: null };
  const achieved = { readonly: 'readable', 'end-readonly': 'ended' } as const;
  if (lane.state === 'done') {
    const { kind } = decision;
    const isAside = kind === 'readonly' || kind === 'end-readonly';
    return { ...base, outcome: isAside ? achieved[kind] : 'moved', reason: null };
  }
  const reason = lane.failure?.reason ?? null;
  const code = (lane.failure?.code ?? '').replace(/^slot\./, '');
  const isGate = GATES.has(code);
  if (lane.state === 'incomplete')
    return { ...base, outcome: 'incomplete', gate: isGate ? (code as GateId) : null, reason };
  return { ...base, outcome: isGate ? 'refused' : 'failed', gate: isGate ? (code as GateId) : null, reason };
}

/** The outcome of all slots together. */
export function overallOutcome(results: readonly SlotResult[], isDryRun: boolean): RunOutcome {
  return overallOf(results, {
    achieved: ['moved', 'readable', 'ended', 'reverted'],
    isBusy: ({ gate }) => gate === 'busy',
    isDryRun,
  });
}

/** May the operator go back to bed? An unknown is not a yes. */
export interface SafeToLeave {
  readonly safe: boolean;
  readonly reasons: readonly string[];
  readonly down: readonly SlotResult[];
  /** Slots that people can read, on a replica, and that take no mail and no change. */
  readonly readable: readonly SlotResult[];
  /** Slots that are served and have no second fresh copy. */
  readonly lonely: readonly SlotResult[];
  /** Instances that would still come up as masters: to be stopped and swapped when their host returns. */
  readonly toDemote: readonly { readonly host: string; readonly slot: string }[];
  /** Instances whose unreplicated mail is still only on their disk. */
  readonly toRejoin: readonly { readonly host: string; readonly slot: string }[];
  /** Replicas that serve reading until their master is back. */
  readonly toEndReading: readonly { readonly host: string; readonly slot: string }[];
}

/** Judged from the results and what was seen after the run. */
export function judgeSafety(results: readonly SlotResult[], sight: FleetSight, maxLagS = 300): SafeToLeave {
  const unserved = results.filter((result) => !isServed(result, sight));
  const readable = unserved.filter(({ decision }) => readingOn(decision.slot, sight) !== null);
  const down = unserved.filter((result) => !readable.includes(result));
  const unfinished = results.filter((result) => result.outcome === 'incomplete' && !down.includes(result));
  const served = results.filter((result) => !unserved.includes(result));
  const lonely = served.filter((result) => !hasSecondCopy(result, sight, maxLagS));
  const debts = results.flatMap(({ decision }) => owedOf(sight, decision.slot));
  const toDemote = debts
    .filter((owed) => owed.steps.some((step) => step !== 'rejoin' && step !== END_OWED))
    .map(({ host, slot }) => ({ host, slot }));
  const toRejoin = debts
    .filter((owed) => owed.steps.includes('rejoin'))
    .map(({ host, slot }) => ({ host, slot }));
  const toEndReading = debts
    .filter((owed) => owed.steps.includes(END_OWED))
    .map(({ host, slot }) => ({ host, slot }));
  const reasons: string[] = [];
  if (readable.length > 0) reasons.push(`${names(readable)} can only be read`);
  if (down.length > 0) reasons.push(`${names(down)} ${down.length === 1 ? 'is' : 'are'} down`);
  if (unfinished.length > 0)
    reasons.push(`${names(unfinished)} ${unfinished.length === 1 ? 'is' : 'are'} not finished`);
  if (lonely.length > 0)
    reasons.push(`${lonely.length} ${lonely.length === 1 ? 'slot has' : 'slots have'} one copy`);
  const unwritable = results.filter(({ lane }) => lane?.failure?.code === 'slot.cannot-write');
  if (unwritable.length > 0) reasons.push(`a disk that ${names(unwritable)} needs takes nothing`);
  const strays = toDemote.filter(({ host, slot }) => isStray(stateOf(sight, slot, host)));
  if (strays.length > 0)
    reasons.push(
      `${strays.length} ${strays.length === 1 ? 'stray runs' : 'strays run'} on ${strays[0]?.host}`,
    );
  return { safe: reasons.length === 0, reasons, down, readable, lonely, toDemote, toRejoin, toEndReading };
}

/** The same when a hook of the whole run has failed: somebody was not told who is master. */
export function withHooks(safety: SafeToLeave, failure: string | null): SafeToLeave {
  if (failure === null) return safety;
  return { ...safety, safe: false, reasons: [...safety.reasons, 'a hook of the run has failed'] };
}

/** The same with what else speaks against leaving. */
export function withReasons(safety: SafeToLeave, reasons: readonly string[]): SafeToLeave {
  return reasons.length === 0 ? safety : { ...safety, safe: false, reasons: [...safety.reasons, ...reasons] };
}

/** Failure of a hook, told apart from mail that could not be released: that step says so in its own rows. */
export function hookFailure(result: RunResult): string | null {
  const failure = result.after?.failure;
  return failure === undefined || failure.step === RELEASE_STEP ? null : failure.reason;
}

function names(results: readonly SlotResult[]): string {
  const list = results.map((result) => result.decision.slot.slot);
  return list.length <= 3 ? list.join(', ') : `${list.length} slots`;
}

// A moved slot is served by NEW, or it is down: a stray elsewhere is no service. Refused or failed with OLD alive:
// nothing was changed, and OLD still serves.
function isServed({ decision, outcome }: SlotResult, sight: FleetSight): boolean {
  const hosts = decision.slot.instances.map((instance) => instance.host);
  return hosts.some((host) => {
    if (outcome === 'moved' && host !== decision.to) return false;
    const state = stateOf(sight, decision.slot.slot, host);
    return state?.running === true && state.started && state.role === 'master';
  });
}

function hasSecondCopy({ decision: { slot } }: SlotResult, sight: FleetSight, maxLagS: number): boolean {
  const states = slot.instances.map((instance) => stateOf(sight, slot.slot, instance.host));
  const master = states.find((state) => state?.running === true && state.role === 'master');
  const owing = new Set(owedOf(sight, slot).map((owed) => owed.host));
  return slot.instances.some((instance, index) => {
    const state = states[index];
    if (owing.has(instance.host) || instance.host === master?.host) return false;
    if (state?.running !== true || state.role !== 'replica' || !state.started) return false;
    if (master === undefined) return true;
    // A copy that is known to be behind is none: one more death would lose what it lacks.
    const channel = channelTowards(master, instance, sight.get(instance.host)?.host, slot);
    return judgeFreshness(master, channel, maxLagS).freshness !== 'stale';
  });
}

function isStray(state: InstanceState | undefined): boolean {
  return state !== undefined && state.running !== false && state.role !== 'replica';
}

/** The open lanes that remain, by slot: what a next command has to take up. */
export function openRuns(slots: readonly Slot[], sight: FleetSight): readonly string[] {
  return [...new Set(slots.map((slot) => openLaneOf(sight, slot)?.run).filter((run) => run !== undefined))];
}
