// One line of `postqueue -j` (Postfix 3.1 and later) to a message. Every text in it is hostile and stays data; a
// line that is none is named, never guessed at. Rests on the layout that 3.7 prints, in any order of members.
import type { QueueMessage, QueueRecipient } from '../../queue/message.js';

/** What a line is. */
export type ParsedLine =
  | { readonly kind: 'message'; readonly message: QueueMessage }
  | { readonly kind: 'blank' }
  | { readonly kind: 'malformed'; readonly what: string };

/** Postfix's name for the null sender. */
const NULL_SENDER = 'MAILER-DAEMON';

/** Reads a line; `queue` and `host` are the names in our words. */
export function parsePostqueueLine(queue: string, host: string, line: string): ParsedLine {
  const text = (line.charCodeAt(0) === 0xfeff ? line.slice(1) : line).trim();
  if (text === '') return { kind: 'blank' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'malformed', what: 'not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { kind: 'malformed', what: 'not an object' };
  const fields = value as { readonly [key: string]: unknown };
  const id = fields.queue_id;
  if (typeof id !== 'string' || id === '') return { kind: 'malformed', what: 'without a queue_id' };
  const state = fields.queue_name;
  // Without a sender nothing is known of it: the null sender is printed by its name.
  const sender = typeof fields.sender === 'string' ? fields.sender : null;
  return {
    kind: 'message',
    message: {
      queue,
      host,
      id,
      // maildrop is mail that cleanup has not taken yet.
      state:
        state === 'maildrop' ? 'incoming' : typeof state === 'string' && state !== '' ? state : 'unknown',
      arrivedAt: wholeNumber(fields.arrival_time),
      sizeBytes: wholeNumber(fields.message_size) ?? 0,
      sender: sender === NULL_SENDER ? '' : sender,
      submitter: null,
      recipients: recipientsOf(fields.recipients),
    },
  };
}

// More than duplicate_filter_limit recipients are listed twice, the second time without their reason.
function recipientsOf(value: unknown): readonly QueueRecipient[] {
  if (!Array.isArray(value)) return [];
  const byAddress = new Map<string, QueueRecipient>();
  for (const entry of value as readonly unknown[]) {
    if (typeof entry !== 'object' || entry === null) continue;
    const { address, delay_reason: said } = entry as { address?: unknown; delay_reason?: unknown };
    if (typeof address !== 'string') continue;
    const reason = typeof said === 'string' && said !== '' ? said : null;
    if (byAddress.get(address)?.reason == null) byAddress.set(address, { address, reason });
  }
  return [...byAddress.values()];
}

const wholeNumber = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;

// What 3.7 prints, byte for byte, where no text has an escape; anything else is left to JSON.parse.
const HEAD =
  /^\{"queue_name": "([a-z]+)", "queue_id": "([A-Za-z0-9]+)", "arrival_time": (0|[1-9]\d{0,14}), "message_size": (0|[1-9]\d{0,14}), "forced_expire": (?:false|true), "sender": "([^"\\\u0000-\u001f]*)", "recipients": \[/;
const RECIPIENT =
  /\{"address": "([^"\\\u0000-\u001f]*)"(?:, "delay_reason": "([^"\\\u0000-\u001f]*)")?\}(, |\]\}$)/y;

/**
 * As parsePostqueueLine in half the time, for messages that are looked at and not kept: their texts may be views of
 * the line, and of all that was read with it.
 */
export function glancePostqueueLine(queue: string, host: string, line: string): ParsedLine {
  const head = HEAD.exec(line);
  if (head === null) return parsePostqueueLine(queue, host, line);
  const [whole, state = '', id = '', arrival, size, sender = ''] = head;
  const recipients: QueueRecipient[] = [];
  RECIPIENT.lastIndex = whole.length;
  for (;;) {
    const found = RECIPIENT.exec(line);
    if (found === null) return parsePostqueueLine(queue, host, line);
    const [, address = '', reason = ''] = found;
    // The second list of a message with too many recipients; and one address twice.
    if (
      recipients.length > 0 &&
      (recipients.length >= FEW || recipients.some((one) => one.address === address))
    )
      return parsePostqueueLine(queue, host, line);
    recipients.push({ address, reason: reason === '' ? null : reason });
    if (found[3] !== ', ') break;
  }
  return {
    kind: 'message',
    message: {
      queue,
      host,
      id,
      state: state === 'maildrop' ? 'incoming' : state,
      arrivedAt: Number(arrival),
      sizeBytes: Number(size),
      sender: sender === NULL_SENDER ? '' : sender,
      submitter: null,
      recipients,
    },
  };
}

/** Recipients that are compared with each other one by one. */
const FEW = 8;
