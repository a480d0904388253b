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

/** Runs one command to its end, or to its deadline. Throws a LabError on failure, unless it may fail. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new LabError('run: no command');
  const child = execa(file, args, {
    reject: false,
    // A group of its own: what it started in a host must end with it, and would keep our pipes open.
    detached: true,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  let timedOut = false;
  const deadline = setTimeout(() => {
    timedOut = true;
    if (child.pid !== undefined) killGroup(child.pid);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, options.timeoutMs ?? 60_000);
  const result = await child;
  clearTimeout(deadline);
  const code = timedOut ? 124 : (result.exitCode ?? 255);
  if (code !== 0 && !options.mayFail) {
    const why = timedOut ? 'took too long' : `exit ${code}`;
    const said = [result.stderr, result.stdout, result.originalMessage].filter(Boolean).join('\n');
    throw new LabError(`${argv.join(' ')}: ${why}\n${said}`.trim());
  }
  return { code, stdout: String(result.stdout ?? ''), stderr: String(result.stderr ?? '') };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended in this moment.
  }
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
