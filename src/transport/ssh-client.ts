// Short calls of the ssh program, through execa, in a process group of their own: what opens a connection, and words to
// one that is open. Their environment is given, whole. Promises an end for each; judges nothing.
import { execa } from 'execa';
import type { Clock } from '../lib/clock.js';
import { type Child, type ChildEnd, type Environment, killGroup } from './child.js';

type Stream = 'pipe' | 'ignore';

/** Starts ssh; streams that are ignored are closed to it. */
function startSsh(
  args: readonly string[],
  env: Environment,
  [stdin, stdout, stderr]: readonly [Stream, Stream, Stream],
): Child {
  const child = execa('ssh', args, {
    // The streams are read as they come and bounded there: execa's own buffering knows one limit for all.
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
    extendEnv: false,
    env,
    stdin,
    stdout,
    stderr,
  });
  // The end of the process itself: execa's own promise waits for streams, too, that others may hold for ever.
  const exited = new Promise<ChildEnd>((resolve) => {
    child.once('exit', (status, signal) =>
      resolve({ status: status ?? undefined, signal: signal ?? undefined, error: undefined }),
    );
    void child.then((result) => {
      if (result.exitCode !== undefined || result.signal !== undefined) return;
      resolve({
        status: undefined,
        signal: undefined,
        error: new Error(result.originalMessage ?? 'ssh cannot run'),
      });
    });
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    kill: (signal) => killGroup(child.pid, signal),
  };
}

/** How a short call ended. */
export interface ShortCall {
  readonly end: ChildEnd;
  readonly timedOut: boolean;
  /** What it printed, if that was asked for. */
  readonly stdout: string;
}

/** Runs ssh to its end, at most `timeoutMs`, without stdin and stderr. Never rejects. */
export async function callSsh(
  args: readonly string[],
  how: {
    readonly env: Environment;
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly stdout: Stream;
    /** Called with the child, for whoever may not be able to wait for its end. */
    readonly onStart?: ((child: Child) => void) | undefined;
  },
): Promise<ShortCall> {
  const child = startSsh(args, how.env, ['ignore', how.stdout, 'ignore']);
  how.onStart?.(child);
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = new Promise<void>((resolve) => {
    if (child.stdout === null) resolve();
    else child.stdout.once('close', resolve);
  });
  let timedOut = false;
  const cancel = how.clock.timer(how.timeoutMs, () => {
    timedOut = true;
    child.kill('SIGKILL');
    child.stdout?.destroy();
  });
  const end = await child.exited;
  if (end.error === undefined) await closed;
  cancel();
  return { end, timedOut, stdout: Buffer.concat(chunks).toString('utf8') };
}
