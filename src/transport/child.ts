// A child process as the conversation needs it: three streams, a way to end it, and a promise of its end. spawn-child.ts
// makes one with a plain spawn; nothing else of that is seen outside.
import type { Readable, Writable } from 'node:stream';

/** The environment that children get, whole. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How a child ended. `error`: it could not be started at all. */
export interface ChildEnd {
  readonly status: number | undefined;
  readonly signal: string | undefined;
  readonly error: Error | undefined;
}

export interface Child {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** The process has ended; its streams may still be held open by what it left behind. Never rejects. */
  readonly exited: Promise<ChildEnd>;
  /** Signals the child's whole process group; one that is gone is fine. */
  kill(signal: NodeJS.Signals): void;
}

/** Signals a process group; one that is gone, or no longer ours, is fine. */
export function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined || pid <= 1) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: it has ended. EPERM: it runs as another by now, and its own deadline ends it.
  }
}
