// How much would be lost by moving a slot away from a master that is dead. Loss stops growing when the master
// dies, so the operator's clock has no part in it: possible loss = the master host's last sign of life minus the
// moment up to which the replica is proven to have everything (failover.md, "Evidence before acting"). Pure.
//
// Two errors count the same: a slot passed that loses more than the limit, and a slot refused that was fresh.
import { formatIso } from '../lib/clock.js';
import type { CanaryFact } from './canary.js';
import type { ClockDoubt } from './clock-skew.js';
import type { ReplicaFiles } from './driver.js';
import { CLOCK_STEP_S } from './freshness.js';
import { describeLookup, type LookupJudgement } from './mx-lookup.js';
import type { Sample } from './samples.js';

/** One fact that spoke. */
export interface Evidence {
  readonly kind: 'canary' | 'sample' | 'mx-lookup' | 'replica-files' | 'last-alive' | 'record' | 'clock';
  /** ISO 8601 UTC: the moment that it is about. */
  readonly at: string;
  readonly value: string;
}

/** What is known of a slot whose master is dead. */
export interface LossEstimate {
  /** Seconds; null: nothing to go by. */
  readonly possibleLossS: number | null;
  /** Epoch seconds up to which the replica has everything; null: not proven at all. */
  readonly provenUntil: number | null;
  readonly provenBy: 'canary' | 'sample' | 'mx-lookup' | 'replica-files' | 'record' | null;
  /** Epoch seconds; null: no sign but its own replica's files. */
  readonly lastAlive: number | null;
  readonly quarantinedEvents: number;
  readonly pendingEvents: number | null;
  /** The clocks that these times are of; absent: they agree. */
  readonly clocks?: ClockDoubt | undefined;
  /** For people: `sample 04:28:26, log empty`. */
  readonly evidence: readonly Evidence[];
}

/** A sign that a host lived. */
export interface SignOfLife {
  /** Epoch seconds. */
  readonly at: number;
  /** `observed`, `store7 applied on imap22`. */
  readonly what: string;
  /** Slot whose replica's files are the source; such a sign cannot judge the same slot. */
  readonly bySlot: string | null;
  /** MX by whose clock it is. */
  readonly mx?: string | undefined;
}

/**
 * A stale sample of this age or more before the death no longer overrules the replica's own files: a channel
 * that was stuck an hour earlier may have been repaired since, and nobody sampled it.
 */
const STALE_SAMPLE_HOLDS_S = 3600;

/** Signs of life of a host: from all samples of it, what the replicas of its slots applied last, and the logs of MXs. */
export function signsOfLife(
  host: string,
  samples: readonly Sample[],
  files: readonly (ReplicaFiles & { readonly host: string })[],
  recorded: readonly number[],
  deliveries: readonly { readonly mx: string; readonly at: number }[] = [],
): readonly SignOfLife[] {
  const signs: SignOfLife[] = [];
  const seen = samples.filter((sample) => sample.host === host).map((sample) => sample.at);
  if (seen.length > 0) signs.push({ at: Math.max(...seen), what: 'last observed', bySlot: null });
  for (const file of files) {
    if (file.newestApplied === null) continue;
    signs.push({ at: file.newestApplied, what: `${file.slot} applied on ${file.host}`, bySlot: file.slot });
  }
  for (const { mx, at } of deliveries) signs.push({ at, what: `LMTP by ${mx}`, bySlot: null, mx });
  // An earlier run wrote down what it knew: slots that have moved since bear no witness any more.
  if (recorded.length > 0)
    signs.push({ at: Math.max(...recorded), what: 'recorded by an earlier run', bySlot: null });
  return signs;
}

/** The newest sign that may judge a slot; null: none but its own replica's files. */
export function lastAliveFor(slot: string, signs: readonly SignOfLife[]): SignOfLife | null {
  let newest: SignOfLife | null = null;
  for (const sign of signs)
    if (sign.bySlot !== slot && (newest === null || sign.at > newest.at)) newest = sign;
  return newest;
}

/** What speaks for one slot and one replica. */
export interface LossFacts {
  readonly slot: string;
  /** The last one of the master's log towards this replica. */
  readonly sample: Sample | undefined;
  readonly files: ReplicaFiles | undefined;
  /** The deliveries that the MXs logged last, looked up on this replica; absent: not looked up. */
  readonly lookup?: LookupJudgement | undefined;
  readonly signs: readonly SignOfLife[];
  /** The canary; absent: none is configured, or nothing is known of it. */
  readonly canary?: CanaryFact | undefined;
  /** What an earlier run of this lane judged and wrote down on the hosts. */
  readonly recorded: { readonly provenUntil: number; readonly lastAlive: number } | null;
  /** The clocks of the master and of this replica differ; absent: they agree. */
  readonly clocks?: ClockDoubt | undefined;
  readonly maxLagS: number;
}

/** Judges one slot and one replica. */
export function estimateLoss(facts: LossFacts): LossEstimate {
  const { slot, sample, files, lookup, signs, canary, recorded, clocks, maxLagS } = facts;
  const evidence: Evidence[] = [];
  const written =
    recorded === null ? [] : [{ at: recorded.lastAlive, what: 'recorded by an earlier run', bySlot: null }];
  // What the messages found show of an MX's clock goes for its other words, too.
  const told = signs.map((sign) =>
    sign.mx === undefined ? sign : { ...sign, at: sign.at + (lookup?.skews.get(sign.mx) ?? 0) },
  );
  const alive = lastAliveFor(slot, [...told, ...written]);
  // The replica's own newest file counts as a sign too, but never alone: a stuck slot would prove itself fresh.
  const ownSign = files?.newestApplied ?? null;
  const lastAlive = alive === null ? null : Math.max(alive.at, ownSign ?? 0);
  if (alive !== null && lastAlive !== null) {
    evidence.push({
      kind: 'last-alive',
      at: formatIso(lastAlive * 1000),
      value: lastAlive === alive.at ? alive.what : 'its own replica',
    });
  }
  let provenUntil: number | null = null;
  let provenBy: LossEstimate['provenBy'] = null;
  let stuck = false;
  if (sample !== undefined) {
    const known = sample.pendingEvents !== null;
    // A log from the future of the look at it was born before its clock was set back: its age is not known.
    const isFuture = sample.oldestBirth !== null && sample.oldestBirth > sample.at + CLOCK_STEP_S;
    const until = !known
      ? null
      : sample.pendingEvents === 0
        ? sample.at
        : isFuture
          ? null
          : sample.oldestBirth;
    evidence.push({ kind: 'sample', at: formatIso(sample.at * 1000), value: describeSample(sample) });
    if (until !== null) {
      provenUntil = until;
      provenBy = 'sample';
      const reference = Math.max(lastAlive ?? sample.at, sample.at);
      stuck = sample.at - until >= maxLagS && reference - sample.at < STALE_SAMPLE_HOLDS_S;
    }
  }
  if (canary !== undefined) {
    const judged = judgeCanary(canary, sample, maxLagS);
    evidence.push(judged.evidence);
    if (judged.isMissing) {
      // It was accepted after all that arrived, and is not there: what says that all is there is wrong.
      stuck = true;
      if (provenUntil !== null && canary.foundAt !== null && (canary.sentAt ?? 0) + GRACE_S < provenUntil) {
        provenUntil = canary.foundAt;
        provenBy = 'canary';
      }
    }
    if (judged.until !== null && (provenUntil === null || judged.until >= provenUntil)) {
      provenUntil = judged.until;
      provenBy = 'canary';
    }
  }
  if (lookup !== undefined) {
    evidence.push({
      kind: 'mx-lookup',
      at: formatIso((lookup.foundUntil ?? lookup.newest) * 1000),
      value: describeLookup(lookup),
    });
    const { foundUntil } = lookup;
    // Delivered after a log was seen stuck, and there: it is stuck no longer.
    if (sample !== undefined && foundUntil !== null && foundUntil > Math.max(sample.at, canary?.sentAt ?? 0))
      stuck = false;
    if (!stuck && foundUntil !== null && (provenUntil === null || foundUntil > provenUntil)) {
      provenUntil = foundUntil;
      provenBy = 'mx-lookup';
    }
  }
  if (
    files !== undefined &&
    files.newestArrival !== null &&
    files.newestArrival > 0 &&
    files.newestApplied !== null
  ) {
    evidence.push({
      kind: 'replica-files',
      at: formatIso(files.newestArrival * 1000),
      value: `newest message applied ${files.newestApplied - files.newestArrival} s after it arrived${files.complete ? '' : '; not all was walked'}`,
    });
    // Something newer that came another way does not make up for a delivery that is missing.
    const until = Math.min(files.newestArrival, (lookup?.missingSince ?? Number.POSITIVE_INFINITY) - 1);
    // What is set aside stays missing, whatever came over since.
    const isAside = (sample?.quarantined ?? 0) > 0;
    if (!stuck && !isAside && (provenUntil === null || until > provenUntil)) {
      provenUntil = until;
      provenBy = 'replica-files';
    }
  }
  if (recorded !== null && (provenUntil === null || recorded.provenUntil > provenUntil)) {
    evidence.push({
      kind: 'record',
      at: formatIso(recorded.provenUntil * 1000),
      value: 'proven by the run that began this lane',
    });
    provenUntil = recorded.provenUntil;
    provenBy = 'record';
  }
  const bySeconds = lastAlive === null || provenUntil === null ? null : Math.max(0, lastAlive - provenUntil);
  // The two may be of different clocks: what those differ by could be missing on top of it.
  const possibleLossS = bySeconds === null ? null : withDoubt(bySeconds, clocks, maxLagS);
  if (clocks !== undefined) {
    const value = `${clocks.words}: ${possibleLossS === null ? 'their times cannot be compared' : `${clocks.spreadS} s count as missing`}`;
    evidence.push({ kind: 'clock', at: formatIso((lastAlive ?? provenUntil ?? 0) * 1000), value });
  }
  return {
    possibleLossS,
    provenUntil,
    provenBy,
    lastAlive,
    quarantinedEvents: sample?.quarantined ?? 0,
    pendingEvents: sample?.pendingEvents ?? null,
    ...(clocks === undefined ? {} : { clocks }),
    evidence,
  };
}

function withDoubt(lossS: number, clocks: ClockDoubt | undefined, maxLagS: number): number | null {
  if (clocks === undefined) return lossS;
  return clocks.spreadS >= maxLagS ? null : lossS + clocks.spreadS;
}

/** Seconds for a canary on its way, and for a sample that was taken while it was. */
const GRACE_S = 60;
/** The sampler looks, then sends: its next look is less than a minute behind the canary. */
const BESIDE_S = 30;

/**
 * What was delivered before the newest canary on the replica has arrived, with one exception: a canary in the same log
 * file as an event that is stuck gets through beside it. A later sample that still has a log as old as the canary or
 * older says so, and overrules it.
 */
function judgeCanary(
  canary: CanaryFact,
  sample: Sample | undefined,
  maxLagS: number,
): { readonly until: number | null; readonly isMissing: boolean; readonly evidence: Evidence } {
  const { foundAt, sentAt, host, by } = canary;
  const isMissing = sentAt !== null && sentAt - (foundAt ?? 0) >= Math.max(maxLagS, GRACE_S);
  const at = formatIso((foundAt ?? sentAt ?? 0) * 1000);
  if (foundAt === null) {
    const value = isMissing ? `none of the canaries has arrived on ${host}` : `no canary on ${host} yet`;
    return { until: null, isMissing: false, evidence: { kind: 'canary', at, value } };
  }
  const isStuck =
    sample !== undefined &&
    sample.oldestBirth !== null &&
    sample.oldestBirth <= foundAt &&
    sample.at >= foundAt + BESIDE_S;
  const missing = isMissing ? `; the one of ${formatIso((sentAt ?? 0) * 1000)} has not` : '';
  const value = `canary arrived on ${host}${by === 'stored' ? ' (as stored)' : ''}${missing}${isStuck ? '; an older event was stuck beside it' : ''}`;
  return { until: isStuck ? null : foundAt, isMissing, evidence: { kind: 'canary', at, value } };
}

function describeSample(sample: Sample): string {
  if (sample.pendingEvents === null)
    return `log not known${sample.problem === null ? '' : ` (${sample.problem})`}`;
  const bad = sample.quarantined ? `, ${sample.quarantined} quarantined` : '';
  if (sample.pendingEvents === 0) return `log empty${bad}`;
  const since =
    sample.oldestBirth === null
      ? 'since an unknown time'
      : `oldest from ${formatIso(sample.oldestBirth * 1000)}`;
  return `${sample.pendingEvents} events pending, ${since}${bad}`;
}
