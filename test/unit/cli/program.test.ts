import { expect, test } from 'vitest';
import { defineCommand, type ProgramSpec } from '../../../src/cli/command.js';
import {
  arg,
  args,
  choice,
  duration,
  flag,
  list,
  optionalArg,
  text,
  value,
  valueOr,
} from '../../../src/cli/options.js';
import { parseCommandLine } from '../../../src/cli/program.js';
import { MailctlError } from '../../../src/errors.js';

const common = {
  examples: [],
  sections: [],
  json: { schema: 'mailctl/test/v1', empty: () => ({}) },
  run: async () => 0,
} as const;

const failover = defineCommand({
  ...common,
  name: 'failover',
  summary: 'Move slots',
  args: { targets: args('TARGET', 'hosts or slots') },
  options: {
    to: value('--to <host>', 'where to', text),
    maxLag: valueOr('--max-lag <duration>', 'limit', duration, 300_000),
    acceptLoss: list('--accept-loss <slot>', 'by name', text),
    yes: flag('--yes', 'do not ask'),
    mode: choice('--mode <mode>', 'how', ['fast', 'safe']),
  },
});
const slotsList = defineCommand({
  ...common,
  name: 'slots list',
  summary: 'List',
  groupDefault: true,
  args: {},
  options: { all: flag('--all', 'all') },
});
const slotsShow = defineCommand({
  ...common,
  name: 'slots show',
  aliases: ['view'],
  summary: 'Show',
  args: { slot: arg('SLOT', 'one') },
  options: {},
});
const runsShow = defineCommand({
  ...common,
  name: 'runs show',
  summary: 'Show',
  args: { run: optionalArg('RUN', 'one') },
  options: {},
});
const runsList = defineCommand({ ...common, name: 'runs list', summary: 'List', args: {}, options: {} });

const program: ProgramSpec = {
  version: '1.2.3',
  commands: [failover, slotsList, slotsShow, runsShow, runsList],
  groups: [
    { name: 'slots', summary: 'Stores' },
    { name: 'runs', summary: 'Runs' },
  ],
};

function parse(...argv: string[]) {
  const result = parseCommandLine(program, argv, 80);
  if (result.kind !== 'run') throw new Error(`text: ${result.text}`);
  return result;
}

function refusal(...argv: string[]): MailctlError {
  try {
    parseCommandLine(program, argv, 80);
  } catch (error) {
    if (error instanceof MailctlError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

test('what was not given has its fallback: false, undefined, an empty list', () => {
  expect(parse('failover', 'imap21').options).toEqual({
    targets: ['imap21'],
    to: undefined,
    maxLag: 300_000,
    acceptLoss: [],
    yes: false,
    mode: undefined,
  });
});

test('options and arguments come parsed, lists in their order', () => {
  const { spec, options } = parse(
    ...['failover', 'imap21', 'store3', '--to', 'imap22', '--max-lag=10m', '--yes', '--mode', 'safe'],
    ...['--accept-loss', 'store1', '--accept-loss=store2'],
  );
  expect(spec.name).toBe('failover');
  expect(options).toEqual({
    targets: ['imap21', 'store3'],
    to: 'imap22',
    maxLag: 600_000,
    acceptLoss: ['store1', 'store2'],
    yes: true,
    mode: 'safe',
  });
});

test('global options are taken before, between and after the words, the nearest to the end counts', () => {
  for (const argv of [
    ['-o', 'json', 'slots', 'list'],
    ['slots', '-o', 'json', 'list'],
    ['slots', 'list', '-o', 'json'],
    ['-o', 'tsv', 'slots', 'list', '--output=json'],
    ['slots', 'list', '-ojson'],
  ]) {
    expect(parse(...argv).globals).toMatchObject({
      output: 'json',
      concurrency: 16,
      noColor: false,
      quiet: false,
    });
  }
  expect(
    parse('--no-color', 'slots', 'list', '-q', '--timeout', '5s', '--concurrency', '4').globals,
  ).toMatchObject({
    noColor: true,
    quiet: true,
    timeoutMs: 5000,
    concurrency: 4,
  });
});

test('a value may look like an option, and a value of a command is never taken for a global one', () => {
  expect(parse('failover', 'x', '--accept-loss', '-o').options).toMatchObject({ acceptLoss: ['-o'] });
  expect(parse('failover', '--', '--yes').options).toMatchObject({ targets: ['--yes'], yes: false });
});

test('a group alone is its default command where it has one, with that command’s options', () => {
  expect(parse('slots').spec.name).toBe('slots list');
  expect(parse('slots', '--all', '-o', 'json')).toMatchObject({
    options: { all: true },
    globals: { output: 'json' },
  });
});

test('a group without a default command prints its help, which is no success', () => {
  const result = parseCommandLine(program, ['runs'], 80);
  expect(result).toMatchObject({ kind: 'text', exitCode: 2 });
  expect(result.kind === 'text' && result.text).toContain('Usage: mailctl runs COMMAND');
});

test('no words at all print the short help, which is no success', () => {
  const result = parseCommandLine(program, [], 80);
  expect(result).toMatchObject({ kind: 'text', exitCode: 2 });
  expect(result.kind === 'text' && result.text).not.toContain('--state-dir');
});

test('an alias is the command', () => {
  expect(parse('slots', 'view', 'store1')).toMatchObject({
    spec: { name: 'slots show' },
    options: { slot: 'store1' },
  });
});

test('help is text and exit 0, at every level and behind other options', () => {
  for (const [argv, words] of [
    [['--help'], 'Usage: mailctl COMMAND'],
    [['slots', '--help'], 'Usage: mailctl slots COMMAND'],
    [['slots', 'show', '-h', 'x'], 'Usage: mailctl slots show SLOT'],
    [['failover', '--yes', '--help'], 'Usage: mailctl failover TARGET...'],
  ] as const) {
    const result = parseCommandLine(program, argv, 80);
    expect(result).toMatchObject({ kind: 'text', exitCode: 0 });
    expect(result.kind === 'text' && result.text).toContain(words);
  }
  expect(parseCommandLine(program, ['--version', '--debug'], 80)).toEqual({
    kind: 'text',
    text: 'mailctl 1.2.3\n',
    exitCode: 0,
  });
});

test.each([
  ['an unknown command', ['failovr', 'x'], "unknown command 'failovr'", 'did you mean failover?'],
  [
    'an unknown command of a group',
    ['runs', 'lst'],
    "unknown command 'lst' of mailctl runs",
    'did you mean mailctl runs list?',
  ],
  [
    'an unknown command of a group with a default',
    ['slots', 'shwo'],
    "unknown command 'shwo' of mailctl slots",
    'did you mean mailctl slots show?',
  ],
  [
    'an unknown option',
    ['failover', 'x', '--max-lagg', '5m'],
    "unknown option '--max-lagg'",
    'did you mean --max-lag?',
  ],
  [
    'a missing argument',
    ['failover'],
    "missing required argument 'TARGET'",
    'mailctl failover --help says how it is called',
  ],
  [
    'one argument too many',
    ['slots', 'show', 'a', 'b'],
    'too many arguments',
    'mailctl slots show --help says how it is called',
  ],
  [
    'an option without its value',
    ['failover', 'x', '--to'],
    "option '--to <host>' argument missing",
    'mailctl failover --help says how it is called',
  ],
  ['a bad duration', ['failover', 'x', '--max-lag', '5'], '--max-lag: "5" is no duration', 'for example 90s'],
  [
    'a value that is no choice',
    ['failover', 'x', '--mode', 'slow'],
    '--mode: "slow" is none of its values',
    'one of fast, safe',
  ],
  ['a bad global option', ['slots', '--concurrency', '0'], '--concurrency: "0" is no number', ''],
  ['an empty name', ['failover', ''], 'TARGET: an empty word is no value', ''],
])('%s is a usage error that says what would be right', (_title, argv, message, hint) => {
  const error = refusal(...argv);
  expect(error.exitCode).toBe(2);
  expect(error.message).toContain(message);
  expect(error.hint ?? '').toContain(hint);
});
