// The reader of plain lines against commander: wherever it answers, commander answers the same.
import { describe, expect, test } from 'vitest';
import type { AnyCommand, ArgSpec, OptionSpec } from '../../../src/cli/command.js';
import { program } from '../../../src/cli/commands.js';
import { globalOptions } from '../../../src/cli/options.js';
import { readPlainLine } from '../../../src/cli/plain-line.js';
import { parseCommandLine } from '../../../src/cli/program.js';
import { randomFrom } from '../../support/random.js';

/** What commander makes of it; undefined: help, or a mistake. */
function byCommander(argv: readonly string[]) {
  try {
    const read = parseCommandLine(program, argv, 80);
    return read.kind === 'run' ? read : undefined;
  } catch {
    return undefined;
  }
}

function mustAgree(argv: readonly string[]): boolean {
  const plain = readPlainLine(program, argv);
  if (plain === undefined) return false;
  const full = byCommander(argv);
  expect({ argv, ...plain, spec: plain.spec.name }).toEqual({ argv, ...full, spec: full?.spec.name });
  return true;
}

/** The words of an example without its shell. */
function wordsOf(example: string): readonly string[] | undefined {
  if (/[|<>$\\]/.test(example)) return undefined;
  return [...example.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
    .map(([, single, double, bare]) => single ?? double ?? bare ?? '')
    .slice(1);
}

const optionsOf = (spec: AnyCommand) =>
  Object.values({ ...spec.options, ...globalOptions }) as readonly OptionSpec<unknown>[];
const namesOf = ({ flags }: OptionSpec<unknown>) => flags.match(/(?<=^|[ ,])--?[\w-]+/g) ?? [];

describe('examples of the help', () => {
  const examples = program.commands.flatMap((spec) =>
    spec.examples.flatMap(([line]) => {
      const words = wordsOf(line);
      const isWhole = spec.name.split(' ').every((word, at) => words?.[at] === word);
      return words === undefined || !isWhole ? [] : [words];
    }),
  );

  test('nearly all are read without commander, and as by it', () => {
    const left = examples.filter((words) => !mustAgree(words)).map((words) => words.join(' '));
    expect(examples.length).toBeGreaterThan(60);
    // A group's own command with arguments: the next word may be one of the group.
    expect(left.filter((line) => !/^probe\b/.test(line))).toEqual([]);
  });
});

describe('lines of any kind', () => {
  const values = ['5m', '3', 'json', 'x', '-', '-o', '--', '', '10k', 'domain,age', 'mx*', '--quiet', 'a=b'];
  const strange = [
    '--',
    '-h',
    '--help',
    '-V',
    '--no-such',
    '-ojson',
    '-qv',
    '-5',
    '-',
    '',
    'help',
    '--config=',
  ];

  function lineOf(spec: AnyCommand, random: () => number): readonly string[] {
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const words = spec.name.split(' ');
    const args = Object.values(spec.args) as readonly ArgSpec<unknown>[];
    const count = Math.floor(random() * 5);
    for (let at = 0; at < count; at += 1) {
      const dice = random();
      if (dice < 0.1) words.push(pick(strange));
      else if (dice < 0.35) words.push(pick(args[0]?.choices ?? values));
      else {
        const option = pick(optionsOf(spec));
        const name = pick(namesOf(option));
        const value = random() < 0.7 && option.choices !== undefined ? pick(option.choices) : pick(values);
        if (option.kind === 'flag') words.push(name);
        else if (random() < 0.3) words.push(`${name}=${value}`);
        else words.push(name, ...(random() < 0.95 ? [value] : []));
      }
    }
    return words;
  }

  test.each(program.commands.map((spec) => [spec.name, spec] as const))(
    '%s is read as by commander',
    (name, spec) => {
      const random = randomFrom(name.length * 7919 + name.charCodeAt(0));
      let read = 0;
      for (let at = 0; at < 60; at += 1) if (mustAgree(lineOf(spec, random))) read += 1;
      const isGroupToo = program.commands.some((other) => other.name.startsWith(`${name} `));
      expect(read > 0).toBe(!isGroupToo);
    },
  );

  test('words that are no command, and commands by another word, are left to commander', () => {
    for (const argv of [
      [],
      ['queue'],
      ['queue', 'statz'],
      ['-q', 'queue', 'stats'],
      ['toString'],
      ['slots', '--help'],
    ])
      expect(readPlainLine(program, argv)).toBeUndefined();
  });
});
