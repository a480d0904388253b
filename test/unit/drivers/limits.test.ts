// What mail servers say of how long a message may wait.
import { expect, it } from 'vitest';
import { parseRetryRule } from '../../../src/drivers/exim/limits.js';
import { parseLimits } from '../../../src/drivers/postfix/limits.js';

it.each([
  ['5d\n20000\n', 432_000, 20_000],
  ['100h\n1000\n', 360_000, 1000],
  ['5\n20000\n', 432_000, 20_000],
  ['0\n0\n', 0, null],
  ['2w\n\n', 1_209_600, null],
  ['', null, null],
  ['postconf: warning\n', null, null],
])('of Postfix %j', (text, lifetimeS, activeMessages) => {
  expect(parseLimits(text)).toEqual({ lifetimeS, activeMessages });
});

it.each([
  ['Retry rule: *  F,2h,15m; G,16h,1h,1.5; F,4d,6h;\n', 345_600],
  ['Retry rule: *.example  F,1d12h,15m;\n', 129_600],
  ['No retry information found\n', null],
  ['', null],
  [`Retry rule: ${'F,'.repeat(5000)}\n`, null],
])('of Exim %j', (text, seconds) => {
  expect(parseRetryRule(text)).toBe(seconds);
});
