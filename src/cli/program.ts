// A command line to one of the specs with its values, by commander. Nothing runs here and nothing is printed:
// help comes back as text, every mistake as a UsageError (exit 2) with what would be right.
import { Argument, Command, CommanderError, Option } from 'commander';
import { EXIT, UsageError } from '../errors.js';
import { nearest } from '../lib/nearest.js';
import type { AnyCommand, ArgSpec, OptionSpec, ProgramSpec } from './command.js';
import type { Globals } from './context.js';
import { guessCommand } from './guess.js';
import { commandHelp, groupHelp, programHelp } from './help-text.js';
import { globalOptions } from './options.js';
import { parseWord } from './parse-word.js';

/** A command line that names a command. */
export interface RunInvocation {
  readonly kind: 'run';
  readonly spec: AnyCommand;
  readonly options: Readonly<Record<string, unknown>>;
  readonly globals: Globals;
}

/** What a command line asks for: a command, or text: help (exit 0), or what to say to no command (exit 2). */
export type Invocation =
  | RunInvocation
  | { readonly kind: 'text'; readonly text: string; readonly exitCode: number };

/** Reads a command line; help is wrapped at `width`. @throws UsageError for every mistake in it. */
export function parseCommandLine(program: ProgramSpec, argv: readonly string[], width: number): Invocation {
  const parsing = new Parsing(program, argv, width);
  try {
    parsing.root.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') {
      return { kind: 'text', text: parsing.text, exitCode: EXIT.done };
    }
    // A group alone, or nothing at all, asks for nothing: a script must not take that for success.
    if (error.code === 'commander.help') return { kind: 'text', text: parsing.text, exitCode: EXIT.usage };
    throw usageError(error, helpOf(program, argv));
  }
  return parsing.found ?? { kind: 'text', text: programHelp(program, width, true), exitCode: EXIT.usage };
}

/** The tree for one command line. A command that the line does not name gets no options: making them costs. */
class Parsing {
  readonly root: Command;
  text = '';
  found: RunInvocation | undefined;
  /** The line begins with the words of the only command: there are no options in front of them. */
  private readonly isDirect: boolean;

  constructor(
    readonly program: ProgramSpec,
    readonly argv: readonly string[],
    readonly width: number,
  ) {
    const take = (text: string) => {
      this.text += text;
    };
    this.root = new Command('mailctl')
      .version(`mailctl ${program.version}`, '-V, --version')
      .enablePositionalOptions()
      .exitOverride()
      .configureOutput({ writeOut: take, writeErr: take, outputError: () => {} });
    const isAsked = argv.includes('--help') || argv.includes('-h');
    const [only] = program.commands;
    this.isDirect =
      program.commands.length === 1 && only?.name.split(' ').every((word, at) => word === argv[at]) === true;
    this.dress(this.root, () => programHelp(program, width, !isAsked), this.isDirect ? undefined : {});
    for (const spec of program.commands) {
      const [first = '', last] = spec.name.split(' ');
      if (last === undefined) this.addCommand(this.root, first, spec);
      else this.addCommand(this.group(first), last, spec);
    }
  }

  /** Gives a command the global options, its own, and its help; without `options` its help alone. */
  private dress(command: Command, help: () => string, options: object | undefined): void {
    command.helpCommand(false).configureHelp({ formatHelp: help });
    if (options === undefined) return;
    for (const spec of Object.values({ ...options, ...globalOptions }) as OptionSpec<unknown>[]) {
      command.addOption(makeOption(spec));
    }
  }

  private group(name: string): Command {
    const known = this.root.commands.find((command) => command.name() === name);
    if (known !== undefined) return known;
    const group = this.root.command(name);
    const ofItself = this.program.commands.find(
      (spec) => spec.groupDefault === true && spec.name.startsWith(`${name} `),
    );
    if (this.argv.includes(name)) {
      const options = this.isDirect ? undefined : (ofItself?.options ?? {});
      this.dress(group, () => groupHelp(this.program, name, this.width), options);
    }
    // Not commander's default command: it would take a mistyped word for an argument.
    group.allowExcessArguments().action(() => {
      const word = group.args[0];
      if (word !== undefined) throw unknownCommand(group, word);
      if (ofItself === undefined) group.help({ error: true });
      else this.found = invocationOf(group, ofItself);
    });
    return group;
  }

  private addCommand(parent: Command, name: string, spec: AnyCommand): void {
    const command = parent
      .command(name)
      .aliases([...(spec.aliases ?? [])])
      .allowExcessArguments(false);
    if (![name, ...(spec.aliases ?? [])].some((word) => this.argv.includes(word))) return;
    this.dress(command, () => commandHelp(spec, this.width, this.program), spec.options);
    for (const arg of Object.values(spec.args) as ArgSpec<unknown>[]) command.addArgument(makeArgument(arg));
    command.action(() => {
      this.found = invocationOf(command, spec);
    });
  }
}

function makeOption(spec: OptionSpec<unknown>): Option {
  const option = new Option(spec.flags);
  if (spec.kind === 'flag') return option;
  const name = option.long ?? spec.flags;
  return option.argParser((word: string, before: unknown) => {
    const parsed = parseWord(word, name, spec);
    return spec.kind === 'list' ? [...((before as unknown[] | undefined) ?? []), parsed] : parsed;
  });
}

function makeArgument(spec: ArgSpec<unknown>): Argument {
  const isMany = spec.kind === 'variadic' || spec.kind === 'variadic-optional';
  const word = isMany ? `${spec.name}...` : spec.name;
  const isNeeded = spec.kind === 'required' || spec.kind === 'variadic';
  return new Argument(isNeeded ? `<${word}>` : `[${word}]`).argParser((text: string, before: unknown) => {
    const parsed = parseWord(text, spec.name, spec);
    return isMany ? [...((before as unknown[] | undefined) ?? []), parsed] : parsed;
  });
}

/** What the command was given, under the names that its `run` knows. */
function invocationOf(command: Command, spec: AnyCommand): RunInvocation {
  const args = Object.entries(spec.args as Record<string, ArgSpec<unknown>>).map(([name, arg], at) => {
    const given: unknown = command.processedArgs[at];
    const isMany = arg.kind === 'variadic' || arg.kind === 'variadic-optional';
    return [name, isMany ? (given ?? []) : given] as const;
  });
  return {
    kind: 'run',
    spec,
    options: { ...readOptions([command], spec.options), ...Object.fromEntries(args) },
    globals: readOptions(withParents(command), globalOptions) as unknown as Globals,
  };
}

/** The command and those above it, nearest first. */
function withParents(command: Command): readonly Command[] {
  return command.parent === null ? [command] : [command, ...withParents(command.parent)];
}

/** Values by name; the option given nearest to the command's last word counts. */
function readOptions(
  commands: readonly Command[],
  specs: Readonly<Record<string, OptionSpec<unknown>>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const key = new Option(spec.flags).attributeName();
      const giver = commands.find((command) => command.getOptionValueSource(key) === 'cli');
      if (spec.kind === 'flag') return [name, giver !== undefined];
      if (giver !== undefined) return [name, giver.getOptionValue(key) as unknown];
      return [name, spec.kind === 'list' ? [] : spec.fallback];
    }),
  );
}

function unknownCommand(group: Command, word: string): UsageError {
  const names = group.commands.map((command) => command.name());
  const near = nearest(word, names, 1)[0];
  const path = `mailctl ${group.name()}`;
  return new UsageError(`unknown command '${word}' of ${path}`, {
    code: 'usage.command',
    hint: near === undefined ? `one of ${names.join(', ')}` : `did you mean ${path} ${near}?`,
  });
}

/** What to type for the help of the command that a line most likely asked for. */
function helpOf(program: ProgramSpec, argv: readonly string[]): string {
  const command = guessCommand(program.commands, argv);
  return command === undefined
    ? 'mailctl --help lists the commands'
    : `mailctl ${command.name} --help says how it is called`;
}

/** Commander's own message as an error of ours; its suggestion becomes the hint. */
function usageError(error: CommanderError, help: string): UsageError {
  const [message = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /\(Did you mean (.*)\?\)/.exec(rest.join(' '))?.[1];
  return new UsageError(message, {
    code: error.code === 'commander.unknownCommand' ? 'usage.command' : 'usage',
    hint: suggestion === undefined ? help : `did you mean ${suggestion}?`,
  });
}
