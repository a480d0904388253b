// `mailctl runs list`: what was begun from this state directory, and what of it is not finished.
import { EXIT } from '../../errors.js';
import type { RunSummary } from '../../journal/store.js';
import { type RunRow, runColumns } from '../../output/columns/runs.js';
import { defineCommand } from '../command.js';
import { flag } from '../options.js';
import type { ErrorReport } from '../report.js';

const SCHEMA = 'mailctl/runs/v1';

/** The command. */
export const runsListCommand = defineCommand({
  name: 'runs list',
  groupDefault: true,
  summary: 'What was begun, what is running, what is left half way',
  description:
    'Reads the journals of this state directory; asks no host. A run is running while the process that executes it ' +
    'lives; one that was neither ended nor is held is incomplete, and runs resume goes on with it. A journal that ' +
    'cannot be read is listed with the reason, and the exit code is 3.',
  args: {},
  options: { all: flag('--all', 'also the older ones that have ended') },
  examples: [
    ['mailctl runs list', 'newest first, what is not finished before the rest'],
    ['mailctl runs list -o json', 'for a script'],
  ],
  sections: [],
  json: { schema: SCHEMA, empty: () => ({ runs: [], holds: [] }) },
  async run(options, context) {
    const { listRuns } = await import('../../journal/store.js');
    const rows = (await listRuns(await context.stateDir(), context.clock)).map(runRow);
    const damaged = rows.filter((row) => row.damage !== null);
    const { runsScreen } = await import('../../output/screens/runs.js');
    const { holdsToTell } = await import('../queue/holds-to-tell.js');
    const holds = await holdsToTell(context);
    await context.output.print({
      schema: SCHEMA,
      document: () => ({
        runs: rows.map(runRowJson),
        holds: holds.runs.map(holds.json),
        errors: damaged.map(damageReport),
      }),
      rows,
      columns: runColumns,
      screen: (canvas) => [
        ...runsScreen({ runs: rows, now: context.clock.now(), all: options.all }, canvas),
        ...holds.lines,
      ],
    });
    if (context.output.format !== 'table') {
      for (const row of damaged) context.warn(damageReport(row).message, `mailctl runs show ${row.run}`);
      for (const text of holds.passed) context.warn(text, 'mailctl queue holds');
    }
    return damaged.length > 0 ? EXIT.partial : EXIT.done;
  },
});

/** A run as a row. One whose first record is being written just now has no damage. */
export function runRow(run: RunSummary): RunRow {
  return {
    run: run.run,
    kind: run.kind,
    target: run.target,
    state: run.state,
    startedAt: run.startedAt ?? null,
    endedAt: run.endedAt ?? null,
    operator: run.operator,
    host: run.host,
    damage: run.holder === undefined ? (run.damage ?? null) : null,
  };
}

/** A run as scripts rely on it. */
function runRowJson(row: RunRow): object {
  return {
    run: row.run,
    kind: row.kind,
    target: row.target,
    state: row.state,
    started_at: row.startedAt,
    ended_at: row.endedAt,
    operator: row.operator,
    host: row.host,
  };
}

function damageReport(row: RunRow): ErrorReport {
  return {
    host: null,
    code: 'journal.damaged',
    message: `the journal of run ${row.run} cannot be read: ${row.damage}`,
    detail: null,
    hint: `mailctl runs show ${row.run}`,
  };
}
