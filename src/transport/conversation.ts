// Talks to a wrapped script (script.ts) over a child process: feeds its stdin, reads its streams within their
// limits, keeps the deadlines, and says what was heard. It judges nothing but itself: what silence means is
// local.ts's and ssh.ts's to say. Settles whatever the child does; what hangs on is killed and let go.
import type { Clock } from '../lib/clock.js';
import type { Child, ChildEnd } from './child.js';
import {
  EXIT_GRACE_MS,
  HELD_MS,
  LATE_READ_MS,
  LOCAL_DEADLINE_MARGIN_MS,
  MAX_CHATTER_BYTES,
  MAX_HELLO_WAITS,
  MAX_LINE_BYTES,
  MAX_OUTPUT_BYTES,
  MAX_STDERR_BYTES,
  STREAM_GRACE_MS,
} from './limits.js';
import { LineSplitter } from './line-splitter.js';
import { type Marker, MarkerScanner } from './marker-scanner.js';
import { goLine, remoteEndMs } from './script.js';
import type { Command, Dialogue } from './transport.js';

/** Why a conversation was broken off from here; undefined: it was not. */
export type BrokenOff = 'no-hello' | 'deadline' | 'aborted' | 'too-much' | 'callback';

/** What was heard. */
export interface Heard {
  readonly hello: boolean;
  /** The script itself had begun. */
  readonly began: boolean;
  /** The script's own exit status; undefined: it did not end by itself, or we do not know. */
  readonly status: number | undefined;
  /** The wrapper's last word on both streams: everything was read. Its status, timeout(1)'s or sudo's, or the script's own. */
  readonly end: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Said outside the script, raw: login shells, sudo, ssh itself; cut. */
  readonly chatter: string;
  /** ms from the start of the conversation to its end. */
  readonly tookMs: number;
  readonly brokenOff: BrokenOff | undefined;
  /** What onLine threw. */
  readonly thrown: unknown;
  /** undefined: the child had not ended yet. */
  readonly child: ChildEnd | undefined;
  /** Process group of the script, on the host. */
  readonly group: number | undefined;
}

/** What a conversation needs to know. */
export interface ConversationOptions {
  readonly command: Command;
  readonly nonce: string;
  readonly clock: Clock;
  /** ms within which the hello must come. */
  readonly helloMs: number;
  /** ms after its hello at which the script is ended from here; absent: some seconds after the host must have done so. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly dialogue?: Dialogue | undefined;
  readonly onHello?: (() => void) | undefined;
  /** Called whenever something comes from the other side on stdout. */
  readonly onSign?: (() => void) | undefined;
  /** When something last came over the same connection, by any command (clock.monotonic): not yet silence, then. */
  readonly lastSign?: (() => number | undefined) | undefined;
  /** Called once when the child is broken off, before it is killed: for what the kill does not reach. */
  readonly onBreak?: ((group: number | undefined) => void) | undefined;
}

/** `heard` settles with the script's end; `over` when the child is gone too (it may be awaited, it never rejects). */
export interface Conversation {
  readonly heard: Promise<Heard>;
  readonly over: Promise<void>;
}

/** Begins to talk. Never throws. */
export function converse(child: Child, options: ConversationOptions): Conversation {
  const { command, nonce, clock, dialogue } = options;
  const begunAt = clock.monotonic();
  const out = new Collector(
    command.maxBytes ??
      (options.onLine === undefined && dialogue === undefined ? MAX_OUTPUT_BYTES : Number.POSITIVE_INFINITY),
  );
  const err = new Collector(MAX_STDERR_BYTES);
  const chatter = new Collector(MAX_CHATTER_BYTES);
  const splitter = options.onLine === undefined ? undefined : new LineSplitter(options.onLine);
  const go = goLine(command, nonce);
  const timers = new Set<() => void>();
  let hello = false;
  let began = false;
  let status: number | undefined;
  let group: number | undefined;
  let outIsRead = false;
  let outEnd: number | undefined;
  let errEnd: number | undefined;
  let childEnd: ChildEnd | undefined;
  let settled = false;
  let settle: (heard: Heard) => void;
  const heard = new Promise<Heard>((resolve) => {
    settle = resolve;
  });

  const finish = (brokenOff: BrokenOff | undefined, thrown?: unknown) => {
    if (settled) return;
    settled = true;
    for (const cancel of timers) cancel();
    options.signal?.removeEventListener('abort', onAbort);
    const end = outEnd !== undefined && errEnd !== undefined ? errEnd : undefined;
    if (brokenOff !== undefined) {
      options.onBreak?.(group);
      child.kill('SIGKILL');
      // A shared master keeps the pipes open after its client was killed; without this nothing would ever close.
      letGo(child);
    }
    settle({
      hello,
      began,
      status,
      end,
      stdout: splitter === undefined ? out.text() : '',
      stderr: err.text(),
      chatter: chatter.text(),
      tookMs: clock.monotonic() - begunAt,
      brokenOff,
      thrown,
      child: childEnd,
      group,
    });
  };
  const onAbort = () => finish('aborted');
  const after = (ms: number, fn: () => void) => {
    const cancel = clock.timer(ms, fn);
    timers.add(cancel);
    return cancel;
  };

  let cancelHello = () => {};
  const awaitHello = (ms: number) => {
    cancelHello = after(ms, () => {
      const now = clock.monotonic();
      const sign = Math.min(
        options.lastSign?.() ?? begunAt,
        begunAt + options.helloMs * (MAX_HELLO_WAITS - 1),
      );
      const left = sign + options.helloMs - now;
      if (left > 0) awaitHello(left);
      else cancelHello = after(LATE_READ_MS, () => finish('no-hello'));
    });
  };
  awaitHello(options.helloMs);
  const onHello = () => {
    hello = true;
    cancelHello();
    options.onHello?.();
    const { stdin } = child;
    if (dialogue !== undefined && stdin !== null) {
      if (go !== undefined) stdin.write(go);
      guard(() => dialogue.onOpen(stdin));
    } else if (go !== undefined) stdin?.end(go + (command.stdin ?? ''));
    after(options.deadlineMs ?? remoteEndMs(command) + LOCAL_DEADLINE_MARGIN_MS, () =>
      after(LATE_READ_MS, () => finish('deadline')),
    );
  };
  // The script has ended by itself, and both streams are read: what the wrapper still says adds nothing.
  const onOwnEnd = () => {
    if (!outIsRead || status === undefined) return;
    outEnd ??= status;
    errEnd ??= status;
    onEnd();
  };
  // Both ends are waited for: the two streams may overtake each other on the way.
  const onEnd = () => {
    if (outEnd !== undefined && errEnd !== undefined)
      guard(
        () => splitter?.end(),
        () => finish(undefined),
      );
  };
  const guard = (work: () => void, then: () => void = () => {}) => {
    try {
      work();
    } catch (error) {
      finish('callback', error);
      return;
    }
    then();
  };

  const outScanner = new MarkerScanner(
    nonce,
    (data) => {
      if (!hello) chatter.add(data);
      else if (outEnd === undefined && !outIsRead) guard(() => take(data));
    },
    (marker) => {
      if (marker.word === 'hello' && !hello) onHello();
      else if (marker.word === 'rc' && hello) {
        outIsRead = true;
        onOwnEnd();
      } else if (marker.word === 'end' && hello && outEnd === undefined) {
        outEnd = marker.value ?? 0;
        onEnd();
      }
    },
  );
  const take = (data: Buffer) => {
    if (settled) return;
    if (!out.count(data.length)) return finish('too-much');
    if (dialogue !== undefined) dialogue.onData(data);
    else if (splitter === undefined) out.keep(data);
    else {
      splitter.push(data);
      if (splitter.pendingBytes > MAX_LINE_BYTES) finish('too-much');
    }
  };
  const errScanner = new MarkerScanner(
    nonce,
    (data) => {
      if (began && status === undefined && errEnd === undefined) err.add(data);
      else if (!began) chatter.add(data);
    },
    (marker: Marker) => {
      if (marker.word === 'group') group = marker.value;
      else if (marker.word === 'run') began = true;
      else if (marker.word === 'rc' && began && status === undefined) {
        status = marker.value;
        onOwnEnd();
      } else if (marker.word === 'end' && errEnd === undefined) {
        errEnd = marker.value ?? 0;
        onEnd();
      }
    },
  );

  // In a dialogue the other side may wait for an answer to the very bytes that look like a marker's beginning.
  let cancelHeld = () => {};
  const onChunk = () => {
    options.onSign?.();
    if (dialogue === undefined) return;
    cancelHeld();
    if (outScanner.isHolding && !settled) cancelHeld = after(HELD_MS, () => outScanner.end());
  };
  const closed = Promise.all([
    read(child.stdout, outScanner, onChunk),
    read(child.stderr, errScanner, undefined),
  ]);
  const over = child.exited.then(async (end) => {
    childEnd = end;
    // What the child left behind may hold its streams for ever.
    await Promise.race([closed, delay(clock, STREAM_GRACE_MS)]);
    finish(undefined);
    letGo(child);
  });
  // A client that stays although everything was said (a daemon holds its streams there) is sent away.
  void heard.then(() => {
    const cancel = clock.timer(EXIT_GRACE_MS, () => {
      child.kill('SIGKILL');
      letGo(child);
    });
    void over.then(cancel);
  });

  if (options.signal?.aborted) finish('aborted');
  else options.signal?.addEventListener('abort', onAbort, { once: true });
  // EPIPE: a script need not read what it is given.
  child.stdin?.on('error', () => {});
  if (go === undefined && dialogue === undefined) child.stdin?.end(command.stdin ?? '');
  return { heard, over };
}

/** Bytes up to a limit. */
class Collector {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts without keeping; false once the limit is passed. */
  count(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes <= this.#limit;
  }

  keep(data: Buffer): void {
    this.#chunks.push(data);
  }

  /** Keeps what fits, drops the rest. */
  add(data: Buffer): void {
    const room = this.#limit - this.#bytes;
    if (room <= 0) return;
    const fits = data.length <= room ? data : data.subarray(0, room);
    this.#bytes += fits.length;
    this.#chunks.push(fits);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

function read(
  stream: Child['stdout'],
  scanner: MarkerScanner,
  onSign: (() => void) | undefined,
): Promise<void> {
  if (stream === null) return Promise.resolve();
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      scanner.push(chunk);
      onSign?.();
    });
    stream.on('error', () => {});
    stream.once('close', () => {
      scanner.end();
      resolve();
    });
  });
}

function letGo(child: Child): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.timer(ms, resolve, false);
  });
}
