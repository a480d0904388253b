// What goes between us and a relay, one line each, some with bytes behind it. `-` stands for "none"; times are
// microseconds of the relay's own clock since it began.
//
//   to it     O ID FAMILY ADDRESS PORT SOURCE INTERFACE MSS SOURCE-PORT ERROR-QUEUE MS TTL  a connection
//             D ID LENGTH + bytes   A ID BYTES (may send so many more)   C ID (end)   X ID (end by RST)
//             I ID NUMBER (TCP_INFO)   T ID TTL NUMBER
//             P ID FAMILY ADDRESS SOURCE INTERFACE COUNT INTERVAL-MS WAIT-MS SIZE          pings
//             U ID FAMILY ADDRESS PORT SOURCE INTERFACE SOURCE-PORT TTL PROBE MS LENGTH + bytes   one datagram
//             R ID MS LENGTH + words with NUL between them                                   a program of the host
//   from it   H VERSION HOW KEY=VALUE...                                                    once, at first
//             o ID US PORT AT   f ID PHASE ERRNO US PORT INFO FROM TYPE CODE
//             d ID LENGTH AT + bytes   w ID AT (all that was written left)   z ID AT (peer's end)
//             e ID ERRNO AT alive|dead INFO   i ID NUMBER INFO   t ID NUMBER ERRNO
//             p ID HOW ERRNO SENT RECEIVED MIN AVG MAX
//             u ID WHAT ERRNO US FROM TYPE CODE INFO LENGTH + bytes   r ID STATUS LENGTH + bytes
//
// A newline follows the bytes of a relay: the transport looks for marker lines of its own in what it reads, and would
// hold back an end of the bytes that looks like the beginning of one.
// INFO is TCP_INFO as the kernel gives it, in hexadecimal digits.

/** One line of a relay, its words, and the bytes behind it. */
export interface Frame {
  readonly word: string;
  readonly id: string;
  readonly rest: readonly string[];
  readonly data: Buffer;
}

/** Where the length of the bytes stands among a line's words, for the lines that carry any. */
const LENGTH_AT: ReadonlyMap<string, number> = new Map([
  ['d', 2],
  ['u', 9],
  ['r', 3],
]);
const MAX_LINE_BYTES = 2048;
const MAX_DATA_BYTES = 1024 * 1024;
const EMPTY = Buffer.alloc(0);

/** Cuts a relay's output into frames, however its chunks are cut. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes that must be there before it is worth looking again. */
  #needed = 1;
  readonly #onFrame: (frame: Frame) => void;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws Error when it is no output of a relay */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return;
    let data = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (;;) {
      const end = data.indexOf(10);
      if (end === -1) {
        if (data.length > MAX_LINE_BYTES) throw new Error('a line without an end');
        this.#needed = data.length + 1;
        break;
      }
      const words = data.toString('latin1', 0, end).split(' ');
      const [word = '', id = ''] = words;
      const at = LENGTH_AT.get(word);
      const length = at === undefined ? 0 : Number(words[at] || 'none');
      const isBare = at === undefined || (word === 'u' && words[2] !== 'data');
      if (!Number.isInteger(length) || length < 0 || length > MAX_DATA_BYTES || end > MAX_LINE_BYTES)
        throw new Error('a line that no relay writes');
      const next = end + 1 + (isBare ? 0 : length + 1);
      if (data.length < next) {
        this.#needed = next;
        break;
      }
      const rest = words.slice(2);
      this.#onFrame({
        word,
        id,
        rest,
        data: length === 0 ? EMPTY : Buffer.from(data.subarray(end + 1, next - 1)),
      });
      data = data.subarray(next);
      this.#needed = 1;
    }
    this.#chunks = data.length === 0 ? [] : [data];
    this.#bytes = data.length;
  }
}

/** A line to a relay; bytes behind it bring their length along as its last word. */
export function formatFrame(words: readonly (string | number | null)[], data?: Buffer): Buffer {
  const all = data === undefined ? words : [...words, data.length];
  const line = Buffer.from(
    `${all.map((word) => (word === null ? '-' : String(word))).join(' ')}\n`,
    'latin1',
  );
  return data === undefined ? line : Buffer.concat([line, data]);
}
