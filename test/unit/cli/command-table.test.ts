import { expect, test } from 'vitest';
import { programFor, tableNames } from '../../../src/cli/command-table.js';
import { program } from '../../../src/cli/commands.js';
import { parseCommandLine } from '../../../src/cli/program.js';

test.each(tableNames)(
  '%s is the command that the whole program has, and the first word of no other',
  async (name) => {
    const found = await programFor(name.split(' '));
    expect(found?.commands).toEqual([program.commands.find((spec) => spec.name === name)]);
    expect(program.commands.filter((spec) => spec.name.startsWith(`${name} `))).toEqual([]);
  },
);

test.each([
  [[]],
  [['queue']],
  [['queue', 'statz']],
  [['-q', 'queue', 'stats']],
  [['toString']],
  [['slots', '--help']],
])('%j is for the whole program to read', async (argv) => {
  expect(await programFor(argv)).toBeUndefined();
});

test.each([
  ['queue', 'stats', '-o', 'json', '--by', 'domain,age', '-H', 'mx1', '-H', 'mx2', '--debug'],
  ['queue', 'list', '--limit', '5', '--timeout', '3s'],
  ['failover', 'imap21', '--dry-run', '--read-only', 'user07', '--config', 'x'],
])('what a line gives is the same as by the whole program: %s %s', async (...argv) => {
  const only = await programFor(argv);
  if (only === undefined) throw new Error('not in the table');
  expect(parseCommandLine(only, argv, 80)).toEqual(parseCommandLine(program, argv, 80));
});

test.each([
  ['queue', 'stats', '--no-such'],
  ['queue', 'stats', 'word'],
  ['queue', 'stats', '--top'],
  ['slots', 'list', '--timeout', 'soon'],
])('a mistake is told as by the whole program: %s %s', async (...argv) => {
  const said = (work: () => unknown) => {
    try {
      return work();
    } catch (error) {
      return [(error as Error).message, (error as { hint?: string }).hint];
    }
  };
  const only = await programFor(argv);
  if (only === undefined) throw new Error('not in the table');
  expect(said(() => parseCommandLine(only, argv, 80))).toEqual(
    said(() => parseCommandLine(program, argv, 80)),
  );
});
