import { expect, test } from 'vitest';
import { destinationOf, mustBeKnown } from '../../../src/cli/drain/known-limits.js';

const of = (domain: string) => (domain === 'example.org' ? 'google' : domain);
const known = destinationOf(['google'], ['example.org', 'example.net'], of);
const check = (limits: readonly (readonly [string, number])[], inFlight: typeof limits = []) =>
  mustBeKnown({ limits, inFlight }, known, (name) => name === 'yahoo');

test('a destination, a domain of its own, and one of the configuration can be limited', () => {
  expect(() => check([['google', 2]], [['', 5]])).not.toThrow();
  expect(() => check([['example.net', 2]])).not.toThrow();
  expect(() => check([['yahoo', 2]])).not.toThrow();
});

test('a domain that counts for another destination is refused with the name that holds', () => {
  expect(() => check([['example.org', 2]])).toThrow(
    expect.objectContaining({ exitCode: 2, hint: '--limit google=2' }),
  );
  expect(() => check([], [['example.org', 7]])).toThrow(
    expect.objectContaining({ hint: '--in-flight google=7' }),
  );
});

test('a name that nobody has is refused, with one that is near', () => {
  expect(() => check([['gogle', 2]])).toThrow(expect.objectContaining({ hint: 'did you mean google?' }));
});
