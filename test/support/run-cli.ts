// Runs main with buffers for streams, as most command tests do: exit code, stdout and stderr come back. A stream
// can be a terminal of a given width, and stdin can answer questions.
import { EventEmitter } from 'node:events';
import type { InStream, OutStream } from '../../src/cli/streams.js';
import { type Clock, systemClock } from '../../src/lib/clock.js';
import { main } from '../../src/main.js';

/** What a run looked like from outside. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How the program is run. */
export interface CliOptions {
  /** Nothing of this process's own environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** Columns of a terminal on all three streams; absent: pipes. */
  readonly terminal?: number;
  /** Lines typed on stdin, each when the program has begun to read. */
  readonly typed?: readonly string[];
  /** The reader of stdout goes away after this many writes. */
  readonly closeAfter?: number;
}

/** A stream that keeps what was written. */
export class BufferStream extends EventEmitter implements OutStream {
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  text = '';
  writes = 0;

  constructor(
    columns?: number,
    readonly closeAfter = Number.POSITIVE_INFINITY,
  ) {
    super();
    this.isTTY = columns !== undefined;
    this.columns = columns;
  }

  write(text: string | Uint8Array): boolean {
    this.writes += 1;
    if (this.writes > this.closeAfter) {
      this.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      return true;
    }
    this.text += text.toString();
    return true;
  }
}

/** A stdin that types its lines one at a time, each when it is read from. */
export class TypingStream extends EventEmitter implements InStream {
  readonly isTTY: boolean;
  private readonly lines: string[];

  constructor(isTTY: boolean, lines: readonly string[]) {
    super();
    this.isTTY = isTTY;
    this.lines = [...lines];
  }

  resume(): void {
    const line = this.lines.shift();
    queueMicrotask(() => {
      if (line === undefined) this.emit('end');
      else this.emit('data', Buffer.from(`${line}\n`));
    });
  }

  pause(): void {}
}

/** Runs `mailctl ARGV` in this process. */
export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { env = {}, clock = systemClock, terminal, typed = [] } = options;
  const stdin = new TypingStream(terminal !== undefined, typed);
  const stdout = new BufferStream(terminal, options.closeAfter);
  const stderr = new BufferStream(terminal);
  const code = await main(argv, env, { stdin, stdout, stderr }, clock);
  return { code, stdout: stdout.text, stderr: stderr.text };
}
