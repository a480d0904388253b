// What was seen, in words and numbers for the operator. Text of servers is a stranger's: it is quoted, cut, and escaped
// by whoever prints it. Pure.
import { groupBy } from '../lib/group-by.js';
import type { PairObservation, Reply } from './observation.js';
import type { FlowCounts, PairFault, PairReading, StallSize } from './reading.js';

/** Longest quotation of a server's text. */
const LONGEST_QUOTE = 160;

type With<K extends PairFault['kind']> = PairReading & { readonly fault: Extract<PairFault, { kind: K }> };

/** `41 ms`, `5.0 s` */
export function ms(value: number): string {
  if (value < 10) return `${Math.round(value * 10) / 10} ms`;
  return value < 2000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** `3.4 %` */
export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 10 ? Math.round(value) : Math.round(value * 10) / 10} %`;
}

/** `1 server`, `3 servers` */
export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

/** ` to 2 of 3 servers`, where it is not all. */
export function countOf(some: number, all: number): string {
  return some === all ? '' : ` to ${some} of ${all} servers`;
}

/** The value that most of them have, the first of several. */
export function mostFrequent<T>(values: readonly T[]): T | undefined {
  let best: T | undefined;
  let most = 0;
  for (const value of new Set(values)) {
    const times = values.filter((one) => one === value).length;
    if (times > most) [best, most] = [value, times];
  }
  return best;
}

/** The server's name and address. */
export function server({ target }: PairObservation): string {
  const port = target.port === 25 ? '' : ` port ${target.port}`;
  return target.host === null ? `${target.address}${port}` : `${target.host} (${target.address})${port}`;
}

/** `554 5.7.1 "Service unavailable"` */
export function quote(reply: Reply | undefined): string {
  if (reply === undefined) return '';
  const text = reply.text.length > LONGEST_QUOTE ? `${reply.text.slice(0, LONGEST_QUOTE)}...` : reply.text;
  return `${reply.code}${reply.enhanced === null ? '' : ` ${reply.enhanced}`} ${JSON.stringify(text)}`;
}

/** A fault in a few words. */
export function fault(found: PairFault | null): string {
  if (found === null) return 'is fine';
  switch (found.kind) {
    case 'no-connect':
      return `takes no connection: ${found.cause?.text ?? 'no answer'}`;
    case 'reply':
      return `answers ${found.phase} with ${quote(found.reply)}`;
    case 'stall':
      return `hangs at ${found.phase}: ${stallEvidence(found)}`;
    case 'no-banner':
      return `connects and sends no banner within ${ms(found.afterMs)}, everything sent was acknowledged`;
    case 'broken':
      return `breaks off at ${found.phase}: ${found.error.text}`;
    case 'too-slow':
      return `answers so slowly that ${found.phase} was not over after ${ms(found.afterMs)}`;
    case 'certificate':
      return found.why;
  }
}

function stallEvidence({ tcpInfo, size, stall }: Extract<PairFault, { kind: 'stall' }>): string {
  const { mss1200, mss400 } = stall.controls;
  const controls =
    mss1200 === 'not-tried' && mss400 === 'not-tried'
      ? ''
      : `; small segments: MSS 1200 ${mss1200}, MSS 400 ${mss400}`;
  const kernel =
    tcpInfo === null
      ? 'nothing comes any more'
      : tcpInfo.unacked > 0
        ? `what we send is not acknowledged (${tcpInfo.unacked} segments wait, ${tcpInfo.totalRetransmits} resends)`
        : (tcpInfo.outOfOrder ?? 0) > 0
          ? 'large packets of the server are missing, a small one behind them came'
          : 'all that we sent is acknowledged and nothing comes back';
  const meaning =
    size === 'mtu'
      ? ', packets above an MTU vanish'
      : size === 'size'
        ? ', large packets vanish'
        : size === 'flow'
          ? ', whatever the size'
          : '';
  return `${kernel}${controls}${meaning}`;
}

/** Dead flows among living ones. */
export function deadFlows({ deadTwice, tried, good }: FlowCounts): string {
  return `${deadTwice} of ${tried} connections got no answer, twice on the same source port; ${good} came through`;
}

/** What an uplink's stalls are. */
export function stallKind(stalls: readonly With<'stall'>[], size: StallSize | undefined): string {
  if (size === 'mtu') return 'then large packets vanish: the path takes less than it says (MTU)';
  if (size === 'size') {
    const way = directionOf(stalls);
    return `then packets above some 400 to 1200 bytes vanish${way}`;
  }
  if (size === 'flow') return 'then the connection dies, whatever the size of its packets';
  return `then hangs at ${mostFrequent(stalls.map(({ fault: { phase } }) => phase))}`;
}

function directionOf(stalls: readonly With<'stall'>[]): string {
  const known = stalls.map(({ fault: { tcpInfo } }) => tcpInfo).filter((info) => info !== null);
  const out = known.filter(({ unacked }) => unacked > 0).length;
  if (known.length === 0) return '';
  if (out === known.length) return ', outwards at least';
  return out === 0 ? ', inwards at least' : ', both ways';
}

/** How they stood still. */
export function stallLines(stalls: readonly With<'stall'>[], servers: number): readonly string[] {
  const phases = [...groupBy(stalls, ({ fault: { phase } }) => phase)]
    .map(([phase, group]) => `${group.length} at ${phase}`)
    .join(', ');
  const resends = stalls.map(({ fault: { tcpInfo } }) => tcpInfo?.totalRetransmits ?? 0);
  const most = Math.max(0, ...resends);
  const tried = stalls.filter(({ fault: { stall } }) => stall.controls.mss400 !== 'not-tried');
  const passes = (which: 'mss1200' | 'mss400') =>
    tried.filter(({ fault: { stall } }) => stall.controls[which] === 'passes').length;
  return [
    `${stalls.length} of ${servers} sessions stood still (${phases})${most > 0 ? `, up to ${count(most, 'resend')} each` : ''}`,
    tried.length === 0
      ? 'small segments were not tried'
      : `with small segments pass: MSS 1200 ${passes('mss1200')} of ${tried.length}, MSS 400 ${passes('mss400')} of ${tried.length}`,
  ];
}

/** Why nothing connects, named by whoever got a message. */
export function causeOf(silent: readonly With<'no-connect'>[]): string {
  const causes = silent.map(({ fault: { cause } }) => cause).filter((cause) => cause !== null);
  const told = causes.find(({ kind }) => kind !== 'timeout') ?? causes[0];
  const passes = silent.some(({ ping }) => ping !== null);
  switch (told?.kind) {
    case 'prohibited':
      return `${told.from ?? 'a router'} says that it is prohibited`;
    case 'unreachable':
      return `${told.from ?? 'a router'} knows no way`;
    case 'refused':
      return passes
        ? 'reset at once while pings pass: somebody on the way refuses the port'
        : 'reset at once';
    default:
      return passes
        ? 'no answer, while pings pass: the port is filtered'
        : 'no answer, and pings do not pass either';
  }
}

/** How connecting failed. */
export function noConnect(silent: readonly With<'no-connect'>[]): string {
  const texts = silent.map(
    ({ observation, fault: { cause } }) => `${server(observation)}: ${cause?.text ?? 'no answer'}`,
  );
  return texts.slice(0, 5).join('; ') + (texts.length > 5 ? ` and ${texts.length - 5} more` : '');
}

/** What pings do where nothing connects. */
export function pingBeside(own: readonly PairReading[]): readonly string[] {
  const sent = own.reduce((sum, { ping }) => sum + (ping?.sent ?? 0), 0);
  const lost = own.reduce((sum, { ping }) => sum + (ping?.lost ?? 0), 0);
  if (sent > 0) return [`pings pass: ${lost} of ${sent} lost`];
  return own.some(({ pingSilence }) => pingSilence === 'all-lost') ? ['no ping is answered'] : [];
}

/** Where to look when a server greets late from one address. */
export function checkPtr(late: readonly PairReading[]): string {
  const source = late[0]?.observation.source;
  return `servers that look names up greet late when they find none: check the PTR of ${source ?? 'the source address'}`;
}

/** A cell that is fine. */
export function fineCell({ observation, connectMs, flows, ping, pingSilence }: PairReading): string {
  const { session } = observation;
  return [
    ...(connectMs === null ? [] : [`connects in ${ms(connectMs)}`]),
    ...(session === null
      ? []
      : [
          session.bigProven.inbound && session.bigProven.outbound
            ? 'full packets both ways'
            : `full packets not proven ${session.bigProven.inbound ? 'outwards' : session.bigProven.outbound ? 'inwards' : 'either way'}`,
        ]),
    ...(flows.tried === 0 ? [] : [`${flows.good} of ${flows.tried} connections`]),
    ...(ping === null ? [] : [`${ping.lost} of ${ping.sent} pings lost`]),
    ...(pingSilence === 'all-lost' ? ['pings are not answered'] : []),
    ...(pingSilence === 'denied-by-tcp' ? ['pings are limited by somebody'] : []),
    ...(session?.certificate?.error == null ? [] : [`certificate ${session.certificate.error}`]),
  ].join(', ');
}
