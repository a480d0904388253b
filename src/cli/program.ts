// Command specs to a commander tree, and a command line to one of the specs with its values. Nothing runs here
// and nothing is printed: help comes back as text, every mistake as a UsageError (exit 2) with what would be right.
import { Argument, Command, CommanderError, type Help, Option } from 'commander';
import { EXIT, UsageError } from '../errors.js';
import type { AnyCommand, ArgSpec, Example, OptionSpec } from './command.js';
import type { Globals } from './context.js';
import { globalOptions } from './options.js';

/** A group of commands, `slots` of `slots list`. */
export interface GroupSpec {
  readonly name: string;
  readonly summary: string;
}

/** All that the command line knows. */
export interface ProgramSpec {
  readonly version: string;
  readonly commands: readonly AnyCommand[];
  readonly groups: readonly GroupSpec[];
}

/** What a command line asks for. */
export type Invocation =
  | {
      readonly kind: 'run';
      readonly spec: AnyCommand;
      readonly options: Readonly<Record<string, unknown>>;
      readonly globals: Globals;
    }
  /** Text to print: help that was asked for (exit 0, stdout), or a group without its command (exit 2, stderr). */
  | { readonly kind: 'text'; readonly text: string; readonly exitCode: number };

/** Where the program's words are wrapped, and what it does with text. */
export interface ProgramIo {
  readonly width: number;
}

const GLOBAL_GROUP = 'Global options:';

/** Reads a command line. @throws UsageError for every mistake in it. */
export function parseCommandLine(program: ProgramSpec, argv: readonly string[], io: ProgramIo): Invocation {
  let found: Invocation | undefined;
  let text = '';
  const root = buildTree(
    program,
    io,
    (print) => {
      text += print;
    },
    (invocation) => {
      found = invocation;
    },
  );
  try {
    root.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') {
      return { kind: 'text', text, exitCode: EXIT.done };
    }
    // A group alone: nothing was asked for, which a script must not take for success.
    if (error.code === 'commander.help') return { kind: 'text', text, exitCode: EXIT.usage };
    throw usageError(error);
  }
  if (found === undefined) return { kind: 'text', text: root.helpInformation(), exitCode: EXIT.usage };
  return found;
}

/** The help of a command or a group, by its words; the whole program's for none. @throws UsageError */
export function helpFor(program: ProgramSpec, words: readonly string[], io: ProgramIo): string {
  const result = parseCommandLine(program, [...words, '--help'], io);
  return result.kind === 'text' ? result.text : '';
}

type OnText = (text: string) => void;
type OnRun = (invocation: Invocation) => void;

function buildTree(program: ProgramSpec, io: ProgramIo, onText: OnText, onRun: OnRun): Command {
  const root = new Command('mailctl');
  root
    .description('A toolkit for mail operators.')
    .version(`mailctl ${program.version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: onText,
      writeErr: onText,
      outputError: () => {},
      getOutHelpWidth: () => io.width,
      getErrHelpWidth: () => io.width,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ subcommandTerm, optionDescription: (option) => option.description })
    .addHelpText(
      'after',
      '\nmailctl COMMAND --help says more; mailctl help exit-codes lists the exit codes.',
    );
  addOptions(root, globalOptions, GLOBAL_GROUP);

  const groups = new Map<string, Command>();
  for (const spec of program.commands) {
    const words = spec.name.split(' ');
    const last = words.at(-1) ?? spec.name;
    let parent = root;
    if (words.length > 1) {
      const name = words[0] ?? '';
      const known = groups.get(name);
      if (known === undefined) {
        parent = root.command(name).helpCommand(false);
        parent.summary(program.groups.find((group) => group.name === name)?.summary ?? '');
        parent.description(parent.summary());
        addOptions(parent, globalOptions, GLOBAL_GROUP);
        groups.set(name, parent);
      } else parent = known;
    }
    addCommand(parent, last, spec, onRun);
  }
  return root;
}

function addCommand(parent: Command, name: string, spec: AnyCommand, onRun: OnRun): void {
  const command = parent.command(name, { isDefault: false, hidden: spec.hidden === true });
  command
    .summary(spec.summary)
    .description(
      spec.description === undefined ? `${spec.summary}.` : `${spec.summary}.\n\n${spec.description}`,
    )
    .aliases([...(spec.aliases ?? [])])
    .helpCommand(false)
    .addHelpText('after', examplesText(spec.examples));
  addOptions(command, spec.options, undefined);
  addOptions(command, globalOptions, GLOBAL_GROUP);
  for (const [, arg] of Object.entries(spec.args) as [string, ArgSpec<unknown>][]) {
    command.addArgument(makeArgument(arg));
  }
  command.action(() => onRun(invocationOf(command, spec)));
  if (spec.groupDefault === true) {
    // Not commander's default command: it would swallow a mistyped word as an argument.
    addOptions(parent, spec.options, undefined);
    parent.action(() => {
      const word = parent.args[0];
      if (word !== undefined) throw unknownCommand(parent, word);
      onRun(invocationOf(parent, spec));
    });
    parent.allowExcessArguments();
  }
}

function unknownCommand(parent: Command, word: string): UsageError {
  const names = parent.commands.map((command) => command.name());
  return new UsageError(`${JSON.stringify(word)} is no command of ${commandPath(parent)}`, {
    code: 'usage.command',
    hint: `one of ${names.map((name) => `${commandPath(parent)} ${name}`).join(', ')}`,
  });
}

function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}

function addOptions(
  command: Command,
  specs: Readonly<Record<string, unknown>>,
  group: string | undefined,
): void {
  for (const spec of Object.values(specs) as OptionSpec<unknown>[]) {
    const option = makeOption(spec);
    if (group !== undefined) option.helpGroup(group);
    command.addOption(option);
  }
}

function makeOption(spec: OptionSpec<unknown>): Option {
  const notes = [
    ...(spec.choices === undefined ? [] : [spec.choices.join(', ')]),
    ...(spec.fallbackText !== undefined
      ? [`default: ${spec.fallbackText}`]
      : spec.fallback !== undefined
        ? [`default: ${String(spec.fallback)}`]
        : []),
  ];
  const option = new Option(
    spec.flags,
    notes.length === 0 ? spec.help : `${spec.help} (${notes.join('; ')})`,
  );
  if (spec.kind !== 'flag') {
    const name = option.long ?? spec.flags;
    option.argParser((word: string, before: unknown) => {
      const parsed = parseWord(word, name, spec);
      return spec.kind === 'list' ? [...((before as unknown[] | undefined) ?? []), parsed] : parsed;
    });
  }
  return option;
}

function makeArgument(spec: ArgSpec<unknown>): Argument {
  const isMany = spec.kind === 'variadic' || spec.kind === 'variadic-optional';
  const word = isMany ? `${spec.name}...` : spec.name;
  const isNeeded = spec.kind === 'required' || spec.kind === 'variadic';
  const help = spec.choices === undefined ? spec.help : `${spec.help} (${spec.choices.join(', ')})`;
  return new Argument(isNeeded ? `<${word}>` : `[${word}]`, help).argParser(
    (text: string, before: unknown) => {
      const parsed = parseWord(text, spec.name, spec);
      return isMany ? [...((before as unknown[] | undefined) ?? []), parsed] : parsed;
    },
  );
}

/** Checks the choices, then parses; a mistake names the option and its value. */
function parseWord(
  word: string,
  name: string,
  spec: { readonly parse: (word: string) => unknown; readonly choices?: readonly string[] | undefined },
): unknown {
  if (spec.choices !== undefined && !spec.choices.includes(word)) {
    throw new UsageError(`${name}: ${JSON.stringify(word)} is none of its values`, {
      hint: `one of ${spec.choices.join(', ')}`,
    });
  }
  try {
    return spec.parse(word);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${name}: ${error.message}`, {
      code: error.code,
      detail: error.detail,
      hint: error.hint,
    });
  }
}

/** What the command was given, under the names that its `run` knows. */
function invocationOf(command: Command, spec: AnyCommand): Invocation {
  const args = Object.entries(spec.args as Record<string, ArgSpec<unknown>>).map(([name, arg], at) => {
    const given: unknown = command.processedArgs[at];
    const isMany = arg.kind === 'variadic' || arg.kind === 'variadic-optional';
    return [name, isMany ? (given ?? []) : given] as const;
  });
  return {
    kind: 'run',
    spec,
    options: { ...readOptions([command], spec.options), ...Object.fromEntries(args) },
    globals: readOptions(pathOf(command), globalOptions) as unknown as Globals,
  };
}

/** The command and those above it, nearest first. */
function pathOf(command: Command): readonly Command[] {
  return command.parent === null ? [command] : [command, ...pathOf(command.parent)];
}

/** What was given nearest to the command's words counts. */
function readOptions(
  commands: readonly Command[],
  specs: Readonly<Record<string, OptionSpec<unknown>>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const option = new Option(spec.flags);
      const key = option.attributeName();
      const giver = commands.find((command) => command.getOptionValueSource(key) === 'cli');
      if (spec.kind === 'flag') return [name, giver !== undefined];
      if (giver !== undefined) return [name, giver.getOptionValue(key) as unknown];
      return [name, spec.kind === 'list' ? [] : spec.fallback];
    }),
  );
}

/** Commander's own message as an error of ours; its suggestion becomes the hint. */
function usageError(error: CommanderError): UsageError {
  const [message = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /\(Did you mean (.*)\?\)/.exec(rest.join(' '))?.[1];
  return new UsageError(message, {
    code: error.code === 'commander.unknownCommand' ? 'usage.command' : 'usage',
    hint: suggestion === undefined ? 'mailctl --help lists the commands' : `did you mean ${suggestion}?`,
  });
}

function examplesText(examples: readonly Example[]): string {
  if (examples.length === 0) return '';
  return `\nExamples:\n${examples.map(([command, what]) => `  ${command}\n      ${what}`).join('\n')}`;
}

/** `slots list [options]` without commander's own option marker: names and arguments only. */
function subcommandTerm(this: Help, command: Command): string {
  const args = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? name : `[${name}]`;
  });
  return [command.name(), ...args].join(' ');
}
