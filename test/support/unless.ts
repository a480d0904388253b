// Tests that only some machines can run. Where one cannot, its title says why; scripts/test.mjs makes every skipped
// test an error where CI=true.
import { describe, it } from 'vitest';

/** As `describe`, skipped when there is a reason. */
export function describeUnless(reason: string | undefined, name: string, body: () => void): void {
  if (reason === undefined) describe(name, body);
  else describe.skip(`${name} (skipped: ${reason})`, body);
}

/** As `it`, skipped when there is a reason. */
export function itUnless(reason: string | undefined, name: string, body: () => void | Promise<void>): void {
  if (reason === undefined) it(name, body);
  else it.skip(`${name} (skipped: ${reason})`, body);
}

/** Why a test that needs root cannot run. */
export const notRoot = process.getuid?.() === 0 ? undefined : 'it needs root';

/** Is the long play asked for? */
export const isLong = process.env.MAILCTL_LONG === '1';

/** As `test`, for what only the long play has: elsewhere it is not there. */
export const longTest: (name: string, body: () => Promise<void>, ms: number) => void = isLong ? it : () => {};
