// Columns of numbers for a million rows and more: typed arrays in pieces, so that growing copies nothing and a row
// costs its bytes and no object. Whole numbers above 32 bits are kept exactly, at the price of their piece.

/** Rows of a piece: a power of two. */
const PIECE = 1 << 16;
const MASK = PIECE - 1;

/** Whole numbers from 0 to 2^53, 4 bytes each where they fit. */
export class NumberColumn {
  readonly #pieces: (Uint32Array | Float64Array)[] = [];

  get(row: number): number {
    return this.#pieces[row >>> 16]?.[row & MASK] ?? 0;
  }

  set(row: number, value: number): void {
    const at = row >>> 16;
    while (at >= this.#pieces.length) this.#pieces.push(new Uint32Array(PIECE));
    let piece = this.#pieces[at] as Uint32Array | Float64Array;
    if (value > 0xffffffff && piece instanceof Uint32Array) {
      piece = Float64Array.from(piece);
      this.#pieces[at] = piece;
    }
    piece[row & MASK] = value;
  }
}

/**
 * Numbers messages 0, 1, 2, ... by queue and id, by a 64-bit hash of both: 16 bytes a message. Two of a million
 * messages share a hash once in some ten million listings.
 */
export class MessageIndex {
  readonly #low = new NumberColumn();
  readonly #high = new NumberColumn();
  /** Row + 1 by hash; 0: free. Never more than two thirds full. */
  #slots = new Uint32Array(1 << 12);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The message's number; a new one gets `size` before the call. `queue` is a number of the caller's. */
  rowOf(queue: number, id: string): number {
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
