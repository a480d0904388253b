// Which slots a finished run moved, and where they came from: the target of its undo.
import { readJournal } from '../../journal/read-journal.js';
import { findRun } from '../../journal/store.js';
import { foldJournal } from '../../plan/progress.js';
import type { Context } from '../context.js';

/** Slots to move back, each to where it came from; undefined: the run moved nothing, and that was said. */
export async function moveBack(
  prefix: string,
  context: Context,
): Promise<{ readonly run: string; readonly to: ReadonlyMap<string, string> } | undefined> {
  const { run, file } = await findRun(await context.stateDir(), prefix);
  const progress = foldJournal((await readJournal(file)).records, file);
  const to = new Map<string, string>();
  for (const { lane, closed } of progress.lanes) {
    const facts = progress.plan.lanes.find((one) => one.id === lane)?.facts as {
      from?: string;
      kind?: string;
    };
    const isMove = facts.kind === 'planned' || facts.kind === 'dead' || facts.kind === 'finish';
    if (closed === 'done' && isMove && facts.from !== undefined) to.set(lane, facts.from);
  }
  if (to.size > 0) return { run, to };
  context.note(`run ${run} moved no slot: nothing to take back`);
  return undefined;
}
