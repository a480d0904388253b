// Queue ids by the million: each once, numbered in the order they came, in one piece of memory instead of a million
// strings. Exact: ids are compared byte by byte. Pure.

/** Texts one behind the other. */
export class TextList {
  #bytes = Buffer.alloc(1 << 12);
  #ends = new Uint32Array(1 << 8);
  #used = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Puts a text at the end; its number. */
  add(text: string): number {
    const most = this.#used + text.length * 3;
    if (most > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(most, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    if (this.#count === this.#ends.length) this.#ends = grown(this.#ends);
    this.#used += this.#bytes.write(text, this.#used);
    this.#ends[this.#count] = this.#used;
    return this.#count++;
  }

  /** Takes the last one away again. */
  drop(): void {
    this.#count -= 1;
    this.#used = this.#beginOf(this.#count);
  }

  get(number: number): string {
    return this.#bytes.toString('utf8', this.#beginOf(number), this.#ends[number]);
  }

  isSame(one: number, other: number): boolean {
    const bytes = this.#bytes;
    return (
      bytes.compare(bytes, this.#beginOf(one), this.#ends[one], this.#beginOf(other), this.#ends[other]) === 0
    );
  }

  /** FNV-1a of its bytes. */
  hash(number: number): number {
    let hash = 0x811c9dc5;
    const end = this.#ends[number] as number;
    for (let at = this.#beginOf(number); at < end; at += 1)
      hash = Math.imul(hash ^ (this.#bytes[at] as number), 0x01000193);
    return hash >>> 0;
  }

  #beginOf(number: number): number {
    return number === 0 ? 0 : (this.#ends[number - 1] as number);
  }
}

/** Ids, each with its number. */
export class IdTable {
  readonly #texts = new TextList();
  /** By hash, then the next free one: the number of an id and one; 0: free. */
  #slots = new Uint32Array(1 << 9);

  get count(): number {
    return this.#texts.count;
  }

  /** The number of an id, that it has already or gets now. */
  add(id: string): { readonly number: number; readonly isNew: boolean } {
    const number = this.#texts.add(id);
    const slot = this.#slotOf(number);
    const found = this.#slots[slot] as number;
    if (found !== 0) {
      this.#texts.drop();
      return { number: found - 1, isNew: false };
    }
    this.#slots[slot] = number + 1;
    if (this.count * 2 > this.#slots.length) this.#spread();
    return { number, isNew: true };
  }

  /** The number of an id; -1: it is not there. */
  find(id: string): number {
    const slot = this.#slotOf(this.#texts.add(id));
    this.#texts.drop();
    return (this.#slots[slot] as number) - 1;
  }

  text(number: number): string {
    return this.#texts.get(number);
  }

  /** The slot that an id has, or would get. */
  #slotOf(number: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#texts.hash(number) & mask; ; slot = (slot + 1) & mask) {
      const taken = this.#slots[slot] as number;
      if (taken === 0 || this.#texts.isSame(taken - 1, number)) return slot;
    }
  }

  #spread(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let number = 0; number < this.count; number += 1) this.#slots[this.#slotOf(number)] = number + 1;
  }
}

/** The same figures in twice the room. */
export function grown<T extends Uint32Array | Float64Array>(figures: T): T {
  const larger = new (figures.constructor as new (length: number) => T)(figures.length * 2);
  larger.set(figures);
  return larger;
}
