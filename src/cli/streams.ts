// Standard input, output and error as main gets them: the process's own, or a test's buffers.

/** Something to write to. */
export interface OutStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** False: wait for 'drain'. */
  write(text: string | Uint8Array): boolean;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  once(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'close' | 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** Something to read keys and answers from. */
export interface InStream {
  readonly isTTY?: boolean | undefined;
  on(event: 'data', listener: (chunk: Buffer | string) => void): unknown;
  on(event: 'end' | 'error', listener: () => void): unknown;
  off(event: 'data', listener: (chunk: Buffer | string) => void): unknown;
  off(event: 'end' | 'error', listener: () => void): unknown;
  resume(): unknown;
  pause(): unknown;
  /** A terminal's: true gives each key at once, unechoed, Ctrl-C included. */
  setRawMode?(isRaw: boolean): unknown;
}

export interface Streams {
  readonly stdin: InStream;
  readonly stdout: OutStream;
  readonly stderr: OutStream;
}

/** Help is not wider than this, however wide the terminal. */
export const WIDEST_HELP = 100;

/** Environment variables. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What the commands may know of the terminal. */
export interface Terminal {
  readonly stdinIsTty: boolean;
  readonly stdoutIsTty: boolean;
  readonly stderrIsTty: boolean;
  /** Columns that a screen may use: COLUMNS, else the terminal's own, else 80. Read anew at each call. */
  columns(): number;
  /** Rows of the terminal that progress may use; 24 where nobody knows. */
  rows(): number;
  /** Rows that a screen on stdout may use. */
  stdoutRows(): number;
  /** Colours on stdout, and on stderr. */
  readonly stdoutColor: boolean;
  readonly stderrColor: boolean;
}

/** Reads them off streams and environment. */
export function terminalOf(streams: Streams, env: Env, noColor: boolean): Terminal {
  const mayColor = !noColor && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  const stdoutIsTty = streams.stdout.isTTY === true;
  const stderrIsTty = streams.stderr.isTTY === true;
  return {
    // Asked for only by what wants to ask: making the stream costs start-up.
    get stdinIsTty() {
      return streams.stdin.isTTY === true;
    },
    stdoutIsTty,
    stderrIsTty,
    columns: () => {
      if (/^[1-9]\d{1,3}$/.test(env.COLUMNS ?? '')) return Number(env.COLUMNS);
      return streams.stdout.columns || streams.stderr.columns || 80;
    },
    rows: () => {
      if (/^[1-9]\d{0,3}$/.test(env.LINES ?? '')) return Number(env.LINES);
      return streams.stderr.rows || streams.stdout.rows || 24;
    },
    stdoutRows: () => {
      if (/^[1-9]\d{0,3}$/.test(env.LINES ?? '')) return Number(env.LINES);
      return streams.stdout.rows || streams.stderr.rows || 24;
    },
    stdoutColor: mayColor && stdoutIsTty,
    stderrColor: mayColor && stderrIsTty,
  };
}
