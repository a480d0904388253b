// Lines of Postfix's log (2.x and 3.x, both usual forms of time) to delivery events: what became of a message for a
// recipient, and what was turned away at the door. The sender comes from an earlier line of the same id. Pure; every
// text is hostile and stays data. An address can hold what looks like the rest of a line: the first that fits counts.
import { RecentMap } from '../../lib/recent-map.js';
import type { DeliveryEvent, DeliveryOutcome } from '../../queue/delivery-event.js';
import { parseLogTime } from './last-deliveries.js';

/** Lines that are worth their way here, as an extended regular expression. */
export const LOG_PATTERN =
  ' status=(sent|deferred|bounced|expired|force-expired|SOFTBOUNCE)|: (NOQUEUE|[0-9A-Za-z]+): (milter-)?reject: |/qmgr\\[[0-9]+\\]: [0-9A-Za-z]+: from=<';

/** What the lines before told, for one reading. */
export interface LogReader {
  /** Null: the line is no event, or of another instance. */
  line(text: string): DeliveryEvent | null;
}

/** How a log's times are to be read, and whose lines count. */
export interface LogContext {
  /** The host's clock and its offset, for times without year and zone. */
  readonly now: number;
  readonly zone: string;
  /** `syslog_name` of the instance; empty: all of Postfix's lines count. */
  readonly tag: string;
}

/** Senders that are remembered: the messages in flight of a very large host. */
const MOST_SENDERS = 200_000;
/** Longer lines are cut: nothing of an event lies behind it. */
const MOST_LENGTH = 16_384;

const OUTCOMES: ReadonlyMap<string, DeliveryOutcome> = new Map([
  ['sent', 'sent'],
  ['deferred', 'deferred'],
  ['bounced', 'bounced'],
  ['SOFTBOUNCE', 'deferred'],
]);

const HEAD =
  /^(\d{4}-\d\d-\d\dT[\d:.]{8,15}(?:Z|[+-]\d\d:?\d\d)|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ ([^\s[\]]+)\/([\w-]+)\[\d+\]: (?:([0-9A-Za-z]{5,64}|NOQUEUE): )(.*)$/s;
const DELIVERY =
  /^to=<(.*?)>, (?:orig_to=<.*?>, )?relay=([^ ,]*), (?:conn_use=\d+, )?delay=[\d.]+, (?:delays=[\d./]+, )?(?:dsn=(\d\.\d{1,3}\.\d{1,3}), )?status=(\w+)(?: \((.*)\))?$/s;
const REFUSAL = /^(?:milter-)?reject: (.*?)(?:: |; )(.*)$/s;

/** Opens a reading. */
export function openLog(context: LogContext): LogReader {
  const senders = new RecentMap<string, string>(MOST_SENDERS);
  return {
    line(text) {
      const [, time = '', name = '', service = '', id = '', rest = ''] =
        HEAD.exec(text.slice(0, MOST_LENGTH)) ?? [];
      if (id === '' || !isOurs(name, context.tag)) return null;
      const at = parseLogTime(time, context.now, context.zone);
      if (at === null) return null;
      if (service === 'qmgr') {
        const from = /^from=<(.*?)>, (?:size=|status=(?:force-)?expired)/s.exec(rest);
        if (from === null) return null;
        senders.set(id, from[1] ?? '');
        if (!/^from=<.*?>, status=(?:force-)?expired/s.test(rest)) return null;
        return event({ at, id, outcome: 'expired', sender: from[1] ?? '' });
      }
      const delivery = DELIVERY.exec(rest);
      if (delivery !== null) {
        const [, recipient = '', relay = '', dsn, status = '', reason = ''] = delivery;
        const outcome = OUTCOMES.get(status);
        if (outcome === undefined) return null;
        return event({
          at,
          id,
          outcome,
          recipient,
          sender: senders.get(id) ?? null,
          relay: parseRelay(relay),
          dsn: dsn ?? null,
          reason,
        });
      }
      const refusal = REFUSAL.exec(rest);
      return refusal === null ? null : refused(at, id, refusal[2] ?? '');
    },
  };
}

// The addresses of a refusal stand at its end: `...; from=<a@x> to=<b@y> proto=ESMTP helo=<z>`.
function refused(at: number, id: string, words: string): DeliveryEvent {
  const [, said = words, sender, recipient = ''] =
    /^(.*); from=<(.*?)>,? (?:to=<(.*?)>,? )?proto=.*$/s.exec(words) ?? [];
  const dsn = /(?:^|[ ])([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(said.slice(0, 200))?.[1] ?? null;
  return event({
    at,
    id: id === 'NOQUEUE' ? '' : id,
    outcome: 'refused',
    recipient,
    sender: sender ?? null,
    dsn,
    reason: said,
  });
}

function event(known: Partial<DeliveryEvent> & Pick<DeliveryEvent, 'at' | 'id' | 'outcome'>): DeliveryEvent {
  return { recipient: '', sender: null, relay: null, source: null, dsn: null, reason: '', ...known };
}

// `postfix`, and what master.cf makes of it: `postfix/submission`.
const isOurs = (name: string, tag: string): boolean =>
  tag === '' || name === tag || name.startsWith(`${tag}/`);

function parseRelay(text: string): DeliveryEvent['relay'] {
  const found = /^([^[\]]+)\[([^[\]]+)\](?::(\d{1,5}))?$/.exec(text);
  if (found === null) return null;
  const [, name = '', address = '', port] = found;
  return { name, address, port: port === undefined ? null : Number(port) };
}
