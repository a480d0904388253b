// Our end of a relay: starts it on its host, waits for its first line, and speaks frames with it. Whatever becomes of
// the relay, everything that waits for it gets an end: an answer, or the error that says what became of it.
import type { Writable } from 'node:stream';
import { MailctlError, TransportError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';
import type { TcpInfo } from '../../probe/observation.js';
import type { ConnectOptions } from '../../probe/vantage.js';
import type { Transport } from '../../transport/transport.js';
import { errnoWords } from './errno.js';
import { FlowError } from './failure.js';
import { type Frame, FrameReader, formatFrame } from './frames.js';
import { RelayFlow } from './relay-flow.js';
import { RELAY_SCRIPT } from './relay-script.js';
import { parseTcpInfo } from './tcp-info.js';

/** What a relay said of itself. */
export interface RelayHello {
  /** `none`: there is neither perl nor python3; the facts tell what else there is. */
  readonly how: 'perl' | 'python3' | 'none';
  readonly facts: ReadonlyMap<string, string>;
}

/** How it is opened. */
export interface RelaySettings {
  readonly transport: Transport;
  readonly host: Host;
  readonly clock: Clock;
  /** For tests: this way and no other. */
  readonly only?: 'perl' | 'python3' | 'nc' | undefined;
  /** The relay ends itself after this. */
  readonly lifeMs: number;
}

/** ms that we wait for the answer of a relay to something that needs no network. */
const ANSWER_MS = 5000;
/** ms for it to end by itself when its stdin does. */
const END_MS = 1000;

interface Pending {
  onFrame(frame: Frame): void;
  onEnd(error: Error): void;
}

export class Relay {
  readonly hello: RelayHello;
  readonly #clock: Clock;
  readonly #stdin: Writable;
  readonly #pending: Map<string, Pending>;
  readonly #over: Promise<void>;
  readonly #stop: AbortController;
  readonly #state: { ended: Error | undefined };
  #last = 0;

  /** @throws TransportError when the host cannot be asked, MailctlError when what answers is no relay */
  static async open(settings: RelaySettings, signal?: AbortSignal): Promise<Relay> {
    const { transport, host, clock } = settings;
    const pending = new Map<string, Pending>();
    const stop = new AbortController();
    const state: { ended: Error | undefined } = { ended: undefined };
    let stdin: Writable | undefined;
    let cancelHello = () => {};
    let resolveHello: (hello: RelayHello) => void = () => {};
    let rejectHello: (error: unknown) => void = () => {};
    const hello = new Promise<RelayHello>((resolve, reject) => {
      resolveHello = resolve;
      rejectHello = reject;
    });
    const end = (error: Error) => {
      state.ended ??= error;
      rejectHello(error);
      const all = [...pending.values()];
      pending.clear();
      for (const one of all) one.onEnd(error);
    };
    const reader = new FrameReader((frame) => {
      if (frame.word === 'H') resolveHello(parseHello(frame));
      else pending.get(frame.id)?.onFrame(frame);
    });
    const onAbort = () => stop.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    const over = transport
      .run(
        host,
        {
          name: 'probe.relay',
          script: RELAY_SCRIPT,
          args: [settings.only ?? 'any'],
          readOnly: true,
          privileged: false,
          timeoutMs: settings.lifeMs,
        },
        {
          signal: stop.signal,
          dialogue: {
            onOpen: (stream) => {
              stdin = stream;
              // The host answers: how long that may take is the transport's to say, and its own errors tell it.
              cancelHello = clock.timer(HELLO_MS, () => rejectHello(notBegun(host)));
            },
            onData: (data) => reader.push(data),
          },
        },
      )
      .then(
        ({ status, stderr }) => {
          const said = stderr.trim().split('\n').slice(-3).join('\n').slice(0, 600);
          end(
            new MailctlError(`${host.name}: the relay of the probe ended with status ${status}`, {
              code: 'probe.relay',
              exitCode: 3,
              detail: said || undefined,
            }),
          );
        },
        (error: unknown) => end(error instanceof Error ? error : new Error(String(error))),
      )
      .finally(() => signal?.removeEventListener('abort', onAbort));
    try {
      const said = await hello;
      return new Relay(said, settings, stdin as Writable, pending, over, stop, state);
    } catch (error) {
      stop.abort();
      throw error;
    } finally {
      cancelHello();
    }
  }

  private constructor(
    hello: RelayHello,
    settings: RelaySettings,
    stdin: Writable,
    pending: Map<string, Pending>,
    over: Promise<void>,
    stop: AbortController,
    state: { ended: Error | undefined },
  ) {
    this.hello = hello;
    this.#clock = settings.clock;
    this.#stdin = stdin;
    this.#pending = pending;
    this.#over = over;
    this.#stop = stop;
    this.#state = state;
  }

  /** A connection. @throws FlowFailure; the signal's reason when it is aborted */
  connect(options: ConnectOptions, family: 4 | 6, signal?: AbortSignal): Promise<RelayFlow> {
    const id = this.#id();
    const infos = new Map<string, (info: TcpInfo | null) => void>();
    const settings = new Map<string, { resolve(): void; reject(error: Error): void }>();
    let number = 0;
    return new Promise((resolve, reject) => {
      let flow: RelayFlow | undefined;
      const forget = () => {
        this.#pending.delete(id);
        signal?.removeEventListener('abort', onAbort);
        for (const answer of infos.values()) answer(null);
        for (const one of settings.values()) one.reject(new FlowError({ phase: 'open', errno: 9 }));
        infos.clear();
        settings.clear();
      };
      const onAbort = () => {
        if (flow !== undefined) return;
        this.#send(['X', id]);
        forget();
        reject(signal?.reason);
      };
      const desk = {
        write: (to: string, data: Buffer) => this.#send(['D', to], data),
        credit: (to: string, bytes: number) => this.#send(['A', to, bytes]),
        end: (to: string, hard: boolean) => {
          this.#send([hard ? 'X' : 'C', to]);
          forget();
        },
        info: (to: string) => {
          number += 1;
          const key = String(number);
          return this.#within(
            ANSWER_MS,
            new Promise<TcpInfo | null>((answer) => {
              infos.set(key, answer);
              this.#send(['I', to, key]);
            }),
            () => {
              infos.delete(key);
              return null;
            },
          );
        },
        setTtl: (to: string, ttl: number) => {
          number += 1;
          const key = String(number);
          return new Promise<void>((done, failed) => {
            settings.set(key, { resolve: done, reject: failed });
            this.#send(['T', to, ttl, key]);
          });
        },
      };
      const onFrame = ({ word, rest, data }: Frame) => {
        if (word === 'o') {
          signal?.removeEventListener('abort', onAbort);
          flow = new RelayFlow(id, desk, {
            connectMs: msOf(rest[0]),
            localPort: Number(rest[1]),
            at: msOf(rest[2]),
          });
          resolve(flow);
        } else if (word === 'f') {
          forget();
          reject(failureOf(rest));
        } else if (word === 'd') flow?.received(data, msOf(rest[1]));
        else if (word === 'w') flow?.left(msOf(rest[0]));
        else if (word === 'z') flow?.ended(msOf(rest[0]));
        else if (word === 'e') {
          const [errno = '0', at, life, info = '-'] = rest;
          if (life === 'alive') flow?.softError(Number(errno), msOf(at));
          else flow?.failed(Number(errno), msOf(at), parseTcpInfo(info));
        } else if (word === 'i') {
          infos.get(rest[0] ?? '')?.(parseTcpInfo(rest[1] ?? ''));
          infos.delete(rest[0] ?? '');
        } else if (word === 't') {
          const one = settings.get(rest[0] ?? '');
          settings.delete(rest[0] ?? '');
          if (rest[1] === '0') one?.resolve();
          else one?.reject(new FlowError({ phase: 'open', errno: Number(rest[1]) }));
        }
      };
      const onEnd = (error: Error) => {
        const failure = new FlowError({ phase: 'open', errno: null, message: error.message });
        if (flow === undefined) reject(failure);
        else flow.destroy(failure);
        forget();
      };
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#expect(id, { onFrame, onEnd });
      this.#send([
        ...['O', id, family, options.address, options.port, options.source, options.interface],
        ...[options.mss ?? null, options.sourcePort ?? null, options.errorQueue === true ? 1 : 0],
        Math.ceil(options.timeoutMs),
        options.ttl ?? null,
      ]);
    });
  }

  /**
   * Asks for something that is answered by one frame.
   * @throws Error when the relay is gone, or gave no answer within `ms`; the signal's reason when it is aborted
   */
  async ask(
    word: string,
    rest: readonly (string | number | null)[],
    options: {
      readonly ms: number;
      readonly data?: Buffer | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<Frame> {
    const id = this.#id();
    options.signal?.throwIfAborted();
    let onAbort = () => {};
    const answer = new Promise<Frame>((resolve, reject) => {
      onAbort = () => reject(options.signal?.reason);
      options.signal?.addEventListener('abort', onAbort, { once: true });
      this.#expect(id, { onFrame: resolve, onEnd: reject });
      this.#send([word, id, ...rest], options.data);
    });
    try {
      return await this.#within(options.ms + ANSWER_MS, answer, () => {
        throw new FlowError({ phase: 'local', errno: null, message: 'the relay gave no answer' });
      });
    } finally {
      this.#pending.delete(id);
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Ends it, and everything that goes over it. Never throws. */
  async close(): Promise<void> {
    this.#stdin.end();
    await this.#within(END_MS, this.#over, () => {});
    this.#stop.abort();
    await this.#over;
  }

  #id(): string {
    this.#last += 1;
    return String(this.#last);
  }

  #expect(id: string, pending: Pending): void {
    if (this.#state.ended !== undefined) pending.onEnd(this.#state.ended);
    else this.#pending.set(id, pending);
  }

  #send(words: readonly (string | number | null)[], data?: Buffer): void {
    if (this.#state.ended === undefined && this.#stdin.writable) this.#stdin.write(formatFrame(words, data));
  }

  async #within<T>(ms: number, work: Promise<T>, onLate: () => T): Promise<T> {
    let cancel = () => {};
    const late = new Promise<'late'>((resolve) => {
      cancel = this.#clock.timer(ms, () => resolve('late'));
    });
    try {
      const first = await Promise.race([work.then((value) => ({ value })), late]);
      return first === 'late' ? onLate() : first.value;
    } finally {
      cancel();
    }
  }
}

const HELLO_MS = 10_000;

function notBegun({ name }: Host): TransportError {
  const what = `${name}: the relay of the probe did not begin within ${HELLO_MS / 1000} s`;
  return new TransportError(name, 'timeout', what, {
    hint: 'is the host out of memory, or perl broken there?',
  });
}

function parseHello({ rest }: Frame): RelayHello {
  const [how] = rest;
  return {
    how: how === 'perl' || how === 'python3' ? how : 'none',
    facts: new Map(
      rest.slice(1).map((word) => {
        const at = word.indexOf('=');
        return [word.slice(0, at), word.slice(at + 1)];
      }),
    ),
  };
}

/** Numbers that say: this host could not even try. */
const LOCAL_ERRNOS: ReadonlySet<number> = new Set([1, 13, 19, 22, 23, 24, 93, 97, 98, 99, 105]);

const EACCES = 13;

function failureOf([phase, errnoText, us, port, info = '-', from, type, code]: readonly string[]): FlowError {
  const errno = Number(errnoText);
  const isConnect = phase === 'connect' || (phase === 'now' && !LOCAL_ERRNOS.has(errno));
  return new FlowError({
    phase: isConnect ? 'connect' : 'local',
    errno,
    message: failureWords(phase, errno, from),
    from: from === undefined || from === '-' ? null : from,
    icmp: from === undefined || from === '-' ? null : { type: Number(type), code: Number(code) },
    localPort: Number(port) || null,
    tcpInfo: parseTcpInfo(info),
    ms: msOf(us),
  });
}

function failureWords(phase: string | undefined, errno: number, from: string | undefined): string {
  if (phase === 'device') return `the interface cannot be used: ${errnoWords(errno)}`;
  // IPv6 tells a router's prohibition by the number that otherwise means our own.
  if (errno === EACCES && from !== undefined && from !== '-') return 'a router does not let it through';
  return errnoWords(errno);
}

/** Microseconds of a relay in ms. */
export function msOf(us: string | undefined): number {
  return Number(us ?? 0) / 1000;
}
