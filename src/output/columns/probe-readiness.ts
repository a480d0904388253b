// What `probe readiness` found, as columns and as JSON: one row per receiver.
import type { Acceptance, ReadinessVerdict, Receiver, SeenFrom } from '../../probe/readiness.js';
import type { Tone } from '../line.js';
import type { Column } from './column.js';

/** One receiver. */
export interface ReadinessRow {
  readonly receiver: Receiver;
  /** Null: none was found. */
  readonly server: string | null;
  readonly verdict: ReadinessVerdict;
  readonly worst: SeenFrom | null;
  readonly best: SeenFrom | null;
  readonly candidates: readonly SeenFrom[];
  readonly usual: readonly SeenFrom[];
}

/** All of it. */
export interface ReadinessSeen {
  readonly from: readonly string[];
  readonly usual: readonly string[];
  readonly rows: readonly ReadinessRow[];
  readonly tookMs: number;
  /** Hosts that could not be looked from. */
  readonly missing: readonly { readonly message: string; readonly hint?: string | undefined }[];
}

const TONES: Readonly<Record<ReadinessVerdict, Tone>> = {
  ready: 'good',
  refused: 'bad',
  deferred: 'warn',
  hangs: 'bad',
  unreachable: 'bad',
  broken: 'bad',
  nowhere: 'warn',
  unknown: 'warn',
};

/** Columns of the table, tsv and ndjson. */
export const readinessColumns: readonly Column<ReadinessRow>[] = [
  { key: 'receiver', header: 'RECEIVER', value: ({ receiver }) => receiver.name },
  {
    key: 'verdict',
    header: 'VERDICT',
    value: ({ verdict }) => verdict,
    tone: ({ verdict }) => TONES[verdict],
  },
  {
    key: 'from_there',
    header: 'FROM THERE',
    value: ({ worst }) => acceptanceText(worst),
    text: ({ worst }) => shortText(worst),
  },
  {
    key: 'usually',
    header: 'USUALLY',
    value: ({ best }) => acceptanceText(best),
    text: ({ best }) => shortText(best),
  },
  { key: 'server', header: 'SERVER', value: ({ server }) => server, inTable: false },
];

/** `refuses at mail: 550 5.7.1 not from there (mx9)`. */
function acceptanceText(seen: SeenFrom | null): string | null {
  if (seen === null) return null;
  const { kind, phase, code, text } = seen.acceptance;
  if (kind === 'accepts') return `accepts (${seen.uplink})`;
  const said = [code, text].filter((one) => one !== null && one !== '').join(' ');
  return `${kind}${phase === null ? '' : ` at ${phase}`}: ${said} (${seen.uplink})`;
}

function shortText(seen: SeenFrom | null): string {
  if (seen === null) return '-';
  const { kind, phase, code } = seen.acceptance;
  const where = kind === 'accepts' || phase === null ? '' : ` at ${phase}`;
  return `${kind}${where}${kind === 'accepts' || code === null ? '' : ` ${code}`}, ${seen.uplink}`;
}

/** The document's fields. */
export function readinessJson({ from, usual, rows }: ReadinessSeen): object {
  return {
    from,
    usual,
    receivers: rows.map((row) => ({
      receiver: row.receiver.name,
      recipient: row.receiver.recipient,
      server: row.server,
      verdict: row.verdict,
      from_there: row.candidates.map(seenJson),
      usually: row.usual.map(seenJson),
    })),
  };
}

function seenJson({ uplink, host, acceptance }: SeenFrom): object {
  const { kind, phase, code, text, tookMs }: Acceptance = acceptance;
  return { uplink, host, result: kind, phase, code, text, ms: Math.round(tookMs) };
}
