// The replication of slots as it is now: one look at every host, a near one at the masters' logs beside it, and a
// judgement each. Reads only; what was seen is stored as samples, as by every look.
import { MailctlError } from '../errors.js';
import { gather } from '../fleet/gather.js';
import { analyseSlot } from './analysis.js';
import { withFormers } from './former.js';
import { knowAges } from './log-ages.js';
import { groupByHost, lookAtSlots, type Surroundings } from './look-around.js';
import type { UserMove } from './moves.js';
import type { ComparisonFact, SlotReplication } from './replication.js';
import { judgeReplication } from './replication.js';
import type { ReplicationLook } from './replication-look.js';
import type { SampleStore } from './samples.js';
import type { FleetSight } from './sight.js';
import { instanceOn, type Slot } from './slot.js';

/** What it is made from. */
export interface ReplicationSources {
  readonly around: Surroundings;
  readonly samples: Pick<SampleStore, 'latest' | 'lastEmpty'>;
  readonly comparisons: (slots: readonly string[]) => Promise<readonly ComparisonFact[]>;
  /** null: there is no list. */
  readonly moves: () => Promise<readonly UserMove[] | null>;
  readonly maxLagS: number;
}

/** What was found. */
export interface ReplicationStatus {
  readonly slots: readonly SlotReplication[];
  readonly sight: FleetSight;
  /** Near looks that could not be had although their host answered. */
  readonly problems: readonly MailctlError[];
}

/** Looks and judges. */
export async function replicationStatus(
  slots: readonly Slot[],
  sources: ReplicationSources,
): Promise<ReplicationStatus> {
  const { around, maxLagS } = sources;
  const problems: MailctlError[] = [];
  const tolerate = async <T>(work: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      problems.push(error);
      return otherwise;
    }
  };
  const [seen, near, moves, comparisons] = await Promise.all([
    lookAtSlots(slots, around),
    lookFromNear(slots, around),
    tolerate(sources.moves(), null),
    tolerate(sources.comparisons(slots.map((slot) => slot.slot)), []),
  ]);
  const { slots: all, sight: looked } = await withFormers(slots, seen, around);
  const sight = await knowAges(all, looked, sources.samples);
  const away = slots.some((slot) => sight.get(slot.master)?.ok !== true);
  const samples = away ? await sources.samples.latest(slots.map((slot) => slot.slot)) : [];
  const judged = all.map((slot) =>
    judgeReplication({
      slot,
      view: analyseSlot(slot, { sight, samples, maxLagS }),
      sight,
      look: near.looks.get(slot.slot),
      moves,
      comparisons,
      maxLagS,
      capabilities: (state) => around.driver.capabilities(state),
    }),
  );
  const lost = near.failed.filter((error) => sight.get(hostOf(error) ?? '')?.ok === true);
  return { slots: judged, sight, problems: [...problems, ...lost] };
}

function hostOf(error: MailctlError): string | undefined {
  return 'host' in error && typeof error.host === 'string' ? error.host : undefined;
}

async function lookFromNear(
  slots: readonly Slot[],
  around: Surroundings,
): Promise<{
  readonly looks: ReadonlyMap<string, ReplicationLook>;
  readonly failed: readonly MailctlError[];
}> {
  const byHost = groupByHost(slots.flatMap((slot) => instanceOn(slot, slot.master) ?? []));
  const hosts = [...byHost.keys()].flatMap((name) => around.hosts.get(name) ?? []);
  const results = await gather(
    hosts,
    (host, signal) => around.driver.replication(host, byHost.get(host.name) ?? [], signal),
    { concurrency: around.concurrency, signal: around.signal },
  );
  const looks = new Map<string, ReplicationLook>();
  const failed: MailctlError[] = [];
  for (const result of results) {
    if (result.ok) for (const look of result.value) looks.set(look.slot, look);
    else failed.push(result.error);
  }
  return { looks, failed };
}
