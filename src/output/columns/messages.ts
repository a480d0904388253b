// Columns of `queue list`, and a message as scripts get it: its fields in full, each recipient with its domain and
// the reason why it still waits.
import { isoOf } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import { formatSize } from '../../lib/size.js';
import { domainOf, type QueueMessage } from '../../queue/message.js';
import type { Column } from './column.js';

/** A message beside the time at which it was looked at, epoch seconds. */
export interface MessageRow {
  readonly message: QueueMessage;
  readonly now: number;
}

/** As JSON. */
export function messageJson({ message, now }: MessageRow): object {
  const { queue, host, id, state, arrivedAt, sizeBytes, sender, submitter, recipients } = message;
  return {
    queue,
    host,
    id,
    state,
    arrived_at: isoOf(arrivedAt),
    age_s: ageOf(arrivedAt, now),
    size_bytes: sizeBytes,
    sender,
    submitter,
    recipients: recipients.map(({ address, reason }) => ({
      address,
      domain: domainOf(address),
      delay_reason: reason,
    })),
  };
}

/** For tsv and the table. */
export const messageColumns: readonly Column<MessageRow>[] = [
  { key: 'queue', header: 'QUEUE', value: ({ message }) => message.queue },
  { key: 'host', header: 'HOST', value: ({ message }) => message.host, inTable: false },
  { key: 'id', header: 'ID', value: ({ message }) => message.id },
  { key: 'state', header: 'STATE', value: ({ message }) => message.state },
  {
    key: 'arrived_at',
    header: 'ARRIVED',
    value: ({ message }) => isoOf(message.arrivedAt),
    inTable: false,
  },
  {
    key: 'age_s',
    header: 'AGE',
    value: ({ message, now }) => ageOf(message.arrivedAt, now),
    text: ({ message, now }) =>
      message.arrivedAt === null ? '?' : formatDuration((ageOf(message.arrivedAt, now) ?? 0) * 1000),
    align: 'right',
  },
  {
    key: 'size_bytes',
    header: 'SIZE',
    value: ({ message }) => message.sizeBytes,
    text: ({ message }) => formatSize(message.sizeBytes),
    align: 'right',
  },
  {
    key: 'sender',
    header: 'SENDER',
    value: ({ message }) => message.sender,
    text: ({ message }) => (message.sender === null ? '?' : message.sender || '<>'),
    mayCut: true,
  },
  { key: 'submitter', header: 'LOGIN', value: ({ message }) => message.submitter, inTable: false },
  {
    key: 'recipient_count',
    header: 'RECIPIENTS',
    value: ({ message }) => message.recipients.length,
    inTable: false,
  },
  {
    key: 'recipient',
    header: 'RECIPIENT',
    value: ({ message }) => message.recipients[0]?.address ?? null,
    text: ({ message }) =>
      `${message.recipients[0]?.address ?? '-'}${message.recipients.length > 1 ? ` +${message.recipients.length - 1}` : ''}`,
    mayCut: true,
  },
  {
    key: 'delay_reason',
    header: 'REASON',
    value: ({ message }) => message.recipients.find(({ reason }) => reason !== null)?.reason ?? null,
    mayCut: true,
  },
];

function ageOf(arrivedAt: number | null, now: number): number | null {
  return arrivedAt === null ? null : Math.max(0, Math.floor(now - arrivedAt));
}
