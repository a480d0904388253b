// Which slots a finished run moved, and where they came from: the target of its undo.
import { UsageError } from '../../errors.js';
import { readJournal } from '../../journal/read-journal.js';
import { findRun } from '../../journal/store.js';
import { foldJournal } from '../../plan/progress.js';
import type { Context } from '../context.js';

/** Slots to move back to one host; undefined: the run moved nothing, and that was said. */
export async function moveBack(
  prefix: string,
  context: Context,
): Promise<{ readonly run: string; readonly slots: readonly string[]; readonly to: string } | undefined> {
  const { run, file } = await findRun(await context.stateDir(), prefix);
  const progress = foldJournal((await readJournal(file)).records, file);
  const moved = progress.lanes
    .filter((lane) => lane.closed === 'done')
    .map((lane) => ({
      slot: lane.lane,
      facts: progress.plan.lanes.find((one) => one.id === lane.lane)?.facts as {
        from?: string;
        kind?: string;
      },
    }))
    .filter(({ facts }) => !['demote', 'readonly', 'end-readonly'].includes(facts.kind ?? ''));
  const hosts = [...new Set(moved.map(({ facts }) => facts.from ?? ''))];
  if (moved.length === 0) {
    context.note(`run ${run} moved no slot: nothing to take back`);
    return undefined;
  }
  if (hosts.length > 1) {
    throw new UsageError(
      `run ${run} moved slots from ${hosts.length} hosts, which one command cannot take back`,
      {
        hint: hosts
          .map(
            (host) =>
              `mailctl failover ${moved
                .filter(({ facts }) => facts.from === host)
                .map(({ slot }) => slot)
                .join(' ')} --to ${host}`,
          )
          .join('\n      '),
      },
    );
  }
  return { run, slots: moved.map(({ slot }) => slot), to: hosts[0] as string };
}
