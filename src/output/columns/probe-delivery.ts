// What `probe delivery` saw, as columns and as JSON: one row per mailbox.
import type { Found, Handed } from '../../probe/deliver.js';
import type { Column } from './column.js';

/**
 * `failed`: no dialogue with the server came as far as an answer to the message. `not-seen`: handed over, and not in the
 * mailbox in time. `unknown`: the mailbox could not be looked into, or nobody knows whether the message was taken.
 */
export type DeliveryVerdict = 'delivered' | 'junk' | 'refused' | 'failed' | 'not-seen' | 'unknown';

/** One mailbox. */
export interface DeliveryRow {
  readonly name: string;
  readonly to: string;
  readonly server: string | null;
  readonly messageId: string | null;
  readonly verdict: DeliveryVerdict;
  /** Null: there is nothing to explain. */
  readonly why: string | null;
  readonly handed: Handed | null;
  readonly found: Found | null;
}

/** Columns of the table, tsv and ndjson. */
export const deliveryColumns: readonly Column<DeliveryRow>[] = [
  { key: 'delivery', header: 'DELIVERY', value: ({ name }) => name },
  {
    key: 'verdict',
    header: 'VERDICT',
    value: ({ verdict }) => verdict,
    tone: ({ verdict }) => (verdict === 'delivered' ? 'good' : verdict === 'unknown' ? 'warn' : 'bad'),
  },
  {
    key: 'handed_ms',
    header: 'HANDED OVER',
    value: ({ handed }) => (handed === null ? null : Math.round(handed.ms)),
    text: ({ handed }) => (handed === null ? '-' : `${(handed.ms / 1000).toFixed(1)}s`),
    align: 'right',
  },
  {
    key: 'seen_s',
    header: 'SEEN AFTER',
    value: ({ found }) => (found === null ? null : Math.round(found.ms / 100) / 10),
    text: ({ found }) => (found === null ? '-' : `${(found.ms / 1000).toFixed(1)}s`),
    align: 'right',
  },
  { key: 'to', header: 'TO', value: ({ to }) => to, mayCut: true },
  { key: 'why', header: 'WHY', value: ({ why }) => why, inTable: false },
];

/** One entry of the document. */
export function deliveryJson(row: DeliveryRow): object {
  const { handed, found } = row;
  return {
    delivery: row.name,
    to: row.to,
    server: row.server,
    message_id: row.messageId,
    verdict: row.verdict,
    why: row.why,
    handed:
      handed === null
        ? null
        : {
            ok: handed.ok,
            phase: handed.phase,
            code: handed.code,
            text: handed.text,
            ms: Math.round(handed.ms),
          },
    folder: found?.folder ?? null,
    seen_s: found === null ? null : Math.round(found.ms / 100) / 10,
    hops: found?.hops ?? [],
    cleaned: found?.cleaned ?? null,
  };
}
