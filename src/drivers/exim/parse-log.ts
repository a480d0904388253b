// Lines of Exim's main log (4.x, in its own file or by way of syslog) to delivery events: what became of a message for
// a recipient, and what was turned away at the door. That a retry time has not come is no try, and no event. Pure;
// every text is hostile and stays data: what a far side said stands at a line's end, and is never looked into for
// the fields before it.
import { monthOf } from '../../lib/month.js';
import { RecentMap } from '../../lib/recent-map.js';
import type { DeliveryEvent } from '../../queue/delivery-event.js';

/** Lines that are worth their way here, as an extended regular expression. */
export const LOG_PATTERN =
  '[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4} (<=|=>|->|>>|==|[*][*]) | rejected ';

/** What the lines before told, for one reading. */
export interface LogReader {
  /** Null: the line is no event. */
  line(text: string): DeliveryEvent | null;
}

/** Senders that are remembered: the messages in flight of a very large host. */
const MOST_SENDERS = 200_000;
/** Longer lines are cut: nothing of an event lies behind it. */
const MOST_LENGTH = 16_384;
/** Errors that only say that a retry time has not come. */
const NOT_DUE = new Set(['-51', '-52', '-53', '-54']);

const SYSLOG = /^(\d{4}-\d\d-\d\dT\S{8,25}|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ exim\w*(?:\[\d+\])?: /;
const OWN_TIME = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.\d+)?(?: ([+-]\d{4}))? /;
const HEAD =
  /^(?:\[\d+\] )?(?:([0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})) )?(.*)$/s;
const FLAGGED = /^(<=|=>|->|>>|==|\*\*) (.*)$/s;
// An address, the one that it was made from, and what follows: fields, an error, a reason.
const ADDRESSES =
  /^("(?:[^"\\]|\\.){0,500}"@\S{1,255}|.{1,2000}?)(?: <([^<>]{0,600})>)?(?=(?: [A-Z]{1,5}=| defer \(-?\d|: |$))(.*)$/s;
const PEER = / H=(\S{1,255})(?: \(\S{0,255}\))? \[([0-9A-Fa-f:.]{2,45})\](?::(\d{1,5}))?/;
const SOURCE = / I=\[([0-9A-Fa-f:.]{2,45})\]/;
const DSN = /(?:^|[\s:"])[245]\d\d[ -]([245]\.\d{1,3}\.\d{1,3})(?![\d.])/;

/** Opens a reading; the clock is the host's, in Exim's own zone. */
export function openLog(clock: { readonly now: number; readonly zone: string }): LogReader {
  const senders = new RecentMap<string, string>(MOST_SENDERS);
  return {
    line(raw) {
      const { at, text } = timed(raw.slice(0, MOST_LENGTH), clock);
      if (at === null) return null;
      const [, id = '', words = ''] = HEAD.exec(text) ?? [];
      const [, flag = '', rest = ''] = FLAGGED.exec(words) ?? [];
      if (id === '' || flag === '') return refusal(at, id, words);
      if (flag === '<=') {
        const sender = /^(<>|"(?:[^"\\]|\\.){0,500}"@\S+|\S+)(?= |$)/.exec(rest)?.[1];
        if (sender !== undefined) senders.set(id, sender === '<>' ? '' : sender);
        return null;
      }
      const found = ADDRESSES.exec(rest);
      if (found === null) return null;
      const [, final = '', original, tail = ''] = found;
      // Bare where it should be quoted, a file or a command: the address that it was made from is meant.
      const isAddress = original === undefined || (final.includes('@') && !/\s/.test(final));
      const known: Known = {
        at,
        id,
        recipient: isAddress ? final : original,
        sender: senders.get(id) ?? null,
      };
      if (flag === '==') return deferral(known, tail);
      if (flag === '**') {
        const { fields, reason } = parted(tail);
        const isExpired = /\bretry timeout exceeded\b/.test(reason);
        return event({ ...known, ...peerOf(fields), outcome: isExpired ? 'expired' : 'bounced', reason });
      }
      // What the far side answered is the last field, in quotes.
      const answer = tail.indexOf(' C="');
      const reason = answer < 0 ? '' : tail.slice(answer + 4).replace(/"(?: [A-Z]{1,3}=\S+)*$/, '');
      return event({
        ...known,
        ...peerOf(answer < 0 ? tail : tail.slice(0, answer)),
        outcome: 'sent',
        reason,
      });
    },
  };
}

type Known = Pick<DeliveryEvent, 'at' | 'id' | 'recipient' | 'sender'>;

// `R=r T=t defer (-44) H=mx [192.0.2.1]: SMTP error ...: 450 4.7.1 ...`, and without H what kept it from one.
function deferral(known: Known, tail: string): DeliveryEvent | null {
  const found = /^(.*?) defer \((-?\d{1,9})\)(.*)$/s.exec(tail);
  if (found === null) return null;
  const [, fields = '', code = '', said = ''] = found;
  if (NOT_DUE.has(code)) return null;
  const { fields: more } = said.startsWith(' ') ? parted(said) : { fields: '' };
  const reason = said.replace(/^[: ]+/, '');
  return event({ ...known, ...peerOf(fields + more), outcome: 'deferred', reason });
}

/** Fields come before the first colon with a blank; a bare reason follows the address so. */
function parted(tail: string): { readonly fields: string; readonly reason: string } {
  const colon = tail.indexOf(': ');
  return colon < 0
    ? { fields: tail, reason: '' }
    : { fields: tail.slice(0, colon), reason: tail.slice(colon + 2) };
}

function peerOf(fields: string): Pick<DeliveryEvent, 'relay' | 'source'> {
  const peer = PEER.exec(fields);
  return {
    relay:
      peer === null
        ? null
        : {
            name: peer[1] ?? '',
            address: peer[2] ?? '',
            port: peer[3] === undefined ? null : Number(peer[3]),
          },
    source: SOURCE.exec(fields)?.[1] ?? null,
  };
}

// `H=(helo) [192.0.2.1] F=<a@x> rejected RCPT <b@y>: words`, with or without an id, `temporarily` or not.
function refusal(at: number, id: string, words: string): DeliveryEvent | null {
  const found = /^(.*?) (?:temporarily )?rejected (?:([A-Z]{4}) <(.*?)>)?(.*)$/s.exec(words);
  if (found === null || !/(?:^| )H=/.test(found[1] ?? '')) return null;
  const [, before = '', verb, address = '', after = ''] = found;
  const { reason } = parted(after);
  return event({
    at,
    id,
    outcome: 'refused',
    recipient: verb === 'RCPT' ? address : '',
    sender: / F=<(.*?)>/.exec(before)?.[1] ?? (verb === 'MAIL' ? address : null),
    reason: reason === '' ? after.trim() : reason,
  });
}

function event(
  known: Omit<DeliveryEvent, 'dsn' | 'relay' | 'source'> & Partial<DeliveryEvent>,
): DeliveryEvent {
  return { relay: null, source: null, dsn: DSN.exec(known.reason)?.[1] ?? null, ...known };
}

/** Takes the time off a line: Exim's own, else that of syslog. */
function timed(
  line: string,
  { now, zone }: { readonly now: number; readonly zone: string },
): { readonly at: number | null; readonly text: string } {
  const log = SYSLOG.exec(line);
  const text = log === null ? line : line.slice(log[0].length);
  const own = OWN_TIME.exec(text);
  if (own !== null) {
    const [, year, month, day, hour, minute, second] = own.map(Number);
    const at = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second) / 1000;
    return { at: at - offsetOf(own[7] ?? zone), text: text.slice(own[0].length) };
  }
  return { at: log === null ? null : syslogTime(log[1] ?? '', now, zone), text };
}

// One without a year that lies ahead is of the year before.
function syslogTime(text: string, now: number, zone: string): number | null {
  if (/^\d/.test(text)) {
    const ms = Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
    return Number.isNaN(ms) ? null : Math.floor(ms / 1000);
  }
  const month = monthOf(text.slice(0, 3));
  const [day = 1, hour = 0, minute = 0, second = 0] = text
    .slice(4)
    .split(/[ :]+/)
    .filter(Boolean)
    .map(Number);
  if (month < 0) return null;
  const shift = offsetOf(zone);
  const year = new Date((now + shift) * 1000).getUTCFullYear();
  const of = (one: number) => Date.UTC(one, month, day, hour, minute, second) / 1000 - shift;
  return of(year) > now + 86_400 ? of(year - 1) : of(year);
}

/** Seconds that a zone `+0100` is ahead of UTC. */
function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d)(\d\d)$/.exec(zone) ?? [];
  const seconds = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60;
  return sign === '-' ? -seconds : seconds;
}
