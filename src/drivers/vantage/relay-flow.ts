// One connection of a relay as a stream. What the peer sends is given credit for only when somebody has read it, so
// that a peer that never stops fills no memory, neither here nor there; what we write is written once the last of it
// has left. Times are those of the relay's clock.
import { Duplex } from 'node:stream';
import type { TcpInfo } from '../../probe/observation.js';
import type { Flow, FlowError as SoftError } from '../../probe/vantage.js';
import { errnoName } from './errno.js';
import { FlowError } from './failure.js';

/** What a flow asks of its relay. */
export interface FlowDesk {
  write(id: string, data: Buffer): void;
  credit(id: string, bytes: number): void;
  /** `hard`: by RST, nothing of it stays behind in the kernel there. */
  end(id: string, hard: boolean): void;
  info(id: string): Promise<TcpInfo | null>;
  setTtl(id: string, ttl: number): Promise<void>;
}

/** Longest piece that is written at once. */
const PIECE_BYTES = 65_536;
/** Errors kept of a connection that lives on. */
const MOST_ERRORS = 64;

export class RelayFlow extends Duplex implements Flow {
  readonly localPort: number;
  readonly connectMs: number;
  bytesReceived = 0;
  receivedAt: number | null = null;
  sentAt: number | null = null;
  readonly errors: SoftError[] = [];
  readonly #id: string;
  readonly #desk: FlowDesk;
  #unread = 0;
  #written: ((error?: Error | null) => void) | undefined;

  constructor(
    id: string,
    desk: FlowDesk,
    facts: { readonly localPort: number; readonly connectMs: number; readonly at: number },
  ) {
    super({ highWaterMark: PIECE_BYTES });
    this.#id = id;
    this.#desk = desk;
    this.localPort = facts.localPort;
    this.connectMs = facts.connectMs;
    this.sentAt = facts.at;
    // A reset between two looks at the stream is its state, not a crash: whoever reads next sees `errored`.
    this.on('error', () => {});
  }

  tcpInfo(): Promise<TcpInfo | null> {
    return this.destroyed ? Promise.resolve(null) : this.#desk.info(this.#id);
  }

  setTtl(ttl: number): Promise<void> {
    return this.#desk.setTtl(this.#id, ttl);
  }

  /** Bytes of the peer, from the relay. */
  received(data: Buffer, at: number): void {
    this.receivedAt = at;
    this.bytesReceived += data.length;
    this.#unread += data.length;
    if (this.push(data)) this.#grant();
  }

  /** The last write has left the program there. */
  left(at: number): void {
    this.sentAt = at;
    const written = this.#written;
    this.#written = undefined;
    written?.();
  }

  ended(at: number): void {
    this.receivedAt = at;
    this.push(null);
  }

  softError(errno: number, at: number): void {
    const error = { code: errnoName(errno), errno, at };
    if (this.errors.length < MOST_ERRORS) this.errors.push(error);
  }

  failed(errno: number, at: number, tcpInfo: TcpInfo | null): void {
    this.destroy(new FlowError({ phase: 'open', errno, localPort: this.localPort, tcpInfo, ms: at }));
  }

  override _read(): void {
    this.#grant();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES)
      this.#desk.write(this.#id, chunk.subarray(at, at + PIECE_BYTES));
    this.#written = callback;
    if (chunk.length === 0) this.left(this.sentAt ?? 0);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#desk.end(this.#id, error !== null || this.#written !== undefined);
    const written = this.#written;
    this.#written = undefined;
    written?.(error ?? new FlowError({ phase: 'open', errno: 9 }));
    callback(error);
  }

  #grant(): void {
    if (this.#unread === 0) return;
    this.#desk.credit(this.#id, this.#unread);
    this.#unread = 0;
  }
}
