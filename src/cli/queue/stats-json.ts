// The document of `queue stats`, as scripts rely on it. Groups are made one after the other, since there may be as
// many as there are messages.
import { formatIso, isoOf } from '../../lib/clock.js';
import { ageOf } from '../../output/columns/queue-stats.js';
import type { QueueRead } from '../../queue/read-all.js';
import type { StatKey } from '../../queue/stat-keys.js';
import {
  AGE_STEPS,
  type QueueCount,
  type StatCount,
  type StatGroup,
  type StatGroups,
} from '../../queue/stats.js';
import type { ErrorReport } from '../report.js';

/** What it is made of. */
export interface StatsDocument {
  readonly by: readonly StatKey[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly tookMs: number;
  readonly total: StatCount;
  readonly malformed: number;
  readonly groups: StatGroups;
  /** A group as it is in the document. */
  group(group: StatGroup): object;
  readonly hosts: readonly HostRow[];
  /** Null: without --trend. */
  readonly trend: object | null;
  /** Holds that end by themselves, as this machine knows of them. */
  readonly holds: readonly object[];
  readonly errors: readonly ErrorReport[];
}

/** A queue that was read, and what is in it. */
export interface HostRow {
  readonly host: string;
  readonly queue: string;
  readonly count: StatCount | undefined;
  readonly tookMs: number | null;
}

/** Every queue that was read, empty ones too; those that a listing tells of instead of the listing itself. */
export function hostRows(reads: readonly QueueRead[], counts: readonly QueueCount[]): readonly HostRow[] {
  const read = reads
    .filter(
      ({ isListing, queue }) =>
        !isListing || counts.length === 0 || counts.some((one) => one.queue === queue),
    )
    .map(({ host, queue, tookMs }) => ({
      host,
      queue,
      count: counts.find((one) => one.queue === queue && one.host === host),
      tookMs,
    }));
  const others = counts.filter(
    ({ queue, host }) => !read.some((one) => one.queue === queue && one.host === host),
  );
  return [...read, ...others.map((count) => ({ host: count.host, queue: count.queue, count, tookMs: null }))];
}

/** The document without its schema. */
export function statsDocument(stats: StatsDocument): object {
  const now = Math.floor(stats.now / 1000);
  return {
    at: formatIso(stats.now),
    took_ms: stats.tookMs,
    complete: stats.errors.length === 0,
    total: { ...countJson(stats.total, now), malformed: stats.malformed },
    by: stats.by,
    groups: groupsJson(stats),
    hosts: stats.hosts.map(({ host, queue, count, tookMs }) => ({
      host,
      queue,
      messages: count?.messages ?? 0,
      recipients: count?.recipients ?? 0,
      size_bytes: count?.sizeBytes ?? 0,
      oldest_at: isoOf(count?.oldestAt ?? null),
      took_ms: tookMs,
    })),
    trend: stats.trend,
    holds: stats.holds,
    errors: stats.errors,
  };
}

function* groupsJson({ groups, group: json }: StatsDocument) {
  for (const group of groups) yield json(group);
}

/** One group; with two keys `key` is a list of both. */
export function groupJson(group: StatGroup, now: number): object {
  return {
    key: group.key.length === 1 ? (group.key[0] ?? null) : group.key,
    ...countJson(group, now),
    ages: group.ages.map(({ messages, recipients }, at) => ({
      up_to_s: AGE_STEPS[at] ?? null,
      messages,
      recipients,
    })),
  };
}

function countJson({ messages, recipients, sizeBytes, oldestAt, states }: StatCount, now: number): object {
  return {
    messages,
    recipients,
    size_bytes: sizeBytes,
    oldest_at: isoOf(oldestAt),
    oldest_age_s: ageOf(oldestAt, now),
    states: Object.fromEntries(states),
  };
}
