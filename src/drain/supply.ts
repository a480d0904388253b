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

/** A hop whose turn does not come for so long gets places of the others. */
const OVERDUE_S = 20;

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
  /** When a hop was in hand last, or first seen to wait. */
  readonly #turns = new Map<string, number>();

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

  /**
   * Takes at most so many that may go now. Half of them are of the favoured hops, where there are any: a server that has
   * a hop in hand goes on with it at less cost.
   */
  take(
    most: number,
    now: number,
    isBlocked: (hop: string) => boolean = () => false,
    favoured: ReadonlySet<string> = new Set(),
  ): readonly Parcel[] {
    const names = [...favoured].filter((name) => this.#hops.has(name) && !isBlocked(name));
    if (names.length === 0 || this.#hops.size === names.length) return this.#take(most, now, isBlocked);
    const taken = [...this.#take(Math.ceil(most / 2), now, isBlocked)];
    names.forEach((name, index) => {
      const share = Math.ceil((most - taken.length) / (names.length - index));
      taken.push(...this.#take(share, now, (hop) => hop !== name || isBlocked(hop)));
    });
    return taken.sort(isOlder);
  }

  /** The hops that have most, at most so many: what is in hand of them lets the others go on when one runs out. */
  largest(most: number): readonly string[] {
    return [...this.#hops]
      .map(([name, { sorted, at }]) => ({ name, left: sorted.length - at }))
      .sort((a, b) => b.left - a.left)
      .slice(0, most)
      .map(({ name }) => name);
  }

  /** Has the oldest message waited for its hop's turn for long, while others are in hand? True at most once in that time. */
  isOverdue(inHand: ReadonlySet<string>, now: number): boolean {
    for (const hop of inHand) this.#turns.set(hop, now);
    let name: string | undefined;
    let oldest: Parcel | undefined;
    for (const [hop, { sorted, at }] of this.#hops) {
      const head = sorted[at];
      if (head !== undefined && (oldest === undefined || isOlder(head, oldest) < 0))
        [name, oldest] = [hop, head];
    }
    if (name === undefined || inHand.size === 0 || inHand.has(name)) return false;
    const since = this.#turns.get(name);
    if (since === undefined) this.#turns.set(name, now);
    if (since === undefined || now - since < OVERDUE_S) return false;
    this.#turns.set(name, now);
    return true;
  }

  #take(most: number, now: number, isBlocked: (hop: string) => boolean): readonly Parcel[] {
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
    for (const [name, hop] of this.#hops)
      if (hop.at >= hop.sorted.length) {
        this.#hops.delete(name);
        this.#turns.delete(name);
      }
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
