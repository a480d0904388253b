// `mailq`, `mailq -Am`, `mailq -v` of Sendmail (8.x) as text: a heading a queue, an entry of id, mark, size, time and
// sender, its reason in parentheses, a recipient a line behind tabs. The time has neither year nor zone: the id, which
// is made of it in base 60 (UTC), is read instead where the two agree. The size is the body's alone.
import { monthOf } from '../../lib/month.js';
import type { ListingFormat, ListingParser, ListingSink } from '../../queue/listing-format.js';
import type { QueueRecipient } from '../../queue/message.js';

const HEADING = /^\s*-+Q-ID-+\s+-+Size-+\s/;
const QUEUE = /^\s*\/\S* (?:\(\d+ requests?\)|is empty)(?:\s|$)|^(?:MSP|MTA) Queue status\.\.\.\s*$/;
const TOTAL = /^\s*Total requests: (\d{1,12})/;
const ENTRY =
  /^([0-9A-Za-z]{8,20})([*X?+-]{0,3}) +(?:(\d{1,16}) +(?:-?\d{1,12}[+ ] *)?)?(?:(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d{1,2}) (\d\d):(\d\d) ?(.*)$/s;
/** An entry that is just being made or removed. */
const UNFINISHED =
  /^([0-9A-Za-z]{8,20})([*X?+-]{0,3}) +\((?:no control file|no data file|control file locked).*\)\s*$/;
const BASE60 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx';
/** Cycle of the years in an id, and how far a zone may be from UTC. */
const CYCLE = 60;
const ZONE_S = 15 * 3600;

interface Entry {
  readonly id: string;
  state: string;
  readonly arrivedAt: number | null;
  readonly sizeBytes: number;
  readonly sender: string;
  readonly recipients: Map<string, QueueRecipient>;
  reason: string | null;
}

/** The format `sendmail-mailq`. */
export const sendmailMailq: ListingFormat = {
  name: 'sendmail-mailq',
  looksLike: (lines) => lines.some((line) => HEADING.test(line) || QUEUE.test(line) || TOTAL.test(line)),
  open: mailqParser,
};

function mailqParser(
  sink: ListingSink,
  { queue, host, now }: { readonly queue: string; readonly host: string; readonly now: number },
): ListingParser {
  let number = 0;
  let open: Entry | null = null;
  let messages = 0;
  let isWhole = true;
  const close = () => {
    if (open === null) return;
    const { reason: _, ...entry } = open;
    open = null;
    messages += 1;
    sink.message({ queue, host, ...entry, submitter: null, recipients: [...entry.recipients.values()] });
  };
  return {
    line(raw) {
      number += 1;
      const text = (raw.charCodeAt(0) === 0xfeff ? raw.slice(1) : raw).replace(/\r$/, '');
      if (text.trim() === '') return;
      if (HEADING.test(text) || QUEUE.test(text)) return close();
      const total = TOTAL.exec(text)?.[1];
      if (total !== undefined) {
        close();
        // More are counted than shown where a queue is big or a file is just going: that is no fault.
        if (Number(total) < messages)
          sink.malformed(number, `counts ${Number(total)} messages, and ${messages} were there`);
        messages = 0;
        isWhole = true;
        return;
      }
      const unfinished = UNFINISHED.exec(text);
      const next = unfinished === null ? entryOf(text, now) : null;
      if (next !== null || unfinished !== null) {
        close();
        open = next;
        isWhole = false;
        if (unfinished !== null) messages += 1;
        return;
      }
      if (open === null) return sink.malformed(number, 'no entry of a queue');
      if (/^\s+QUARANTINE: /.test(text)) {
        open.state = 'hold';
        return;
      }
      const reason = /^\s{3,}\((.*)\)\s*$/s.exec(text)?.[1];
      if (reason !== undefined) {
        open.reason = reason;
        return;
      }
      const address = /^\t{2,} ?(\S.*)$/s.exec(text)?.[1];
      if (address === undefined) return sink.malformed(number, 'neither a reason nor a recipient');
      const bare = bareAddress(address);
      open.recipients.set(bare, { address: bare, reason: open.reason });
    },
    end() {
      close();
      if (!isWhole) sink.malformed(number, 'the listing ends without its last line');
    },
  };
}

function entryOf(text: string, now: number): Entry | null {
  const found = ENTRY.exec(text);
  if (found === null) return null;
  const [, id = '', marks = '', size = '', month = '', day = '', hour = '', minute = '', sender = ''] = found;
  const sizeBytes = Number(size);
  const listed = listedTime(monthOf(month), [day, hour, minute].map(Number), now);
  const made = timeOfId(id, now);
  const agree = made !== null && listed !== null && Math.abs(made - listed) <= ZONE_S;
  return {
    id,
    // In work, too young for a try; X and ? wait for a lower load.
    state: marks.includes('*') ? 'active' : marks.includes('-') ? 'incoming' : 'deferred',
    arrivedAt: agree ? made : listed,
    sizeBytes: Number.isSafeInteger(sizeBytes) ? sizeBytes : 0,
    sender: bareAddress(sender.trim()),
    recipients: new Map(),
    reason: null,
  };
}

/** When an id was made (8.10 and later: year, month, day, hour, minute, second in base 60, UTC); null: it is none. */
export function timeOfId(id: string, now: number): number | null {
  if (!/^[0-9A-Za-x]{12,20}$/.test(id)) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = [...id.slice(0, 6)].map((char) =>
    BASE60.indexOf(char),
  );
  if (month > 11 || day < 1 || day > 31 || hour > 23) return null;
  let full = 1900 + year;
  while (full + CYCLE <= new Date((now + 86_400) * 1000).getUTCFullYear()) full += CYCLE;
  return Date.UTC(full, month, day, hour, minute, second) / 1000;
}

// In this machine's zone, in the last year in which it does not lie ahead.
function listedTime(month: number, time: readonly number[], now: number): number | null {
  const [day = 1, hour = 0, minute = 0] = time;
  const year = new Date(now * 1000).getFullYear();
  for (const one of [year + 1, year, year - 1, year - 2, year - 3, year - 4]) {
    const date = new Date(one, month, day, hour, minute);
    const at = Math.floor(date.getTime() / 1000);
    if (date.getMonth() === month && at <= now + 86_400) return at;
  }
  return null;
}

/** `<a@b.example>` and `a@b.example`; `<>` is the null sender. */
const bareAddress = (text: string): string => /^<(.*)>$/s.exec(text)?.[1] ?? text;
