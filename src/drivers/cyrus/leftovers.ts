// What a former master's replication logs still hold, as the domain takes it (slot/replay.ts): each line is a hint that
// something of somebody was changed, without a time (field notes, section 2). A line that cannot be read to its end is
// none; Cyrus itself would drop all that stands behind it.
import type { LeftoverEvent, Leftovers } from '../../slot/driver.js';
import { parseLogLine } from './log-lines.js';

/** Kinds that are about one mailbox, whose state is sent as it is now. */
const OF_MAILBOX: ReadonlySet<string> = new Set(['MAILBOX', 'APPEND', 'ANNOTATION', 'UNMAILBOX']);

/** The script's records of one instance. */
export function parseLeftovers(records: readonly (readonly string[])[]): Leftovers {
  const files: Leftovers['files'][number][] = [];
  const events: LeftoverEvent[] = [];
  let unreadable = 0;
  let logs = 0;
  for (const [kind, first = '', ...rest] of records) {
    if (kind === 'logs') logs = numberOf(first);
    else if (kind === 'bad') unreadable += numberOf(first);
    else if (kind === 'file') {
      const birth = numberOf(/^\d+/.exec(first)?.[0] ?? '');
      files.push({ name: first, birth: birth === 0 ? null : birth, events: numberOf(rest[0] ?? '') });
    } else if (kind === 'line') {
      const event = parseLine(rest.join('?'));
      if (event === undefined) unreadable += numberOf(first);
      else events.push({ ...event, count: numberOf(first) });
    }
  }
  return { logs, files, events, unreadable };
}

/** One line of a log; undefined: it cannot be understood. */
export function parseLine(line: string): Omit<LeftoverEvent, 'count'> | undefined {
  const { kind, words, torn } = parseLogLine(line);
  const [first, second] = words;
  if (torn || first === undefined || first === '') return undefined;
  if (OF_MAILBOX.has(kind)) return { kind: 'mailbox', user: null, mailboxes: [first], line };
  if (kind === 'RENAME' || kind === 'DOUBLEMAILBOX') {
    if (second === undefined || second === '') return undefined;
    const mailboxes = [first, second];
    return { kind: kind === 'RENAME' ? 'rename' : 'mailbox', user: null, mailboxes, line };
  }
  if (kind === 'USER') return { kind: 'user', user: first, mailboxes: [], line };
  if (kind === 'UNUSER') return { kind: 'deleted-user', user: first, mailboxes: [], line };
  if (kind === 'META') return { kind: 'settings', user: first, mailboxes: [], line };
  if (kind === 'SEEN' || kind === 'SUB' || kind === 'UNSUB')
    return { kind: 'settings', user: first, mailboxes: second === undefined ? [] : [second], line };
  if (kind === 'QUOTA') return { kind: 'settings', user: null, mailboxes: [first], line };
  return undefined;
}

function numberOf(text: string): number {
  return Number(text) || 0;
}
