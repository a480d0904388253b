// What a site's own sender prints: a JSON object a line, a message (`id` is all that it must have) or what the sender
// believes to have open (`{"believed": {"gmail": 20}}`). The names are those of `queue list -o ndjson`, and the short
// ones that came before them are read as well (arrival, size, reason). Documented in mailctl(1). Pure; every text is hostile, and a
// line that is neither is named, never guessed at.
import type { QueueMessage, QueueRecipient } from '../../queue/message.js';

/** What a line is. */
export type ParsedLine =
  | { readonly kind: 'message'; readonly message: QueueMessage }
  | { readonly kind: 'believed'; readonly open: ReadonlyMap<string, number> }
  | { readonly kind: 'blank' }
  | { readonly kind: 'malformed'; readonly what: string };

type Fields = { readonly [key: string]: unknown };

/** Reads a line; `queue` and `host` are the names in our words. */
export function parseExecLine(queue: string, host: string, line: string): ParsedLine {
  const text = (line.charCodeAt(0) === 0xfeff ? line.slice(1) : line).trim();
  if (text === '') return { kind: 'blank' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'malformed', what: 'not JSON' };
  }
  if (!isObject(value)) return { kind: 'malformed', what: 'not an object' };
  if (Object.hasOwn(value, 'believed') && !Object.hasOwn(value, 'id')) {
    const { believed } = value;
    if (!isObject(believed)) return { kind: 'malformed', what: 'believed is no object' };
    return { kind: 'believed', open: countsOf(believed) };
  }
  const { id, state, sender, submitter } = value;
  if (typeof id !== 'string' || id === '') return { kind: 'malformed', what: 'without an id' };
  return {
    kind: 'message',
    message: {
      queue,
      host,
      id,
      state: typeof state === 'string' && state !== '' ? state : 'unknown',
      arrivedAt: timeOf(value.arrived_at ?? value.arrival),
      sizeBytes: wholeNumber(value.size_bytes ?? value.size) ?? 0,
      sender: typeof sender === 'string' ? sender : null,
      submitter: typeof submitter === 'string' && submitter !== '' ? submitter : null,
      recipients: recipientsOf(value.recipients),
    },
  };
}

/** Each address once, the entry with a reason before one without. */
function recipientsOf(value: unknown): readonly QueueRecipient[] {
  if (!Array.isArray(value)) return [];
  const byAddress = new Map<string, QueueRecipient>();
  for (const entry of value as readonly unknown[]) {
    const {
      address,
      delay_reason,
      reason: short,
    } = typeof entry === 'string' ? ({ address: entry } as Fields) : fields(entry);
    if (typeof address !== 'string') continue;
    const said = delay_reason ?? short;
    const reason = typeof said === 'string' && said !== '' ? said : null;
    if (byAddress.get(address)?.reason == null) byAddress.set(address, { address, reason });
  }
  return [...byAddress.values()];
}

function countsOf(value: Fields): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [name, count] of Object.entries(value)) {
    const open = wholeNumber(count);
    if (open !== null) counts.set(name, open);
  }
  return counts;
}

/** Epoch seconds, with or without a fraction, or ISO 8601 with its offset. */
function timeOf(value: unknown): number | null {
  if (typeof value === 'number') return value >= 0 ? wholeNumber(Math.floor(value)) : null;
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.,]{5,20}(?:Z|[+-]\d\d:?\d\d)$/.test(value))
    return null;
  const ms = Date.parse(value.replace(',', '.').replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return Number.isNaN(ms) ? null : Math.max(0, Math.floor(ms / 1000));
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const fields = (value: unknown): Fields => (isObject(value) ? value : {});

const wholeNumber = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
