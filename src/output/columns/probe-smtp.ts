// A dialogue of `probe smtp` as columns and as JSON: one row per phase that ended.
import type { PhaseSeen, SessionEnd, SessionSeen, Target } from '../../probe/observation.js';
import type { Column } from './column.js';

/** What is printed. */
export interface SmtpSeen {
  readonly uplink: string;
  readonly from: string;
  readonly source: string | null;
  readonly interface: string | null;
  readonly how: string;
  readonly target: Target;
  readonly others: readonly string[];
  readonly session: SessionSeen;
  readonly limits: readonly string[];
  /** Null: not asked for. */
  readonly transcript:
    | readonly { readonly atMs: number; readonly who: 'us' | 'them' | 'note'; readonly text: string }[]
    | null;
}

/** Rows of tsv and ndjson. */
export const phaseColumns: readonly Column<PhaseSeen>[] = [
  { key: 'phase', header: 'PHASE', value: ({ phase }) => phase },
  { key: 'ms', header: 'MS', value: ({ ms }) => rounded(ms), align: 'right' },
  { key: 'code', header: 'CODE', value: ({ reply }) => reply?.code ?? null },
  { key: 'text', header: 'TEXT', value: ({ reply }) => reply?.text ?? null },
];

/** The document's fields. */
export function sessionJson({ session, transcript, ...seen }: SmtpSeen): object {
  return {
    uplink: seen.uplink,
    from: seen.from,
    source: seen.source,
    interface: seen.interface,
    how: seen.how,
    target: seen.target,
    other_addresses: seen.others,
    end: endJson(session.end),
    phases: session.phases.map(({ phase, ms, reply }) => ({ phase, ms: rounded(ms), reply })),
    skipped: session.skipped,
    session_ms: rounded(session.tookMs),
    local_port: session.localPort,
    banner: session.banner,
    banner_late_ms: session.bannerLateMs,
    offers_starttls: session.offersStartTls,
    extensions: session.extensions,
    tls_version: session.tlsVersion,
    certificate: session.certificate,
    full_packets: session.bigProven,
    tcp_info: session.tcpInfo,
    limits: seen.limits,
    ...(transcript === null
      ? {}
      : { transcript: transcript.map(({ atMs, who, text }) => ({ ms: rounded(atMs), who, text })) }),
  };
}

function endJson(end: SessionEnd): object {
  switch (end.kind) {
    case 'done':
      return { kind: 'done', phase: null };
    case 'reply':
      return { kind: 'reply', phase: end.phase, reply: end.reply };
    case 'stall':
      return {
        kind: 'stall',
        phase: end.stall.phase,
        silent_ms: rounded(end.stall.afterMs),
        controls: end.stall.controls,
        tcp_info: end.stall.tcpInfo,
      };
    case 'error':
      return { ...end.error, kind: 'error', error: end.error.kind };
    case 'too-slow':
      return { kind: 'too-slow', phase: end.phase, after_ms: rounded(end.afterMs) };
    case 'given-up':
      return { kind: 'given-up', phase: null, why: end.why };
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
