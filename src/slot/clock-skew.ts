// How far the hosts' clocks are apart. The evidence about a dead master is times of several clocks: its own (what was
// stored of its log, the arrival of its messages), the replica's (when it applied them), ours. Where one of them is off,
// a stale copy can look fresh. So the difference is measured whenever a host is looked at, and counts as possible
// loss; one that is as long as the limit leaves the freshness unknown. Pure.
import { formatDuration } from '../lib/duration.js';
import type { Sample } from './samples.js';
import type { FleetSight } from './sight.js';

/** Seconds by which clocks may differ without being told: the way of an answer, and rounding. */
export const CLOCK_NOISE_S = 10;

/** A sample was stored once the slowest host had answered or not: it may be this much older than it says. */
const STORED_LATE_S = 40;

/** Seconds that a clock which said `at` (epoch seconds) while we asked from `askedAt` to `seenAt` (ms) is ahead, at least. */
export function aheadSeconds(at: number, askedAt: number, seenAt: number): number {
  // It was cut to the second.
  if (at + 1 < askedAt / 1000) return at + 1 - askedAt / 1000;
  return at > seenAt / 1000 ? at - seenAt / 1000 : 0;
}

/** How far each host's clock is ahead of ours, in seconds: as it was seen now, or as its newest sample says. */
export function clocksOf(sight: FleetSight, samples: readonly Sample[]): ReadonlyMap<string, number> {
  const clocks = new Map<string, number>();
  const newest = new Map<string, Sample>();
  for (const sample of samples) {
    const known = newest.get(sample.host);
    if (known === undefined || known.seenAt < sample.seenAt) newest.set(sample.host, sample);
  }
  for (const { host, at, seenAt } of newest.values())
    clocks.set(host, aheadSeconds(at, seenAt - STORED_LATE_S * 1000, seenAt));
  for (const seen of sight.values())
    if (seen.ok && seen.aheadS !== undefined) clocks.set(seen.host.name, seen.aheadS);
  return clocks;
}

/** What the clocks of a dead master and of a replica leave open. */
export interface ClockDoubt {
  /** Seconds between the two that are furthest apart, ours among them. */
  readonly spreadS: number;
  /** `the clock of imap21 is 1h ahead`. */
  readonly words: string;
}

/** Those two, and ours; undefined: they agree as far as is known. */
export function clockDoubt(
  hosts: readonly string[],
  clocks: ReadonlyMap<string, number>,
): ClockDoubt | undefined {
  const known = hosts.map((host) => ({ host, aheadS: clocks.get(host) ?? 0 }));
  const all = [0, ...known.map(({ aheadS }) => aheadS)];
  const spreadS = Math.ceil(Math.max(...all) - Math.min(...all));
  if (spreadS <= CLOCK_NOISE_S) return undefined;
  const off = known.filter(({ aheadS }) => Math.abs(aheadS) > CLOCK_NOISE_S / 2);
  return { spreadS, words: off.map(({ host, aheadS }) => clockWords(host, aheadS)).join(', ') };
}

/** `the clock of imap21 is 1h ahead`. */
export function clockWords(host: string, aheadS: number): string {
  const far = formatDuration(Math.round(Math.abs(aheadS)) * 1000);
  return `the clock of ${host} is ${far} ${aheadS > 0 ? 'ahead' : 'behind'}`;
}
