// `mailctl runs attach RUN`: the journal of a run as it is written, a line a record, until the run ends. It only
// reads: whoever attaches or goes away changes nothing of the run.
import { EXIT } from '../../errors.js';
import type { JournalRecord } from '../../journal/record.js';
import { type RecordRow, recordColumns } from '../../output/columns/runs.js';
import type { Plan } from '../../plan/plan.js';
import { defineCommand } from '../command.js';
import { arg } from '../options.js';

const SCHEMA = 'mailctl/run-attach/v1';

/** The command. */
export const runsAttachCommand = defineCommand({
  name: 'runs attach',
  summary: 'Follow a run until it ends',
  description:
    'Prints what its journal tells, a line a record, and then each record as it is written; with -o ndjson the ' +
    'records themselves. Ctrl-C detaches and the run goes on. For a run that is not running it says where it ' +
    'stands. Exits as the run ended: 0 done, 1 reverted or failed, 3 some of its lanes done, 5 incomplete; 130 ' +
    'when you detached.',
  args: { run: arg('RUN', 'a run, as runs list names it') },
  options: {},
  examples: [['mailctl runs attach 7f3a', 'the terminal was lost, or another one began it']],
  sections: [],
  json: { schema: SCHEMA, empty: () => ({ run: null, state: null, records: [] }) },
  async run(options, context) {
    const { clock, output, interruption } = context;
    const { exitOfRun, recordRow, runView, stateOfRun } = await import('./run-view.js');
    const { followJournal } = await import('../../journal/read-journal.js');
    const { isHeld, lockHolder } = await import('../../journal/lock.js');
    const { findRun } = await import('../../journal/store.js');
    const { foldJournal } = await import('../../plan/progress.js');
    const { runScreen, recordLine } = await import('../../output/screens/runs.js');
    const { run, file } = await findRun(await context.stateDir(), options.run);
    const wasHeld = await isHeld(file, clock);
    const records: JournalRecord[] = [];
    const follow = async function* (): AsyncGenerator<JournalRecord> {
      const isAlive = () => isHeld(file, clock);
      for await (const record of followJournal(file, { clock, isAlive, signal: interruption.abort })) {
        records.push(record);
        yield record;
        // Its process may live on for a while, to look at what it has done.
        if (record.kind === 'closed') return;
      }
    };
    const isTable = output.format === 'table';
    let plan: Plan | undefined;
    const toRow = (record: JournalRecord): RecordRow => {
      // The first record holds the plan.
      plan ??= foldJournal(records.slice(0, 1), file).plan;
      return recordRow(record, plan);
    };

    if (isTable && wasHeld) {
      for await (const record of follow()) {
        const row = toRow(record);
        const laneWidth = Math.min(24, Math.max(0, ...(plan?.lanes ?? []).map((lane) => lane.id.length)));
        await output.line(recordLine(row, laneWidth));
      }
    } else if (output.format === 'tsv') {
      await output.print({ ...EMPTY, rows: rowsOf(follow(), toRow), columns: recordColumns });
    } else if (output.format === 'ndjson') {
      await output.print<JournalRecord>({
        ...EMPTY,
        rows: follow(),
        columns: [],
        record: (record) => record,
      });
    } else {
      for await (const _ of follow());
    }

    if (records.length === 0 && interruption.abort.aborted) return EXIT.interrupted;
    const holder = await lockHolder(file, clock);
    const progress = foldJournal(records, file);
    const state = stateOfRun(progress, holder !== undefined);
    const view = runView({ run, file, records, holder });
    if (output.format === 'json') {
      const document = () => ({ run, state, records, next: view.next.command, errors: [] });
      await output.print({ ...EMPTY, document });
    } else if (isTable && !interruption.abort.aborted) {
      const detail = wasHeld ? 'none' : 'open';
      await output.print({
        ...EMPTY,
        screen: (canvas) => runScreen({ view, now: clock.now(), detail }, canvas),
      });
    }
    if (interruption.abort.aborted) {
      context.note(
        `detached: run ${run} ${state === 'running' ? 'goes on' : `is ${state}`}; next  ${view.next.command}`,
      );
      return EXIT.interrupted;
    }
    return exitOfRun(progress, state);
  },
});

/** A view of which only what is put over it is used. */
const EMPTY = { schema: SCHEMA, document: () => ({}), rows: [], columns: [] } as const;

async function* rowsOf<T, R>(items: AsyncIterable<T>, toRow: (item: T) => R): AsyncGenerator<R> {
  for await (const item of items) yield toRow(item);
}
