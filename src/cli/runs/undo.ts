// `mailctl runs undo`: takes a run back. What has not passed its point of no return is reverted; what is done is
// moved back by a new plan with all its gates.
import { EXIT } from '../../errors.js';
import { defineCommand } from '../command.js';
import type { Context } from '../context.js';
import { type FailoverRequest, failoverJson } from '../failover.js';
import { arg, reasonOption, yesOption } from '../options.js';

/** The command. */
export const runsUndoCommand = defineCommand({
  name: 'runs undo',
  summary: 'Take a run back',
  description:
    'Lanes that have not passed their point of no return are reverted step by step. Slots that were moved are moved ' +
    'back by a new run: a planned move, with the same look, plan, gates and question as any failover. Messages that ' +
    'were held are released, released ones held, deleted ones restored: exactly those of the run.',
  args: { run: arg('RUN', 'its id, or the beginning of it') },
  options: { yes: yesOption, reason: reasonOption },
  examples: [['mailctl runs undo 7f3a', 'shows what would be taken back and asks']],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state', 'queue'],
  json: failoverJson,
  run: ({ run, yes, reason }, context) =>
    undoRunOf(
      run,
      {
        targets: [],
        to: undefined,
        maxLagMs: undefined,
        acceptLoss: [],
        fenced: undefined,
        overrides: [],
        takeOver: [],
        reason,
        yes,
        dryRun: false,
      },
      context,
    ),
});

/**
 * Takes a run back: what has not passed its point of no return is reverted; what is done is moved back by a new
 * plan, with the gates and words of `words`.
 */
export async function undoRunOf(run: string, words: FailoverRequest, context: Context): Promise<number> {
  const { moveBack } = await import('./move-back.js');
  if (words.dryRun) {
    const open = await openLanesOf(run, context);
    if (open.length > 0) {
      context.note(
        `run ${run} is open: ${open.join(', ')} would be reverted step by step; mailctl runs show ${run}`,
      );
      return EXIT.done;
    }
  } else {
    const { takeUpRun } = await import('./take-up.js');
    const answer = await takeUpRun({ run, yes: words.yes, how: 'undo', reason: words.reason }, context);
    if (answer !== undefined) return answer;
  }
  const back = await moveBack(run, context);
  if (back === undefined) return EXIT.done;
  const { failover } = await import('../failover.js');
  return failover(
    {
      ...words,
      targets: [...back.to.keys()],
      toBySlot: back.to,
      reason: words.reason ?? `undo of run ${back.run}`,
    },
    context,
  );
}

async function openLanesOf(prefix: string, context: Context): Promise<readonly string[]> {
  const [{ readJournal }, { findRun }, { foldJournal }] = await Promise.all([
    import('../../journal/read-journal.js'),
    import('../../journal/store.js'),
    import('../../plan/progress.js'),
  ]);
  const { file } = await findRun(await context.stateDir(), prefix);
  const progress = foldJournal((await readJournal(file)).records, file);
  if (progress.closed !== undefined) return [];
  return progress.lanes.filter((lane) => lane.closed === undefined).map((lane) => lane.lane);
}
