// Columns of `queue why`, a cause a row, and a cause as scripts get it.
import { formatIso, isoOf } from '../../lib/clock.js';
import { clearsText } from '../../queue/reasons.js';
import type { CauseRow, OutcomeRow, Outcomes } from '../../queue/why.js';
import type { Column } from './column.js';

/** A cause beside what all of it is. */
export interface WhyRow {
  readonly row: CauseRow;
  /** Messages of all causes. */
  readonly total: number;
  /** Hosts that were asked. */
  readonly hosts: number;
  /** Whether the logs were read. */
  readonly hasLog: boolean;
}

/** Outcomes as JSON has them. */
export function outcomesJson({ sent, deferred, bounced, expired, refused }: Outcomes): object {
  return { sent, deferred, bounced, expired, refused };
}

/** A row of the log's tables as JSON. */
export function outcomeRowJson(key: string, { name, now, before }: OutcomeRow): object {
  return { [key]: name, ...outcomesJson(now), before: outcomesJson(before) };
}

/** As JSON. */
export function causeJson({ row, total }: WhyRow): object {
  const { cause, example } = row;
  return {
    cause: cause.id,
    title: cause.title,
    code: cause.code,
    clears: cause.clears,
    act: cause.act,
    messages: row.messages,
    share: total === 0 ? 0 : Math.round((row.messages / total) * 10_000) / 10_000,
    waiting: {
      messages: row.waiting.messages,
      recipients: row.waiting.recipients,
      oldest_at: isoOf(row.waiting.oldestAt),
    },
    log: { ...outcomesJson(row.log), before: outcomesJson(row.before) },
    first_seen: isoOf(row.firstSeen),
    last_seen: isoOf(row.lastSeen),
    our_addresses: row.sources,
    ip_versions: row.families,
    hosts: row.hosts,
    destinations: row.destinations.slice(0, 100).map(({ name, count }) => ({ destination: name, count })),
    slots: row.slots.map(({ name, count }) => ({ slot: name, count })),
    pattern: cause.pattern,
    example:
      example === null
        ? null
        : {
            queue: example.queue,
            id: example.id,
            sender: example.sender,
            recipient: example.recipient,
            reason: example.reason,
            at: isoOf(example.at),
          },
  };
}

/** For tsv and the table. */
export const whyColumns: readonly Column<WhyRow>[] = [
  {
    key: 'messages',
    header: 'MSGS',
    value: ({ row }) => row.messages,
    text: ({ row }) => row.messages.toLocaleString('en'),
    align: 'right',
  },
  {
    key: 'share',
    header: 'SHARE',
    value: ({ row, total }) => (total === 0 ? 0 : Math.round((row.messages / total) * 10_000) / 10_000),
    text: ({ row, total }) => (total === 0 ? '-' : `${((row.messages / total) * 100).toFixed(1)}%`),
    align: 'right',
  },
  { key: 'code', header: 'CODE', value: ({ row }) => row.cause.code || null },
  {
    key: 'title',
    header: 'CAUSE',
    value: ({ row }) => row.cause.title,
    text: ({ row }) => `${row.cause.title}${slotsText(row)}`,
    mayCut: true,
  },
  {
    key: 'our_addresses',
    header: 'OUR IP',
    value: ({ row }) => row.sources.join(',') || null,
    text: whereText,
  },
  {
    key: 'first_seen',
    header: 'SINCE',
    value: ({ row }) => isoOf(row.firstSeen),
    text: sinceText,
  },
  {
    key: 'clears',
    header: 'CLEARS',
    value: ({ row }) => row.cause.clears,
    text: ({ row }) => clearsText(row.cause),
    tone: ({ row }) => (row.cause.clears === 'no' ? 'bad' : undefined),
  },
  { key: 'act', header: 'ACT', value: ({ row }) => row.cause.act, inTable: false },
  { key: 'cause', header: 'ID', value: ({ row }) => row.cause.id, inTable: false },
  { key: 'waiting', header: 'WAITING', value: ({ row }) => row.waiting.messages, inTable: false },
  { key: 'deferred', header: 'DEFERRED', value: ({ row }) => row.log.deferred, inTable: false },
  { key: 'bounced', header: 'BOUNCED', value: ({ row }) => row.log.bounced, inTable: false },
  { key: 'expired', header: 'EXPIRED', value: ({ row }) => row.log.expired, inTable: false },
  { key: 'refused', header: 'REFUSED', value: ({ row }) => row.log.refused, inTable: false },
  {
    key: 'before',
    header: 'BEFORE',
    value: ({ row }) => row.before.deferred + row.before.bounced + row.before.expired + row.before.refused,
    inTable: false,
  },
  { key: 'last_seen', header: 'LAST', value: ({ row }) => isoOf(row.lastSeen), inTable: false },
  { key: 'oldest_at', header: 'OLDEST', value: ({ row }) => isoOf(row.waiting.oldestAt), inTable: false },
  { key: 'hosts', header: 'HOSTS', value: ({ row }) => row.hosts.join(','), inTable: false },
  {
    key: 'destinations',
    header: 'AT',
    value: ({ row }) =>
      row.destinations
        .slice(0, 100)
        .map(({ name }) => name)
        .join(','),
    text: ({ row }) => {
      const [first] = row.destinations;
      const more = row.destinations.length - 1;
      return first === undefined ? '-' : `${first.name || '(none)'}${more > 0 ? ` +${more}` : ''}`;
    },
    mayCut: true,
  },
  {
    key: 'example',
    header: 'EXAMPLE',
    value: ({ row }) => (row.example === null ? null : `${row.example.queue}/${row.example.id}`),
    inTable: false,
  },
];

function slotsText({ slots }: CauseRow): string {
  if (slots.length === 0) return '';
  const shown = slots.slice(0, 2).map(({ name, count }) => `${name} ${count}`);
  return ` (${shown.join(', ')}${slots.length > 2 ? `, +${slots.length - 2}` : ''})`;
}

// Our address where somebody told it, else the hosts that have it.
function whereText({ row, hosts }: WhyRow): string {
  const [first] = row.sources;
  if (first !== undefined) return row.sources.length === 1 ? first : `${row.sources.length} IPs`;
  if (row.hosts.length === 1) return row.hosts[0] ?? '-';
  return row.hosts.length === hosts ? `all ${hosts}` : `${row.hosts.length} of ${hosts}`;
}

// `-`: it was so before as well, nobody knows since when.
function sinceText({ row, hasLog }: WhyRow): string {
  const { before } = row;
  if (before.deferred + before.bounced + before.expired > 0) return '-';
  const at = hasLog && row.firstSeen !== null ? row.firstSeen : row.waiting.oldestAt;
  return at === null ? '-' : clockOf(at, row.lastSeen ?? at);
}

function clockOf(seconds: number, now: number): string {
  const iso = isoOf(seconds);
  if (iso === null) return '?';
  return now - seconds > 72_000 || formatIso(now * 1000).slice(0, 10) !== iso.slice(0, 10)
    ? iso.slice(5, 16).replace('T', ' ')
    : iso.slice(11, 16);
}
