// `mailq` and `postqueue -p` (Postfix 2.x and 3.x) as text: an id with its mark, size, a time without year or zone,
// sender; then a reason in parentheses before the recipients that it is of, each at its column; a blank line; a last
// line that counts. Made for people: a time is taken in this machine's zone, a message without a mark is deferred if
// it has a reason, and an address is never told apart from a reason that looks like one by more than its column.
import { monthOf } from '../../lib/month.js';
import type { ListingParser, ListingSink } from '../../queue/listing-format.js';
import type { QueueRecipient } from '../../queue/message.js';

const ENTRY =
  /^([0-9A-Za-z]{5,64})([*!#]{0,3}) +(\d{1,16}) +(Sun|Mon|Tue|Wed|Thu|Fri|Sat) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d{1,2}) (\d\d):(\d\d):(\d\d) +(.+)$/;
const HEADER = /^-+Queue ID-+ +-+Size-+ +-+Arrival Time-+ +-+Sender\/Recipient-+$/;
const TRAILER = /^-- \d+ [KMG]?bytes in (\d{1,12}) Requests?\.$/;
/** Postfix's name for the null sender. */
const NULL_SENDER = 'MAILER-DAEMON';
/** Blanks before a recipient; a reason that is short is pushed to the right edge, and begins with its parenthesis. */
const INDENT = /^ {20,}/;

interface Entry {
  readonly id: string;
  readonly marks: string;
  readonly sizeBytes: number;
  readonly arrivedAt: number | null;
  readonly sender: string;
  readonly recipients: Map<string, QueueRecipient>;
  reason: string | null;
}

/** Opens a listing. */
export function mailqParser(
  sink: ListingSink,
  { queue, host, now }: { readonly queue: string; readonly host: string; readonly now: number },
): ListingParser {
  let number = 0;
  let messages = 0;
  let open: Entry | null = null;
  let isWhole = false;
  let sawAny = false;
  const close = () => {
    if (open === null) return;
    const { id, marks, sizeBytes, arrivedAt, sender, recipients } = open;
    const all = [...recipients.values()];
    open = null;
    messages += 1;
    sink.message({
      queue,
      host,
      id,
      state: stateOf(marks, all),
      arrivedAt,
      sizeBytes,
      sender,
      submitter: null,
      recipients: all,
    });
  };
  return {
    line(raw) {
      number += 1;
      const text = (raw.charCodeAt(0) === 0xfeff ? raw.slice(1) : raw).replace(/\r$/, '');
      if (text.trim() === '') {
        close();
        return;
      }
      if (HEADER.test(text.trim())) return;
      sawAny = true;
      if (/^Mail queue is empty$/.test(text.trim())) {
        isWhole = true;
        return;
      }
      const count = TRAILER.exec(text)?.[1];
      if (count !== undefined) {
        close();
        isWhole = true;
        if (Number(count) !== messages)
          sink.malformed(number, `counts ${Number(count)} messages, and ${messages} were there`);
        messages = 0;
        return;
      }
      const entry = readEntry(text, now);
      if (entry !== null) {
        close();
        open = entry;
        isWhole = false;
        return;
      }
      if (open === null) {
        sink.malformed(number, 'no entry of a queue');
        return;
      }
      const reason = /^ *\((.*)\)$/s.exec(text)?.[1];
      if (reason !== undefined) open.reason = reason;
      else if (INDENT.test(text)) takeRecipient(open, text.replace(INDENT, ''));
      else sink.malformed(number, 'neither a reason nor a recipient');
    },
    end() {
      close();
      if (sawAny && !isWhole) sink.malformed(number, 'the listing ends without its last line');
    },
  };
}

function readEntry(text: string, now: number): Entry | null {
  const found = ENTRY.exec(text);
  if (found === null) return null;
  const [, id = '', marks = '', size = '', weekday = '', month = '', day, hour, minute, second, sender = ''] =
    found;
  const sizeBytes = Number(size);
  return {
    id,
    marks,
    sizeBytes: Number.isSafeInteger(sizeBytes) ? sizeBytes : 0,
    arrivedAt: arrival(weekday, monthOf(month), [day, hour, minute, second].map(Number), now),
    sender: sender === NULL_SENDER ? '' : sender,
    recipients: new Map(),
    reason: null,
  };
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

// The year is the last one in which the day has this weekday and does not lie ahead.
function arrival(weekday: string, month: number, time: readonly number[], now: number): number | null {
  const [day = 1, hour = 0, minute = 0, second = 0] = time;
  const year = new Date(now * 1000).getFullYear();
  let newest: number | null = null;
  for (let back = 0; back < 12; back++) {
    const date = new Date(year - back, month, day, hour, minute, second);
    const at = Math.floor(date.getTime() / 1000);
    if (Number.isNaN(at) || date.getMonth() !== month || at > now + 86_400) continue;
    newest ??= at;
    if (WEEKDAYS[date.getDay()] === weekday) return at;
  }
  return newest;
}

function takeRecipient(entry: Entry, address: string): void {
  if (entry.recipients.get(address)?.reason != null) return;
  entry.recipients.set(address, { address, reason: entry.reason });
}

function stateOf(marks: string, recipients: readonly QueueRecipient[]): string {
  if (marks.includes('!')) return 'hold';
  if (marks.includes('*')) return 'active';
  return recipients.some(({ reason }) => reason !== null) ? 'deferred' : 'incoming';
}
