// The help as text, made from the specs. Pure; commander's own help would cost start-up and says less.
import type { AnyCommand, ArgSpec, OptionSpec, ProgramSpec } from './command.js';
import { globalOptions } from './options.js';

type Item = readonly [term: string, text: string];

const HELP_ITEM: Item = ['-h, --help', 'print this help'];

/**
 * The help of the command or group that the words name, the whole program's for none; undefined when they name
 * nothing.
 */
export function helpFor(program: ProgramSpec, words: readonly string[], width: number): string | undefined {
  if (words.length === 0) return programHelp(program, width);
  const name = words.join(' ');
  const spec = program.commands.find(
    (command) => command.name === name || aliasNames(command).includes(name),
  );
  if (spec !== undefined) return commandHelp(spec, width, program);
  const isGroup =
    words.length === 1 && program.commands.some((command) => command.name.startsWith(`${name} `));
  return isGroup ? groupHelp(program, name, width) : undefined;
}

/** The whole program: its commands, and unless `isShort` the options that every command has. */
export function programHelp(program: ProgramSpec, width: number, isShort = false): string {
  return sections([
    'mailctl: a toolkit for mail operators',
    'Usage: mailctl COMMAND [options]',
    list('Commands:', firstWords(program), width),
    ...(isShort
      ? []
      : [
          list(
            'Options of every command:',
            [...globalItems(), ['-V, --version', 'print the version'], HELP_ITEM],
            width,
          ),
        ]),
    wrap('mailctl COMMAND --help says more, mailctl help exit-codes lists the exit codes.', width, ''),
  ]);
}

/** A group: its commands. */
export function groupHelp(program: ProgramSpec, group: string, width: number): string {
  const members = program.commands.filter((command) => command.name.startsWith(`${group} `));
  const ofItself = members.find((command) => command.groupDefault === true);
  return sections([
    `Usage: mailctl ${group} COMMAND [options]`,
    summaryOf(program, group),
    list(
      'Commands:',
      members
        .filter(isShown)
        .map((command) => [`${lastWord(command)}${argumentsOf(command)}`, command.summary]),
      width,
    ),
    ...(ofItself === undefined ? [] : [`mailctl ${group} alone is mailctl ${ofItself.name}.`]),
    `mailctl ${group} COMMAND --help says more.`,
  ]);
}

/** One command; where its name is a group as well, with the commands of the group. */
export function commandHelp(spec: AnyCommand, width: number, program?: ProgramSpec): string {
  const members = (program?.commands ?? []).filter(
    (command) => command.name.startsWith(`${spec.name} `) && isShown(command),
  );
  const args = Object.values(spec.args) as ArgSpec<unknown>[];
  const options = Object.values(spec.options) as OptionSpec<unknown>[];
  const common = [...globalItems(), HELP_ITEM];
  const column = columnOf([...options.map(optionItem), ...common]);
  return sections([
    `Usage: mailctl ${spec.name}${argumentsOf(spec)} [options]`,
    ...(spec.aliases === undefined ? [] : [`Also: ${spec.aliases.join(', ')}`]),
    wrap(`${spec.summary}.`, width, ''),
    ...(spec.description === undefined
      ? []
      : spec.description.split('\n\n').map((paragraph) => wrap(paragraph, width, ''))),
    ...(members.length === 0
      ? []
      : [
          list(
            'Further commands:',
            members.map((command) => [`${command.name}${argumentsOf(command)}`, command.summary]),
            width,
          ),
        ]),
    ...(args.length === 0 ? [] : [list('Arguments:', args.map(argumentItem), width)]),
    ...(options.length === 0 ? [] : [list('Options:', options.map(optionItem), width, column)]),
    list('Options of every command:', common, width, column),
    ['Examples:', ...spec.examples.map(([command, what]) => `  ${command}\n      ${what}`)].join('\n'),
  ]);
}

function aliasNames(command: AnyCommand): readonly string[] {
  const before = command.name.split(' ').slice(0, -1);
  return (command.aliases ?? []).map((alias) => [...before, alias].join(' '));
}

function sections(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** The first words: commands of one word, and groups. */
function firstWords(program: ProgramSpec): readonly Item[] {
  const items = new Map<string, Item>();
  for (const command of program.commands.filter(isShown)) {
    const [first = '', second] = command.name.split(' ');
    // A command that is a group as well stands by itself.
    if (second !== undefined && program.commands.some(({ name }) => name === first)) continue;
    const item: Item =
      second === undefined
        ? [`${first}${argumentsOf(command)}`, command.summary]
        : [first, summaryOf(program, first)];
    items.set(first, item);
  }
  return [...items.values()];
}

function isShown(command: AnyCommand): boolean {
  return command.hidden !== true;
}

function summaryOf(program: ProgramSpec, group: string): string {
  return program.groups.find(({ name }) => name === group)?.summary ?? '';
}

function lastWord(command: AnyCommand): string {
  return command.name.split(' ').at(-1) ?? command.name;
}

/** ` TARGET...`, ` [SLOT]`, or nothing. */
function argumentsOf(command: AnyCommand): string {
  return (Object.values(command.args) as ArgSpec<unknown>[]).map((arg) => ` ${argumentTerm(arg)}`).join('');
}

function argumentTerm(arg: ArgSpec<unknown>): string {
  const name = arg.choices === undefined ? arg.name : arg.choices.join('|');
  const word = arg.kind === 'variadic' || arg.kind === 'variadic-optional' ? `${name}...` : name;
  return arg.kind === 'required' || arg.kind === 'variadic' ? word : `[${word}]`;
}

function argumentItem(arg: ArgSpec<unknown>): Item {
  return [argumentTerm(arg), arg.help];
}

function optionItem(option: OptionSpec<unknown>): Item {
  const fallback =
    option.fallbackText ?? (option.fallback === undefined ? undefined : String(option.fallback));
  const notes = [
    ...(option.choices === undefined ? [] : [option.choices.join(', ')]),
    ...(fallback === undefined ? [] : [`default: ${fallback}`]),
    ...(option.kind === 'list' ? ['may be repeated'] : []),
  ];
  const term = option.flags.startsWith('--') ? `    ${option.flags}` : option.flags;
  return [term, notes.length === 0 ? option.help : `${option.help} (${notes.join('; ')})`];
}

function globalItems(): readonly Item[] {
  return (Object.values(globalOptions) as unknown as OptionSpec<unknown>[]).map(optionItem);
}

/** Where the texts begin. */
function columnOf(items: readonly Item[]): number {
  return Math.min(30, Math.max(...items.map(([term]) => term.length)) + 4);
}

/** Terms in one column, their texts wrapped beside them; a long term has its text on the next line. */
function list(title: string, items: readonly Item[], width: number, column = columnOf(items)): string {
  const indent = ' '.repeat(column);
  const lines = items.map(([term, text]) => {
    const head = `  ${term}`;
    const body = wrap(text, width, indent);
    return head.length + 2 > column ? `${head}\n${body}` : head.padEnd(column) + body.slice(column);
  });
  return [title, ...lines].join('\n');
}

/** Words to lines of at most `width`, each with `indent` before it. */
function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    if (line.length > indent.length && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  return [...lines, line].join('\n');
}
