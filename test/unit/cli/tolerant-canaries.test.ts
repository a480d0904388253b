import { expect, test } from 'vitest';
import { tolerantCanaries } from '../../../src/cli/tolerant-canaries.js';
import { MailctlError } from '../../../src/errors.js';

const failing = (code: string) => () =>
  Promise.reject(new MailctlError(`${code} happened`, { code, exitCode: 1, hint: 'do this' }));

function access(code: string) {
  const warnings: string[] = [];
  const canaries = tolerantCanaries({
    toWrite: failing(code),
    toRead: failing(code),
    warn: (text, hint) => warnings.push(`${text} (${hint})`),
  });
  return { canaries, warnings };
}

test('a database that is away costs one warning, however often it is asked', async () => {
  const { canaries, warnings } = access('state.unreachable');
  await canaries.store([]);
  await canaries.store([]);
  expect(await canaries.latest([])).toEqual([]);
  expect(warnings).toEqual(['the canaries are not stored: state.unreachable happened (do this)']);
});

test('a database that nobody made yet has no canaries, and that is no warning', async () => {
  const { canaries, warnings } = access('state.missing');
  expect(await canaries.latest([])).toEqual([]);
  expect(warnings).toEqual([]);
});
