import { expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.js';
import { chooseFormat } from '../../../src/output/choose.js';

test('a terminal gets a table and a pipe gets tab-separated values', () => {
  expect(chooseFormat(undefined, {}, true)).toBe('table');
  expect(chooseFormat(undefined, {}, false)).toBe('tsv');
});

test('MAILCTL_OUTPUT changes the default, on a terminal too, and --output comes before it', () => {
  expect(chooseFormat(undefined, { MAILCTL_OUTPUT: 'table' }, false)).toBe('table');
  expect(chooseFormat(undefined, { MAILCTL_OUTPUT: 'json' }, true)).toBe('json');
  expect(chooseFormat('ndjson', { MAILCTL_OUTPUT: 'table' }, true)).toBe('ndjson');
});

test('an empty MAILCTL_OUTPUT is none', () => {
  expect(chooseFormat(undefined, { MAILCTL_OUTPUT: '' }, true)).toBe('table');
});

test('an unknown form is a usage error that names where it came from', () => {
  expect(() => chooseFormat('xml', {}, true)).toThrow(UsageError);
  expect(() => chooseFormat('xml', {}, true)).toThrow(/^--output is "xml"/);
  expect(() => chooseFormat(undefined, { MAILCTL_OUTPUT: 'Table' }, true)).toThrow(
    /^MAILCTL_OUTPUT is "Table"/,
  );
});

test('a bad MAILCTL_OUTPUT does not matter when --output is given', () => {
  expect(chooseFormat('json', { MAILCTL_OUTPUT: 'xml' }, true)).toBe('json');
});
