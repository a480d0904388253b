// Columns of `replication quarantine`: a row a file that is set aside.
import { formatIso } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import type { QuarantineFile } from '../../slot/quarantine.js';
import type { Column } from './column.js';

/** A file beside when it is sent again: epoch seconds, null by nobody. */
export interface QuarantineRow {
  readonly file: QuarantineFile;
  readonly retryAt: number | null;
}

/** Whom it is about: those whose events cannot be sent, else those who are named in it. */
function whoOf({ note, users }: QuarantineFile): readonly string[] {
  return note !== null && note.kept.length > 0 ? note.kept.map(({ who }) => who) : users;
}

/** Seconds since the oldest event; null: not known. */
export function ageOf({ birth, at }: QuarantineFile): number | null {
  return birth === null || !Number.isFinite(at) ? null : Math.max(0, at - birth);
}

const iso = (seconds: number | null | undefined) =>
  seconds === null || seconds === undefined || !Number.isFinite(seconds) ? null : formatIso(seconds * 1000);

/** For the table, tsv and ndjson. */
export const quarantineColumns: readonly Column<QuarantineRow>[] = [
  { key: 'slot', header: 'SLOT', value: ({ file }) => file.slot },
  { key: 'host', header: 'HOST', value: ({ file }) => file.host },
  { key: 'replica', header: 'FOR', value: ({ file }) => file.note?.replica || null },
  {
    key: 'age_s',
    header: 'AGE',
    value: ({ file }) => ageOf(file),
    text: ({ file }) => {
      const age = ageOf(file);
      return age === null ? '?' : formatDuration(age * 1000);
    },
    align: 'right',
  },
  { key: 'events', header: 'EVENTS', value: ({ file }) => file.events, align: 'right' },
  { key: 'who', header: 'WHO', value: ({ file }) => whoOf(file).join(', '), mayCut: true },
  {
    key: 'cause',
    header: 'CAUSE',
    value: ({ file }) => [...new Set(file.note?.kept.map(({ kind }) => kind) ?? [])].join(', ') || null,
  },
  { key: 'owner', header: 'OWNER', value: ({ file }) => file.note?.owner ?? null, mayCut: true },
  {
    key: 'retry_at',
    header: 'AGAIN',
    value: ({ retryAt }) => iso(retryAt),
    text: ({ file, retryAt }) => {
      if (retryAt === null) return 'by hand';
      return retryAt <= file.at ? 'due' : `in ${formatDuration((retryAt - file.at) * 1000)}`;
    },
  },
  { key: 'file', header: 'FILE', value: ({ file }) => file.file, inTable: false },
  { key: 'channel', header: 'CHANNEL', value: ({ file }) => file.note?.channel ?? null, inTable: false },
  { key: 'oldest_at', header: 'OLDEST', value: ({ file }) => iso(file.birth), inTable: false },
  { key: 'aside_at', header: 'ASIDE', value: ({ file }) => iso(file.note?.asideAt), inTable: false },
  { key: 'tries', header: 'TRIES', value: ({ file }) => file.note?.tries ?? 0, inTable: false },
  { key: 'run', header: 'RUN', value: ({ file }) => file.note?.run || null, inTable: false },
];
