// Columns of `probe`, a row an uplink and a destination.
import type { CellVerdict } from '../../probe/judge.js';
import type { Column } from './column.js';

/** For tsv and ndjson. */
export const cellColumns: readonly Column<CellVerdict>[] = [
  { key: 'uplink', header: 'UPLINK', value: ({ uplink }) => uplink },
  { key: 'family', header: 'IP', value: ({ family }) => family },
  { key: 'destination', header: 'DESTINATION', value: ({ destination }) => destination },
  { key: 'verdict', header: 'VERDICT', value: ({ verdict }) => verdict },
  { key: 'phase', header: 'PHASE', value: ({ phase }) => phase },
  {
    key: 'connect_ms',
    header: 'CONNECT',
    value: ({ connectMs }) => (connectMs === null ? null : Math.round(connectMs * 10) / 10),
  },
  { key: 'code', header: 'CODE', value: ({ code }) => code },
  { key: 'evidence', header: 'EVIDENCE', value: ({ evidence }) => evidence, mayCut: true },
];
