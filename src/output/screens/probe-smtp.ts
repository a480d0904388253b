// The screen of `probe smtp`: the phases with their times and what was said, then what became of it and what the kernel
// knows. Texts of the server are escaped by whoever renders the lines.
import type { CertificateSeen } from '../../lib/certificate.js';
import { formatCommand } from '../../lib/command-text.js';
import type { PhaseSeen, SessionSeen, TcpInfo } from '../../probe/observation.js';
import type { SmtpSeen } from '../columns/probe-smtp.js';
import { folded, SCREEN_COLUMNS } from '../fold.js';
import type { Line } from '../line.js';

/** One thing that was said; ms since the dialogue began. */
export interface TranscriptLine {
  readonly atMs: number;
  readonly who: 'us' | 'them' | 'note';
  readonly text: string;
}

const TEXT_COLUMNS = SCREEN_COLUMNS - 23;

/** The lines. */
export function smtpScreen(seen: SmtpSeen): readonly Line[] {
  const { session, target, transcript } = seen;
  const server = target.host === null ? target.address : `${target.host} ${target.address}`;
  const by = [
    seen.uplink === seen.from ? '' : ` by ${seen.uplink}`,
    seen.source === null ? '' : ` (${seen.source})`,
  ];
  const lines: Line[] = [
    [
      { text: 'SMTP ', tone: 'strong' },
      `${server} port ${target.port} from ${seen.from}${by.join('')}  ${(session.tookMs / 1000).toFixed(2)}s`,
    ],
  ];
  if (transcript !== null) for (const one of transcript) lines.push(transcriptLine(one));
  else {
    for (const one of session.phases) lines.push(phaseLine(one, session));
    for (const { phase, why } of session.skipped)
      lines.push([` ${phase.padEnd(10)}`, { text: `        -  ${why}`, tone: 'dim' }]);
  }
  lines.push(...endLines(session, seen));
  const { certificate } = session;
  if (certificate !== null) lines.push(...certificateLines(certificate, target.host));
  if (session.bannerLateMs !== null) {
    const late = `the banner took ${seconds(session.bannerLateMs)}: the server looks up who we are? See the PTR of the source address`;
    lines.push(...folded([{ text: 'LATE    ', tone: 'warn' }], late, '        '));
  }
  const { end } = session;
  const info = (end.kind === 'stall' ? end.stall.tcpInfo : null) ?? session.tcpInfo;
  if (info !== null) lines.push(...folded([{ text: 'KERNEL  ', tone: 'dim' }], tcpText(info), '        '));
  for (const one of seen.limits) lines.push(...folded([{ text: 'LIMITS  ', tone: 'warn' }], one, '        '));
  if (seen.others.length > 0)
    lines.push(...folded([{ text: 'ALSO    ', tone: 'dim' }], seen.others.join(', '), '        '));
  return lines;
}

function transcriptLine({ atMs, who, text }: TranscriptLine): Line {
  const clock = `${(atMs / 1000).toFixed(3).padStart(8)} `;
  if (who === 'note') return [{ text: `${clock}*  ${text}`, tone: 'dim' }];
  return [{ text: clock, tone: 'dim' }, `${who === 'us' ? '->' : '<-'} ${text}`];
}

function phaseLine({ phase, ms, reply }: PhaseSeen, session: SessionSeen): Line {
  const isBad = reply !== null && reply.code >= 400;
  const time = `${(ms < 10 ? ms.toFixed(1) : String(Math.round(ms))).padStart(6)} ms  `;
  const said = textOf({ phase, ms, reply }, session);
  const shown = said.length > TEXT_COLUMNS ? `${said.slice(0, TEXT_COLUMNS - 1)}…` : said;
  return [` ${phase.padEnd(10)} ${time}`, isBad ? { text: shown, tone: 'bad' } : shown];
}

function textOf({ phase, reply }: PhaseSeen, session: SessionSeen): string {
  if (phase === 'connect') return `from port ${session.localPort ?? '?'}`;
  if (phase === 'tls') return session.tlsVersion ?? '';
  if (reply === null) return '';
  if (phase === 'big') {
    const isOne = session.skipped.some((one) => one.phase === 'big');
    return `${reply.code} to ${isOne ? 'one RSET of 500 bytes: no PIPELINING' : 'three RSET in one packet'}`;
  }
  return `${reply.code} ${reply.text}`;
}

function endLines(session: SessionSeen, { target }: SmtpSeen): readonly Line[] {
  const { end, bigProven } = session;
  const command = formatCommand(['mailctl', 'probe', target.host ?? target.address]);
  const compare = `one dialogue cannot tell whose fault that is: ${command}`;
  const indent = '        ';
  switch (end.kind) {
    case 'done': {
      const ways = [bigProven.inbound ? 'in' : '', bigProven.outbound ? 'out' : ''].filter(
        (one) => one !== '',
      );
      const proven =
        ways.length === 0 ? 'full packets not proven' : `full packets proven ${ways.join(' and ')}bound`;
      return [
        [
          { text: 'OK      ', tone: 'good' },
          `to the end; ${proven.replace('in and', 'in- and')}; no mail was sent`,
        ],
      ];
    }
    case 'reply':
      return folded(
        [{ text: 'REFUSED ', tone: 'bad' }],
        `at ${end.phase}: ${end.reply.code} ${end.reply.text}`,
        indent,
      );
    case 'stall': {
      const { phase, afterMs, controls } = end.stall;
      const small = `small packets: MSS 1200 ${words(controls.mss1200)}, MSS 400 ${words(controls.mss400)}`;
      return [
        ...folded(
          [{ text: 'HANGS   ', tone: 'bad' }],
          `at ${phase}: nothing came for ${seconds(afterMs)}; ${small}`,
          indent,
        ),
        ...folded([indent], compare, indent),
      ];
    }
    case 'error':
      return [
        ...folded(
          [{ text: 'FAILED  ', tone: 'bad' }],
          `at ${end.error.phase}: ${end.error.text}${end.error.from === null ? '' : ` (said by ${end.error.from})`}`,
          indent,
        ),
        ...(end.error.kind === 'local' ? [] : folded([indent], compare, indent)),
      ];
    case 'too-slow':
      return folded(
        [{ text: 'SLOW    ', tone: 'bad' }],
        `at ${end.phase}, ${seconds(end.afterMs)} after the beginning: it moves, and does not come to its end`,
        indent,
      );
    case 'given-up':
      return folded([{ text: 'UNKNOWN ', tone: 'warn' }], end.why, indent);
  }
}

function words(control: string): string {
  return control === 'not-tried' ? 'not tried' : control === 'passes' ? 'passes' : 'hangs too';
}

/** node's words for a chain that nobody trusts. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'signed by itself'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its chain ends at a root that nobody knows'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its chain is not complete'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'its chain is not complete'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'its chain ends at an issuer that nobody knows'],
]);

function certificateLines(certificate: CertificateSeen, host: string | null): readonly Line[] {
  const { error, subject, issuer, validTo, isExpired, fitsName } = certificate;
  const faults = [
    WORDS.get(error ?? '') ?? '',
    isExpired ? `expired ${validTo.slice(0, 10)}` : '',
    fitsName === false
      ? `not for ${host ?? 'this name'} but for ${certificate.names.slice(0, 3).join(', ') || subject}`
      : '',
  ].filter((one) => one !== '');
  const what =
    error === null
      ? `good until ${validTo.slice(0, 10)}`
      : `${faults.join(', ')}${faults.length === 0 ? '' : ' '}(${error})`;
  const head = { text: 'CERT    ', tone: error === null ? ('good' as const) : ('bad' as const) };
  return folded([head], `${subject}, by ${issuer}: ${what}`, '        ');
}

function tcpText(info: TcpInfo): string {
  const parts = [
    info.state,
    `${info.unacked} unacknowledged`,
    `${info.totalRetransmits} sent again`,
    info.rttMs === null ? '' : `rtt ${info.rttMs.toFixed(1)} ms`,
    info.sendMss === null ? '' : `mss ${info.sendMss}`,
    info.pathMtu === null ? '' : `path mtu ${info.pathMtu}`,
    info.bytesReceived === null ? '' : `${info.bytesReceived} bytes received`,
    info.outOfOrder === null || info.outOfOrder === 0 ? '' : `${info.outOfOrder} out of order`,
  ];
  return parts.filter((one) => one !== '').join(', ');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
