import { expect, test } from 'vitest';
import { reportError, worstExit } from '../../../src/cli/report.js';
import { CommandError, EXIT, TransportError, UsageError } from '../../../src/errors.js';

test('130 comes before 5 before 3 before 1, and any of them before 0', () => {
  expect(worstExit(0, 1, 3, 5, 130)).toBe(130);
  expect(worstExit(0, 1, 3, 5)).toBe(5);
  expect(worstExit(1, 3, 0)).toBe(3);
  expect(worstExit(0, 1)).toBe(1);
  expect(worstExit(0, 0)).toBe(0);
  expect(worstExit()).toBe(0);
});

test('refused and busy stand when nothing worse does', () => {
  expect(worstExit(0, EXIT.refused)).toBe(4);
  expect(worstExit(EXIT.busy)).toBe(6);
  expect(worstExit(EXIT.refused, EXIT.partial)).toBe(3);
  expect(worstExit(EXIT.usage, EXIT.interrupted)).toBe(130);
});

test('an error about a host names it', () => {
  const { report, exitCode } = reportError(
    new TransportError('imap22', 'hung', 'imap22 hangs', { hint: 'console' }),
  );
  expect(report).toEqual({
    host: 'imap22',
    code: 'transport.hung',
    message: 'imap22 hangs',
    detail: null,
    hint: 'console',
  });
  expect(exitCode).toBe(3);
  expect(reportError(new CommandError('mx1', 'postqueue', 1, 'no')).report).toMatchObject({
    host: 'mx1',
    detail: 'no',
  });
});

test('an error about no host has none', () => {
  expect(reportError(new UsageError('no')).report).toMatchObject({ host: null, code: 'usage' });
});

test('anything else is a fault of ours and says so, also what is no Error', () => {
  expect(reportError(new TypeError('x is undefined'))).toMatchObject({
    exitCode: 1,
    report: { code: 'internal' },
  });
  expect(reportError(new TypeError('x is undefined')).report.message).toBe(
    'mailctl itself failed: x is undefined',
  );
  expect(reportError('a string').report.message).toBe('mailctl itself failed: a string');
});
