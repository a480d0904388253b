// The random suites: which chances each takes. A failing seed is printed with the command that plays it alone.
import { expect, test } from 'vitest';
import { ALL_STEPS, STEPS, CRASH_TIMEOUT as timeout } from './length.js';
import { type Chances, playRandom } from './play.js';

/** One test of random stories until `least` steps were played; they must reach both ends, or they prove little. */
export function testRandom(title: string, file: string, least: number, chances: Chances): void {
  test(title, { timeout }, async () => {
    const { steps, stories, ends } = await playRandom(chances, file, least);
    if (process.env.MAILCTL_SEED !== undefined) return;
    console.log(`${file}: ${stories} stories, ${steps} steps, ${JSON.stringify(Object.fromEntries(ends))}`);
    expect(ends.get('done')).toBeGreaterThan(stories / 2);
    // One that had nothing but leases says failed.
    expect(ends.get('reverted')).toBeGreaterThan(stories / 20);
  });
}

/** Every part asserts its own steps; together they are what is promised. */
export function testSum(): void {
  test('the parts of the suite come to all of its steps', () => {
    expect(Object.values(STEPS).reduce((sum, steps) => sum + steps, 0)).toBeGreaterThanOrEqual(ALL_STEPS);
  });
}
