// Executes a plan of acts on messages: leases, actions, the runner over them. The same for a first run and a resume.
import type { Journal } from '../journal/journal.js';
import type { RunFiles } from '../journal/run-files.js';
import type { Clock } from '../lib/clock.js';
import type { Plan } from '../plan/plan.js';
import type { Refusal } from '../plan/run-lane.js';
import { type ResumedBy, type RunResult, resumePlan, runPlan, undoRun } from '../plan/runner.js';
import type { RunEvent, RunSignals } from '../plan/session.js';
import type { ChangeActionParts } from './actions/change-parts.js';
import { changeActions } from './actions/index.js';
import { ChangeResults, parseResults } from './change-results.js';
import type { DeskHolder, QueueDesk } from './desk.js';
import type { Queue } from './driver.js';
import { type ChangeFacts, recordOf } from './plan-change.js';

/** A lease of 90 s is renewed this often. */
const RENEW_MS = 25_000;

/** What an execution is given. */
export interface ChangeExecution {
  readonly plan: Plan;
  readonly facts: ChangeFacts;
  readonly journal: Journal;
  readonly files: RunFiles;
  readonly desk: QueueDesk;
  readonly clock: Clock;
  readonly operator: string;
  readonly bastion: string;
  queueNamed(name: string): Queue;
  isDead(holder: DeskHolder): Promise<boolean>;
  readonly signals: RunSignals;
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
}

/** How it is taken up. `close`: a run that was left is written down as ended; nothing is done. */
export type ChangeTakeUp =
  | { readonly how: 'run' }
  | { readonly how: 'resume'; readonly by: ResumedBy }
  | { readonly how: 'close'; readonly by: ResumedBy; readonly reason: string };

/** The parts that the actions share. */
export function changeParts(
  execution: Omit<ChangeExecution, 'journal' | 'signals' | 'onEvent'>,
  results: ChangeResults,
): ChangeActionParts {
  const { plan, facts, desk, files, clock, queueNamed, isDead } = execution;
  return {
    facts,
    holder: { key: facts.key, operator: execution.operator, bastion: execution.bastion },
    record: recordOf(plan, facts),
    desk,
    files,
    results,
    clock,
    queueNamed,
    isDead,
    held: new Map(),
  };
}

/** Runs it. Whatever goes wrong with a lane is in the result. */
export async function executeChange(
  execution: ChangeExecution,
  takeUp: ChangeTakeUp,
): Promise<{ readonly run: RunResult; readonly results: ChangeResults }> {
  const { plan, clock } = execution;
  const results = new ChangeResults(parseResults(await execution.files.readResults()));
  const parts = changeParts(execution, results);
  const options = {
    journal: execution.journal,
    actions: changeActions(plan, parts),
    clock,
    signals: execution.signals,
    onEvent: execution.onEvent,
    background: ({ signal }: { readonly signal: AbortSignal }) => renew(plan, parts, signal),
  };
  if (takeUp.how === 'run') return { run: await runPlan(options), results };
  if (takeUp.how === 'resume') return { run: await resumePlan({ ...options, by: takeUp.by }), results };
  const closed: Refusal = { way: 'close', state: 'reverted', reason: takeUp.reason, code: 'run.undone' };
  const refused = new Map(plan.lanes.map(({ id }) => [id, closed] as const));
  return { run: await undoRun({ ...options, by: takeUp.by, refused }), results };
}

/** Renews what is held until it is aborted. A host that cannot be asked is tried again at the next turn. */
async function renew(plan: Plan, parts: ChangeActionParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await parts.clock.sleep(RENEW_MS, signal);
    } catch {
      return;
    }
    const lanes = plan.lanes.filter(({ id }) => parts.held.has(id));
    await Promise.allSettled(
      lanes.map(async ({ id, steps }) => {
        const [step] = steps;
        if (step === undefined) return;
        const place = { host: step.host, queue: id, software: String(step.params.software) };
        if (await parts.desk.renew(place, parts.holder.key, signal))
          parts.held.set(id, parts.clock.monotonic());
      }),
    );
  }
}
