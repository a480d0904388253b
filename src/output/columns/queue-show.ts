// A message of `queue show` for scripts: a row for each recipient, and the whole as JSON, every reason with its status
// code taken apart.
import { isoOf } from '../../lib/clock.js';
import type { MessageDetail } from '../../queue/driver.js';
import type { QueueRecipient } from '../../queue/message.js';
import { describeStatus, parseStatusCode } from '../../queue/status-code.js';
import type { Column } from './column.js';
import { messageJson } from './messages.js';

/** A recipient of a message; null: it has none that is known. */
export interface RecipientRow {
  readonly detail: MessageDetail;
  readonly recipient: QueueRecipient | null;
}

/** Rows for tsv and ndjson. */
export function recipientRows(details: readonly MessageDetail[]): readonly RecipientRow[] {
  return details.flatMap((detail): readonly RecipientRow[] => {
    const { recipients } = detail.message;
    return recipients.length === 0
      ? [{ detail, recipient: null }]
      : recipients.map((recipient) => ({ detail, recipient }));
  });
}

const statusOf = ({ recipient }: RecipientRow) => parseStatusCode(recipient?.reason ?? '');

/** For tsv. */
export const recipientColumns: readonly Column<RecipientRow>[] = [
  { key: 'queue', header: 'QUEUE', value: ({ detail }) => detail.message.queue },
  { key: 'host', header: 'HOST', value: ({ detail }) => detail.message.host },
  { key: 'id', header: 'ID', value: ({ detail }) => detail.message.id },
  { key: 'state', header: 'STATE', value: ({ detail }) => detail.message.state },
  { key: 'arrived_at', header: 'ARRIVED', value: ({ detail }) => isoOf(detail.message.arrivedAt) },
  { key: 'next_try_at', header: 'NEXT TRY', value: ({ detail }) => isoOf(detail.nextTryAt) },
  { key: 'size_bytes', header: 'SIZE', value: ({ detail }) => detail.message.sizeBytes },
  { key: 'sender', header: 'SENDER', value: ({ detail }) => detail.message.sender },
  { key: 'submitter', header: 'LOGIN', value: ({ detail }) => detail.message.submitter },
  { key: 'recipient', header: 'RECIPIENT', value: ({ recipient }) => recipient?.address ?? null },
  { key: 'reply', header: 'REPLY', value: (row) => statusOf(row).reply },
  { key: 'enhanced', header: 'CODE', value: (row) => statusOf(row).enhanced },
  { key: 'status', header: 'STATUS', value: (row) => describeStatus(statusOf(row)) || null },
  { key: 'delay_reason', header: 'REASON', value: ({ recipient }) => recipient?.reason ?? null },
];

/** The whole message as JSON; `now` in epoch seconds. */
export function detailJson({ message, headers, nextTryAt, log, facts }: MessageDetail, now: number): object {
  return {
    ...messageJson({ message, now }),
    recipients: message.recipients.map((recipient) => recipientJson(recipient)),
    next_try_at: isoOf(nextTryAt),
    headers: headers.map(([name, value]) => ({ name, value })),
    facts: facts.map(([name, value]) => ({ name, value })),
    log,
  };
}

function recipientJson({ address, reason }: QueueRecipient): object {
  const { reply, enhanced, class: kind, subject, meaning, inReplyTo, remote } = parseStatusCode(reason ?? '');
  const status = {
    reply,
    enhanced,
    class: kind,
    subject,
    meaning,
    in_reply_to: inReplyTo,
    remote: remote === null ? null : { name: remote.name, address: remote.address },
  };
  return {
    address,
    delay_reason: reason,
    status: reply === null && enhanced === null && remote === null ? null : status,
  };
}
