// Which recipient domains there are, those with the most messages first, in bounded memory. Pure.
import { domainOf, type QueueMessage } from './message.js';

/** A spammer can make up as many as he likes. */
const MOST = 200_000;

/** Counts recipients by domain. */
export class DomainCount {
  readonly #counts = new Map<string, number>();

  add({ recipients }: Pick<QueueMessage, 'recipients'>): void {
    for (const { address } of recipients) this.addDomain(domainOf(address));
  }

  addDomain(domain: string, by = 1): void {
    const before = this.#counts.get(domain);
    if (before === undefined && this.#counts.size >= MOST) return;
    this.#counts.set(domain, (before ?? 0) + by);
  }

  largestFirst(): readonly string[] {
    return [...this.#counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([domain]) => domain);
  }
}
