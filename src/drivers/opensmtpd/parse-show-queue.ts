// `smtpctl show queue` of OpenSMTPD (6.x, 7.x): a line an envelope, which is a recipient; the first eight digits of
// its id name the message. Nothing is escaped: an error keeps the `|` it holds, and one in an address is told by the
// numbers behind it. Envelopes of a message come together. There is no size.
import type { ListingFormat, ListingParser, ListingSink } from '../../queue/listing-format.js';
import type { QueueRecipient } from '../../queue/message.js';

const ENVELOPE =
  /^([0-9a-f]{8})([0-9a-f]{8})\|([\w-]{0,20})\|([a-z]{1,10})\|([^|]{0,200})\|(.*?)\|(\d{1,16})\|(\d{1,16})\|(-?\d{1,16})\|(\d{1,9})\|([a-z]{0,20})\|(-?\d{0,16})\|(.*)$/s;
/** A line's beginning, to know one by. */
const LOOK = /^[0-9a-f]{16}\|[\w-]*\|(?:mta|mda|bounce)\|/;

interface Open {
  readonly id: string;
  readonly arrivedAt: number | null;
  readonly sender: string;
  readonly states: Set<string>;
  readonly recipients: Map<string, QueueRecipient>;
}

/** The format `opensmtpd`. */
export const opensmtpdQueue: ListingFormat = {
  name: 'opensmtpd',
  looksLike: (lines) => lines.some((line) => LOOK.test(line)),
  open: showQueueParser,
};

function showQueueParser(
  sink: ListingSink,
  { queue, host }: { readonly queue: string; readonly host: string },
): ListingParser {
  let number = 0;
  let open: Open | null = null;
  const close = () => {
    if (open === null) return;
    const { id, arrivedAt, sender, states, recipients } = open;
    open = null;
    sink.message({
      queue,
      host,
      id,
      state: stateOf(states),
      arrivedAt,
      sizeBytes: 0,
      sender,
      submitter: null,
      recipients: [...recipients.values()],
    });
  };
  return {
    line(raw) {
      number += 1;
      const text = (raw.charCodeAt(0) === 0xfeff ? raw.slice(1) : raw).replace(/\r$/, '');
      if (text.trim() === '') return;
      const found = ENVELOPE.exec(text);
      if (found === null) return sink.malformed(number, 'no envelope of a queue');
      const [
        ,
        id = '',
        ,
        ,
        ,
        flags = '',
        addresses = '',
        created = '',
        ,
        ,
        tries = '',
        where = '',
        ,
        error = '',
      ] = found;
      const split = addressesOf(addresses);
      if (split === null) return sink.malformed(number, 'addresses that cannot be told apart');
      const [sender, recipient] = split;
      if (open?.id !== id) {
        close();
        open = {
          id,
          arrivedAt: wholeNumber(created),
          // The null sender has neither user nor domain.
          sender: sender === '@' ? '' : sender,
          states: new Set(),
          recipients: new Map(),
        };
      }
      open.states.add(
        flags.split(',').includes('suspend')
          ? 'hold'
          : where === 'inflight'
            ? 'active'
            : tries === '0'
              ? 'incoming'
              : 'deferred',
      );
      open.recipients.set(recipient, { address: recipient, reason: error === '' ? null : error });
    },
    end: close,
  };
}

// Sender, recipient as it was given, recipient as it goes out. One that holds a `|` is found where the last two are
// the same, as they mostly are.
function addressesOf(text: string): readonly [sender: string, recipient: string] | null {
  const parts = text.split('|');
  if (parts.length === 3) return [parts[0] ?? '', (parts[2] ?? '') || (parts[1] ?? '')];
  for (let pieces = 1; parts.length - 2 * pieces >= 1; pieces++) {
    const last = parts.slice(-pieces).join('|');
    if (last === parts.slice(-2 * pieces, -pieces).join('|') && last.includes('@'))
      return [parts.slice(0, -2 * pieces).join('|'), last];
  }
  return null;
}

// A message is in as many states as it has envelopes: what moves is told first.
function stateOf(states: ReadonlySet<string>): string {
  return ['active', 'deferred', 'incoming'].find((state) => states.has(state)) ?? 'hold';
}

function wholeNumber(text: string): number | null {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
