// From what was seen to what it means: a verdict per slot, and the freshness of each replica. Pure.
import { formatDuration } from '../lib/duration.js';
import type { InstanceState } from './driver.js';
import { channelTowards, type Freshness, judgeFreshness } from './freshness.js';
import { isToldLater, owesOnlyReading, readableHost, readingOn } from './readable.js';
import type { Sample } from './samples.js';
import { dueNow, type FleetSight, isMaster, mayBeMaster, openLaneOf, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** Verdicts of `slots list` (design 3.3), the worst first. */
export const VERDICTS = [
  'two-masters',
  'no-master',
  'master-unreachable',
  'role-mismatch',
  'replica-stale',
  'no-replica',
  'replica-unknown',
  'rejoin-owed',
  'healthy',
] as const;
/** One of them. */
export type Verdict = (typeof VERDICTS)[number];

/** A replica as judged. */
export interface ReplicaView extends Freshness {
  readonly host: string;
  readonly reachable: boolean;
  readonly running: boolean | null;
  readonly role: InstanceState['role'];
  /** It owes a rejoin: it counts as no copy. */
  readonly owes: boolean;
}

/** A slot as judged. */
export interface SlotView {
  readonly slot: string;
  readonly master: {
    readonly host: string;
    readonly reachable: boolean;
    readonly running: boolean | null;
    readonly role: InstanceState['role'];
  };
  readonly replicas: readonly ReplicaView[];
  readonly verdict: Verdict;
  /** The verdict's reason in words, empty when healthy. */
  readonly why: string;
  /** `imap21: stop, role, rejoin`. */
  readonly owed: readonly string[];
  /** Hosts that run it as master and are not the directory's. */
  readonly strays: readonly string[];
  /** Where people can read it while its master is away, and since when (ISO 8601); null: nowhere. */
  readonly readable: { readonly host: string; readonly since: string | null } | null;
}

/** What judging needs besides the directory. */
export interface SlotFacts {
  readonly sight: FleetSight;
  /** The last stored observation per slot and channel, for masters that do not answer. */
  readonly samples: readonly Sample[];
  readonly maxLagS: number;
}

/** Judges one slot. */
export function analyseSlot(slot: Slot, facts: SlotFacts): SlotView {
  const { sight } = facts;
  const master = stateOf(sight, slot.slot, slot.master);
  const owed = dueNow(sight, slot);
  const owing = new Set(owed.filter((one) => !owesOnlyReading(one.steps)).map((one) => one.host));
  const replicas = slot.instances
    .filter((instance) => instance.host !== slot.master && instance.former !== true)
    .map((instance): ReplicaView => {
      const seen = sight.get(instance.host);
      const state = stateOf(sight, slot.slot, instance.host);
      const base = {
        host: instance.host,
        reachable: seen?.ok === true,
        running: state?.running ?? null,
        role: state?.role ?? null,
        owes: owing.has(instance.host),
      };
      if (master === undefined) return { ...base, ...lastKnown(slot, instance.host, facts) };
      const channel = channelTowards(master, instance, seen?.host, slot);
      const judged = judgeFreshness(master, channel, facts.maxLagS);
      if (base.reachable && state?.running === true && state.role === 'replica' && !base.owes)
        return { ...base, ...judged };
      // A replica that cannot be seen running as one is no fresh copy, whatever the master's log says.
      const reason = !base.reachable
        ? 'host not seen'
        : base.owes
          ? 'owes a rejoin'
          : state?.role === 'readonly'
            ? 'serves reading only'
            : (state?.problem ?? (state?.running === false ? 'not running' : 'not running as a replica'));
      const freshness = judged.freshness === 'stale' ? 'stale' : 'unknown';
      return { ...base, ...judged, freshness, reason };
    });
  const strays = slot.instances
    .map((instance) => instance.host)
    .filter((host) => host !== slot.master && isMaster(stateOf(sight, slot.slot, host)));
  const view = {
    slot: slot.slot,
    master: {
      host: slot.master,
      reachable: sight.get(slot.master)?.ok === true,
      running: master?.running ?? null,
      role: master?.role ?? null,
    },
    replicas,
    owed: owed.map((one) => `${one.host}: ${one.steps.join(', ')}`),
    strays,
    readable: readingOn(slot, sight),
  };
  return { ...view, ...judge(slot, view, facts) };
}

function judge(
  slot: Slot,
  view: Omit<SlotView, 'verdict' | 'why'>,
  facts: SlotFacts,
): { verdict: Verdict; why: string } {
  const { sight, maxLagS } = facts;
  const master = stateOf(sight, slot.slot, slot.master);
  const error = sight.get(slot.master);
  if (view.strays.length > 0 && isMaster(master)) {
    return {
      verdict: 'two-masters',
      why: `runs as master on ${[slot.master, ...view.strays].join(' and ')}`,
    };
  }
  const open = openLaneOf(sight, slot);
  if (open !== null && isToldLater(slot, sight)) {
    const why = `run ${open.run} moved it to ${open.to} while the directory was away, which still names ${slot.master}: mailctl failover ${slot.slot}`;
    return { verdict: 'role-mismatch', why };
  }
  if (master === undefined) {
    const what =
      error !== undefined && !error.ok ? error.error.message : `${slot.master} is not in the configuration`;
    const stray = view.strays.length > 0 ? `; ${view.strays.join(', ')} runs as master` : '';
    return { verdict: 'master-unreachable', why: `${what}${stray}${readingWords(view)}` };
  }
  if (view.strays.length > 0) {
    return {
      verdict: 'role-mismatch',
      why: `${view.strays.join(', ')} runs as master, the directory names ${slot.master}`,
    };
  }
  if (master.running === false)
    return { verdict: 'no-master', why: `${slot.master} does not run it${readingWords(view)}` };
  if (!mayBeMaster(master)) return { verdict: 'no-master', why: `${slot.master} runs it as ${master.role}` };
  if (master.running === null || master.role !== 'master' || !master.started) {
    return { verdict: 'no-master', why: `${slot.master}: ${master.problem ?? 'does not serve'}` };
  }
  if (master.configuredRole !== null && master.configuredRole !== 'master') {
    return {
      verdict: 'role-mismatch',
      why: `${slot.master} runs as master and would come up as ${master.configuredRole}`,
    };
  }
  for (const replica of view.replicas) {
    const configured = stateOf(sight, slot.slot, replica.host)?.configuredRole;
    if (replica.running !== null && configured === 'master' && !replica.owes) {
      return { verdict: 'role-mismatch', why: `${replica.host} would come up as a second master` };
    }
  }
  if (readableHost(slot.state) !== undefined && view.readable === null) {
    const why = `the directory says ${slot.state}, and ${slot.master} serves it`;
    return { verdict: 'role-mismatch', why };
  }
  if (view.replicas.length === 0) return { verdict: 'no-replica', why: 'the directory names none' };
  const live = view.replicas.filter((replica) => !replica.owes);
  const stale = live.find((replica) => replica.freshness === 'stale');
  if (stale !== undefined) {
    const lag = stale.lagS === null ? 'an unknown time' : formatDuration(stale.lagS * 1000);
    const events = stale.pendingEvents === null ? '' : `, ${stale.pendingEvents} events wait`;
    return {
      verdict: 'replica-stale',
      why: `${stale.host} is ${lag} behind (limit ${formatDuration(maxLagS * 1000)})${events}`,
    };
  }
  const unknown = live.find((replica) => replica.freshness === 'unknown');
  if (unknown !== undefined)
    return { verdict: 'replica-unknown', why: `${unknown.host}: ${unknown.reason ?? 'not known'}` };
  if (view.owed.length > 0) return { verdict: 'rejoin-owed', why: view.owed.join('; ') };
  return { verdict: 'healthy', why: '' };
}

function readingWords({ readable }: Pick<SlotView, 'readable'>): string {
  if (readable === null) return '';
  return `; readable on ${readable.host}${readable.since === null ? '' : ` since ${readable.since}`}`;
}

// The master does not answer: the last stored observation of its log, with its time; never fresh.
function lastKnown(slot: Slot, replica: string, facts: SlotFacts): Freshness {
  const sample = facts.samples.find(
    (one) => one.slot === slot.slot && one.host === slot.master && one.channel === replica,
  );
  if (sample === undefined) {
    return {
      freshness: 'unknown',
      lagS: null,
      pendingEvents: null,
      observedAt: null,
      reason: 'its master is not seen',
    };
  }
  const lagS =
    sample.pendingEvents === 0
      ? 0
      : sample.oldestBirth === null
        ? null
        : Math.max(0, sample.at - sample.oldestBirth);
  return {
    freshness: 'unknown',
    lagS,
    pendingEvents: sample.pendingEvents,
    observedAt: sample.at,
    reason: 'its master is not seen',
  };
}
