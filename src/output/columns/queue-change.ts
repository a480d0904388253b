// Columns of what an act came to, a row per queue.
import type { Column } from './column.js';

/** One queue of an act. */
export interface ChangeRow {
  readonly queue: string;
  readonly host: string;
  readonly outcome: ChangeOutcome;
  /** Messages that the act was for. */
  readonly messages: number;
  /** Null: nothing was begun. */
  readonly done: number | null;
  /** By the server's own count. */
  readonly counted: number | null;
  readonly gone: number | null;
  readonly failed: number | null;
  readonly left: number | null;
  readonly reason: string | null;
}

/** How an act, or a queue of it, ended. `planned`: a dry run. */
export type ChangeOutcome =
  | 'planned'
  | 'done'
  | 'nothing'
  | 'partial'
  | 'refused'
  | 'busy'
  | 'failed'
  | 'incomplete';

export const changeColumns: readonly Column<ChangeRow>[] = [
  { key: 'queue', header: 'QUEUE', value: (row) => row.queue },
  { key: 'host', header: 'HOST', value: (row) => row.host, inTable: false },
  {
    key: 'outcome',
    header: 'OUTCOME',
    value: (row) => row.outcome,
    tone: (row) => (row.outcome === 'done' ? 'good' : row.outcome === 'planned' ? undefined : 'bad'),
  },
  { key: 'messages', header: 'ASKED', value: (row) => row.messages, align: 'right' },
  { key: 'done', header: 'DONE', value: (row) => row.done, align: 'right' },
  { key: 'counted', header: 'COUNTED', value: (row) => row.counted, align: 'right' },
  { key: 'gone', header: 'GONE', value: (row) => row.gone, align: 'right' },
  { key: 'failed', header: 'FAILED', value: (row) => row.failed, align: 'right' },
  { key: 'left', header: 'LEFT', value: (row) => row.left, align: 'right' },
  { key: 'reason', header: 'REASON', value: (row) => row.reason, mayCut: true },
];
