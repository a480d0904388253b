// SMTP replies out of a stream (RFC 5321, 4.2): bounded in every direction, since the other side may be anybody. A line
// that never ends, a reply that never ends, and what is no SMTP at all are faults with a name; texts are kept as they
// came, cut, for whoever shows them to escape.
import type { Duplex } from 'node:stream';
import type { Reply } from './observation.js';

/** RFC 5321 allows 512 bytes; some servers say more. */
const MAX_LINE_BYTES = 4096;
/** An EHLO reply has some 15 lines. */
const MAX_LINES = 128;
/** Characters of a reply that are kept. */
const MAX_TEXT = 1000;
/** Lines of a reply that are kept one by one. */
const MAX_KEPT_LINES = 64;

/** A whole reply, and its lines for those who read extensions. */
export interface FullReply extends Reply {
  /** Without code; cut. */
  readonly lines: readonly string[];
}

/** The other side speaks no SMTP, or more of it than anybody may. */
export class ProtocolFault extends Error {}

/** The other side ended the connection in between. */
export class StreamEnd extends Error {}

/** Reads replies, one after the other, from one stream. */
export class ReplyReader {
  readonly #stream: Duplex;
  readonly #onLine: ((line: string) => void) | undefined;
  #buffer: Buffer = Buffer.alloc(0);
  #lines: { readonly code: number; readonly text: string }[] = [];
  #replies: FullReply[] = [];
  #fault: Error | undefined;
  #wake: (() => void) | undefined;
  /** Whether anything of a reply has come that is not taken yet. */
  #count = 0;

  constructor(stream: Duplex, onLine?: (line: string) => void) {
    this.#stream = stream;
    this.#onLine = onLine;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('close', this.#onClose);
    stream.on('error', this.#onError);
    if (stream.errored !== null) this.#onError(stream.errored);
    else if (stream.readableEnded || stream.destroyed) this.#onEnd();
  }

  /** The next reply. @throws ProtocolFault, StreamEnd, or the stream's own error */
  async next(): Promise<FullReply> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply !== undefined) return reply;
      if (this.#fault !== undefined) throw this.#fault;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  /** Stops reading, so that another may take over the stream. What has come already and is no reply is lost. */
  release(): { readonly isClean: boolean } {
    this.#stream.pause();
    this.#stream.off('data', this.#onData);
    this.#stream.off('end', this.#onEnd);
    this.#stream.off('close', this.#onClose);
    this.#stream.off('error', this.#onError);
    return { isClean: this.#buffer.length === 0 && this.#replies.length === 0 && this.#lines.length === 0 };
  }

  readonly #onData = (chunk: Buffer) => {
    if (this.#fault !== undefined) return;
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    let from = 0;
    for (let end = this.#buffer.indexOf(10); end !== -1; end = this.#buffer.indexOf(10, from)) {
      if (end - from > MAX_LINE_BYTES) return this.#fail(tooLong());
      this.#take(this.#buffer.toString('utf8', from, end).replace(/\r$/, ''));
      if (this.#fault !== undefined) return;
      from = end + 1;
    }
    this.#buffer = this.#buffer.subarray(from);
    if (this.#buffer.length > MAX_LINE_BYTES) this.#fail(tooLong());
  };

  readonly #onEnd = () => this.#fail(new StreamEnd('the other side ended the connection'));
  readonly #onClose = () => this.#fail(this.#stream.errored ?? new StreamEnd('the connection was closed'));
  readonly #onError = (error: Error) => this.#fail(error);

  #take(line: string): void {
    this.#onLine?.(line.slice(0, MAX_TEXT));
    const match = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line);
    if (match === null) {
      this.#fail(new ProtocolFault(`no SMTP: ${line.slice(0, 80)}`));
      return;
    }
    this.#count += 1;
    if (this.#count > MAX_LINES) {
      this.#fail(new ProtocolFault(`a reply of more than ${MAX_LINES} lines`));
      return;
    }
    if (this.#lines.length < MAX_KEPT_LINES)
      this.#lines.push({ code: Number(match[1]), text: (match[3] ?? '').slice(0, MAX_TEXT) });
    if (match[2] === '-') return;
    const lines = this.#lines.map(({ text }) => text);
    const all = lines.join(' ');
    const enhanced = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(lines[0] ?? '');
    this.#lines = [];
    this.#count = 0;
    this.#replies.push({
      code: Number(match[1]),
      enhanced: enhanced?.[1] ?? null,
      text: all.slice(0, MAX_TEXT),
      lines,
    });
    // Nobody asked for so many.
    if (this.#replies.length > MAX_LINES) this.#fail(new ProtocolFault('replies that nobody asked for'));
    else this.#wake?.();
  }

  #fail(error: Error): void {
    if (this.#fault !== undefined) return;
    this.#fault = error;
    this.#buffer = Buffer.alloc(0);
    // What comes now is not read any more: it stays with whoever sends it.
    this.#stream.pause();
    this.#wake?.();
  }
}

function tooLong(): ProtocolFault {
  return new ProtocolFault(`a line of more than ${MAX_LINE_BYTES} bytes`);
}
