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

/**
 * How far each host's clock is ahead of ours, in seconds: as it was seen now, or as its newest sample says. Where all that
 * were seen at a time agree with each other and not with us, it is ours that is off, and no evidence is of our clock.
 */
export function clocksOf(sight: FleetSight, samples: readonly Sample[]): ReadonlyMap<string, number> {
  const sampled = new Map<string, number>();
  const newest = new Map<string, Sample>();
  for (const sample of samples) {
    const known = newest.get(sample.host);
    if (known === undefined || known.seenAt < sample.seenAt) newest.set(sample.host, sample);
  }
  for (const { host, at, seenAt } of newest.values())
    sampled.set(host, aheadSeconds(at, seenAt - STORED_LATE_S * 1000, seenAt));
  const now = new Map<string, number>();
  for (const seen of sight.values())
    if (seen.ok && seen.aheadS !== undefined) now.set(seen.host.name, seen.aheadS);
  return new Map([...withoutOurs(sampled), ...withoutOurs(now)]);
}

function withoutOurs(clocks: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const all = [...clocks.values()];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  if (clocks.size < 2 || most - least > CLOCK_NOISE_S) return clocks;
  return new Map([...clocks].map(([host, aheadS]) => [host, aheadS - least]));
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
