// What the steps of a rejoin share: what was found out about a lane by this process, for the next steps and the report.
import type { Json } from '../../plan/plan.js';
import type { Step } from '../../plan/step.js';
import type { Conflict, Dropped } from '../replay.js';
import { type Instance, instanceOn, type Slot } from '../slot.js';
import { instanceOf, type SlotActionParts, stepError, textOf } from './action-parts.js';

/** Somebody whose mail did not come over, and why. */
export interface NotBrought {
  /** A user, or a shared mailbox. */
  readonly who: string;
  readonly why: string;
}

/** What a rejoin found and did to one slot. */
export interface RejoinFindings {
  /** Its leftovers were read by this process. */
  isSurveyed: boolean;
  /** Of the logs that were set aside. */
  events: number;
  unreadable: number;
  /** Epoch seconds of the oldest of them; null: none, or not known. */
  oldestBirth: number | null;
  /** Users whose changes were sent. */
  users: readonly string[];
  /** Mailboxes that are no user's, and were sent. */
  shared: readonly string[];
  /** Users that only the old disk had. */
  newUsers: readonly string[];
  dropped: readonly Dropped[];
  conflicts: readonly Conflict[];
  /** Users that differed after the replay, and were sent whole. */
  repaired: readonly string[];
  notBrought: readonly NotBrought[];
  /** Owners whose content was compared in the end; null: not compared. */
  compared: number | null;
  /** Where files were kept for a person, on the old master's host. */
  keptIn: string | null;
  /** Seconds from its start as a replica until nothing waited for it. */
  freshAfterS: number | null;
}

/** Findings by `reportKey`. */
export type RejoinReport = Map<string, RejoinFindings>;

/** Where an instance's findings are kept. */
export function reportKey(slot: string, host: string): string {
  return `${slot}\n${host}`;
}

/** The findings of an instance; made on first use. */
export function findingsOf(parts: SlotActionParts, old: Instance): RejoinFindings {
  const key = reportKey(old.slot, old.host);
  const known = parts.rejoins.get(key);
  if (known !== undefined) return known;
  const fresh: RejoinFindings = {
    isSurveyed: false,
    events: 0,
    unreadable: 0,
    oldestBirth: null,
    users: [],
    shared: [],
    newUsers: [],
    dropped: [],
    conflicts: [],
    repaired: [],
    notBrought: [],
    compared: null,
    keptIn: null,
    freshAfterS: null,
  };
  parts.rejoins.set(key, fresh);
  return fresh;
}

/** The two sides of a step: the instance that comes back, and the master. */
export function sidesOf(step: Step): {
  readonly old: Instance;
  readonly next: Instance;
  readonly slot: Slot;
} {
  const returned = step.params.returned as Step['params'] | undefined;
  const old = instanceOf(returned ?? step.params, textOf(step.params, 'from'));
  const next = instanceOf(step.params.master as { readonly [key: string]: Json | undefined }, '');
  const others = (step.params.others ?? []) as readonly Step['params'][];
  const instances = [next, old, ...others.map((one) => instanceOf(one, ''))];
  const slot: Slot = {
    slot: old.slot,
    master: next.host,
    state: 'normal',
    version: undefined,
    instances,
  };
  return { old, next, slot };
}

/** The directory still names the master that the lane was planned with. @throws slot.directory-disagrees */
export async function stillMaster(parts: SlotActionParts, next: Instance): Promise<void> {
  const slot = await parts.directory.get(next.slot);
  if (slot?.master === next.host && instanceOn(slot, next.host) !== undefined) return;
  throw stepError(
    `the directory names ${slot?.master ?? 'nobody'} for ${next.slot}, no longer ${next.host}`,
    'slot.directory-disagrees',
  );
}
