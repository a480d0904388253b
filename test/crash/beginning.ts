// The part of a story before anything can break is the same for all stories of its kind: it is played once, and every
// story goes on from a copy of what it came to. Nothing may be under way then: no timer waits, no process lives.
import type { DirectoryCopy } from '../../src/slot/directory-copy.js';
import type { SampleStore } from '../../src/slot/samples.js';
import { type FakeClock, fakeClock } from '../support/fake-clock.js';
import type { SlotWorld } from '../support/slot-world.js';
import { type MemorySamples, memorySamples } from './story.js';

/** How things stand when a story begins. */
export interface Beginning {
  readonly world: SlotWorld;
  readonly samples: MemorySamples;
  readonly copy?: DirectoryCopy | undefined;
  /** What was told until then. */
  readonly told: readonly string[];
}

/** A copy of a beginning, for one story. */
export interface Begun {
  readonly clock: FakeClock;
  readonly world: SlotWorld;
  readonly samples: SampleStore;
  readonly copy?: DirectoryCopy | undefined;
  readonly told: string[];
}

const beginnings = new Map<string, Promise<Beginning>>();

/** The beginning of that name, played when it is first asked for; the caller stops the clock of the copy. */
export async function beginFrom(
  name: string,
  play: (clock: FakeClock) => Promise<Beginning>,
): Promise<Begun> {
  const known = beginnings.get(name) ?? playBeginning(name, play);
  beginnings.set(name, known);
  const { world, samples, copy, told } = await known;
  const clock = fakeClock({ auto: true, elapsed: world.clock.monotonic() });
  return {
    clock,
    world: world.copy(clock),
    samples: memorySamples(samples.all()),
    told: [...told],
    ...(copy === undefined ? {} : { copy }),
  };
}

async function playBeginning(
  name: string,
  play: (clock: FakeClock) => Promise<Beginning>,
): Promise<Beginning> {
  const clock = fakeClock({ auto: true });
  try {
    const beginning = await play(clock);
    if (clock.pending() > 0) throw new Error(`${name}: ${clock.pending()} timers wait at its end`);
    return beginning;
  } finally {
    clock.stop();
  }
}
