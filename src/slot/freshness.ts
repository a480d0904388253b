// How far a replica is behind a master that answers: by the birth time of the oldest log file on the master
// (field notes, section 2, "Lag"). Pure. Unknown is never fresh.
import type { Host } from '../fleet/host.js';
import type { ChannelState, InstanceState } from './driver.js';
import type { Instance, Slot } from './slot.js';

/** What is known of a replica's freshness. */
export interface Freshness {
  readonly freshness: 'fresh' | 'stale' | 'unknown';
  /** Seconds; null: unknown. */
  readonly lagS: number | null;
  readonly pendingEvents: number | null;
  /** The moment that this is true of, epoch seconds by the master's clock; null: never seen. */
  readonly observedAt: number | null;
  /** In words, when it is not simply fresh. */
  readonly reason: string | null;
}

/** The master's channel towards a replica; undefined: its configuration names no such replica. */
export function channelTowards(
  master: InstanceState,
  replica: Instance,
  replicaHost: Host | undefined,
  slot: Slot,
): ChannelState | undefined {
  const names = new Set(
    [
      replica.host,
      replica.address,
      replica.instance === replica.slot ? undefined : replica.instance,
      replicaHost?.address,
    ].filter((name) => name !== undefined),
  );
  const short = (name: string) => (/^[\d.]+$|:/.test(name) ? name : (name.split('.')[0] ?? name));
  const towards = master.channels.filter((channel) => channel.syncHost !== undefined);
  const exact = towards.find((channel) => names.has(channel.syncHost ?? ''));
  if (exact !== undefined) return exact;
  const byShortName = towards.find((channel) => names.has(short(channel.syncHost ?? '')));
  if (byShortName !== undefined) return byShortName;
  // One channel and one replica: an alias that only the site knows leaves no other meaning.
  return towards.length === 1 && slot.instances.length === 2 ? towards[0] : undefined;
}

/** Seconds that a log may seem to be from the future, for rounding and for slewing clocks. */
export const CLOCK_STEP_S = 2;

/** Why a young log is not fresh: nobody sends it. */
export const NO_SENDER = 'no sync_client runs and events wait';
/** What is set aside for a channel's replica: events that went through to the others count only here. */
export function quarantinedFor(
  master: InstanceState,
  channel: ChannelState | undefined,
): { readonly files: number; readonly events: number; readonly oldestBirth: number | null } {
  const { quarantined } = master;
  if (channel === undefined || quarantined.byChannel === undefined) return quarantined;
  const own = quarantined.byChannel.filter(
    (file) => file.channel === null || file.channel === channel.channel,
  );
  const births = own.map(({ oldestBirth }) => oldestBirth);
  const isKnown = births.length > 0 && !births.includes(null);
  return {
    files: own.length,
    events: own.reduce((sum, { events }) => sum + events, 0),
    oldestBirth: isKnown ? Math.min(...(births as readonly number[])) : null,
  };
}

/** Judges one replica by what the master's disk says. */
export function judgeFreshness(
  master: InstanceState,
  channel: ChannelState | undefined,
  maxLagS: number,
): Freshness {
  const at = master.at;
  const unknown = (
    reason: string,
    pendingEvents: number | null = null,
    lagS: number | null = null,
  ): Freshness => ({
    freshness: 'unknown',
    lagS,
    pendingEvents,
    observedAt: at,
    reason,
  });
  if (!master.logging) return unknown('its master keeps no replication log (sync_log is off)');
  if (channel === undefined) return unknown('no replication channel of its master leads here');
  const bad = quarantinedFor(master, channel);
  const pendingEvents = channel.events + bad.events;
  if (bad.files > 0) {
    const lagS = bad.oldestBirth === null ? null : Math.max(0, at - bad.oldestBirth);
    return {
      freshness: 'stale',
      lagS,
      pendingEvents,
      observedAt: at,
      reason: `${bad.events} events are quarantined`,
    };
  }
  if (!channel.pending)
    return { freshness: 'fresh', lagS: 0, pendingEvents: 0, observedAt: at, reason: null };
  if (channel.oldestBirth === null) {
    // Its newest change is later than its oldest event: a lower bound, which can prove it stale and never fresh.
    const atLeastS = channel.changedAt == null ? 0 : Math.max(0, at - channel.changedAt);
    if (atLeastS >= maxLagS) {
      const reason = 'at least (by the last change of its log)';
      return { freshness: 'stale', lagS: atLeastS, pendingEvents, observedAt: at, reason };
    }
    return unknown('its file system has no birth times', pendingEvents);
  }
  // The two are read in the same second, more or less; beyond that the clock was set back, and tells no age.
  if (channel.oldestBirth > at + CLOCK_STEP_S)
    return unknown('its clock was set back, its log is from the future', pendingEvents);
  const lagS = Math.max(0, at - channel.oldestBirth);
  if (lagS >= maxLagS) return { freshness: 'stale', lagS, pendingEvents, observedAt: at, reason: 'behind' };
  if (!channel.clientAlive && master.running === true) {
    return unknown(NO_SENDER, pendingEvents, lagS);
  }
  return { freshness: 'fresh', lagS, pendingEvents, observedAt: at, reason: null };
}
