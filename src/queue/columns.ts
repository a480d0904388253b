// Columns of numbers for a million rows and more: typed arrays in pieces, so that growing copies nothing and a row
// costs its bytes and no object. A piece is as wide as its largest number. Only the first piece grows: most queues
// are small, and to clear whole pieces for them took a tenth of the time that they cost.

/** Rows of a piece: a power of two. */
const PIECE = 1 << 16;
const MASK = PIECE - 1;

type Piece = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** Rows that the first piece begins with. */
const FIRST = 1 << 10;

/** A piece whose numbers have this many bytes, 8 meaning all up to 2^53. */
function newPiece(bytes: number, rows: number): Piece {
  if (bytes === 1) return new Uint8Array(rows);
  if (bytes === 2) return new Uint16Array(rows);
  return bytes === 4 ? new Uint32Array(rows) : new Float64Array(rows);
}

/** The largest number of that many bytes. */
function largest(bytes: number): number {
  return bytes === 8 ? Number.POSITIVE_INFINITY : 2 ** (8 * bytes) - 1;
}

/** Whole numbers from 0 to 2^53, each in as few bytes as its piece can do with. What was not set is 0. */
export class NumberColumn {
  readonly #pieces: (Piece | undefined)[] = [];
  readonly #most: number[] = [];
  readonly #bytes: 1 | 4;

  /** `bytes` that most numbers need. */
  constructor(bytes: 1 | 4) {
    this.#bytes = bytes;
  }

  get(row: number): number {
    return this.#pieces[row >>> 16]?.[row & MASK] ?? 0;
  }

  set(row: number, value: number): void {
    const at = row >>> 16;
    let piece = this.#pieces[at];
    if (piece === undefined) {
      if (value === 0) return;
      piece = newPiece(this.#bytes, row < FIRST ? FIRST : PIECE);
      this.#pieces[at] = piece;
      this.#most[at] = largest(this.#bytes);
    }
    if (value > (this.#most[at] as number)) piece = this.#widen(at, piece, value);
    if ((row & MASK) >= piece.length) piece = this.#copy(at, piece, piece.BYTES_PER_ELEMENT, PIECE);
    piece[row & MASK] = value;
  }

  #widen(at: number, piece: Piece, value: number): Piece {
    let bytes = piece.BYTES_PER_ELEMENT;
    while (value > largest(bytes)) bytes *= 2;
    this.#most[at] = largest(bytes);
    return this.#copy(at, piece, bytes, piece.length);
  }

  #copy(at: number, piece: Piece, bytes: number, rows: number): Piece {
    const copy = newPiece(bytes, rows);
    copy.set(piece);
    this.#pieces[at] = copy;
    return copy;
  }
}

/**
 * Numbers messages 0, 1, 2, ... by queue and id, by a 64-bit hash of both: 16 bytes a message. Two of a million
 * messages share a hash once in some ten million listings.
 */
export class MessageIndex {
  readonly #low = new NumberColumn(4);
  readonly #high = new NumberColumn(4);
  /** Row + 1 by hash; 0: free. Never more than two thirds full. */
  #slots = new Uint32Array(1 << 12);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The message's number; a new one gets `size` before the call. `queue` is a number of the caller's. */
  rowOf(queue: number, id: string): number {
    return this.#find(queue, id, true);
  }

  /** Whether it has a number. */
  has(queue: number, id: string): boolean {
    return this.#find(queue, id, false) >= 0;
  }

  #find(queue: number, id: string, adds: boolean): number {
    let low = 0x811c9dc5 ^ queue;
    let high = (0x9e3779b9 + Math.imul(queue, 0x27d4eb2f)) | 0;
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x85ebca6b);
      high = (high << 13) | (high >>> 19);
    }
    low = Math.imul(low ^ (low >>> 16), 0x7feb352d);
    low = (low ^ (low >>> 15)) >>> 0;
    high = Math.imul(high ^ (high >>> 15), 0xc2b2ae35);
    high = (high ^ (high >>> 16)) >>> 0;
    const mask = this.#slots.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] as number) - 1;
      if (row < 0) {
        if (!adds) return -1;
        const added = this.#size;
        this.#slots[slot] = added + 1;
        this.#low.set(added, low);
        this.#high.set(added, high);
        this.#size = added + 1;
        if (this.#size * 3 > this.#slots.length * 2) this.#grow();
        return added;
      }
      if (this.#low.get(row) === low && this.#high.get(row) === high) return row;
    }
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let row = 0; row < this.#size; row++) {
      let slot = this.#low.get(row) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row + 1;
    }
    this.#slots = slots;
  }
}
