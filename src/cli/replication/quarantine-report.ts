// What the quarantine commands print: the files that are set aside, and what a run came to.
import { formatIso } from '../../lib/clock.js';
import type { QuarantineRow } from '../../output/columns/quarantine.js';
import type { Line } from '../../output/line.js';
import { dueAt, type QuarantineFile } from '../../slot/quarantine.js';
import type { QuarantineSight } from '../../slot/quarantine-look.js';
import type { Context } from '../context.js';
import { reportError } from '../report.js';

/** The schema of the document. */
export const QUARANTINE_SCHEMA = 'mailctl/quarantine/v1';

/** What a run came to; null: none was begun. */
export interface TendReport {
  readonly run: string | null;
  readonly outcome: 'listed' | 'planned' | 'done' | 'partial' | 'refused' | 'failed' | 'incomplete' | 'busy';
  readonly slots: readonly {
    readonly slot: string;
    readonly outcome: string;
    readonly reason: string | null;
  }[];
}

/** Files beside when they are sent again. */
export async function quarantineRows(
  context: Context,
  files: readonly QuarantineFile[],
): Promise<readonly QuarantineRow[]> {
  const { quarantine } = (await context.config()).stores;
  return files.map((file) => ({ file, retryAt: dueAt(file, quarantine.retryMs, quarantine.auto) }));
}

/** Prints files and result. */
export async function printQuarantine(
  context: Context,
  sight: QuarantineSight,
  report: TendReport,
  heading: (rows: readonly QuarantineRow[]) => Line,
  notes: readonly Line[] = [],
): Promise<void> {
  const rows = await quarantineRows(context, sight.files);
  const [{ quarantineColumns }, { quarantineScreen }] = await Promise.all([
    import('../../output/columns/quarantine.js'),
    import('../../output/screens/quarantine.js'),
  ]);
  (await context.progress()).end();
  await context.output.print({
    schema: QUARANTINE_SCHEMA,
    document: () => ({
      at: formatIso(context.clock.now()),
      run: report.run,
      outcome: report.outcome,
      slots: report.slots,
      files: rows.map(fileJson),
      errors: sight.silent.map(({ host, error }) => ({ ...reportError(error).report, host })),
    }),
    rows,
    columns: quarantineColumns,
    screen: (canvas) =>
      quarantineScreen(
        {
          rows,
          heading: heading(rows),
          notes,
          silent: sight.silent.map(({ host, error }) => ({ host, message: error.message })),
        },
        canvas,
      ),
  });
  if (context.output.format !== 'table')
    for (const { error } of sight.silent) context.warn(error.message, error.hint);
}

const iso = (seconds: number | null | undefined) =>
  seconds === null || seconds === undefined || !Number.isFinite(seconds) ? null : formatIso(seconds * 1000);

function fileJson({ file, retryAt }: QuarantineRow): object {
  const { note } = file;
  return {
    slot: file.slot,
    host: file.host,
    file: file.file,
    replica: note?.replica || null,
    channel: note?.channel ?? null,
    events: file.events,
    users: file.users,
    oldest_at: iso(file.birth),
    age_s: file.birth === null ? null : Math.max(0, file.at - file.birth),
    aside_at: iso(note?.asideAt),
    run: note?.run || null,
    operator: note?.operator || null,
    reason: note?.reason ?? null,
    owner: note?.owner ?? null,
    tries: note?.tries ?? 0,
    tried_at: iso(note?.triedAt),
    retry_at: iso(retryAt),
    kept: (note?.kept ?? []).map(({ who, kind, text, repair }) => ({ who, cause: kind, text, repair })),
  };
}
