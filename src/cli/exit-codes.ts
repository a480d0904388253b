// The exit codes as `mailctl help exit-codes` prints them and mailctl(1) describes them. The numbers are
// errors.ts's.
import { EXIT } from '../errors.js';
import type { Column } from '../output/columns/column.js';

/** One line of the table. */
export interface ExitCodeRow {
  readonly exit: number;
  readonly name: keyof typeof EXIT;
  readonly meaning: string;
}

const MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'all that was asked is done; an empty list is done too',
  failed: 'nothing changed, or all of it undone; or the answer is bad',
  usage: 'usage or configuration error: no host was asked',
  partial: 'some failed, were refused or did not answer; the rest is done',
  refused: 'refused by gates, all of it: nothing was changed',
  incomplete: 'a run stopped half way; the message names the way on',
  busy: 'another run holds all of it; the message says whose it is',
  interrupted: 'interrupted',
};

/** In the order of the numbers. */
export const exitCodeRows: readonly ExitCodeRow[] = (Object.keys(EXIT) as (keyof typeof EXIT)[])
  .map((name) => ({ exit: EXIT[name], name, meaning: MEANING[name] }))
  .sort((a, b) => a.exit - b.exit);

/** Columns of the table. */
export const exitCodeColumns: readonly Column<ExitCodeRow>[] = [
  { key: 'exit', header: 'EXIT', value: (row) => row.exit, align: 'right' },
  { key: 'name', header: 'NAME', value: (row) => row.name },
  { key: 'meaning', header: 'MEANING', value: (row) => row.meaning },
];
