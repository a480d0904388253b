// A command line of the plain kind without commander, which takes a tenth of a bare node start to load and as much again to
// read one: a command's own words first, then options in whole words and arguments. It answers only what commander
// would answer in the same way (a test asks both), and leaves every other line to it: help, mistakes, `--`, options in
// front, short options in one word, other words for a command.
import { UsageError } from '../errors.js';
import type { AnyCommand, ArgSpec, OptionSpec, ProgramSpec } from './command.js';
import type { Globals } from './context.js';
import { globalOptions } from './options.js';
import { parseWord } from './parse-word.js';
import type { RunInvocation } from './program.js';

/** Reads the line; undefined: it is for commander to read, or to refuse. */
export function readPlainLine(program: ProgramSpec, argv: readonly string[]): RunInvocation | undefined {
  const begun = program.commands.filter(({ name }) => name.split(' ').every((word, at) => word === argv[at]));
  // Of `probe` and `probe dns` the longer one.
  const spec = begun.toSorted((a, b) => b.name.length - a.name.length)[0];
  if (spec === undefined) return undefined;
  // The next word may be another word for a command of this group.
  if (program.commands.some(({ name }) => name.startsWith(`${spec.name} `))) return undefined;
  try {
    return readWords(spec, argv.slice(spec.name.split(' ').length));
  } catch (error) {
    // Commander meets the same mistake, and main knows how to tell it.
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function readWords(spec: AnyCommand, words: readonly string[]): RunInvocation | undefined {
  const own = spec.options as Readonly<Record<string, OptionSpec<unknown>>>;
  const known = Object.values({ ...own, ...globalOptions }) as readonly OptionSpec<unknown>[];
  const given = new Map<OptionSpec<unknown>, unknown[]>();
  const operands: string[] = [];
  const rest = words.values();
  for (const word of rest) {
    if (word === '-' || !word.startsWith('-')) {
      operands.push(word);
      continue;
    }
    const isWithValue = /^--[^=]+=/.test(word);
    const name = isWithValue ? word.slice(0, word.indexOf('=')) : word;
    const option = known.find(({ flags }) => isNamed(flags, name));
    if (option === undefined) return undefined;
    const values = given.get(option) ?? [];
    given.set(option, values);
    if (option.kind === 'flag') {
      if (isWithValue) return undefined;
      values.push(true);
      continue;
    }
    // The next word is the value whatever it looks like.
    const value = isWithValue ? word.slice(name.length + 1) : rest.next().value;
    if (value === undefined) return undefined;
    values.push(parseWord(value, name, option));
  }
  const args = readOperands(
    Object.entries(spec.args as Readonly<Record<string, ArgSpec<unknown>>>),
    operands,
  );
  if (args === undefined) return undefined;
  return {
    kind: 'run',
    spec,
    options: { ...valuesOf(own, given), ...args },
    globals: valuesOf(globalOptions, given) as unknown as Globals,
  };
}

/** `-H, --host <name>` is named -H and --host. */
function isNamed(flags: string, name: string): boolean {
  const rest = flags.slice(name.length);
  if (flags.startsWith(name) && (rest === '' || rest.startsWith(' ') || rest.startsWith(','))) return true;
  const after = flags.indexOf(', ');
  return after >= 0 && isNamed(flags.slice(after + 2), name);
}

function valuesOf(
  specs: Readonly<Record<string, OptionSpec<unknown>>>,
  given: ReadonlyMap<OptionSpec<unknown>, readonly unknown[]>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const values = given.get(spec);
      if (spec.kind === 'flag') return [name, values !== undefined];
      if (spec.kind === 'list') return [name, values ?? []];
      return [name, values === undefined ? spec.fallback : values.at(-1)];
    }),
  );
}

/** Values by name; undefined: too few or too many. */
function readOperands(
  specs: readonly (readonly [string, ArgSpec<unknown>])[],
  operands: readonly string[],
): Record<string, unknown> | undefined {
  const values: Record<string, unknown> = {};
  let at = 0;
  for (const [name, spec] of specs) {
    const isMany = spec.kind === 'variadic' || spec.kind === 'variadic-optional';
    const isNeeded = spec.kind === 'required' || spec.kind === 'variadic';
    const own = operands.slice(at, isMany ? undefined : at + 1);
    if (isNeeded && own.length === 0) return undefined;
    const parsed = own.map((word) => parseWord(word, spec.name, spec));
    values[name] = isMany ? parsed : parsed[0];
    at += own.length;
  }
  return at < operands.length ? undefined : values;
}
