// Takes an interrupted rejoin up again: its lanes go on from what their journal and the hosts say. A rejoin has no way
// back: what was sent to the new masters is theirs; a lane that has sent nothing yet can only be left.
import type { RunProgress } from '../../plan/progress.js';
import type { RejoinReport } from '../../slot/actions/rejoin-parts.js';
import { lookAtSlots } from '../../slot/look-around.js';
import { judgeReturn, type Return } from '../../slot/rejoin.js';
import type { Slot } from '../../slot/slot.js';
import { endedElsewhere } from '../../slot/take-up.js';
import type { Context } from '../context.js';
import { reportRejoin } from '../rejoin-session.js';
import { runSlots } from '../slots/run-slots.js';
import { surroundingsOf } from '../slots/surroundings.js';
import { askTakeUp, reopenRun } from './open-run.js';

/** The run that is taken up. */
export interface RejoinTakeUp {
  readonly run: string;
  readonly file: string;
  readonly before: RunProgress;
  readonly yes: boolean;
  readonly how: 'resume' | 'undo';
}

/** Goes on with it, or gives its leases back where nothing was begun yet. */
export async function resumeRejoin(taken: RejoinTakeUp, context: Context): Promise<number> {
  const { run, before } = taken;
  if (!taken.yes) (await context.prompt()).requireTerminal();
  const startedAt = context.clock.monotonic();
  const directory = await context.directory();
  const users = await context.userSources();
  const around = await surroundingsOf(context);
  const all = await directory.list();
  const open = before.lanes.filter((lane) => lane.closed === undefined);
  const slots = all.filter((slot) => open.some((lane) => lane.lane === slot.slot));
  const sight = await lookAtSlots(slots, around);
  context.note(
    `run ${run} of ${before.operator}, ${before.startedAt}: ${open.length} of ${before.lanes.length} lanes open`,
  );
  const refused = await askTakeUp(context, taken, `leave run ${run} as it stands?`);
  if (refused !== null) return refused;
  const { journal, by } = await reopenRun(context, taken.file);
  const report: RejoinReport = new Map();
  const { takeOver } = before.plan.facts as { readonly takeOver?: readonly string[] };
  try {
    const result = await runSlots(
      context,
      {
        plan: before.plan,
        journal,
        around,
        directory,
        users,
        rejoins: report,
        waiting: undefined,
        takeOver: [...(takeOver ?? []), run],
        slots,
        sight,
        targets: before.plan.target.split(' '),
        refused: 0,
      },
      { how: taken.how, by, refused: endedElsewhere(before, slots, sight) },
    );
    return await reportRejoin(context, {
      targets: before.plan.target.split(' '),
      returns: returnsOfPlan(before, all, sight),
      sight,
      around,
      directory,
      result,
      report,
      tookMs: context.clock.monotonic() - startedAt,
    });
  } finally {
    await journal.close().catch(() => {});
  }
}

/** The instances that the plan was to bring back, as they were judged then: no gate is shown for them now. */
function returnsOfPlan(
  before: RunProgress,
  slots: readonly Slot[],
  sight: Parameters<typeof judgeReturn>[1],
): readonly Return[] {
  return before.plan.lanes.flatMap((lane) => {
    const slot = slots.find((one) => one.slot === lane.id);
    const { kind, returns } = lane.facts as {
      readonly kind?: string;
      readonly returns?: readonly {
        readonly host: string;
        readonly how: string;
        readonly acceptLoss: boolean;
      }[];
    };
    if (slot === undefined) return [];
    // Its master served again, and what was read elsewhere is ended.
    if (kind === 'end-readonly') {
      const wishes = { acceptLoss: new Set<string>(), takeOver: new Set<string>() };
      return [{ ...judgeReturn({ slot, host: slot.master }, sight, wishes), gate: null }];
    }
    return (returns ?? []).map(({ host, how, acceptLoss }): Return => {
      const wishes = { acceptLoss: new Set(acceptLoss ? [slot.slot] : []), takeOver: new Set<string>() };
      const judged = judgeReturn({ slot, host }, sight, wishes);
      return { ...judged, how: how === 'close' ? 'close' : 'rejoin', gate: null };
    });
  });
}
