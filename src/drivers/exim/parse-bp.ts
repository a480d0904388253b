// `exim -bp` as text, and its kin -bpu, -bpa, -bpr (4.x): age, size, id, sender and a mark for frozen ones, then a
// recipient a line, those that have it already marked with D. Ages and sizes are rounded: the arrival is read off the
// id, the size stays as good as it was printed. It has no reasons, and tells nobody apart but the frozen.
import type { ListingFormat, ListingParser, ListingSink } from '../../queue/listing-format.js';
import { arrivalOfId, MESSAGE_ID } from './message-id.js';

const ID = '[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})';
const ENTRY = new RegExp(
  `^ {0,6}\\d{1,6}[mhdw] {1,7}(?:(\\d{1,16}(?:\\.\\d{1,3})?)([KMG]?) )? *(${ID}) <(.*)$`,
  's',
);
/** An entry whose header file cannot be read; the next line says so. */
const BARE = new RegExp(`^ *(?:\\d{1,6}[mhdw] +)?(?:\\d{1,16}(?:\\.\\d{1,3})?[KMG]? +)?(${ID}) *$`);
const FAULT = /^ *\*\*\* spool (?:format|read) error\b(.{0,200})\*\*\* *$/;
const FROZEN = ' *** frozen ***';
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

interface Entry {
  readonly id: string;
  state: string;
  sizeBytes: number;
  readonly sender: string | null;
  readonly recipients: Set<string>;
}

/** The format `exim-bp`. */
export const eximBp: ListingFormat = {
  name: 'exim-bp',
  looksLike: (lines) => lines.some((line) => ENTRY.test(line) || FAULT.test(line)),
  open: bpParser,
};

function bpParser(
  sink: ListingSink,
  { queue, host }: { readonly queue: string; readonly host: string },
): ListingParser {
  let number = 0;
  let open: Entry | null = null;
  const close = () => {
    if (open === null) return;
    const { id, state, sizeBytes, sender, recipients } = open;
    open = null;
    sink.message({
      queue,
      host,
      id,
      state,
      arrivedAt: arrivalOfId(id),
      sizeBytes,
      sender,
      submitter: null,
      recipients: [...recipients].map((address) => ({ address, reason: null })),
    });
  };
  return {
    line(raw) {
      number += 1;
      const text = (raw.charCodeAt(0) === 0xfeff ? raw.slice(1) : raw).replace(/\r$/, '');
      if (text.trim() === '') return close();
      const next = entryOf(text);
      if (next === 'cut') return sink.malformed(number, 'an entry whose sender is cut');
      if (next !== null) {
        close();
        open = next;
        return;
      }
      if (open === null) return sink.malformed(number, 'no entry of a queue');
      const fault = FAULT.exec(text);
      if (fault !== null) {
        open.state = 'corrupt';
        open.sizeBytes ||= sizeOf(/size=(\d{1,16})/.exec(fault[1] ?? '')?.[1] ?? '0', '');
        return;
      }
      // D: has it already; +D: made from another one, and has it.
      if (/^ {7,8}\+?D ./.test(text)) return;
      const recipient = /^ {10}(\S.*)$/s.exec(text)?.[1];
      if (recipient === undefined) return sink.malformed(number, 'no recipient');
      open.recipients.add(recipient);
    },
    end: close,
  };
}

function entryOf(text: string): Entry | 'cut' | null {
  const bare = BARE.exec(text)?.[1];
  if (bare !== undefined)
    return { id: bare, state: 'corrupt', sizeBytes: 0, sender: null, recipients: new Set() };
  const found = ENTRY.exec(text);
  if (found === null) return null;
  const [, size = '', unit = '', id = '', rest = ''] = found;
  if (!MESSAGE_ID.test(id)) return null;
  const isFrozen = rest.endsWith(FROZEN);
  // Whoever may set a sender that is not trusted is named behind it.
  const sender = /^(.*)>(?: \([^()<>]*\))?$/s.exec(isFrozen ? rest.slice(0, -FROZEN.length) : rest)?.[1];
  if (sender === undefined) return 'cut';
  return {
    id,
    state: isFrozen ? 'hold' : 'deferred',
    sizeBytes: sizeOf(size, unit),
    sender,
    recipients: new Set(),
  };
}

function sizeOf(digits: string, unit: string): number {
  const value = Math.round(Number(digits) * (UNITS[unit] ?? 1));
  return Number.isSafeInteger(value) ? value : 0;
}
