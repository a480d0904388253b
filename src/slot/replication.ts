// How good the copies of a slot are: a level and its reason from the slot's view, a near look at its master's logs,
// the site's list of moves and the last comparison of content. Pure. Critical means that no replica is known to be
// less than the limit behind; what is not known is not less.
import { countedGrouped } from '../lib/count-text.js';
import { formatDuration } from '../lib/duration.js';
import type { SlotView } from './analysis.js';
import { CLOCK_NOISE_S, clocksOf, clockWords } from './clock-skew.js';
import type { Capabilities, InstanceState } from './driver.js';
import { channelTowards, NO_SENDER } from './freshness.js';
import type { UserMove } from './moves.js';
import type { ChannelLook, PendingUsers, QuarantinedFile, ReplicationLook } from './replication-look.js';
import { type FleetSight, stateOf } from './sight.js';
import type { Slot } from './slot.js';
import { movesInMotion } from './users.js';

/** How bad it is, the worst first. */
export const REPLICATION_LEVELS = ['critical', 'warning', 'ok'] as const;
/** One of them. */
export type ReplicationLevel = (typeof REPLICATION_LEVELS)[number];

/** When the content of a copy was compared last. */
export interface ComparisonFact {
  readonly slot: string;
  readonly replica: string;
  /** Milliseconds since 1970, by the observer's clock. */
  readonly at: number;
  /** Owners there were, compared, and found to differ. */
  readonly total: number;
  readonly compared: number;
  readonly differing: number;
}

/** A user whose events wait. */
export interface WaitingUser {
  readonly user: string;
  readonly events: number;
  /** On the way to another slot, by the site's list of moves; null: not, or nobody knows. */
  readonly move: string | null;
}

/** Whose events wait, with the users on the way marked. */
export interface Waiting {
  readonly users: readonly WaitingUser[];
  readonly moreUsers: number;
  readonly shared: number;
  readonly unread: number;
  /** What was read of the files; less than all: there may be more users. */
  readonly isPartial: boolean;
  readonly torn: string | null;
}

/** One replica's channel. */
export interface ReplicaReplication {
  readonly host: string;
  readonly freshness: 'fresh' | 'stale' | 'unknown';
  readonly lagS: number | null;
  readonly observedAt: number | null;
  /** How the lag is known. */
  readonly lagBy: string | null;
  readonly reason: string | null;
  readonly events: number | null;
  readonly channel: string | null;
  readonly motion: ChannelLook['motion'] | null;
  readonly complaint: string | null;
  /** The user that its sender fails on, as far as the system log tells. */
  readonly stuckAt: string | null;
  readonly waiting: Waiting | null;
  readonly compared: ComparisonFact | null;
}

/** A slot's replication as judged. */
export interface SlotReplication {
  readonly slot: string;
  readonly master: string;
  readonly masterSeen: boolean;
  readonly level: ReplicationLevel;
  /** Empty when it is well. */
  readonly reasons: readonly string[];
  /** Since when the worst of it is so, epoch seconds by the master's clock; null: not known. */
  readonly since: number | null;
  readonly replicas: readonly ReplicaReplication[];
  readonly quarantined: readonly (Omit<QuarantinedFile, 'pending'> & { readonly waiting: Waiting })[];
  readonly skipped: readonly { readonly channel: string; readonly user: string }[];
  /** Something stands in the way that `replication quarantine` sets aside. */
  readonly isStuck: boolean;
  /** Users on the way, by the site's list; null: there is no list. */
  readonly moving: readonly UserMove[] | null;
  /** Lag that the moves alone explain: everybody whose events wait is on the way. */
  readonly onlyMoves: boolean;
  /** Version of the master's software; null: not known. */
  readonly version: string | null;
  /** Features that it is known to lack; null: not known. */
  readonly lacks: readonly string[] | null;
}

/** What judging one slot needs. */
export interface ReplicationFacts {
  readonly slot: Slot;
  readonly view: SlotView;
  readonly sight: FleetSight;
  /** The near look at its master; undefined: it could not be had. */
  readonly look: ReplicationLook | undefined;
  /** null: no such list is configured, or it could not be read. */
  readonly moves: readonly UserMove[] | null;
  readonly comparisons: readonly ComparisonFact[];
  readonly maxLagS: number;
  /** What the software of an instance can do; absent: nobody knows. */
  readonly capabilities?: (state: InstanceState) => Capabilities;
}

/** Judges one slot. */
export function judgeReplication(facts: ReplicationFacts): SlotReplication {
  const { slot, view, sight, look, maxLagS } = facts;
  const master = stateOf(sight, slot.slot, slot.master);
  const moving = facts.moves === null ? null : movesInMotion(slot.slot, facts.moves);
  const motions = new Map((moving ?? []).map((move) => [move.user, move]));
  const waitingOf = (pending: PendingUsers): Waiting => ({
    users: pending.users.map(({ user, events }) => {
      const move = motions.get(user);
      return { user, events, move: move === undefined ? null : `${move.from} -> ${move.to}` };
    }),
    moreUsers: pending.moreUsers,
    shared: pending.shared,
    unread: pending.unread,
    isPartial: pending.readBytes < pending.sizeBytes,
    torn: pending.torn,
  });
  const replicas = view.replicas.map((replica): ReplicaReplication => {
    const instance = slot.instances.find((one) => one.host === replica.host);
    const towards =
      master === undefined || instance === undefined
        ? undefined
        : channelTowards(master, instance, sight.get(replica.host)?.host, slot);
    const near = look?.channels.find((one) => one.channel === towards?.channel);
    // A sender that its master starts again and again is there at one look and gone at the next.
    const isThere = near !== undefined && !['idle', 'stopped', 'disabled'].includes(near.motion);
    const isGap = replica.reason === NO_SENDER && isThere;
    return {
      host: replica.host,
      freshness: isGap ? 'fresh' : replica.freshness,
      lagS: replica.lagS,
      observedAt: replica.observedAt,
      lagBy: towards?.oldestBirth == null ? null : (towards.birthBy ?? 'birth'),
      reason: isGap ? null : replica.reason,
      events: replica.pendingEvents,
      channel: towards?.channel ?? null,
      motion:
        near?.motion ??
        (towards === undefined ? null : motionFrom(towards, master, look?.hasGivenUp === true)),
      complaint: near?.complaint ?? null,
      stuckAt: near?.stuckAt ?? null,
      waiting: near === undefined ? null : waitingOf(near.pending),
      compared:
        facts.comparisons.find((one) => one.slot === slot.slot && one.replica === replica.host) ?? null,
    };
  });
  const quarantined = (look?.quarantined ?? []).map(({ pending, ...file }) => ({
    ...file,
    waiting: waitingOf(pending),
  }));
  const isBehind = (replica: ReplicaReplication) =>
    replica.freshness !== 'fresh' || replica.motion === 'looping';
  const behind = replicas.filter(isBehind);
  const waitingUsers = behind.flatMap((replica) => replica.waiting?.users ?? []);
  const onlyMoves =
    waitingUsers.length > 0 &&
    waitingUsers.every((user) => user.move !== null) &&
    behind.every((replica) => replica.waiting?.isPartial !== true && replica.waiting?.moreUsers === 0);
  const isStuck = replicas.some(({ motion }) => motion === 'looping') || (master?.quarantined.files ?? 0) > 0;
  const base = {
    slot: slot.slot,
    master: slot.master,
    masterSeen: master !== undefined,
    replicas,
    quarantined,
    skipped: look?.skipped ?? [],
    isStuck,
    moving,
    onlyMoves,
    version: master?.version ?? null,
    lacks:
      master?.version == null || facts.capabilities === undefined
        ? null
        : lacksOf(facts.capabilities(master)),
  };
  const clocks = clocksOff([slot.master, ...replicas.map(({ host }) => host)], sight);
  return { ...base, ...levelOf(base, view, master, maxLagS, clocks) };
}

// Said before it is needed: what such a host leaves behind proves nothing in time.
function clocksOff(hosts: readonly string[], sight: FleetSight): readonly string[] {
  const clocks = clocksOf(sight, []);
  return hosts.flatMap((host) => {
    const aheadS = clocks.get(host) ?? 0;
    if (Math.abs(aheadS) <= CLOCK_NOISE_S) return [];
    return [`${clockWords(host, aheadS)}: if a master dies, times that differ by that prove nothing`];
  });
}

function lacksOf(can: Capabilities): readonly string[] {
  return Object.entries(can).flatMap(([name, has]) => (has === false ? [name] : []));
}

// A channel that nobody looked at from near: all that is known is whether its sender lives.
function motionFrom(
  channel: InstanceState['channels'][number],
  master: InstanceState | undefined,
  hasGivenUp: boolean,
): ChannelLook['motion'] | null {
  if (master?.running !== true) return null;
  if (!channel.clientAlive) return hasGivenUp ? 'disabled' : 'stopped';
  return channel.pending ? null : 'idle';
}

type Judged = Pick<SlotReplication, 'level' | 'reasons' | 'since'>;

function levelOf(
  slot: Omit<SlotReplication, 'level' | 'reasons' | 'since'>,
  view: SlotView,
  master: InstanceState | undefined,
  maxLagS: number,
  clocks: readonly string[],
): Judged {
  const limit = formatDuration(maxLagS * 1000);
  const reasons: string[] = [];
  const births = [
    ...(master?.channels ?? []).map((channel) => channel.oldestBirth),
    master?.quarantined.oldestBirth ?? null,
  ].filter((birth) => birth !== null);
  const since = births.length === 0 ? null : Math.min(...births);
  const fresh = slot.replicas.filter((replica) => replica.freshness === 'fresh');
  const isCritical = fresh.length === 0;
  if (view.strays.length > 0)
    reasons.push(`${view.strays.join(', ')} runs it as a master, the directory names ${slot.master}`);
  if (slot.replicas.length === 0) reasons.push('the directory names no replica');
  else if (isCritical) reasons.push(noFresh(slot, view, limit));
  for (const replica of slot.replicas) reasons.push(...replicaReasons(replica, isCritical));
  const events = slot.quarantined.reduce((sum, file) => sum + file.events, 0);
  if (events > 0) reasons.push(`${countedGrouped(events, 'event')} quarantined`);
  if (slot.skipped.length > 0) {
    const users = [...new Set(slot.skipped.map(({ user }) => user))];
    reasons.push(`${names(users)} kept from replication by a skipuser file`);
  }
  const hasOwn = reasons.length > 0;
  reasons.push(...clocks);
  if (slot.onlyMoves && (isCritical || hasOwn))
    reasons.push('everybody whose events wait is on the way to another slot: user moves make this lag');
  return { level: isCritical ? 'critical' : reasons.length > 0 ? 'warning' : 'ok', reasons, since };
}

function noFresh(
  slot: Pick<SlotReplication, 'replicas' | 'masterSeen' | 'master'>,
  view: SlotView,
  limit: string,
): string {
  const known = slot.replicas
    .filter((replica) => replica.lagS !== null && replica.freshness === 'stale')
    .sort((a, b) => (a.lagS ?? 0) - (b.lagS ?? 0))[0];
  if (known !== undefined)
    return `no replica under ${limit}: best ${known.host}, ${formatDuration((known.lagS ?? 0) * 1000)} behind`;
  if (!slot.masterSeen) return `no replica known under ${limit}: ${slot.master} was not seen`;
  if (view.verdict === 'no-master') return `no replica known under ${limit}: ${view.why}`;
  const why = slot.replicas.map((replica) => `${replica.host}: ${replica.reason ?? 'not known'}`);
  return `no replica known under ${limit}: ${why.join('; ')}`;
}

function replicaReasons(replica: ReplicaReplication, isCritical: boolean): readonly string[] {
  const reasons: string[] = [];
  const { host, motion, waiting, compared } = replica;
  if (!isCritical && replica.freshness !== 'fresh') {
    const lag = replica.lagS === null ? '' : `${formatDuration(replica.lagS * 1000)} behind, `;
    reasons.push(`${host} ${lag}${replica.reason ?? 'not known'}`);
  }
  const complaint = replica.complaint === null ? '' : `: ${replica.complaint}`;
  if (motion === 'looping') {
    const at = replica.stuckAt === null ? '' : `stuck at ${replica.stuckAt}: `;
    reasons.push(`${at}replication to ${host} fails on the same events again and again${complaint}`);
  }
  if (motion === 'disabled')
    reasons.push(
      `replication to ${host} is off: its sync_client died too often; kill -HUP of its cyrmaster starts it again`,
    );
  if (motion === 'stopped' && replica.freshness !== 'unknown')
    reasons.push(`no sync_client runs towards ${host}: what comes now waits`);
  if (motion === 'waiting' && (replica.events ?? 0) > 0 && replica.freshness === 'stale')
    reasons.push(`replication to ${host} waits to try again${complaint}`);
  if (motion === 'busy') reasons.push(`replication to ${host} is at work on one file of events for long`);
  if (waiting?.torn != null)
    reasons.push(
      `a broken line in the log towards ${host} (${waiting.torn.slice(0, 60)}) makes Cyrus drop all that follows it`,
    );
  if (compared !== null && compared.differing > 0)
    reasons.push(
      `${countedGrouped(compared.differing, 'user')} differed on ${host} when the content was compared`,
    );
  return reasons;
}

/** `ann, ben and 12 more`. */
export function names(users: readonly string[], most = 5, beyond = 0): string {
  const more = Math.max(0, users.length - most) + beyond;
  const shown = users.slice(0, most).join(', ');
  return more === 0 ? shown : `${shown} and ${more.toLocaleString('en-US')} more`;
}

/** All users at risk of a slot, each once: whose events wait or are quarantined, the most events first. */
export function usersAtRisk(slot: SlotReplication): {
  readonly users: readonly WaitingUser[];
  readonly beyond: number;
} {
  const byUser = new Map<string, WaitingUser>();
  const lists = [
    ...slot.replicas.map((replica) => replica.waiting),
    ...slot.quarantined.map((file) => file.waiting),
  ].filter((waiting) => waiting !== null);
  for (const { users } of lists) {
    for (const one of users) {
      const known = byUser.get(one.user);
      if (known === undefined || known.events < one.events) byUser.set(one.user, one);
    }
  }
  return {
    users: [...byUser.values()].sort((a, b) => b.events - a.events || (a.user < b.user ? -1 : 1)),
    beyond: Math.max(0, ...lists.map((waiting) => waiting.moreUsers)),
  };
}
