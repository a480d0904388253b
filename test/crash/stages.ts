// The main stories of the slot lanes, each with one replica and with two: a master that answers is moved away from
// (planned), one that has died is failed over, one that has come back rejoins. pair-*.test.ts plays them.
import { expect, test } from 'vitest';
import { pick } from '../support/random.js';
import { playEveryPair, type Share, type Stage } from './every-pair.js';
import { byLength, CRASH_TIMEOUT as timeout } from './length.js';
import { randomEvents, WORLDS } from './play.js';
import { playRejoin } from './rejoin-story.js';
import { playSlots, type StorySetup } from './story.js';

/** A failover of one slot. */
export const failoverStage = (world: string, third: boolean): Stage<StorySetup['next']> => ({
  name: `${world}, ${third ? 'two replicas' : 'one replica'}`,
  nexts: ['resume', 'other-after-expiry', 'undo', 'other-takes-over'],
  play: (schedule, next) => playSlots({ slots: 1, third, ...WORLDS[world], schedule, next }),
});

/** A former master that comes back as one, and takes mail until it is stopped. */
export const rejoinStage = (third: boolean): Stage<'resume' | 'other-after-expiry' | 'other-takes-over'> => ({
  name: `OLD is back, ${third ? 'two replicas' : 'one replica'}`,
  nexts: ['resume', 'other-after-expiry', 'other-takes-over'],
  play: (schedule, next) => playRejoin({ stray: true, third, schedule, next }),
});

/** One test: all of a stage, at least so many steps; the quick suite plays a share of it. */
export function testPairs<Next extends string>(
  stage: Stage<Next>,
  file: string,
  least: number,
  share: Share,
): void {
  const what = share.singly === true ? 'every boundary' : 'every pair of boundaries';
  test(`${what}: ${stage.name}`, { timeout }, async () => {
    const singly = share.singly === true;
    const played = await playEveryPair(stage, file, byLength(share, { every: 1, singly }));
    const { steps, singles, pairs, extra, kinds } = played;
    const two = singly ? '' : `, ${pairs} pairs and ${extra} more, ${kinds.join(' of ')} pairs of kinds`;
    console.log(`${stage.name}: ${steps} steps, ${singles} single faults${two}`);
    if (process.env.MAILCTL_FAULTS === undefined) expect(steps).toBeGreaterThanOrEqual(least);
  });
}

/** Failures after which it is not worth going on. */
const ENOUGH = 3;

/** One test: random faults and events on the way of a stage, until so many steps were played. */
export function testStageAtRandom<Next extends string>(
  stage: Stage<Next>,
  file: string,
  least: number,
): void {
  test(`random schedules: ${stage.name}`, { timeout }, async () => {
    const given = process.env.MAILCTL_SEED;
    const failures: string[] = [];
    let [steps, stories] = [0, 0];
    for (let seed = Number(given ?? 1); steps < least && failures.length < ENOUGH; seed += 1) {
      const { schedule, events, random } = randomEvents(seed);
      const story = await stage.play(schedule, pick(random, stage.nexts), events);
      steps += story.steps;
      stories += 1;
      if (story.complaints.length > 0) {
        const again = `MAILCTL_SEED=${seed} npx vitest run --project unit test/crash/${file}.test.ts -t '${stage.name}'`;
        failures.push([`${story.complaints.join('; ')} (${again})`, ...story.told].join('\n  '));
      }
      if (given !== undefined) break;
    }
    expect(failures).toEqual([]);
    console.log(`${stage.name}: ${stories} random stories, ${steps} steps`);
  });
}
