// Plays stories until a number of steps is reached, and tells those that broke a promise so that they can be played
// again. Shared by the tests of this folder, which run beside each other.
import { expect } from 'vitest';
import { pick, randomFrom } from '../support/random.js';
import type { SlotWorld } from '../support/slot-world.js';
import { allModes, type Mode, modesOf, type Schedule } from './boundaries.js';
import { playSlots, type Story, type StorySetup } from './story.js';

/** What the hosts are like before the failover. */
export const WORLDS: { readonly [name: string]: Partial<StorySetup> } = {
  'OLD alive': {},
  'OLD alive, and its files say nothing of the other role': {
    before: (world) => {
      world.confPerRole = false;
    },
  },
  'OLD cut off': { before: (world) => world.cut('imap21') },
  'OLD without power': { before: (world) => world.fail('imap21') },
};

/** A story and its name. */
export interface NamedSetup {
  readonly name: string;
  readonly setup: StorySetup;
}

/** Played stories: how many steps, and what went wrong. */
export interface Played {
  readonly steps: number;
  readonly stories: number;
  readonly failures: readonly string[];
  /** How lanes ended, counted: `done`, `reverted`, `incomplete`. */
  readonly ends: ReadonlyMap<string, number>;
}

/** Failures after which it is not worth going on. */
const ENOUGH = 3;

/** Plays until the steps are reached, or all; stops after some failures. */
export async function playAll(
  setups: Iterable<NamedSetup> | AsyncIterable<NamedSetup>,
  least: number,
): Promise<Played> {
  const failures: string[] = [];
  const ends = new Map<string, number>();
  let steps = 0;
  let stories = 0;
  for await (const { name, setup } of setups) {
    const story = await playSlots(setup);
    steps += story.steps;
    stories += 1;
    for (const told of story.told)
      for (const [end] of told.matchAll(/\b(done|reverted|incomplete)\b/g))
        ends.set(end, (ends.get(end) ?? 0) + 1);
    if (story.complaints.length > 0) failures.push(tell(name, setup.schedule ?? new Map(), story));
    if (steps >= least || failures.length >= ENOUGH) break;
  }
  return { steps, stories, failures, ends };
}

/** The same, and nothing may have gone wrong. */
export async function playWell(
  setups: Iterable<NamedSetup> | AsyncIterable<NamedSetup>,
  least: number,
): Promise<Played> {
  const played = await playAll(setups, least);
  expect(played.failures).toEqual([]);
  expect(played.steps).toBeGreaterThanOrEqual(least);
  return played;
}

function tell(what: string, schedule: Schedule, story: Story): string {
  const faults = [...schedule].flatMap(([n, mode]) => {
    const crossing = story.crossed[n - 1];
    const isHit = crossing !== undefined && modesOf[crossing.op].includes(mode);
    return isHit ? [`${mode} at ${n} (${crossing.label})`] : [];
  });
  return `${what} ${faults.join(', ')}: ${story.complaints.join('; ')}\n  ${story.told.join('\n  ')}\n  ${story.world.done.join(', ')}`;
}

/** Every boundary of a calm story, broken in every way, once each: all boundaries before any comes again. */
export async function* singles(setup: StorySetup, name: string): AsyncGenerator<NamedSetup> {
  const calm = await playSlots(setup);
  if (calm.complaints.length > 0) throw new Error(tell(name, new Map(), calm));
  if (!calm.told.some((told) => /^first: .*done/.test(told)))
    throw new Error(`${name}: without any fault it is not done\n${calm.told.join('\n')}`);
  const boundaries = calm.crossed.slice(0, calm.steps);
  const rounds = Math.max(...Object.values(modesOf).map((modes) => modes.length));
  for (let round = 0; round < rounds; round += 1) {
    for (const { n, op } of boundaries) {
      const mode = modesOf[op][round];
      if (mode !== undefined) yield { name, setup: { ...setup, schedule: new Map([[n, mode]]) } };
    }
  }
}

/** A list in a random order. */
export function shuffled<T>(random: () => number, list: readonly T[]): T[] {
  return list
    .map((one) => [random(), one] as const)
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one);
}

/** What random stories may have besides faults. */
export interface Chances {
  readonly third: boolean;
  readonly second: boolean;
  readonly hosts: boolean;
}

/** The story of a seed. */
export function randomSetup(seed: number, chances: Chances): StorySetup {
  const random = randomFrom(seed);
  const faultRate = random() * 0.1;
  const schedule = new Map<number, Mode>();
  for (let n = 1; n < 800; n += 1) if (random() < faultRate) schedule.set(n, pick(random, allModes));
  const hostRate = chances.hosts ? random() * 0.03 : 0;
  const stores = chances.third ? ['imap21', 'imap22', 'imap23'] : ['imap21', 'imap22'];
  const start = pick(random, ['alive', 'alive', 'cut', 'off', 'off', 'hangs', 'no ssh']);
  const skews = stores.map(() => (random() < 0.3 ? Math.floor(random() * 600) - 300 : 0));
  const confPerRole = random() < 0.7;
  const fenced = random() < 0.3 ? 'console: no power' : undefined;
  const bootMs = random() < 0.5 ? BOOT_MS : BOOT_AT_ONCE_MS;
  return {
    schedule,
    slots: pick(random, [1, 1, 1, 2]),
    third: chances.third,
    hooks: random() < 0.2,
    next: pick(random, ['resume', 'resume', 'undo', 'other-after-expiry', 'other-takes-over'] as const),
    second: chances.second ? { at: 1 + Math.floor(random() * 100), takesOver: random() < 0.5 } : undefined,
    wishes: fenced === undefined ? {} : { fenced },
    before(world) {
      world.confPerRole = confPerRole;
      for (const [index, host] of stores.entries()) world.host(host).skewS = skews[index] ?? 0;
      if (start === 'cut') world.cut('imap21');
      if (start === 'off') world.fail('imap21');
      if (start === 'hangs') world.hang('imap21');
      if (start === 'no ssh') world.loseSsh('imap21');
    },
    onCross(_n, world) {
      if (random() < hostRate) disturb(world, random, stores, bootMs);
    },
  };
}

/** Schedules and events of a seed, for any story: hosts that die, hang, lose their ssh and come back. */
export function randomEvents(seed: number): {
  readonly random: () => number;
  readonly schedule: Schedule;
  events(n: number, world: SlotWorld): void;
} {
  const random = randomFrom(seed);
  const faultRate = random() * 0.08;
  const schedule = new Map<number, Mode>();
  for (let n = 1; n < 800; n += 1) if (random() < faultRate) schedule.set(n, pick(random, allModes));
  const hostRate = random() < 0.4 ? 0 : random() * 0.02;
  const bootMs = random() < 0.5 ? BOOT_MS : BOOT_AT_ONCE_MS;
  return {
    random,
    schedule,
    events(_n, world) {
      const stores = [...world.hosts.keys()].filter((host) => host.startsWith('imap'));
      if (random() < hostRate) disturb(world, random, stores, bootMs);
    },
  };
}

/** ms from the loss of a host's power until its slots run again, at least; and where a machine is back at once. */
const BOOT_MS = 15_000;
const BOOT_AT_ONCE_MS = 0;

function disturb(world: SlotWorld, random: () => number, stores: readonly string[], bootMs: number): void {
  const host = pick(random, ['imap21', ...stores]);
  if (random() < 0.1) {
    world.directoryAway = !world.directoryAway;
    return;
  }
  if (random() < 0.1) {
    world.host(host).full = !world.host(host).full;
    return;
  }
  if (!world.isUp(host)) {
    const { on, disturbedAt } = world.host(host);
    // Few machines serve again within seconds of losing their power.
    if (!on && world.clock.monotonic() - disturbedAt < bootMs) return;
    // What hangs or is cut off may be switched off by somebody, and boots later.
    if (on && random() < 0.2) world.fail(host);
    else world.bringBack(host);
    return;
  }
  pick(random, [
    () => world.fail(host),
    () => world.fail(host),
    () => world.cut(host),
    () => world.hang(host),
    () => world.loseSsh(host),
    () => world.crash(pick(random, [...world.slots.keys()]), host),
  ])();
}

/** Stories of seeds, from 1; MAILCTL_SEED=N: of that seed alone. */
export function* randomStories(chances: Chances, test: string): Generator<NamedSetup> {
  const given = process.env.MAILCTL_SEED;
  for (let seed = given === undefined ? 1 : Number(given); ; seed += 1) {
    const name = `seed ${seed} (MAILCTL_SEED=${seed} npx vitest run --project unit test/crash/${test}.test.ts)`;
    yield { name, setup: randomSetup(seed, chances) };
    if (given !== undefined) return;
  }
}

/** Plays stories of seeds until the steps are reached; with MAILCTL_SEED that one alone, and nothing is counted. */
export function playRandom(chances: Chances, test: string, least: number): Promise<Played> {
  return playWell(randomStories(chances, test), process.env.MAILCTL_SEED === undefined ? least : 0);
}
