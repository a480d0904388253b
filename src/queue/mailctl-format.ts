// Our own listing: what `mailctl queue list -o ndjson` prints, one message a line. It carries the names of queue and
// host with it, so that a listing of many hosts stays one of many hosts.
import type { ListingFormat, ListingSink } from './listing-format.js';
import type { QueueMessage, QueueRecipient } from './message.js';

/** The format. */
export const mailctlFormat: ListingFormat = {
  name: 'mailctl',
  looksLike: (lines) => {
    const value = objectOf(lines[0] ?? '');
    return value !== undefined && typeof value.id === 'string' && 'recipients' in value && 'queue' in value;
  },
  open: (sink, context) => {
    let number = 0;
    return {
      line(text) {
        number += 1;
        const trimmed = text.trim();
        if (trimmed !== '') readLine(trimmed, number, sink, context);
      },
      end() {},
    };
  },
};

function readLine(
  text: string,
  number: number,
  sink: ListingSink,
  { queue, host }: { readonly queue: string; readonly host: string },
): void {
  const fields = objectOf(text);
  const id = fields?.id;
  if (fields === undefined || typeof id !== 'string' || id === '') {
    sink.malformed(number, fields === undefined ? 'no JSON object' : 'without an id');
    return;
  }
  const message: QueueMessage = {
    queue: textOr(fields.queue, queue),
    host: textOr(fields.host, host),
    id,
    state: textOr(fields.state, 'unknown'),
    arrivedAt: secondsOf(fields.arrived_at),
    sizeBytes: sizeOf(fields.size_bytes),
    sender: typeof fields.sender === 'string' ? fields.sender : null,
    submitter: typeof fields.submitter === 'string' ? fields.submitter : null,
    recipients: recipientsOf(fields.recipients),
  };
  sink.message(message);
}

function objectOf(text: string): { readonly [key: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as { readonly [key: string]: unknown })
      : undefined;
  } catch {
    return undefined;
  }
}

const textOr = (value: unknown, otherwise: string): string =>
  typeof value === 'string' && value !== '' ? value : otherwise;

const sizeOf = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;

function secondsOf(value: unknown): number | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return ms >= 0 ? Math.floor(ms / 1000) : null;
}

function recipientsOf(value: unknown): readonly QueueRecipient[] {
  if (!Array.isArray(value)) return [];
  const byAddress = new Map<string, QueueRecipient>();
  for (const entry of value as readonly unknown[]) {
    if (typeof entry !== 'object' || entry === null) continue;
    const {
      address,
      delay_reason,
      reason: short,
    } = entry as {
      address?: unknown;
      delay_reason?: unknown;
      reason?: unknown;
    };
    const reason = delay_reason ?? short;
    if (typeof address !== 'string') continue;
    byAddress.set(address, { address, reason: typeof reason === 'string' && reason !== '' ? reason : null });
  }
  return [...byAddress.values()];
}
