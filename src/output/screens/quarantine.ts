// The screens of events that are set aside: the plan before the question, and what is kept, with what mends it.
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatDuration } from '../../lib/duration.js';
import type { BlockedLog, NotTended } from '../../slot/tend.js';
import { type QuarantineRow, quarantineColumns } from '../columns/quarantine.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';

/** Where what does not fit goes on. */
const UNDER = '         ';
/** Causes that are told at length. */
const MOST_CAUSES = 12;

/** What is shown of a plan. */
export interface TendPlanScreen {
  readonly run: string;
  readonly blocked: readonly {
    readonly slot: string;
    readonly master: string;
    readonly logs: readonly BlockedLog[];
  }[];
  readonly retries: readonly { readonly slot: string; readonly files: number; readonly events: number }[];
  readonly not: readonly NotTended[];
  /** Epoch ms. */
  readonly now: number;
}

/** The plan: what blocks, since when, whom it is about. */
export function tendPlanScreen({ run, blocked, retries, not, now }: TendPlanScreen): readonly Line[] {
  const lines: Line[] = [];
  for (const { slot, master, logs } of blocked) {
    for (const log of logs) {
      const age = log.birth === null ? '' : `, the oldest from ${formatIso(log.birth * 1000)}`;
      const towards = log.replica === '' ? log.channel : log.replica;
      lines.push([
        { text: `BLOCKED ${slot}`, tone: 'bad' },
        `  ${master} -> ${towards}    plan ${run}  ${formatIso(now).slice(11)}`,
      ]);
      lines.push(...folded(['  why    '], log.why, UNDER));
      const whose = log.users.length === 0 ? '' : `, of ${names(log.users)}`;
      lines.push(...folded(['  waits  '], `${log.events} events${whose}${age}`, UNDER));
      const what = 'it is set aside by one rename, sent in parts, and what cannot be sent is kept';
      lines.push(...folded(['  then   '], `${what} with its cause`, UNDER));
    }
  }
  for (const { slot, files, events } of retries)
    lines.push(`RETRY ${slot}  ${events} events in ${files} ${files === 1 ? 'file' : 'files'}`);
  for (const { slot, reason } of not) lines.push([{ text: `not ${slot}`, tone: 'warn' }, `: ${reason}`]);
  return lines;
}

function names(users: readonly string[]): string {
  const shown = users.slice(0, 6).join(', ');
  return users.length > 6 ? `${shown} and ${users.length - 6} more` : shown;
}

/** What is shown of files. */
export interface QuarantineScreen {
  readonly rows: readonly QuarantineRow[];
  readonly heading: Line;
  readonly notes: readonly Line[];
  readonly silent: readonly { readonly host: string; readonly message: string }[];
}

/** The files, why each is there, and what mends it. */
export function quarantineScreen(
  { rows, heading, notes, silent }: QuarantineScreen,
  canvas: Canvas,
): readonly Line[] {
  const lines: Line[] = [heading, ...notes];
  if (rows.length > 0) lines.push(...canvas.table(rows, quarantineColumns));
  let told = 0;
  for (const { file } of rows) {
    for (const { who, kind, text, repair } of file.note?.kept ?? []) {
      told += 1;
      if (told > MOST_CAUSES) continue;
      const cause = `${who}: ${kind}${text === '' ? '' : `: ${text.slice(0, 160)}`}`;
      lines.push(...folded([`${file.slot}  `], cause, UNDER));
      for (const line of repair) lines.push(`    ${line}`);
    }
  }
  if (told > MOST_CAUSES) lines.push(` + ${told - MOST_CAUSES} causes more (-o json has all)`);
  for (const { host, message } of silent) lines.push(`${host}: not seen: ${message}`);
  const slots = [...new Set(rows.map(({ file }) => file.slot))];
  if (slots.length > 0)
    lines.push(
      `next  mend it, then  ${formatCommand(['mailctl', 'replication', 'retry', ...slots.slice(0, 5)])}`,
    );
  return lines;
}

/** `3 files, 12 events, the oldest 2d14h`. */
export function quarantineCount(rows: readonly QuarantineRow[]): string {
  const events = rows.reduce((sum, { file }) => sum + file.events, 0);
  const births = rows.flatMap(({ file }) => (file.birth === null ? [] : [file.at - file.birth]));
  const oldest = births.length === 0 ? '' : `, the oldest ${formatDuration(Math.max(...births) * 1000)}`;
  return `${rows.length} ${rows.length === 1 ? 'file' : 'files'}, ${events} events${oldest}`;
}
