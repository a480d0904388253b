// All slots as they are now: the directory, one look at every host, a verdict each, and samples of what was seen.
import { MailctlError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import { analyseSlot, type SlotFacts, type SlotView } from './analysis.js';
import type { Directory } from './directory.js';
import { withFormers } from './former.js';
import { knowAges } from './log-ages.js';
import { lookAtSlots, type Surroundings } from './look-around.js';
import type { SampleStore } from './samples.js';
import type { FleetSight } from './sight.js';
import type { Slot } from './slot.js';
import { samplesOf } from './take-samples.js';

/** What was found. */
export interface SlotList {
  readonly slots: readonly Slot[];
  readonly views: readonly SlotView[];
  readonly sight: FleetSight;
}

/** Looks at the wanted slots (all, when undefined) and judges them. @throws MailctlError when the directory is away */
export async function listSlots(
  {
    directory,
    samples,
    around,
    clock,
    maxLagS,
  }: {
    readonly directory: Directory;
    readonly samples: SampleStore;
    readonly around: Surroundings;
    readonly clock: Clock;
    readonly maxLagS: number;
  },
  wanted?: (slot: Slot) => boolean,
): Promise<SlotList> {
  const listed = (await directory.list()).filter((slot) => wanted?.(slot) ?? true);
  const looked = await withFormers(listed, await lookAtSlots(listed, around), around);
  const { slots } = looked;
  const sight = await knowAges(slots, looked.sight, samples);
  const away = slots.some((slot) => sight.get(slot.master)?.ok !== true);
  const known = away ? await samples.latest(slots.map((slot) => slot.slot)) : [];
  await storeSamples(samples, slots, sight, clock);
  const facts = { sight, samples: known, maxLagS };
  const views = slots.map((slot) => analyseSlot(slot, facts));
  return views.every((view) => view.verdict === 'healthy')
    ? { slots, sight, views }
    : judgeMoved({ slots, sight, views }, directory, around, facts);
}

// A slot that moved between the look at the directory and the look at its hosts shows a stray where there is none:
// what looks bad is looked at once more if the directory names another master by now.
async function judgeMoved(
  list: SlotList,
  directory: Directory,
  around: Surroundings,
  facts: Omit<SlotFacts, 'sight'>,
): Promise<SlotList> {
  const now = new Map((await directory.list()).map((slot) => [slot.slot, slot]));
  const moved = list.slots.flatMap((slot) => {
    const fresh = now.get(slot.slot);
    return fresh !== undefined && fresh.master !== slot.master ? [fresh] : [];
  });
  if (moved.length === 0) return list;
  const seen = await lookAtSlots(moved, around);
  const views = new Map(moved.map((slot) => [slot.slot, analyseSlot(slot, { ...facts, sight: seen })]));
  return { ...list, views: list.views.map((view) => views.get(view.slot) ?? view) };
}

/** Stores what was seen; a failed write is the store's warning and no error here. */
export async function storeSamples(
  samples: SampleStore,
  slots: readonly Slot[],
  sight: FleetSight,
  clock: Clock,
): Promise<void> {
  try {
    await samples.store(samplesOf(slots, sight, clock.now()));
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
  }
}
