// Lanes that break anywhere, and an operator who wants to be rid of where they lead: each slot is named with another host.
import { expect, test } from 'vitest';
import { byLength, CRASH_TIMEOUT as timeout } from './length.js';
import { type NamedSetup, playWell, randomSetup, singles, WORLDS } from './play.js';
import type { StorySetup } from './story.js';

const TO = ['imap23', 'imap21', 'imap22'];

const setupOf = (seed: number): StorySetup => ({
  ...randomSetup(seed, { third: true, second: false, hosts: true }),
  next: 'other-takes-over',
  leaves: TO[seed % TO.length],
});

function* stories(): Generator<NamedSetup> {
  const given = process.env.MAILCTL_SEED;
  for (let seed = given === undefined ? 1 : Number(given); ; seed += 1) {
    const name = `seed ${seed} (MAILCTL_SEED=${seed} npx vitest run --project unit test/crash/leaves.test.ts -t random)`;
    yield { name, setup: setupOf(seed) };
    if (given !== undefined) return;
  }
}

async function* everySingle(): AsyncGenerator<NamedSetup> {
  for (const [name, world] of Object.entries(WORLDS))
    for (const leaves of TO)
      yield* singles(
        { ...world, third: true, slots: 1, next: 'other-takes-over', leaves },
        `${name}, then --to ${leaves}`,
      );
}

test('a lane that is left for another host loses nothing', { timeout }, async () => {
  const least = byLength(12_000, 60_000);
  expect((await playWell(everySingle(), least)).steps).toBeGreaterThan(0);
});

test('nor in a random story', { timeout }, async () => {
  const least = process.env.MAILCTL_SEED === undefined ? byLength(8000, 60_000) : 0;
  await playWell(stories(), least);
});

test.each([
  // NEW was away when it was left for OLD, and came back with the files of the first run before that had ended.
  ['the first run does not go on where NEW was left by another', 337],
  // It had stopped a third, whose host was away while another run ended its lane.
  ['a third that the first run stopped is not forgotten', 15],
  // It led back to whom the directory named all along, and NEW was away while another run moved the slot from there.
  ['the way back does not go on where another run has moved the slot', 92_002_034],
])('%s', async (_, seed) => {
  await playWell([{ name: `seed ${seed}`, setup: { ...setupOf(seed), old: 'first' } }], 1);
});

// The lane that left NEW had come to its lease, and no further: whoever went on with it drained a log that knew of nothing.
test.each([92_000_154, 92_000_501])(
  'what NEW has by replication is sent by whoever finishes, seed %i',
  async (seed) => {
    await playWell([{ name: `seed ${seed}`, setup: setupOf(seed) }], 1);
  },
);
