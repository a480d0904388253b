// `mailctl runs undo`: takes a run back. What has not passed its point of no return is reverted; what is done is
// moved back by a new plan with all its gates.
import { EXIT } from '../../errors.js';
import { defineCommand } from '../command.js';
import { failoverJson } from '../failover.js';
import { arg, reasonOption, yesOption } from '../options.js';

/** The command. */
export const runsUndoCommand = defineCommand({
  name: 'runs undo',
  summary: 'Take a run back',
  description:
    'Lanes that have not passed their point of no return are reverted step by step. Slots that were moved are moved ' +
    'back by a new run: a planned move, with the same look, plan, gates and question as any failover.',
  args: { run: arg('RUN', 'its id, or the beginning of it') },
  options: { yes: yesOption, reason: reasonOption },
  examples: [['mailctl runs undo 7f3a', 'shows what would be taken back and asks']],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: failoverJson,
  async run({ run, yes, reason }, context) {
    const { takeUpRun } = await import('./take-up.js');
    const answer = await takeUpRun({ run, yes, how: 'undo' }, context);
    if (answer !== undefined) return answer;
    const { moveBack } = await import('./move-back.js');
    const back = await moveBack(run, context);
    if (back === undefined) return EXIT.done;
    const { failover } = await import('../failover.js');
    return failover(
      {
        targets: back.slots,
        to: back.to,
        maxLagMs: undefined,
        acceptLoss: [],
        fenced: undefined,
        overrides: [],
        takeOver: [],
        reason: reason ?? `undo of run ${back.run}`,
        yes,
        dryRun: false,
      },
      context,
    );
  },
});
