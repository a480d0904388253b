// Rows and documents to bytes on stdout, in the form that was asked for. A command hands over one View; which
// part of it is used depends on the form. What only one form needs is loaded for that form only.
import type { OutputFormat } from './choose.js';
import type { Column } from './columns/column.js';
import { jsonLine, jsonParts, rowObject } from './json.js';
import { type Line, renderLine } from './line.js';
import type { TableOptions } from './table.js';
import { tsvHeader, tsvRow } from './tsv.js';

/** What a screen is drawn with. */
export interface Canvas {
  /** Columns that the screen may use. */
  readonly width: number;
  readonly color: boolean;
  /** A table as lines; fits `width`. */
  table<T>(rows: readonly T[], columns: readonly Column<T>[], options?: TableOptions<T>): readonly Line[];
}

/** The result of a command, in every form. */
export interface View<T> {
  /** `mailctl/slots/v1`. */
  readonly schema: string;
  /** The document's fields beside `schema`, with `errors`, as jsonParts takes them; called for json only. */
  document(): object;
  readonly rows: Iterable<T> | AsyncIterable<T>;
  readonly columns: readonly Column<T>[];
  /** The screen; absent: a plain table of the rows. */
  screen?(canvas: Canvas): readonly Line[];
  /** One object a row for ndjson; absent: the columns. */
  record?(row: T): object;
}

/** Where a command's data goes. */
export interface Output {
  readonly format: OutputFormat;
  /** Prints the view; a reader that has gone away ends the printing and is no error. */
  print<T>(view: View<T>): Promise<void>;
  /** A line of data for people that belongs to no view; printed for `table` only. */
  line(line: Line): Promise<void>;
  /** Text that is the data itself, whatever the form: help, a completion script. Ours, so it is not escaped. */
  text(text: string): Promise<void>;
  /** The reader has gone away. */
  isClosed(): boolean;
  /** True once a JSON document was printed: an error after that does not print another one. */
  hasDocument(): boolean;
}

/** What the output needs of the world. */
export interface OutputTarget {
  readonly format: OutputFormat;
  readonly color: boolean;
  columns(): number;
  write(text: string): Promise<void>;
  isClosed(): boolean;
}

/** The output of one program run. */
export function createOutput(target: OutputTarget): Output {
  let documentPrinted = false;
  const { format, color } = target;

  const printTable = async <T>(view: View<T>): Promise<void> => {
    const { renderTable } = await import('./table.js');
    const width = target.columns();
    const canvas: Canvas = {
      width,
      color,
      table: (rows, columns, options) => renderTable(rows, columns, { width, color, ...options }),
    };
    let lines: readonly Line[];
    if (view.screen === undefined) {
      const rows: T[] = [];
      for await (const row of view.rows) rows.push(row);
      lines = canvas.table(rows, view.columns);
    } else {
      lines = view.screen(canvas);
    }
    if (lines.length > 0) await target.write(`${lines.map((line) => renderLine(line, color)).join('\n')}\n`);
  };

  return {
    format,
    hasDocument: () => documentPrinted,
    text: target.write,
    isClosed: target.isClosed,
    async print(view) {
      if (format === 'json') {
        documentPrinted = true;
        for await (const part of jsonParts({ schema: view.schema, ...view.document() })) {
          if (target.isClosed()) return;
          await target.write(part);
        }
        return;
      }
      if (format === 'table') return printTable(view);
      if (format === 'tsv') await target.write(`${tsvHeader(view.columns)}\n`);
      for await (const row of view.rows) {
        if (target.isClosed()) return;
        await target.write(
          format === 'tsv'
            ? `${tsvRow(view.columns, row)}\n`
            : jsonLine(view.record === undefined ? rowObject(view.columns, row) : view.record(row)),
        );
      }
    },
    async line(line) {
      if (format === 'table') await target.write(`${renderLine(line, color)}\n`);
    },
  };
}
