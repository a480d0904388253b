// The kinds of options, their parsers, and the options that commands share. A parser says what would be right;
// main prints it.
import { UsageError } from '../errors.js';
import { parseDuration } from '../lib/duration.js';
import { parseSize } from '../lib/size.js';
import { OUTPUT_FORMATS } from '../output/choose.js';
import type { ArgSpec, OptionSpec, Parse } from './command.js';

/** Any text that is not empty. NUL cannot come from a command line and is refused for callers that are tests. */
export const text: Parse<string> = (word) => {
  if (word === '' || word.includes('\0')) throw new UsageError('an empty word is no value');
  return word;
};

/** A duration, in ms. */
export const duration: Parse<number> = (word) => {
  const ms = parseDuration(word);
  if (ms === undefined) {
    throw new UsageError(`${JSON.stringify(word)} is no duration`, {
      hint: 'for example 90s, 5m, 2h, 3d or 1h30m',
    });
  }
  return ms;
};

/** A duration above zero, in ms. */
export const timeSpan: Parse<number> = (word) => {
  const ms = duration(word);
  if (ms <= 0) throw new UsageError('it must be longer than 0', { hint: 'for example 10s' });
  return ms;
};

/** How often something is looked at, in ms. */
export const watchPace: Parse<number> = (word) => {
  const ms = duration(word);
  if (ms < 1000) throw new UsageError('looks are at least a second apart', { hint: 'for example 5s' });
  return ms;
};

/** A size, in bytes. */
export const size: Parse<number> = (word) => {
  const bytes = parseSize(word);
  if (bytes === undefined) {
    throw new UsageError(`${JSON.stringify(word)} is no size`, { hint: 'for example 10k, 5M or 2G' });
  }
  return bytes;
};

/** A whole number from `low` to `high`. */
export function wholeNumber(low: number, high: number): Parse<number> {
  return (word) => {
    const value = /^\d{1,9}$/.test(word) ? Number(word) : Number.NaN;
    if (!(value >= low && value <= high)) {
      throw new UsageError(`${JSON.stringify(word)} is no number from ${low} to ${high}`);
    }
    return value;
  };
}

/** An option that is given or not. */
export function flag(flags: string, help: string): OptionSpec<boolean> {
  return { flags, help, kind: 'flag', parse: text };
}

/** An option with a value; undefined when it was not given. */
export function value<T>(
  flags: string,
  help: string,
  parse: Parse<T>,
  fallbackText?: string,
): OptionSpec<T | undefined> {
  return { flags, help, kind: 'value', parse, fallbackText };
}

/** An option with a value and a fallback. */
export function valueOr<T>(
  flags: string,
  help: string,
  parse: Parse<T>,
  fallback: T,
  fallbackText?: string,
): OptionSpec<T> {
  return { flags, help, kind: 'value', parse, fallback, fallbackText };
}

/** An option that may be given many times. */
export function list<T>(flags: string, help: string, parse: Parse<T>): OptionSpec<readonly T[]> {
  return { flags, help, kind: 'list', parse };
}

/** An option whose value is one of a few words. */
export function choice<const W extends string>(
  flags: string,
  help: string,
  choices: readonly W[],
): OptionSpec<W | undefined> {
  return { flags, help, kind: 'value', parse: text, choices };
}

/** An argument that must be there. */
export function arg<T = string>(name: string, help: string, parse?: Parse<T>): ArgSpec<T> {
  return { name, help, kind: 'required', parse: parse ?? text };
}

/** An argument that may be absent. */
export function optionalArg<T = string>(
  name: string,
  help: string,
  parse?: Parse<T>,
): ArgSpec<T | undefined> {
  return { name, help, kind: 'optional', parse: parse ?? text };
}

/** One argument or more. */
export function args<T = string>(name: string, help: string, parse?: Parse<T>): ArgSpec<readonly T[]> {
  return { name, help, kind: 'variadic', parse: parse ?? text };
}

/** Any number of arguments, none included. */
export function optionalArgs<T = string>(
  name: string,
  help: string,
  parse?: Parse<T>,
): ArgSpec<readonly T[]> {
  return { name, help, kind: 'variadic-optional', parse: parse ?? text };
}

/** An argument that is one of a few words. */
export function choiceArg<const W extends string>(
  name: string,
  help: string,
  choices: readonly W[],
): ArgSpec<W> {
  return { name, help, kind: 'required', parse: text, choices };
}

/** On every command, before and after its words. */
export const globalOptions = {
  config: value('--config <file>', 'configuration file', text),
  stateDir: value('--state-dir <dir>', 'where journals and samples are kept', text),
  output: choice('-o, --output <form>', 'form of the output', OUTPUT_FORMATS),
  noColor: flag('--no-color', 'no colours'),
  quiet: flag('-q, --quiet', 'no progress, notes or warnings on stderr'),
  verbose: flag('-v, --verbose', 'what is run on which host, on stderr'),
  debug: flag('--debug', 'as --verbose, and the stack of an error'),
  timeoutMs: value('--timeout <duration>', 'deadline of one question to a host', timeSpan),
  concurrency: valueOr('--concurrency <n>', 'hosts asked at once', wholeNumber(1, 512), 16),
} as const;

/** Selecting hosts: different kinds narrow, one kind widens. */
export const hostOption = list('-H, --host <name>', 'these hosts; a name or a glob', text);
export const groupOption = list('-g, --group <name>', 'hosts of these groups; a name or a glob', text);

/** For commands that act. */
export const yesOption = flag('--yes', 'do not ask');
export const dryRunOption = flag(
  '--dry-run',
  'observe, judge and plan, print what would be done, change nothing',
);
/** The word that answers a lease whose holder is dead. */
export const takeOverOption = list(
  '--take-over <run>',
  'take over from this run, which you know to be dead',
  text,
);
export const reasonOption = value('--reason <text>', 'your own why, kept in the journal', text);
