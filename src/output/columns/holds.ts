// Columns of what runs have left beside a queue. Owners and reasons come from a file on a host and are hostile.
import { formatIso } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import type { DeskRecord } from '../../queue/desk.js';
import type { Column } from './column.js';

/** One record. */
export interface HoldRow {
  readonly queue: string;
  readonly host: string;
  readonly record: DeskRecord;
  readonly messages: number;
  /** Epoch seconds. */
  readonly now: number;
}

/** The end of a hold is behind us. What was deleted simply expires. */
export function isPassed({ record, now }: HoldRow): boolean {
  return record.act === 'hold' && record.until !== null && record.until <= now;
}

const iso = (seconds: number | null): string | null => (seconds === null ? null : formatIso(seconds * 1000));

/** A record as scripts rely on it. */
export function holdJson(row: HoldRow): object {
  const { record } = row;
  return {
    queue: row.queue,
    host: row.host,
    run: record.run,
    key: record.key,
    act: record.act,
    messages: row.messages,
    operator: record.operator,
    bastion: record.bastion,
    reason: record.reason,
    since: iso(record.at),
    until: iso(record.until),
    has_passed: isPassed(row),
    meanwhile: record.meanwhile,
  };
}

export const holdColumns: readonly Column<HoldRow>[] = [
  { key: 'run', header: 'RUN', value: ({ record }) => record.run },
  { key: 'act', header: 'ACT', value: ({ record }) => record.act },
  { key: 'queue', header: 'QUEUE', value: (row) => row.queue },
  { key: 'messages', header: 'MSGS', value: (row) => row.messages, align: 'right' },
  {
    key: 'owner',
    header: 'WHO',
    value: ({ record }) => `${record.operator}@${record.bastion}`,
    mayCut: true,
  },
  {
    key: 'since',
    header: 'AGE',
    value: ({ record }) => iso(record.at),
    text: ({ record, now }) => formatDuration(Math.max(0, now - record.at) * 1000),
    align: 'right',
  },
  {
    key: 'until',
    header: 'ENDS',
    value: ({ record }) => iso(record.until),
    text: ({ record: { until }, now }) =>
      until === null
        ? 'never'
        : until > now
          ? `in ${formatDuration((until - now) * 1000)}`
          : `${formatDuration((now - until) * 1000)} ago`,
    tone: (row) => (isPassed(row) ? 'bad' : undefined),
  },
  {
    key: 'meanwhile',
    header: 'NEW MAIL',
    value: ({ record }) => record.meanwhile?.join(' ') ?? null,
    mayCut: true,
  },
  { key: 'reason', header: 'REASON', value: ({ record }) => record.reason, mayCut: true },
];
