// The lines of a file or a pipe, read into one piece of memory that is used again and again: pieces of their own for
// every reading wait for the garbage collector, and a long listing then takes twice the memory.
import { read } from 'node:fs';

const PIECE_BYTES = 1024 * 1024;
/** Bytes that are turned into text at once: small enough that the texts die young. */
const TEXT_BYTES = 32 * 1024;
const NEWLINE = 0x0a;

/** How to read. */
export interface LineReading {
  /** The first bytes, before any line; may throw. */
  onFirst(bytes: Uint8Array): void;
  /** A line without its newline. */
  onLine(line: string): void;
  /** A line has grown longer than this. */
  readonly mostBytes: number;
  onTooLong(): Error;
  readonly signal?: AbortSignal | undefined;
}

/** Reads an open file to its end. What the callbacks throw ends it. */
export async function readLines(fd: number, reading: LineReading): Promise<void> {
  const { onLine } = reading;
  let piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let used = 0;
  for (let isFirst = true; reading.signal?.aborted !== true; isFirst = false) {
    const bytes = await readInto(fd, piece, used);
    if (bytes === 0) break;
    if (isFirst) reading.onFirst(piece.subarray(0, bytes));
    const end = used + bytes;
    const newline = piece.subarray(used, end).lastIndexOf(NEWLINE);
    if (newline === -1) {
      used = end;
      if (used > reading.mostBytes) throw reading.onTooLong();
      if (used === piece.length) {
        const larger = Buffer.allocUnsafeSlow(piece.length * 2);
        piece.copy(larger);
        piece = larger;
      }
      continue;
    }
    const last = used + newline;
    eachBlock(piece, last, onLine);
    piece.copyWithin(0, last + 1, end);
    used = end - last - 1;
  }
  if (used > 0) onLine(piece.toString('utf8', 0, used));
}

/** The lines up to `end`, which is a newline, some at a time. */
function eachBlock(piece: Buffer, end: number, onLine: (line: string) => void): void {
  let from = 0;
  while (end - from > TEXT_BYTES) {
    const at = piece.lastIndexOf(NEWLINE, from + TEXT_BYTES);
    // A line that is longer than a block.
    const cut = at >= from ? at : piece.indexOf(NEWLINE, from + TEXT_BYTES);
    eachLine(piece.toString('utf8', from, cut), onLine);
    from = cut + 1;
    if (cut === end) return;
  }
  eachLine(piece.toString('utf8', from, end), onLine);
}

function eachLine(text: string, onLine: (line: string) => void): void {
  let from = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
    onLine(text.slice(from, at));
    from = at + 1;
  }
  onLine(text.slice(from));
}

function readInto(fd: number, piece: Buffer, used: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, piece, used, piece.length - used, null, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
  });
}
