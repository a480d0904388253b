/** Runs commands of the bastion for the lab; a failure carries the command and what it said. */
import { execa } from 'execa';
import { LabError } from './errors.js';

export interface RunOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  /** Return the result instead of throwing when the command fails. */
  readonly mayFail?: boolean;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end. Throws a LabError on failure, unless it may fail. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new LabError('run: no command');
  const result = await execa(file, args, {
    reject: false,
    timeout: options.timeoutMs ?? 60_000,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const code = result.exitCode ?? (result.timedOut ? 124 : 255);
  if (code !== 0 && !options.mayFail) {
    const why = result.timedOut ? 'took too long' : `exit ${code}`;
    const said = [result.stderr, result.stdout, result.originalMessage].filter(Boolean).join('\n');
    throw new LabError(`${argv.join(' ')}: ${why}\n${said}`.trim());
  }
  return { code, stdout: result.stdout, stderr: result.stderr };
}

/** Asks until the answer is yes or the time is over; the answer comes back as a boolean. */
export async function waitUntil(
  ask: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs = 20,
): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    if (await ask()) return true;
    if (performance.now() >= end) return false;
    await sleep(everyMs);
  }
}

/** Waits. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
