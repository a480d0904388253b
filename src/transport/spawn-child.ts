// Starts a program by a plain spawn, in a process group of its own: Ctrl-C on the terminal does not reach it, and a
// deadline reaches all of it. For what is on a hot path, a script on this machine or a session over a connection that
// is open: execa costs as much again as node's own start.
import { spawn } from 'node:child_process';
import { type Child, type ChildEnd, type Environment, killGroup } from './child.js';

/** Starts it with that environment, whole; a stdin that it has no use for is closed to it. */
export function spawnChild(
  file: string,
  args: readonly string[],
  { env, hasStdin }: { readonly env: Environment; readonly hasStdin: boolean },
): Child {
  const child = spawn(file, args, {
    detached: true,
    env: { ...env },
    stdio: [hasStdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<ChildEnd>((resolve) => {
    child.once('error', (error) => resolve({ status: undefined, signal: undefined, error }));
    child.once('exit', (status, signal) =>
      resolve({ status: status ?? undefined, signal: signal ?? undefined, error: undefined }),
    );
  });
  return {
    // Without a file descriptor left they are undefined, whatever their types say; `exited` tells why.
    stdin: child.stdin ?? null,
    stdout: child.stdout ?? null,
    stderr: child.stderr ?? null,
    exited,
    kill: (signal) => killGroup(child.pid, signal),
  };
}
