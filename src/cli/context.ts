// What commands need, each thing built on first use and closed at the end. A command copies the two or three
// things that it uses and hands them down; no domain function ever sees the context.
import { hostname, userInfo } from 'node:os';
import type { Config, Section } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import type { OutputFormat } from '../output/choose.js';
import { type Line, renderLine } from '../output/line.js';
import { createOutput, type Output } from '../output/output.js';
import type { Progress } from '../output/progress.js';
import type { Directory } from '../slot/directory.js';
import type { Transport } from '../transport/transport.js';
import type { Prompt } from './confirm.js';
import { type Interruption, watchSignals } from './signals.js';
import { type Env, type Streams, type Terminal, terminalOf } from './streams.js';
import type { Writer } from './writer.js';

/** The options that every command has, as given. */
export interface Globals {
  readonly config: string | undefined;
  readonly stateDir: string | undefined;
  readonly output: string | undefined;
  readonly noColor: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
  /** Deadline of one remote command; undefined: each command's own. */
  readonly timeoutMs: number | undefined;
  readonly concurrency: number;
}

/** Who runs this: the name behind sudo where there is one, and the machine. */
export interface Operator {
  readonly name: string;
  readonly bastion: string;
}

/** Built by main for one program run. */
export interface Context {
  readonly clock: Clock;
  readonly env: Env;
  readonly globals: Globals;
  readonly terminal: Terminal;
  readonly output: Output;
  readonly interruption: Interruption;
  readonly operator: Operator;
  /** The words to run this program again with, as they were given: `mailctl failover imap21 --yes`. */
  readonly commandLine: readonly string[];
  /** A note on stderr: `warning: ...`; not with --quiet. */
  warn(text: string, hint?: string): void;
  /** A line on stderr; not with --quiet. */
  note(line: Line): void;
  /** Live rows or timestamped lines on stderr; loaded on use. */
  progress(): Promise<Progress>;
  /** Questions to the operator; loaded on use. */
  prompt(): Promise<Prompt>;
  /** The configuration, its needed sections checked; faults of the others are warnings. @throws ConfigError */
  config(): Promise<Config>;
  /** The way to the hosts; `readOnly` refuses every command that changes something (dry runs). */
  transport(options?: { readonly readOnly?: boolean }): Promise<Transport>;
  /** The directory that the configuration names. */
  directory(): Promise<Directory>;
  /** The state directory, made if it is not there (0700). */
  stateDir(): Promise<string>;
  /** Closes what was opened. Never throws. */
  close(): Promise<void>;
}

/** What main knows before there is a context. */
export interface ContextParts {
  readonly env: Env;
  readonly streams: Streams;
  readonly stdout: Writer;
  readonly stderr: Writer;
  readonly clock: Clock;
  readonly globals: Globals;
  readonly format: OutputFormat;
  readonly sections: readonly Section[];
  readonly argv: readonly string[];
}

/** The name that the journal gives the operator: SUDO_USER, else the login name. */
export function whoAmI(env: Env): Operator {
  let login = env.USER ?? env.LOGNAME ?? 'unknown';
  try {
    login = userInfo().username;
  } catch {
    // A uid without a passwd entry, as in containers: the environment's word has to do.
  }
  return { name: env.SUDO_USER || login, bastion: hostname().split('.')[0] || 'localhost' };
}

/** Calls `make` once, and again only if it failed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** The context of one program run. */
export function createContext(parts: ContextParts): Context {
  const { env, streams, stdout, stderr, clock, globals, format } = parts;
  const terminal = terminalOf(streams, env, globals.noColor);
  const interruption = watchSignals(process);
  const closers: (() => Promise<void> | void)[] = [() => interruption.dispose()];

  const note = (line: Line) => {
    if (!globals.quiet) stderr.writeNow(`${renderLine(line, terminal.stderrColor)}\n`);
  };
  const notYet = (what: string) => () => Promise.reject(new Error(`${what} is not wired yet`));

  return {
    clock,
    env,
    globals,
    terminal,
    interruption,
    operator: whoAmI(env),
    commandLine: ['mailctl', ...parts.argv],
    output: createOutput({
      format,
      color: terminal.stdoutColor,
      columns: terminal.columns,
      write: stdout.write,
      isClosed: stdout.isClosed,
    }),
    warn: (text, hint) => {
      note([{ text: 'warning: ', tone: 'warn' }, text]);
      if (hint !== undefined) note(`hint: ${hint}`);
    },
    note,
    progress: once(async () => {
      const { createProgress } = await import('../output/progress.js');
      const progress = createProgress({
        write: stderr.writeNow,
        isTty: terminal.stderrIsTty && env.TERM !== 'dumb',
        color: terminal.stderrColor,
        columns: terminal.columns,
        rows: terminal.rows,
        quiet: globals.quiet,
        clock,
      });
      closers.push(() => progress.end());
      return progress;
    }),
    prompt: once(async () => {
      const { createPrompt } = await import('./confirm.js');
      return createPrompt({
        streams,
        stderr,
        terminal,
        abort: interruption.abort,
        commandLine: ['mailctl', ...parts.argv],
      });
    }),
    config: once<Config>(notYet('config')),
    transport: notYet('transport'),
    directory: once<Directory>(notYet('directory')),
    stateDir: once<string>(notYet('stateDir')),
    async close() {
      for (const closer of closers.reverse()) {
        try {
          await closer();
        } catch {
          // What fails to close is gone anyway; the command's own result must still be told.
        }
      }
    },
  };
}
