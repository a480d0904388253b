// What a command is: its words, what it takes, and a straight line down. program.ts gives it to commander.
// A command's module is loaded for every `--help`, so it imports only types and what is light; whatever costs
// start-up is loaded inside `run` by `await import('../own-module.js')`.

import type { Section } from '../config/config.js';
import type { Context } from './context.js';
import type { ErrorReport } from './report.js';

/** Turns the text of an option or argument into its value. @throws UsageError saying what would be right. */
export type Parse<T> = (text: string) => T;

/**
 * One option. `T` is what `run` gets. A flag is false until it is given; a list may be given many times; a value
 * that was not given is its fallback, or undefined.
 */
export interface OptionSpec<T> {
  /** As commander writes them: `-H, --host <name>`, `--yes`. */
  readonly flags: string;
  /** One sentence, small first letter, no full stop. */
  readonly help: string;
  readonly kind: 'flag' | 'value' | 'list';
  readonly parse: Parse<unknown>;
  /** Shown in the help as the only values; checked before `parse`. */
  readonly choices?: readonly string[] | undefined;
  /** What `run` gets when it was not given; shown in the help. */
  readonly fallback?: T | undefined;
  /** The fallback in the operator's words, e.g. `the configuration's max_lag`. */
  readonly fallbackText?: string | undefined;
  /** Only in the type. */
  readonly value?: T | undefined;
}

/** One argument. At most the last one of a command is variadic. */
export interface ArgSpec<T> {
  /** As the help shows it: `TARGET`. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'required' | 'optional' | 'variadic' | 'variadic-optional';
  readonly parse: Parse<unknown>;
  readonly choices?: readonly string[] | undefined;
  readonly value?: T | undefined;
}

/** Options by the name that `run` knows them under. The option types differ, so the value type is open here. */
// biome-ignore lint/suspicious/noExplicitAny: a map of options of any value type.
export type OptionSpecs = Readonly<Record<string, OptionSpec<any>>>;
// biome-ignore lint/suspicious/noExplicitAny: a map of arguments of any value type.
export type ArgSpecs = Readonly<Record<string, ArgSpec<any>>>;

type ValueOf<S> = S extends OptionSpec<infer T> ? T : S extends ArgSpec<infer T> ? T : never;

/** What `run` gets: every option and argument under its name. */
export type Values<O extends OptionSpecs, A extends ArgSpecs> = { readonly [K in keyof O]: ValueOf<O[K]> } & {
  readonly [K in keyof A]: ValueOf<A[K]>;
};

/** A line of the help and what it does; the golden tests parse every one of them. */
export type Example = readonly [command: string, what: string];

/** One command of the tree. Write it with `defineCommand`, which infers the types of `run`'s options. */
export interface CommandSpec<O extends OptionSpecs = OptionSpecs, A extends ArgSpecs = ArgSpecs> {
  /** All its words: `slots list`. */
  readonly name: string;
  /** Other words for the last one of the name. */
  readonly aliases?: readonly string[];
  /** True: the group's name alone runs it (`mailctl slots`). */
  readonly groupDefault?: boolean;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Further text for the command's own help: what it promises and what its figures do not say. */
  readonly description?: string;
  /** In the order of the command line. */
  readonly args: A;
  readonly options: O;
  /** At least one. */
  readonly examples: readonly Example[];
  /** Sections of the configuration that it needs; a fault in any other is a warning. */
  readonly sections: readonly Section[];
  /** With `-o json`: the document that stands for a run that ended in an error before it printed its own. */
  readonly json: {
    readonly schema: string;
    /** The fields that scripts rely on, without `schema` and `errors`. */
    empty(error: ErrorReport, context: { readonly now: number; readonly tookMs: number }): object;
  };
  /** Left out of the help. */
  readonly hidden?: boolean;
  /** Does it; the exit code is EXIT's. Errors are thrown: main turns them into text and a number. */
  run(options: Values<O, A>, context: Context): Promise<number>;
}

/** A CommandSpec of whatever options, as lists of commands hold it. */
// biome-ignore lint/suspicious/noExplicitAny: `run` takes what its own options say; the list cannot.
export type AnyCommand = CommandSpec<any, any>;

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

/** Infers the types of `run`'s options from `options` and `args`. */
export function defineCommand<const O extends OptionSpecs, const A extends ArgSpecs>(
  spec: CommandSpec<O, A>,
): CommandSpec<O, A> {
  return spec;
}
