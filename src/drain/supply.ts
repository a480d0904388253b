// The messages of a drain on one queue for one destination, by next hop: those that are to be released, in their order
// (by rank, then the oldest first, which are also the first to expire), and those that wait for another try. A hop that the server
// itself keeps back is passed over. Pure.
import type { DrainRelease } from '../queue/drain-way.js';
import { RANKS } from './order.js';

/** One message of a drain. */
export interface Parcel {
  readonly key: DrainRelease;
  /** Its destination: the strictest, where its recipients have several. */
  readonly destination: string;
  /** Smaller goes first, whatever its age (order.ts); without one it is of the rest. */
  readonly rank?: number | undefined;
  /** How often it was released and pushed back. */
  tries: number;
  /** It is not released before this. */
  notBefore: number;
}

interface Hop {
  sorted: Parcel[];
  at: number;
}

const isOlder = (a: Parcel, b: Parcel): number =>
  (a.rank ?? RANKS.rest) - (b.rank ?? RANKS.rest) ||
  (a.key.arrivedAt ?? 0) - (b.key.arrivedAt ?? 0) ||
  (a.key.id < b.key.id ? -1 : a.key.id > b.key.id ? 1 : 0);

/** One destination's messages on one queue. */
export class Supply {
  readonly #hops = new Map<string, Hop>();
  /** Put back, or not released although offered; few. */
  #back: Parcel[] = [];
  #count = 0;

  /** All at once, before anything is taken. */
  fill(parcels: readonly Parcel[]): void {
    for (const parcel of parcels) {
      const name = parcel.key.hop ?? '';
      const hop = this.#hops.get(name);
      if (hop === undefined) this.#hops.set(name, { sorted: [parcel], at: 0 });
      else hop.sorted.push(parcel);
    }
    for (const { sorted } of this.#hops.values()) sorted.sort(isOlder);
    this.#count = parcels.length;
  }

  /** Messages that wait here. */
  get count(): number {
    return this.#count + this.#back.length;
  }

  /** Takes at most so many that may go now. */
  take(most: number, now: number, isBlocked: (hop: string) => boolean = () => false): readonly Parcel[] {
    const taken: Parcel[] = [];
    const later: Parcel[] = [];
    for (const parcel of this.#back)
      if (taken.length < most && parcel.notBefore <= now && !isBlocked(parcel.key.hop ?? ''))
        taken.push(parcel);
      else later.push(parcel);
    this.#back = later;
    const open = [...this.#hops].filter(([name]) => !isBlocked(name)).map(([, hop]) => hop);
    while (taken.length < most) {
      let oldest: Hop | undefined;
      for (const hop of open) {
        const head = hop.sorted[hop.at];
        const best = oldest?.sorted[oldest.at];
        if (head !== undefined && (best === undefined || isOlder(head, best) < 0)) oldest = hop;
      }
      if (oldest === undefined) break;
      taken.push(oldest.sorted[oldest.at] as Parcel);
      oldest.at += 1;
      this.#count -= 1;
      // What is behind us is let go now and then: a million of them need not stay.
      if (oldest.at > 10_000 && oldest.at * 2 > oldest.sorted.length) {
        oldest.sorted = oldest.sorted.slice(oldest.at);
        oldest.at = 0;
      }
    }
    for (const [name, hop] of this.#hops) if (hop.at >= hop.sorted.length) this.#hops.delete(name);
    return taken;
  }

  /** Back in front, in the order given. */
  giveBack(parcels: readonly Parcel[]): void {
    this.#back = [...parcels, ...this.#back];
  }

  /** Takes these out. */
  remove(ids: ReadonlySet<string>): void {
    const stays = (parcel: Parcel) => !ids.has(parcel.key.id);
    this.#back = this.#back.filter(stays);
    this.#count = 0;
    for (const [name, { sorted, at }] of this.#hops) {
      const left = sorted.slice(at).filter(stays);
      this.#count += left.length;
      if (left.length === 0) this.#hops.delete(name);
      else this.#hops.set(name, { sorted: left, at: 0 });
    }
  }

  /** Everything that waits; for giving the rest back to the server. */
  all(): readonly Parcel[] {
    return [...this.#back, ...[...this.#hops.values()].flatMap(({ sorted, at }) => sorted.slice(at))];
  }
}
