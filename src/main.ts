// argv in, exit code out. The only place where an error becomes text and a number: `error:`, `detail:` and
// `hint:` lines on stderr, all of it escaped, and with `-o json` a document on stdout as well. It reads no clock
// and sets no exit code itself; bin/mailctl.js does that.
import type { AnyCommand, ProgramSpec } from './cli/command.js';
import { programFor } from './cli/command-table.js';
import type { Context } from './cli/context.js';
import { readPlainLine } from './cli/plain-line.js';
import type { Invocation } from './cli/program.js';
import { type ErrorReport, reportError, worstExit } from './cli/report.js';
import { Interrupted } from './cli/signals.js';
import { type Env, type Streams, terminalOf, WIDEST_HELP } from './cli/streams.js';
import { createWriter, type Writer } from './cli/writer.js';
import { EXIT } from './errors.js';
import type { Clock } from './lib/clock.js';
import { chooseFormat } from './output/choose.js';
import { escapeLines } from './output/escape.js';
import { jsonDocument } from './output/json.js';
import { paint } from './output/line.js';

export { processStreams } from './cli/process-streams.js';
export { systemClock } from './lib/clock.js';

/** With one of these at the end, a command's words get its help without loading the parser. */
const HELP_WORDS: readonly string[] = ['-h', '--help'];

async function wholeProgram(): Promise<ProgramSpec> {
  return (await import('./cli/commands.js')).program;
}

/** Runs one command line (without node and script) to its end; resolves to the exit code and never rejects. */
export async function main(
  argv: readonly string[],
  env: Env,
  streams: Streams,
  clock: Clock,
): Promise<number> {
  const stdout = createWriter(streams.stdout);
  const terminal = terminalOf(streams, env, argv.includes('--no-color'));
  const width = Math.min(terminal.columns(), WIDEST_HELP);
  if (HELP_WORDS.includes(argv.at(-1) ?? '')) {
    const [program, { helpFor }] = await Promise.all([wholeProgram(), import('./cli/help-text.js')]);
    const help = helpFor(program, argv.slice(0, -1), width);
    if (help !== undefined) {
      await stdout.write(help);
      return EXIT.done;
    }
  }

  const startedAt = clock.monotonic();
  const stderr = createWriter(streams.stderr);
  const failed: FailureWriter = {
    stdout,
    stderr,
    color: terminal.stderrColor,
    debug: argv.includes('--debug'),
  };
  const asked = { now: clock.now(), tookMs: () => Math.round(clock.monotonic() - startedAt) };
  const program = (await programFor(argv)) ?? (await wholeProgram());
  let invocation: Invocation;
  try {
    invocation =
      readPlainLine(program, argv) ??
      (await import('./cli/program.js')).parseCommandLine(program, argv, width);
    if (invocation.kind === 'text') {
      const to = invocation.exitCode === EXIT.done ? stdout : stderr;
      await to.write(invocation.text);
      return invocation.exitCode;
    }
  } catch (error) {
    const { guessCommand, guessFormat } = await import('./cli/guess.js');
    const isJson = guessFormat(argv, env) === 'json';
    return writeFailure(
      failed,
      error,
      isJson ? { spec: guessCommand(program.commands, argv), ...asked } : undefined,
    );
  }

  const { spec, options, globals } = invocation;
  let context: Context | undefined;
  try {
    const format = chooseFormat(globals.output, env, terminal.stdoutIsTty);
    const { createContext } = await import('./cli/context.js');
    context = createContext({
      env,
      streams,
      stdout,
      stderr,
      clock,
      globals,
      format,
      sections: spec.sections,
      argv,
    });
    const code: number = await spec.run(options, context);
    return context.interruption.abort.aborted ? worstExit(code, EXIT.interrupted) : code;
  } catch (error) {
    const wantsDocument = globals.output === 'json' || context?.output.format === 'json';
    const document = wantsDocument && context?.output.hasDocument() !== true ? { spec, ...asked } : undefined;
    const code = await writeFailure({ ...failed, debug: globals.debug }, error, document);
    const aborted = context?.interruption.abort.aborted === true;
    const broken = context?.interruption.isRunning() === true && code === EXIT.failed;
    return worstExit(code, ...(aborted ? [EXIT.interrupted] : []), ...(broken ? [EXIT.incomplete] : []));
  } finally {
    await context?.close();
  }
}

interface FailureWriter {
  readonly stdout: Writer;
  readonly stderr: Writer;
  readonly color: boolean;
  readonly debug: boolean;
}

/** Tells an error, as lines and where asked as a document; returns its exit code. */
async function writeFailure(
  to: FailureWriter,
  error: unknown,
  document: { readonly spec: AnyCommand | undefined; readonly now: number; tookMs(): number } | undefined,
): Promise<number> {
  const isInterrupt = error instanceof Interrupted;
  const { report, exitCode } = isInterrupt ? interruptReport() : reportError(error);
  const lines = [
    [`${paint('error:', 'bad', to.color)}`, report.message],
    ...(report.detail === null ? [] : [['detail:', report.detail]]),
    ...(report.hint === null ? [] : [['hint:', report.hint]]),
    ...(to.debug ? [['debug:', stackOf(error)]] : []),
  ] as const;
  await to.stderr.write(lines.map(([label, text]) => `${label} ${escapeLines(text ?? '')}\n`).join(''));
  if (document !== undefined) {
    const { spec, now } = document;
    const empty: object = spec?.json.empty(report, { now, tookMs: document.tookMs() }) ?? {};
    await to.stdout.write(
      jsonDocument({ schema: spec?.json.schema ?? 'mailctl/error/v1', ...empty, errors: [report] }),
    );
  }
  return exitCode;
}

function interruptReport(): { readonly report: ErrorReport; readonly exitCode: number } {
  return {
    report: { host: null, code: 'interrupted', message: 'interrupted', detail: null, hint: null },
    exitCode: EXIT.interrupted,
  };
}

/** The stack, and those of its causes. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by ${stackOf(error.cause)}`;
}
