// Would a receiver that accepts mail from the usual hosts accept it from another? Sessions up to RCPT from both sides
// are compared. Some receivers let in only the addresses that they know, and nobody remembers until a rack has failed.
// A 4xx may be greylisting: put off is not refused, and not accepted. Pure.
import type { Phase, SessionSeen } from './observation.js';

/** What became of one session up to RCPT. */
export interface Acceptance {
  readonly kind: 'accepts' | 'refuses' | 'defers' | 'hangs' | 'unreachable' | 'broken' | 'unknown';
  readonly phase: Phase | null;
  /** Of the reply that counts. */
  readonly code: number | null;
  /** A stranger's words at times. */
  readonly text: string;
  readonly tookMs: number;
}

/** One session from one place. */
export interface SeenFrom {
  readonly uplink: string;
  readonly host: string;
  readonly acceptance: Acceptance;
}

/**
 * `ready`: every place to go over to is accepted. `nowhere`: neither they nor the usual ones are. The others say what
 * becomes of the worst place to go over to, while the usual ones are accepted, or nothing is known of them.
 */
export type ReadinessVerdict =
  | 'ready'
  | 'refused'
  | 'deferred'
  | 'hangs'
  | 'unreachable'
  | 'broken'
  | 'nowhere'
  | 'unknown';

/** One receiver, judged. */
export interface Readiness {
  readonly verdict: ReadinessVerdict;
  /** The session that the verdict rests on. */
  readonly worst: SeenFrom | null;
  /** The best of the usual places. */
  readonly usual: SeenFrom | null;
}

/** Reads a session. */
export function acceptanceOf(session: SessionSeen): Acceptance {
  const { end, tookMs } = session;
  switch (end.kind) {
    case 'done': {
      const rcpt = session.phases.find(({ phase }) => phase === 'rcpt');
      const text = rcpt?.reply?.text ?? '';
      return { kind: 'accepts', phase: 'rcpt', code: rcpt?.reply?.code ?? null, text, tookMs };
    }
    case 'reply': {
      const { code, text } = end.reply;
      return { kind: code >= 500 ? 'refuses' : 'defers', phase: end.phase, code, text, tookMs };
    }
    case 'stall': {
      const text = `nothing came for ${(end.stall.afterMs / 1000).toFixed(1)} s`;
      // RCPT was answered: a mail would have been taken so far.
      return { kind: 'hangs', phase: end.stall.phase, code: null, text, tookMs };
    }
    case 'too-slow':
      return {
        kind: 'hangs',
        phase: end.phase,
        code: null,
        text: 'it moves, and does not come to its end',
        tookMs,
      };
    case 'given-up':
      return { kind: 'unknown', phase: null, code: null, text: end.why, tookMs };
    case 'error': {
      const { kind, phase, text } = end.error;
      const isAway = ['refused', 'unreachable', 'prohibited', 'timeout'].includes(kind);
      const what = kind === 'local' ? 'unknown' : isAway ? 'unreachable' : 'broken';
      return { kind: what, phase, code: null, text, tookMs };
    }
  }
}

/** From good to bad. */
const ORDER: readonly Acceptance['kind'][] = [
  'accepts',
  'unknown',
  'defers',
  'hangs',
  'broken',
  'unreachable',
  'refuses',
];

const VERDICTS: Readonly<Record<Acceptance['kind'], ReadinessVerdict>> = {
  accepts: 'ready',
  unknown: 'unknown',
  defers: 'deferred',
  hangs: 'hangs',
  broken: 'broken',
  unreachable: 'unreachable',
  refuses: 'refused',
};

/** Compares: the worst of the places to go over to with the best of the usual ones. */
export function judgeReceiver(candidates: readonly SeenFrom[], usual: readonly SeenFrom[]): Readiness {
  const rank = ({ acceptance }: SeenFrom) => ORDER.indexOf(acceptance.kind);
  const worst = candidates.reduce<SeenFrom | null>(
    (found, one) => (found === null || rank(one) > rank(found) ? one : found),
    null,
  );
  const best = usual.reduce<SeenFrom | null>(
    (found, one) => (found === null || rank(one) < rank(found) ? one : found),
    null,
  );
  if (worst === null) return { verdict: 'unknown', worst, usual: best };
  const verdict = VERDICTS[worst.acceptance.kind];
  if (verdict === 'ready' || verdict === 'unknown' || best === null) return { verdict, worst, usual: best };
  const isNowhere = !['accepts', 'unknown', 'defers'].includes(best.acceptance.kind);
  return { verdict: isNowhere ? 'nowhere' : verdict, worst, usual: best };
}

/** One line of a list of receivers. */
export interface Receiver {
  /** The line's first word. */
  readonly name: string;
  readonly recipient: string;
  readonly domain: string;
  /** Named in the list; null: the domain's MX. */
  readonly server: string | null;
}

const ADDRESS = /^[^\s<>@\p{Cc}]{1,64}@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)$/u;
const DOMAIN = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

/**
 * `ADDRESS [SERVER]` or `DOMAIN [SERVER]`, one a line; of a domain its postmaster is asked for, whom every server must
 * take (RFC 5321, 4.5.1). Empty lines and `#` are comments. A line that is none of these comes back in words.
 */
export function parseReceivers(text: string): {
  readonly receivers: readonly Receiver[];
  readonly faults: readonly string[];
} {
  const receivers = new Map<string, Receiver>();
  const faults: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const [name = '', server = null, ...rest] = line
      .replace(/(?:^|\s)#.*$/s, '')
      .trim()
      .split(/\s+/);
    if (name === '') continue;
    const domain = ADDRESS.exec(name)?.[1] ?? (DOMAIN.test(name) ? name : undefined);
    if (domain === undefined || rest.length > 0) {
      faults.push(
        `line ${index + 1}: ${JSON.stringify(line.slice(0, 80))} is no address or domain with a server behind it`,
      );
      continue;
    }
    const recipient = name.includes('@') ? name : `postmaster@${domain}`;
    receivers.set(`${name} ${server}`, { name, recipient, domain: domain.toLowerCase(), server });
  }
  return { receivers: [...receivers.values()], faults };
}
