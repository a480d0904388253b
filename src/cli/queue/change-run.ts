// Executes a confirmed plan on the screen: the journal is open, the lanes run, a line tells where it is, and what
// came of each queue is summed up. Shared by the acting commands and by runs resume.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT, MailctlError } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import { isHeld } from '../../journal/lock.js';
import type { RunFiles } from '../../journal/run-files.js';
import type { ChangeOutcome, ChangeRow } from '../../output/columns/queue-change.js';
import type { Plan } from '../../plan/plan.js';
import type { LaneResult, RunResult } from '../../plan/runner.js';
import type { RunEvent } from '../../plan/session.js';
import type { ChangeResults } from '../../queue/change-results.js';
import type { DeskHolder } from '../../queue/desk.js';
import type { Queue } from '../../queue/driver.js';
import { type ChangeTakeUp, executeChange } from '../../queue/execute-change.js';
import type { ChangeFacts } from '../../queue/plan-change.js';
import type { Context } from '../context.js';
import type { ChangeEnd } from './change-report.js';
import { deskOf } from './desks.js';

/** What is run. */
export interface ChangeRun {
  readonly plan: Plan;
  readonly facts: ChangeFacts;
  readonly journal: Journal;
  readonly files: RunFiles;
  queueNamed(name: string): Queue | undefined;
}

/** Runs it to its end, and closes the journal. */
export async function runChange(
  context: Context,
  { plan, facts, journal, files, queueNamed }: ChangeRun,
  takeUp: ChangeTakeUp,
): Promise<
  Pick<ChangeEnd, 'act' | 'run' | 'outcome' | 'exit' | 'rows' | 'failed' | 'until' | 'next' | 'notes'>
> {
  const progress = await context.progress();
  const { finish, abort } = context.interruption;
  context.interruption.beginRun(() => {
    progress.line(`finishing the part in hand (again: leave now); mailctl runs resume ${plan.id} goes on`);
  });
  const titles = new Map(
    plan.lanes.flatMap((lane) =>
      lane.steps.map((step, index) => [
        `${lane.id}\n${step.id}`,
        `${step.title} (${index} of ${lane.steps.length - 1})`,
      ]),
    ),
  );
  const onEvent = (event: RunEvent) => {
    if (event.kind === 'record' && event.record.kind === 'failed')
      progress.line(`${event.record.lane}: ${event.record.reason}`);
    if (event.kind === 'doing')
      progress.update([`run ${plan.id}  ${titles.get(`${event.lane}\n${event.step}`) ?? event.step}`]);
  };
  try {
    const { run, results } = await executeChange(
      {
        plan,
        facts,
        journal,
        files,
        desk: await deskOf(context, false),
        clock: context.clock,
        operator: context.operator.name,
        bastion: context.operator.bastion,
        queueNamed: (name) => {
          const queue = queueNamed(name);
          if (queue !== undefined) return queue;
          throw new MailctlError(`the configuration no longer has the queue ${name}`, {
            code: 'queue.none',
            exitCode: EXIT.incomplete,
          });
        },
        isDead: (holder) => isDeadHere(context, holder),
        signals: { finish, abort },
        onEvent,
      },
      takeUp,
    );
    // Closed: nobody resumes it. A release has its list here alone, where an undo holds its messages again; what was
    // held and deleted is known beside the queues.
    if (run.closed !== undefined) await files.remove({ keepList: facts.act === 'release' }).catch(() => {});
    return endOf(plan, facts, run, results);
  } finally {
    progress.end();
    await journal.close().catch(() => {});
  }
}

function endOf(plan: Plan, facts: ChangeFacts, run: RunResult, results: ChangeResults) {
  const rows = plan.lanes.map((lane, index) => rowOf(plan, lane.id, run.lanes[index], results));
  const failed = plan.lanes.flatMap((lane) => {
    const { failed: own, left } = results.sum(lane.id);
    return [
      ...own.map(({ id, why }) => ({ queue: lane.id, id, why })),
      ...left.map((id) => ({ queue: lane.id, id, why: 'seen afterwards, and not as it was asked for' })),
    ];
  });
  const outcome = overall(rows, run);
  const exit = EXIT_OF[outcome] ?? EXIT.failed;
  const stopped = run.stopped === undefined ? [] : [run.stopped.reason];
  return {
    act: facts.act,
    run: plan.id,
    outcome,
    exit:
      run.stopped?.code === 'run.stopped' || run.stopped?.code === 'run.aborted' ? EXIT.interrupted : exit,
    rows,
    failed,
    until: facts.until,
    next: nextOf(plan, facts, outcome, rows),
    notes: stopped,
  };
}

const EXIT_OF: Readonly<Partial<Record<ChangeOutcome, number>>> = {
  done: EXIT.done,
  partial: EXIT.partial,
  busy: EXIT.busy,
  incomplete: EXIT.incomplete,
  failed: EXIT.failed,
};

function rowOf(plan: Plan, id: string, lane: LaneResult | undefined, results: ChangeResults): ChangeRow {
  const { host, messages } = laneFacts(plan, id);
  const sum = results.sum(id);
  const isBusy = lane?.failure?.code === 'busy';
  const isShort = sum.failed.length > 0 || sum.left.length > 0 || sum.gone > 0;
  const state = lane?.state ?? 'incomplete';
  const outcome: ChangeOutcome =
    state === 'done'
      ? isShort
        ? 'partial'
        : 'done'
      : isBusy && sum.asked === 0
        ? 'busy'
        : state === 'incomplete'
          ? 'incomplete'
          : 'failed';
  return {
    queue: id,
    host,
    outcome,
    messages,
    done: sum.done,
    counted: sum.counted,
    gone: sum.gone,
    failed: sum.failed.length,
    left: sum.left.length,
    reason: lane?.failure?.reason ?? (sum.wasSeen ? 'the counts differed: looked at once more' : null),
  };
}

function laneFacts(plan: Plan, id: string): { readonly host: string; readonly messages: number } {
  const facts = plan.lanes.find((lane) => lane.id === id)?.facts as {
    host?: unknown;
    messages?: unknown;
  } | null;
  return {
    host: typeof facts?.host === 'string' ? facts.host : '',
    messages: typeof facts?.messages === 'number' ? facts.messages : 0,
  };
}

function overall(rows: readonly ChangeRow[], run: RunResult): ChangeOutcome {
  if (run.stopped !== undefined || rows.some(({ outcome }) => outcome === 'incomplete')) return 'incomplete';
  if (rows.every(({ outcome }) => outcome === 'done')) return 'done';
  if (rows.every(({ outcome }) => outcome === 'busy')) return 'busy';
  if (rows.every(({ outcome }) => outcome === 'failed')) return 'failed';
  return 'partial';
}

function nextOf(
  plan: Plan,
  { act }: ChangeFacts,
  outcome: ChangeOutcome,
  rows: readonly ChangeRow[],
): readonly (readonly string[])[] {
  if (outcome === 'incomplete') return [['mailctl', 'runs', 'resume', plan.id]];
  if (rows.every(({ done }) => done === 0)) return [];
  if (act === 'hold') return [['mailctl', 'queue', 'release', '--run', plan.id]];
  if (act === 'delete') return [['mailctl', 'queue', 'restore', plan.id]];
  if (act === 'release') return [['mailctl', 'runs', 'undo', plan.id]];
  return [];
}

/**
 * Is the run that holds a lease one of this bastion's, with no process any more? Its files lie in this state
 * directory, and the lock of its journal is free.
 */
async function isDeadHere(context: Context, { key }: DeskHolder): Promise<boolean> {
  const runs = join(await context.stateDir(), 'runs');
  const isThere = (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );
  if (!/^[0-9a-f]{4,16}$/.test(key) || !(await isThere(join(runs, `${key}.parts`)))) return false;
  for (let digits = 4; digits <= Math.min(12, key.length); digits += 1) {
    const file = join(runs, `${key.slice(0, digits)}.ndjson`);
    if ((await isThere(file)) && (await isHeld(file, context.clock))) return false;
  }
  return true;
}
