// Does what is owed and due, without a question, through the same plan, journal, leases and steps as a failover.
// Whatever another run holds is left to it.
import { pickRunId } from '../../journal/store.js';
import type { Plan } from '../../plan/plan.js';
import { type Decision, mayGo, refusal } from '../../slot/decide.js';
import type { Directory } from '../../slot/directory.js';
import { planLane } from '../../slot/failover.js';
import type { Surroundings } from '../../slot/look-around.js';
import { runResults } from '../../slot/outcome.js';
import { type DueWork, isDue, targetsOf } from '../../slot/owed-work.js';
import { prepareFailover } from '../../slot/prepare-failover.js';
import type { SampleStore } from '../../slot/samples.js';
import type { Context } from '../context.js';
import { beginRun, planHead } from '../runs/open-run.js';
import { runsToTakeOver } from '../take-over.js';
import { hooksPer, runSlots } from './run-slots.js';

/** What became of one debt. */
export interface OwedResult {
  readonly slot: string;
  /** The host that owed it. */
  readonly host: string;
  /** `demote`: stopped, and its role swapped; `end-readonly`: reading elsewhere ended; `directory`: told. */
  readonly what: 'demote' | 'end-readonly' | 'directory';
  readonly run: string | null;
  /** `busy`: another run is at it. */
  readonly outcome: 'done' | 'refused' | 'busy' | 'failed' | 'incomplete';
  readonly reason: string | null;
}

/** Prepares, runs, and tells what became of each. */
export async function doOwed(
  due: DueWork,
  parts: {
    readonly context: Context;
    readonly directory: Directory;
    readonly around: Surroundings;
    readonly samples: SampleStore;
  },
): Promise<readonly OwedResult[]> {
  const { context, directory, around, samples } = parts;
  const targets = targetsOf(due);
  const [config, stateDir] = [await context.config(), await context.stateDir()];
  const takeOver = await runsToTakeOver(stateDir, context.clock);
  const prepared = await prepareFailover(
    targets,
    {
      to: undefined,
      maxLagS: config.stores.maxLagMs / 1000,
      acceptLoss: new Set(),
      fenced: undefined,
      overrides: new Set(),
      takeOver: new Set(takeOver),
      endReading: due.endReading,
    },
    { directory, samples, around, clock: context.clock },
  );
  const decisions = prepared.decisions.filter((decision) => isDue(decision, due));
  const going = decisions.filter(mayGo);
  const refused = decisions
    .filter((decision) => !mayGo(decision))
    .map((decision): OwedResult => {
      const gate = refusal(decision);
      return {
        ...nameOf(decision),
        run: null,
        outcome: gate?.gate === 'busy' ? 'busy' : 'refused',
        reason: gate?.reason ?? null,
      };
    });
  if (going.length === 0) return refused;
  const slotHooks = hooksPer(config.directory.hooks, 'slot');
  const wish: Plan = {
    ...planHead(context, 'owed since an earlier run, done by slots sample --do-owed'),
    id: await pickRunId(stateDir),
    kind: 'failover',
    target: targets.join(' '),
    facts: { to: null, maxLagS: config.stores.maxLagMs / 1000, takeOver },
    lanes: going.map((decision) =>
      planLane(decision, {
        sight: prepared.sight,
        slotHooks,
        hasTestAccount: config.stores.testAccount !== undefined,
      }),
    ),
    after: [],
  };
  const { journal, plan } = await beginRun(context, wish);
  try {
    const result = await runSlots(
      context,
      {
        plan,
        journal,
        around,
        directory,
        takeOver,
        slots: prepared.slots,
        sight: prepared.sight,
        targets,
        refused: refused.length,
        waiting: undefined,
      },
      { how: 'run' },
    );
    const done = runResults(going, result).map(({ decision, outcome, reason, lane }): OwedResult => {
      const isBusy = (lane?.failure?.code ?? '').split('.').at(-1) === 'busy';
      const isDone = outcome === 'moved' || outcome === 'ended';
      const ended = outcome === 'incomplete' || outcome === 'refused' ? outcome : 'failed';
      return {
        ...nameOf(decision),
        run: plan.id,
        outcome: isDone ? 'done' : isBusy ? 'busy' : ended,
        reason,
      };
    });
    return [...done, ...refused];
  } finally {
    await journal.close().catch(() => {});
  }
}

function nameOf(decision: Decision): Pick<OwedResult, 'slot' | 'host' | 'what'> {
  const { slot, kind, from, to } = decision;
  if (kind === 'demote') return { slot: slot.slot, host: from, what: 'demote' };
  return { slot: slot.slot, host: to ?? from, what: kind === 'finish' ? 'directory' : 'end-readonly' };
}
