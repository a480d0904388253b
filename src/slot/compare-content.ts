// Compares what two instances of a slot hold, owner by owner, while the slot may be in use. A difference may be a
// change on its way: what differs is looked at again after everything logged before has been sent, and counts only
// if the master holds the same as before and the replica still does not. Changes nothing.
import { MailctlError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import type { Clock } from '../lib/clock.js';
import {
  differencesOf,
  isSameContent,
  type Owner,
  type OwnerContent,
  type OwnerDifference,
  ownerLabel,
  ownersOf,
} from './content.js';
import type { InstanceState, Role, StoreDriver } from './driver.js';
import { CLOCK_STEP_S, channelTowards } from './freshness.js';
import { type Instance, instanceOn, type Slot } from './slot.js';

/** One side: a host of the slot, and the role whose configuration is read there. */
export interface ContentSide {
  readonly host: string;
  readonly role: Role;
}

/** What a comparison is given. */
export interface ContentParts {
  readonly driver: StoreDriver;
  readonly clock: Clock;
  /** @throws MailctlError for a host that the configuration does not know */
  readonly hostNamed: (name: string) => Host;
  readonly signal?: AbortSignal | undefined;
}

/** What is compared. */
export interface ContentQuestion {
  readonly slot: Slot;
  /** The side that is right: the running master, or the old disk that is replayed. */
  readonly master: ContentSide;
  readonly replica: ContentSide;
  /** `all`: everybody on either side's list of mailboxes. */
  readonly owners: 'all' | readonly Owner[];
  /** Puts owners in the order in which they are compared, when not all can be. */
  readonly order?: ((owners: readonly Owner[]) => readonly Owner[]) | undefined;
  /** At most this many owners. */
  readonly most?: number | undefined;
  /** ms after which no more owners are begun. */
  readonly withinMs?: number | undefined;
  readonly onProgress?: ((done: number, total: number, differing: number) => void) | undefined;
}

/** An owner who could not be compared, and why. */
export interface NotCompared {
  readonly owner: Owner;
  readonly reason: string;
}

/** What came of it. */
export interface ContentComparison {
  readonly slot: string;
  readonly master: string;
  readonly replica: string;
  /** Owners on either list, compared or not. */
  readonly total: number;
  /** Compared to an end: equal, or in `differing`. */
  readonly compared: readonly Owner[];
  readonly differing: readonly OwnerDifference[];
  /** Differ, and their changes may still be on their way: not known to be equal. */
  readonly waiting: readonly NotCompared[];
  readonly unknown: readonly NotCompared[];
  /** Not begun, since the time was over or the number reached. */
  readonly left: readonly Owner[];
}

/** Owners asked for in one go: about a second on each side. */
const CHUNK = 100;
/** How long what differs is looked at again. */
const SETTLE_MS = 30_000;
const SETTLE_PAUSE_MS = 1000;
/** A log that is older than this does not empty while it is waited for. */
const STUCK_S = 60;

interface Suspect {
  readonly owner: Owner;
  /** The master's content as it was seen last. */
  content: OwnerContent;
  /** The master's own time after that look. */
  at: number;
  why: string;
}

/**
 * Compares. @throws MailctlError when a side's list of mailboxes, or the first of its owners, cannot be had at all
 */
export async function compareContent(
  question: ContentQuestion,
  parts: ContentParts,
): Promise<ContentComparison> {
  const { slot } = question;
  const master = instanceOf(slot, question.master.host);
  const replica = instanceOf(slot, question.replica.host);
  const ask = (instance: Instance, role: Role, owners: readonly Owner[]) =>
    parts.driver.content(parts.hostNamed(instance.host), instance, role, owners, parts.signal);
  const askBoth = (owners: readonly Owner[]) =>
    Promise.all([ask(master, question.master.role, owners), ask(replica, question.replica.role, owners)]);
  const lists = async () =>
    Promise.all([
      parts.driver.mailboxes(parts.hostNamed(master.host), master, question.master.role),
      parts.driver.mailboxes(parts.hostNamed(replica.host), replica, question.replica.role),
    ]);

  const all = question.owners === 'all' ? ownersOf(...(await lists())) : question.owners;
  const ordered = (question.order?.(all) ?? all).slice(0, question.most);
  const end = parts.clock.monotonic() + (question.withinMs ?? Number.POSITIVE_INFINITY);
  const compared: Owner[] = [];
  const differing: OwnerDifference[] = [];
  const unknown: NotCompared[] = [];
  let suspects: Suspect[] = [];
  let begun = 0;
  const say = () =>
    question.onProgress?.(
      compared.length + unknown.length + suspects.length,
      ordered.length,
      differing.length,
    );

  while (begun < ordered.length) {
    if (begun > 0 && (parts.clock.monotonic() >= end || parts.signal?.aborted)) break;
    const chunk = ordered.slice(begun, begun + CHUNK);
    begun += chunk.length;
    let answers: Awaited<ReturnType<typeof askBoth>>;
    try {
      answers = await askBoth(chunk);
    } catch (error) {
      if (!(error instanceof MailctlError) || begun === chunk.length) throw error;
      unknown.push(...chunk.map((owner) => ({ owner, reason: error.message })));
      continue;
    }
    const at = (await lookAtMaster())?.at ?? Number.NaN;
    for (const [index, owner] of chunk.entries()) {
      const [here, there] = [answers[0][index], answers[1][index]];
      const verdict = judge(here, there);
      if (verdict === 'equal') compared.push(owner);
      else if (verdict === 'differs')
        suspects.push({ owner, content: here as OwnerContent, at, why: 'it changes all the time' });
      else unknown.push({ owner, reason: verdict.reason });
    }
    say();
  }

  const until = parts.clock.monotonic() + SETTLE_MS;
  while (suspects.length > 0 && !parts.signal?.aborted) {
    await parts.clock.sleep(SETTLE_PAUSE_MS, parts.signal).catch(() => {});
    const state = await lookAtMaster();
    const ready = suspects.filter((one) => isSentUntil(state, one.at));
    for (let done = 0; done < ready.length && !parts.signal?.aborted; done += CHUNK)
      await lookAgain(ready.slice(done, done + CHUNK));
    say();
    const isStuck = suspects.every((one) => isStuckAt(state, one.at));
    if (parts.clock.monotonic() < until && !isStuck) continue;
    for (const one of suspects) {
      if (state === undefined) one.why = `${master.host} does not answer any more`;
      else if (!ready.includes(one)) one.why = 'its changes may still wait in the log';
    }
    break;
  }
  return {
    slot: slot.slot,
    master: master.host,
    replica: replica.host,
    total: all.length,
    compared,
    differing,
    waiting: suspects.map(({ owner, why }) => ({ owner, reason: why })),
    unknown,
    left: ordered.slice(begun).concat(all.length > ordered.length ? without(all, ordered) : []),
  };

  async function lookAgain(chunk: readonly Suspect[]): Promise<void> {
    let answers: Awaited<ReturnType<typeof askBoth>>;
    try {
      answers = await askBoth(chunk.map(({ owner }) => owner));
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      for (const one of chunk) one.why = error.message;
      return;
    }
    const at = (await lookAtMaster())?.at ?? Number.NaN;
    for (const [index, one] of chunk.entries()) {
      const [here, there] = [answers[0][index], answers[1][index]];
      const verdict = judge(here, there);
      const drop = () => {
        suspects = suspects.filter((other) => other !== one);
      };
      if (verdict === 'equal') {
        drop();
        compared.push(one.owner);
      } else if (verdict !== 'differs') {
        drop();
        unknown.push({ owner: one.owner, reason: verdict.reason });
      } else if (isSameContent(here as OwnerContent, one.content)) {
        drop();
        compared.push(one.owner);
        differing.push({ owner: one.owner, differences: differencesBetween(here, there) });
      } else Object.assign(one, { content: here, at });
    }
  }

  async function lookAtMaster(): Promise<InstanceState | undefined> {
    try {
      return await parts.driver.look(parts.hostNamed(master.host), master);
    } catch (error) {
      if (error instanceof MailctlError) return undefined;
      throw error;
    }
  }

  // Has the master sent all that it logged before that moment? A log that it does not keep, or that leads elsewhere,
  // will never bring it.
  function isSentUntil(state: InstanceState | undefined, at: number): boolean {
    if (state === undefined) return false;
    if (state.running === false || !state.logging) return true;
    const channel = channelTowards(state, replica, parts.hostNamed(replica.host), slot);
    if (channel === undefined || !channel.pending) return true;
    // The host's clock was read in whole seconds, and maybe a moment before the content.
    return channel.oldestBirth !== null && channel.oldestBirth > at + CLOCK_STEP_S;
  }

  // Was its log not getting on already when the difference was seen? Then nothing comes of waiting for it here.
  function isStuckAt(state: InstanceState | undefined, at: number): boolean {
    if (state === undefined) return false;
    const channel = channelTowards(state, replica, parts.hostNamed(replica.host), slot);
    return channel !== undefined && channel.oldestBirth !== null && channel.oldestBirth < at - STUCK_S;
  }
}

type Verdict = 'equal' | 'differs' | { readonly reason: string };

function judge(here: OwnerContent | undefined, there: OwnerContent | undefined): Verdict {
  if (here === undefined || there === undefined) return { reason: 'no answer' };
  if (!here.ok) return { reason: `on the master: ${here.reason}` };
  if (!there.ok) return { reason: `on the replica: ${there.reason}` };
  return differencesOf(here, there).length === 0 ? 'equal' : 'differs';
}

function differencesBetween(here: OwnerContent | undefined, there: OwnerContent | undefined) {
  return here?.ok && there?.ok ? differencesOf(here, there) : [];
}

function instanceOf(slot: Slot, host: string): Instance {
  const found = instanceOn(slot, host);
  if (found === undefined) throw new Error(`${host} does not carry ${slot.slot}`);
  return found;
}

function without(all: readonly Owner[], some: readonly Owner[]): readonly Owner[] {
  const taken = new Set(some.map(ownerLabel));
  return all.filter((owner) => !taken.has(ownerLabel(owner)));
}
