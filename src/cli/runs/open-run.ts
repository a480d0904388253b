// How commands that change slots come to the journal of their run: a new one, or one that another process has left;
// and the question before the latter.
import { EXIT } from '../../errors.js';
import { readBootId } from '../../journal/boot-id.js';
import { type Journal, openJournal } from '../../journal/journal.js';
import { type CreatedRun, createRun } from '../../journal/store.js';
import { formatIso } from '../../lib/clock.js';
import { version } from '../../lib/version.js';
import type { Plan } from '../../plan/plan.js';
import type { Context } from '../context.js';

/** What every plan says of who made it, when and why. */
export function planHead(
  context: Context,
  reason: string | undefined,
): Pick<Plan, 'version' | 'operator' | 'bastion' | 'createdAt' | 'reason'> {
  return {
    version: 1,
    operator: context.operator.name,
    bastion: context.operator.bastion,
    createdAt: formatIso(context.clock.now()),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** A new run of this plan, which may get another id. The journal is the caller's to close. */
export async function beginRun(context: Context, plan: Plan): Promise<CreatedRun<Plan>> {
  const { operator, clock } = context;
  return createRun({
    stateDir: await context.stateDir(),
    plan,
    mailctl: version,
    operator: operator.name,
    host: operator.bastion,
    bootId: await readBootId(),
    clock,
  });
}

/** Who goes on with a run. */
export interface TakenBy {
  readonly operator: string;
  readonly host: string;
  readonly bootId: string;
}

/** The journal of a run that was left. It is the caller's to close. */
export async function reopenRun(
  context: Context,
  file: string,
): Promise<{ readonly journal: Journal; readonly by: TakenBy }> {
  const { operator, clock } = context;
  const by = { operator: operator.name, host: operator.bastion, bootId: await readBootId() };
  return { journal: await openJournal(file, { operator: operator.name, clock }), by };
}

/** Asks before a run is taken up; an exit code instead of null: it is not. */
export async function askTakeUp(
  context: Context,
  taken: { readonly run: string; readonly how: 'resume' | 'undo'; readonly yes: boolean },
  undoQuestion: string,
): Promise<number | null> {
  if (taken.yes) return null;
  const question = taken.how === 'resume' ? `go on with run ${taken.run}?` : undoQuestion;
  if (await (await context.prompt()).yesNo(question)) return null;
  return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
}
