// The screen of `queue why`: causes, the worst first, what the logs say of each destination against the hours before,
// an example, who sends most of it, and the command to go on with.
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatDuration } from '../../lib/duration.js';
import type { LogsReport } from '../../queue/read-logs.js';
import type { OutcomeRow, Outcomes, Why, Windows } from '../../queue/why.js';
import type { Column } from '../columns/column.js';
import { type WhyRow, whyColumns } from '../columns/why.js';
import { folded } from '../fold.js';
import type { Line, Span } from '../line.js';
import type { Canvas } from '../output.js';

/** What it shows. */
export interface WhyScreen {
  readonly why: Why;
  readonly rows: readonly WhyRow[];
  readonly windows: Windows;
  /** Epoch seconds. */
  readonly now: number;
  /** Null: no log was asked. */
  readonly logs: LogsReport | null;
  /** What the selectors narrow it to: `gmail`; empty: everything. */
  readonly about: string;
  readonly queues: readonly string[];
  /** Errors and what else is missing. */
  readonly missing: readonly string[];
}

const MOST_CAUSES = 12;
const WIDE = 110;
const MOST_DESTINATIONS = 6;

/** The lines. */
export function whyScreen(screen: WhyScreen, canvas: Canvas): readonly Line[] {
  const { why, rows, missing } = screen;
  const logs = knownLogs(screen);
  const lines: Line[] = [heading(screen)];
  // What was tried in vain and has gone out since holds nothing up any more.
  const shown = rows.filter(({ row }) => row.messages > 0);
  const gone = rows.filter(({ row }) => row.messages === 0 && row.log.deferred > 0);
  if (shown.length === 0)
    lines.push(
      logs === null
        ? 'nothing waits for a cause; no log was read'
        : 'nothing waits for a cause, and nothing was bounced',
    );
  else lines.push(...causeTable(shown, canvas));
  if (shown.length > MOST_CAUSES) {
    const rest = shown.slice(MOST_CAUSES).reduce((all, { row }) => all + row.messages, 0);
    lines.push(` + ${shown.length - MOST_CAUSES} more causes, ${figure(rest)} messages (-o tsv has all)`);
  }
  if (why.queue.notTried > 0) lines.push(` + ${figure(why.queue.notTried)} not tried yet`);
  for (const { row } of gone.slice(0, 2))
    lines.push(` + ${row.cause.title}: ${figure(row.log.deferred)} tries, gone out since`);
  if (gone.length > 2) lines.push(` + ${gone.length - 2} more that have gone out since`);
  lines.push(...exampleLines(shown[0]));
  if (logs !== null) lines.push(...logLines(screen, canvas));
  for (const { row } of doorRows(why)) {
    lines.push(
      ...folded(
        ['door  '],
        `${figure(row.log.refused)} refused by us (before ${figure(row.before.refused)}): ${row.cause.title}`,
        '      ',
      ),
    );
  }
  for (const one of missing) lines.push([{ text: '!', tone: 'bad' }, ` ${one}`]);
  lines.push(...nextLines(screen, shown[0]));
  return lines;
}

const figure = (number: number) => number.toLocaleString('en');

/** Null: not one log was read, so that nothing can be said of what was refused at once. */
const knownLogs = ({ logs }: WhyScreen) => (logs === null || logs.read.length === 0 ? null : logs);

function heading(screen: WhyScreen): Line {
  const { why, windows, now, about, queues } = screen;
  const logs = knownLogs(screen);
  const where =
    queues.length === 0 ? 'no queue' : queues.length <= 3 ? queues.join(', ') : `${queues.length} queues`;
  const { bounced, expired } = why.log.all.now;
  const line: (string | Span)[] = [
    { text: 'WHY ', tone: 'strong' },
    `${about === '' ? '' : `${about}, `}${where}`,
    logs === null ? '' : `, ${formatDuration((now - windows.from) * 1000)}`,
    `    ${figure(why.queue.messages)} waiting (queue)`,
  ];
  if (logs !== null) {
    const ended = bounced + expired;
    line.push('  ', { text: `${figure(ended)} BOUNCED`, tone: ended > 0 ? 'bad' : undefined }, ' (log)');
  }
  line.push(`    ${formatIso(now * 1000).slice(11)}`);
  return line;
}

/** One destination needs no column, and a narrow screen has no room for it: there the largest are told below. */
function causeTable(rows: readonly WhyRow[], canvas: Canvas): readonly Line[] {
  const shown = rows.slice(0, MOST_CAUSES);
  const several = new Set(rows.flatMap(({ row }) => row.destinations.map(({ name }) => name))).size > 1;
  if (several && canvas.width >= WIDE) {
    const columns = whyColumns.map((one) => (one.key === 'destinations' ? { ...one, inTable: true } : one));
    return canvas.table(shown, columns);
  }
  const columns = whyColumns.filter(({ key }) => key !== 'destinations');
  if (!several) return canvas.table(shown, columns);
  const told = new Set(shown.slice(0, 4));
  return canvas.table(shown, columns, {
    below: (row) => (told.has(row) ? [`        ${destinationsText(row)}`] : []),
  });
}

function destinationsText({ row: { destinations } }: WhyRow): string {
  const parts = destinations.slice(0, 3).map(({ name, count }) => `${name || '(none)'} ${figure(count)}`);
  const more = destinations.length - parts.length;
  return `${parts.join(', ')}${more > 0 ? `, +${more}` : ''}`;
}

function exampleLines(first: WhyRow | undefined): readonly Line[] {
  const example = first?.row.example ?? null;
  if (example === null) return [];
  const sender = example.sender === null ? '?' : example.sender || '<>';
  return [
    ...folded(
      ['e.g. '],
      `${example.queue}/${example.id || '-'} ${sender} -> ${example.recipient || '-'}`,
      '     ',
    ),
    ...folded(['     '], example.reason.slice(0, 400), '     '),
  ];
}

function logLines({ why, windows }: WhyScreen, canvas: Canvas): readonly Line[] {
  const rows = why.log.destinations.filter(({ now, before }) => outOf(now) > 0 || outOf(before) > 0);
  if (rows.length === 0) return [];
  const hasBefore = windows.before !== null;
  const column = (key: keyof Outcomes, header: string): Column<OutcomeRow> => ({
    key,
    header,
    value: ({ now }) => now[key],
    text: ({ now, before }) =>
      hasBefore ? `${figure(now[key])} (${figure(before[key])})` : figure(now[key]),
    align: 'right',
  });
  const lines: Line[] = [
    ...canvas.table(rows.slice(0, MOST_DESTINATIONS), [
      { key: 'destination', header: 'LOG', value: ({ name }) => name || '(none)', mayCut: true },
      column('sent', 'SENT'),
      column('deferred', 'DEFERRED'),
      column('bounced', 'BOUNCED'),
      column('expired', 'EXPIRED'),
    ]),
  ];
  if (rows.length > MOST_DESTINATIONS) lines.push(` + ${rows.length - MOST_DESTINATIONS} more destinations`);
  if (windows.before !== null)
    lines.push(`(n) = ${formatIso(windows.before.from * 1000)} to ${formatIso(windows.before.to * 1000)}`);
  const { families, sources, senders } = why.log;
  if (families.length > 1) {
    const parts = families.map(
      ({ name, now }) => `IPv${name} ${badShare(now)} of ${figure(outOf(now))} not sent`,
    );
    lines.push(`by    ${parts.join(', ')}`);
  }
  for (const { name, now, before } of sources.filter(({ now: one }) => outOf(one) > 0).slice(0, 3))
    lines.push(
      `our   ${name}: ${figure(now.deferred)} deferred (${figure(before.deferred)}), ${figure(now.bounced)} bounced (${figure(before.bounced)})`,
    );
  const [sender] = senders.filter(({ name }) => name !== '');
  const all = senders.reduce((sum, { now }) => sum + outOf(now), 0);
  if (sender !== undefined && outOf(sender.now) >= 20 && outOf(sender.now) * 2 >= all) {
    const was = outOf(sender.before);
    const factor =
      was === 0
        ? ', nothing before'
        : outOf(sender.now) >= was * 3
          ? `, ${Math.round(outOf(sender.now) / was)}x what it was before`
          : '';
    lines.push(
      ...folded(
        ['from  '],
        `${sender.name} is the sender of ${Math.round((outOf(sender.now) / all) * 100)}% of all tries${factor}`,
        '      ',
      ),
    );
  }
  return lines;
}

/** Tries outwards; what we refused at the door was none. */
const outOf = ({ sent, deferred, bounced, expired }: Outcomes) => sent + deferred + bounced + expired;

function badShare(counts: Outcomes): string {
  const all = outOf(counts);
  return all === 0 ? '0%' : `${Math.round(((all - counts.sent) / all) * 100)}%`;
}

const doorRows = (why: Why) =>
  why.door
    .filter((row) => row.log.refused > 0)
    .slice(0, 3)
    .map((row) => ({ row }));

function nextLines({ about }: WhyScreen, first: WhyRow | undefined): readonly Line[] {
  if (first === undefined) return [];
  const { cause, destinations, waiting } = first.row;
  const [at] = destinations;
  const destination = at === undefined || at.name === '' ? [] : ['--destination', at.name];
  const code = cause.code.split(' ').at(-1) ?? '';
  if (/^(?:rate-limit|too-many|connection)/.test(cause.id)) {
    const target = at === undefined || at.name === '' ? [] : [at.name];
    return [`next  ${formatCommand(['mailctl', 'queue', 'connections', ...target])}`];
  }
  if (waiting.messages > 0) {
    const by = code === '' ? [] : ['--delay-reason', code.replace(/\./g, '[.]')];
    return [`next  ${formatCommand(['mailctl', 'queue', 'list', ...destination, ...by, '--limit', '20'])}`];
  }
  if (about === '' && destination.length > 0)
    return [`next  ${formatCommand(['mailctl', 'queue', 'why', ...destination, '--compare', '1d'])}`];
  return [];
}
