// What left the queues by their logs, counted over the last minutes in stretches of half a minute: a message once for
// each recipient domain. Bounded: what is older than the window is forgotten. Pure.
import type { DeliveryEvent } from './delivery-event.js';
import { domainOf } from './message.js';
import type { Part } from './rate.js';

/** The window that rates are taken over. */
export const WINDOW_S = 300;
const STEP_S = 30;
/** Messages of a stretch that are told apart; beyond, each event counts. */
const MOST_SEEN = 200_000;

interface Stretch {
  readonly seen: Set<string>;
  /** By place. */
  readonly counts: Map<string, number>;
}

/** Folds events of any order. */
export class OutFold {
  readonly #stretches = new Map<number, Stretch>();

  /** Counts what ends the waiting of a recipient. `now`: epoch seconds. */
  add({ at, id, outcome, recipient }: DeliveryEvent, queue: string, now: number): void {
    if (outcome !== 'sent' && outcome !== 'bounced' && outcome !== 'expired') return;
    const step = Math.floor(at / STEP_S);
    if (step < firstStep(now) || at > now + STEP_S) return;
    let stretch = this.#stretches.get(step);
    if (stretch === undefined) {
      stretch = { seen: new Set(), counts: new Map() };
      this.#stretches.set(step, stretch);
    }
    // The server names no recipient of what has expired: it counts for the queue alone.
    const places = [placeOf(queue, null), ...(recipient === '' ? [] : [placeOf(queue, domainOf(recipient))])];
    for (const place of places) {
      if (stretch.seen.size < MOST_SEEN) {
        const message = `${id} ${place}`;
        if (stretch.seen.has(message)) continue;
        stretch.seen.add(message);
      }
      stretch.counts.set(place, (stretch.counts.get(place) ?? 0) + 1);
    }
  }

  /** By place, as parts of the window that ends now. Places that nothing left are not in it. */
  parts(now: number): ReadonlyMap<string, readonly Part[]> {
    const first = firstStep(now);
    for (const step of this.#stretches.keys()) if (step < first) this.#stretches.delete(step);
    const last = Math.floor(now / STEP_S);
    const places = new Set([...this.#stretches.values()].flatMap(({ counts }) => [...counts.keys()]));
    const steps = Array.from({ length: last - first + 1 }, (_, at) => first + at);
    return new Map(
      [...places].map((place) => [
        place,
        steps.map((step) => ({
          ms: Math.min(STEP_S, now - step * STEP_S) * 1000,
          count: this.#stretches.get(step)?.counts.get(place) ?? 0,
        })),
      ]),
    );
  }

  /** Nothing left, in the same parts. */
  static none(now: number): readonly Part[] {
    return [{ ms: (now - firstStep(now) * STEP_S) * 1000, count: 0 }];
  }
}

const firstStep = (now: number) => Math.floor(now / STEP_S) - WINDOW_S / STEP_S;

/** A queue, and a recipient domain there; null: the whole queue. */
export function placeOf(queue: string, domain: string | null): string {
  return domain === null ? queue : `${queue}\n${domain}`;
}
