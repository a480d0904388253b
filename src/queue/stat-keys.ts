// What queues can be grouped by; apart from the statistics, which no help needs.

/** What can be grouped by. */
export const STAT_KEYS = [
  'domain',
  'destination',
  'state',
  'host',
  'queue',
  'sender',
  'sender-domain',
  'submitter',
  'reason',
  'age',
] as const;

/** One of them. */
export type StatKey = (typeof STAT_KEYS)[number];
