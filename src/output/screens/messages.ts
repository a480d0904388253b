// The screen of `queue list`: a table that fits, and how many more there are.
import type { MessageRow } from '../columns/messages.js';
import { messageColumns } from '../columns/messages.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';

/** What it shows. */
export interface MessagesScreen {
  readonly rows: readonly MessageRow[];
  /** Messages beyond these; null: there are, nobody counted them. */
  readonly more: number | null;
  /** The operator gave the limit. */
  readonly isLimited: boolean;
}

/** The lines. */
export function messagesScreen({ rows, more, isLimited }: MessagesScreen, canvas: Canvas): readonly Line[] {
  if (rows.length === 0) return ['no message'];
  const lines: Line[] = [...canvas.table(rows, columnsFor(rows))];
  const hint = isLimited ? '' : '  (--limit 5000, or all of them: -o tsv)';
  if (more === null) lines.push(` + more${hint}`);
  else if (more > 0) lines.push(` + ${more} more${hint}`);
  return lines;
}

/** A column that says the same in every row is left out: one queue needs no name. */
function columnsFor(rows: readonly MessageRow[]) {
  const queues = new Set(rows.map(({ message }) => message.queue));
  return messageColumns.filter(({ key }) => key !== 'queue' || queues.size > 1);
}
