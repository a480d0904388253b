/**
 * What the replays of outages share: they say what happens, run the product as an operator would and show what it
 * said, count afterwards on the servers themselves, and end badly at the first thing that is not as it should be.
 */

import type { Lab } from '../lab/lab.js';
import { type Ran, startMailctl } from '../lab/mailctl.js';

/** Something is not as it should be. */
export class ReplayError extends Error {}

const began = performance.now();

/** Seconds since the replay began. */
export const clock = (): string => `${((performance.now() - began) / 1000).toFixed(1).padStart(6)}s`;

/** A line of the story. */
export function say(text = ''): void {
  process.stdout.write(text === '' ? '\n' : `${clock()}  ${text}\n`);
}

/** A fact, asked of the servers. */
export function check(what: string, isTrue: boolean, more = ''): void {
  if (!isTrue) throw new ReplayError(`not as it should be: ${what}${more === '' ? '' : `\n${more}`}`);
  process.stdout.write(`${clock()}  ok  ${what}\n`);
}

/** Runs the product, prints what it said, and demands this exit code (or one of them). */
export async function mailctl(
  lab: Lab,
  words: readonly string[],
  exit: number | readonly number[],
  { quiet = false } = {},
): Promise<Ran> {
  const ran = await startMailctl(lab, [...words, ...(words.includes('-o') ? [] : ['-o', 'table'])]).ended;
  process.stdout.write(`\n$ mailctl ${words.join(' ')}\n`);
  if (!quiet) process.stdout.write(`${ran.stderr}${ran.stdout}`);
  process.stdout.write(`(exit ${ran.code}, ${(ran.tookMs / 1000).toFixed(1)} s)\n\n`);
  const wanted = typeof exit === 'number' ? [exit] : exit;
  check(`it exits ${wanted.join(' or ')}`, ran.code !== null && wanted.includes(ran.code), ran.stderr);
  return ran;
}

/** Waits for something, with a deadline. */
export async function until(
  what: string,
  seconds: number,
  ask: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    if (await ask()) return check(what, true);
    if (performance.now() > end) throw new ReplayError(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
