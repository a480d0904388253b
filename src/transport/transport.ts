// What a command is, what comes back, and the one interface that everything outside this process is asked
// through. A command is data: a fixed script, its variable parts as arguments, its data on stdin, so that it
// can be printed, compared, and refused by the read-only transport.
import type { Writable } from 'node:stream';
import type { Host } from '../fleet/host.js';

/** One remote (or local) call. */
export interface Command {
  /** For logs, tests and error messages: `cyrus.observe`. */
  readonly name: string;
  /** POSIX sh text, fixed when mailctl is built. Nothing is ever pasted into it. */
  readonly script: string;
  /** Becomes $1, $2, ... of the script. No NUL; no secrets (they show in ps). */
  readonly args: readonly string[];
  /** Data for the script's stdin: lists and secrets. */
  readonly stdin?: string | undefined;
  /** True: changes nothing on the host. The read-only transport runs nothing else. */
  readonly readOnly: boolean;
  /** Needs the rights of root (or of `sudo`'s user) there: the script is run through sudo if the config says so. */
  readonly privileged: boolean;
  /** The deadline on the remote side, in ms; the local one is a few seconds longer. */
  readonly timeoutMs: number;
  /** Words put before the script's shell: a container, nsenter. */
  readonly within?: readonly string[] | undefined;
  /** Output above this many bytes ends the call with an error; the default is in limits.ts. */
  readonly maxBytes?: number | undefined;
}

/** What a script that ran to its end gave. The status is a value: the driver decides what is an error. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A script that is spoken with while it runs: its stdin stays open both ways. It should end when its stdin does, and is
 * ended by the command's deadline like any other.
 */
export interface Dialogue {
  /** Its stdin, once its hello was heard; errors on it are swallowed. Never called when the host gave no answer. */
  onOpen(stdin: Writable): void;
  /** Bytes of its stdout as they come: no limit holds but what the two sides agree on. */
  onData(data: Buffer): void;
}

/** What a caller may watch while a command runs. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Each whole line of stdout as it comes (without its newline), in order; `stdout` of the result is then empty. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Instead of the command's `stdin` and of `onLine`; `stdout` of the result is empty. */
  readonly dialogue?: Dialogue | undefined;
}

/** A way to run commands on hosts. */
export interface Transport {
  /**
   * Runs a command on a host to its end.
   * @throws TransportError when the host could not be asked or its answer did not come (kinds in errors.ts).
   */
  run(host: Host, command: Command, options?: RunOptions): Promise<CommandResult>;
  /** Ends what this process holds open; shared ssh masters stay for their ControlPersist time. */
  close(): Promise<void>;
}
