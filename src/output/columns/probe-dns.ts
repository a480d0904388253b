// Columns of `probe dns`, a finding a row.
import type { DnsFinding } from '../../probe/dns.js';
import type { Column } from './column.js';

/** As JSON. */
export function findingJson({ topic, subject, uplink, family, level, text, ms }: DnsFinding): object {
  return { topic, subject, uplink, family, level, text, answer_ms: ms };
}

/** For tsv and the table. */
export const findingColumns: readonly Column<DnsFinding>[] = [
  {
    key: 'level',
    header: '',
    value: ({ level }) => level,
    text: ({ level }) => (level === 'bad' ? 'BAD' : level === 'unknown' ? '?' : level),
    tone: ({ level }) =>
      level === 'ok' ? 'good' : level === 'bad' ? 'bad' : level === 'unknown' ? 'warn' : 'dim',
  },
  { key: 'topic', header: 'WHAT', value: ({ topic }) => topic },
  { key: 'subject', header: 'OF', value: ({ subject }) => subject },
  {
    key: 'uplink',
    header: 'UPLINK',
    value: ({ uplink }) => uplink,
    text: ({ uplink, family }) => (uplink === null ? '-' : family === null ? uplink : `${uplink} v${family}`),
  },
  { key: 'text', header: '', value: ({ text }) => text, mayCut: true },
  { key: 'family', header: 'IP', value: ({ family }) => family, inTable: false },
  { key: 'answer_ms', header: 'MS', value: ({ ms }) => ms, inTable: false },
];
