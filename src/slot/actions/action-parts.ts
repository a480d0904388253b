// What the slot actions share: whom they ask, and how a step's data becomes an instance again.

import { MailctlError, TransportError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';
import type { CheckResult } from '../../plan/action.js';
import type { Json } from '../../plan/plan.js';
import type { Step } from '../../plan/step.js';
import type { Directory } from '../directory.js';
import type { Grip, InstanceState, StoreDriver } from '../driver.js';
import type { HostWatch } from '../host-watch.js';
import { beganLine, type LaneWay, TENDING } from '../lane-record.js';
import type { Leases } from '../lease.js';
import type { WaitingDesk } from '../release-waiting.js';
import type { Instance } from '../slot.js';
import type { SlotMapStore } from '../slot-map.js';
import type { UserSources } from '../users.js';
import type { RejoinReport } from './rejoin-parts.js';

/** What the actions of one run are given. */
export interface SlotActionParts {
  readonly driver: StoreDriver;
  readonly clock: Clock;
  readonly leases: Leases;
  readonly watch: HostWatch;
  readonly directory: Directory;
  /** @throws UsageError for a host that the configuration does not know */
  readonly hostNamed: (name: string) => Host;
  /** Runs a hook's words on a host (or here); throws when it fails. */
  readonly runHook: (
    host: string | null,
    words: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly drainTimeoutMs: number;
  /** The directory where it can be told of new instances; absent: it cannot. */
  readonly slotMap?: (() => Promise<SlotMapStore>) | undefined;
  /** Counts and releases mail that waits on the MXs; undefined: no queue is configured. */
  readonly waiting?: WaitingDesk | undefined;
  /** Versions of directory records as raised by this run, newer than the plan's. */
  readonly versions: Map<string, number | undefined>;
  /** Slots whose lanes are taken over, until their records' versions have been raised. */
  readonly takenOver: Set<string>;
  /** The site's lists of users and moves. */
  readonly users: UserSources;
  /** What rejoins found out, by slot; for the report. */
  readonly rejoins: RejoinReport;
  /** Instances as they were seen last, by `seenKey`; for a host that falls silent in the middle of a run. */
  readonly seen: Map<string, InstanceState>;
}

/** Where an instance's last sight is kept. */
export function seenKey(host: string, slot: string): string {
  return `${host}\n${slot}`;
}

/** An instance that may be a master, as the plan names it. */
export interface PossibleMaster extends Instance {
  /** The operator's word that stands for seeing it. */
  readonly word: string | null;
}

type Params = { readonly [key: string]: Json | undefined };

/** A text of a step's parameters. A plan that lacks it is broken, and was checked when it was read. */
export function textOf(params: Params, key: string): string {
  const value = params[key];
  if (typeof value !== 'string') throw new Error(`step without ${key}`);
  return value;
}

/** The instance that parameters describe; `host` from the parameters, else the step's. */
export function instanceOf(params: Params, host: string): Instance {
  const address = params.address;
  return {
    slot: textOf(params, 'slot'),
    instance: textOf(params, 'instance'),
    host: typeof params.host === 'string' ? params.host : host,
    address: typeof address === 'string' ? address : undefined,
  };
}

/** The possible masters of a step. */
export function possibleMastersOf(step: Step): readonly PossibleMaster[] {
  const list = (step.params.possibleMasters ?? []) as readonly Params[];
  return list.map((entry) => ({
    ...instanceOf(entry, ''),
    word: typeof entry.word === 'string' ? entry.word : null,
  }));
}

/** Looks at the step's instance; `away` when its host does not answer. */
export async function lookAt(
  parts: SlotActionParts,
  instance: Instance,
  judge: (state: InstanceState) => CheckResult | Promise<CheckResult>,
): Promise<CheckResult> {
  const reason = parts.watch.away(instance.host);
  if (reason !== undefined) return { state: 'away', reason };
  let state: InstanceState;
  try {
    state = await parts.driver.look(parts.hostNamed(instance.host), instance);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    // Asked again beside the lane from now on: a connection that broke is seen whole at the next look.
    parts.watch.add(instance.host, error);
    return { state: 'away', reason: error.message, lost: true };
  }
  parts.seen.set(seenKey(instance.host, instance.slot), state);
  return judge(state);
}

/**
 * The answer of something that only reads. One that is lost on the way leaves nothing there that could still land, so
 * its error is made one that ends the act: else the lane would wait for a deadline, with the slot stopped.
 */
export async function readAnswer<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof TransportError) || error.kind === 'interrupted') throw error;
    throw stepError(error.message, error.code, error.detail);
  }
}

const WAYS: readonly unknown[] = ['readonly', 'end-readonly', 'seed', 'return', TENDING];
const isWay = (way: unknown): way is LaneWay | typeof TENDING => WAYS.includes(way);

/** Takes the lease where it is missing, and gives the proof of it for an act of this step. */
export async function gripOf(parts: SlotActionParts, step: Step, instance: Instance): Promise<Grip> {
  const { lastAlive, provenUntil, way } = step.params;
  // An act is about to change it: what was seen before says nothing once its answer is lost.
  parts.seen.delete(seenKey(instance.host, instance.slot));
  await parts.leases.ensure(parts.hostNamed(instance.host), instance, {
    from: textOf(step.params, 'from'),
    to: textOf(step.params, 'to'),
    phase: step.phase,
    judged:
      typeof lastAlive === 'number' && typeof provenUntil === 'number' ? { lastAlive, provenUntil } : null,
    started: step.params.started === true,
    later: step.params.later === true,
    ...(isWay(way) ? { way } : {}),
  });
  const record = beganLine(parts.leases.holder.run, step.id, drainedVersion(parts, step, instance.slot));
  return parts.leases.grip(instance.host, instance.slot, record);
}

/** The version that a step which comes after the drain of a living OLD writes down beside itself. */
function drainedVersion(parts: SlotActionParts, step: Step, slot: string): number | undefined {
  const { afterDrain } = step.params;
  if (afterDrain === undefined || afterDrain === null) return undefined;
  const version = parts.versions.has(slot) ? parts.versions.get(slot) : afterDrain;
  return typeof version === 'number' ? version : undefined;
}

/** One that may be a master, and why that is not known to be otherwise. */
export interface FoundPossible {
  readonly host: string;
  readonly answers: boolean;
  readonly reason: string;
  readonly gate: string;
}

/** After so many changes of who answers and who does not, nothing is proven. */
const MAX_ROUNDS = 4;

/**
 * Promise 1 (failover.md): no master is started unless every other instance that could be one was seen stopped
 * with its role swapped (or running as a replica), is fenced, is silent to every observer asked, or was passed
 * by the operator's word. Gives the first that is none of these. Who answers is looked at first: a host that hangs
 * holds that up for seconds, and the silence of the others has to be of now.
 */
export async function possibleMaster(
  parts: SlotActionParts,
  others: readonly PossibleMaster[],
): Promise<FoundPossible | null> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const asked = others.filter(({ host }) => parts.watch.away(host) === undefined);
    const looks = await Promise.all(asked.map((other) => possibleBySight(parts, other)));
    for (const seen of looks) if (seen !== null && seen !== 'silent') return seen;
    const silent = others.filter(
      (other) => !asked.includes(other) || looks[asked.indexOf(other)] === 'silent',
    );
    for (const other of silent) {
      const found = await possibleInSilence(parts, other);
      if (found !== null) return found;
    }
    // One that has answered meanwhile is looked at.
    if (silent.every(({ host }) => parts.watch.away(host) !== undefined)) return null;
  }
  const hosts = others.map(({ host }) => host).join(', ');
  return { host: '', answers: false, reason: `${hosts} come and go`, gate: 'not-proven-dead' };
}

async function possibleBySight(
  parts: SlotActionParts,
  other: PossibleMaster,
): Promise<FoundPossible | 'silent' | null> {
  try {
    const state = await parts.driver.look(parts.hostNamed(other.host), other);
    parts.seen.set(seenKey(other.host, other.slot), state);
    if (isNoMaster(state)) return null;
    const what = state.running === false ? 'is stopped, and would come up as master' : 'may accept mail';
    return {
      host: other.host,
      answers: true,
      reason: `${other.slot} on ${other.host} ${what}`,
      gate: 'two-masters',
    };
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    parts.watch.add(other.host, error);
    return 'silent';
  }
}

async function possibleInSilence(
  parts: SlotActionParts,
  other: PossibleMaster,
): Promise<FoundPossible | null> {
  // Seen demoted by this run, or as the replica that it was, before its host fell silent: it stays that, also over
  // a boot. Whoever would change it needs the lease.
  const before = parts.seen.get(seenKey(other.host, other.slot));
  if (before !== undefined && isNoMaster(before) && before.configuredRole === 'replica') return null;
  const verdict = await parts.watch.verdict(other.host);
  // That it is off is no answer once others see it serve.
  const isPassed =
    other.word !== null && (verdict.gate !== 'still-serving' || other.word.includes('still-serving'));
  if (verdict.gate === null || isPassed) return null;
  return { host: other.host, answers: false, reason: verdict.reason, gate: verdict.gate };
}

/** Whoever the directory names has mail of its own by now: going back never stops it. @throws StepError */
export async function refuseIfNamed(parts: SlotActionParts, instance: Instance): Promise<void> {
  if ((await parts.directory.get(instance.slot))?.master !== instance.host) return;
  throw stepError(
    `${instance.host} runs ${instance.slot} as the master that the directory names: it is not stopped`,
    'slot.two-masters',
  );
}

/**
 * What an earlier run began is not taken back once the directory names NEW: whoever told it so has gone on, or has ended
 * the lane, since this one was planned. Taken back, the slot's master would be left a replica, and OLD a second master.
 */
export async function isGoneOn(parts: SlotActionParts, step: Step): Promise<boolean> {
  if (step.inherited !== true) return false;
  return (await parts.directory.get(textOf(step.params, 'slot')))?.master === step.params.to;
}

/** A replica, or stopped and not to come up as a master. */
export function isNoMaster(state: InstanceState): boolean {
  if (state.running === true) return state.role === 'replica';
  return state.running === false && state.configuredRole !== 'master' && state.configuredRole !== null;
}

/** An expected failure of an action. */
export function stepError(message: string, code: string, detail?: string): MailctlError {
  return new MailctlError(message, { code, exitCode: 5, detail });
}
