// Takes a run of an acting queue command up again: its parts that have no answer are done, the counts compared. To
// take it back is a run of its own: what was held is released, what was released is held, what was deleted restored.
import { EXIT, MailctlError } from '../../errors.js';
import { readBootId } from '../../journal/boot-id.js';
import { openJournal } from '../../journal/journal.js';
import { RunFiles } from '../../journal/run-files.js';
import { formatCommand } from '../../lib/command-text.js';
import type { Plan } from '../../plan/plan.js';
import type { RunProgress } from '../../plan/progress.js';
import { KeyedMessages } from '../../queue/change.js';
import type { Queue } from '../../queue/driver.js';
import { parseKeys } from '../../queue/key-parts.js';
import { type ChangeFacts, changeFacts, oppositeOf } from '../../queue/plan-change.js';
import type { Context } from '../context.js';
import { releaseRun, restoreRun } from '../queue/change-chosen.js';
import { type ChangeEnd, printChange } from '../queue/change-report.js';
import { runChange } from '../queue/change-run.js';
import { changeMessages } from '../queue/change-session.js';
import { openQueues } from '../queue/queues.js';

/** The run that is taken up. */
export interface ChangeTaken {
  readonly run: string;
  readonly file: string;
  readonly before: RunProgress;
  readonly yes: boolean;
  readonly how: 'resume' | 'undo';
  readonly reason?: string | undefined;
}

/** Goes on, or takes it back. */
export async function takeUpChange(taken: ChangeTaken, context: Context): Promise<number> {
  const { before } = taken;
  const facts = changeFacts(before.plan);
  if (facts === undefined) {
    throw new MailctlError(`run ${before.plan.id}: its plan is not as this mailctl writes them`, {
      code: 'plan.unknown-action',
      exitCode: EXIT.failed,
      hint: 'go on with the version of mailctl that began the run',
    });
  }
  return taken.how === 'resume' ? resume(taken, facts, context) : undo(taken, facts, context);
}

async function resume(taken: ChangeTaken, facts: ChangeFacts, context: Context): Promise<number> {
  const { before, run } = taken;
  if (before.closed !== undefined) {
    return printChange(context, {
      ...endOfNothing(before.plan, facts),
      notes: [`run ${run} is closed (${before.closed}): nothing to do`],
    });
  }
  const startedAt = context.clock.monotonic();
  const open = before.lanes.filter((lane) => lane.closed === undefined);
  const left = open.flatMap(({ steps }) =>
    steps.filter(({ step, state }) => step.action === 'queue.change' && state !== 'did'),
  ).length;
  context.note(
    `run ${run} of ${before.operator}, ${before.startedAt}: ${before.plan.kind} ${before.plan.target}, ${left} parts are left on ${open.length} of ${before.lanes.length} queues`,
  );
  if (!taken.yes) {
    const prompt = await context.prompt();
    prompt.requireTerminal();
    if (!(await prompt.yesNo(`go on with run ${run}?`)))
      return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
  }
  const queues = await queuesOfPlan(before.plan, context);
  const { operator } = context;
  const journal = await openJournal(taken.file, { operator: operator.name, clock: context.clock });
  const end = await runChange(
    context,
    {
      plan: before.plan,
      facts,
      journal,
      files: new RunFiles(await context.stateDir(), facts.key),
      queueNamed: (name) => queues.get(name),
    },
    {
      how: 'resume',
      by: { operator: operator.name, host: operator.bastion, bootId: await readBootId() },
    },
  );
  return printChange(context, {
    ...endOfNothing(before.plan, facts),
    ...end,
    tookMs: context.clock.monotonic() - startedAt,
  });
}

/** The queues that a plan names, by the configuration as it is now. */
async function queuesOfPlan(plan: Plan, context: Context): Promise<ReadonlyMap<string, Queue>> {
  const wanted = new Set(plan.lanes.map(({ id }) => id));
  const hosts = [...new Set(plan.lanes.flatMap(({ steps }) => steps.map(({ host }) => host)))];
  const fleet = await openQueues(context, { hosts, groups: [], queue: (name) => wanted.has(name) });
  const found = new Map<string, Queue>();
  for (const host of fleet.hosts) {
    try {
      for (const queue of await fleet.queuesOf(host, context.interruption.abort))
        found.set(queue.name, queue);
    } catch (error) {
      // Its lane says so.
      if (!(error instanceof MailctlError)) throw error;
      context.warn(error.message, error.hint);
    }
  }
  return found;
}

async function undo(taken: ChangeTaken, facts: ChangeFacts, context: Context): Promise<number> {
  const { before, run, yes, reason } = taken;
  const opposite = oppositeOf(facts.act);
  if (opposite === undefined) {
    throw new MailctlError(`run ${run}: a ${facts.act} cannot be taken back`, {
      code: 'plan.committed',
      exitCode: EXIT.failed,
      detail:
        facts.act === 'restore' ? 'what is back may have been delivered' : 'what was tried may be delivered',
      hint: formatCommand(['mailctl', 'runs', 'show', run]),
    });
  }
  // What other hosts say matters nothing to it.
  const hosts = [...new Set(before.plan.lanes.flatMap(({ steps }) => steps.map(({ host }) => host)))];
  const words = { hosts, groups: [], reason: reason ?? `undo of run ${run}`, yes, dryRun: false };
  const answer =
    opposite === 'release'
      ? await releaseRun(facts.key, words, context)
      : opposite === 'restore'
        ? await restoreRun({ ...words, run: facts.key }, context)
        : await holdAgain(before, facts, words, context);
  // With a part of it that was not seen it is no run that has been taken back.
  if (before.closed === undefined && answer === EXIT.done) await closeRun(taken, facts, context);
  return answer;
}

/** Holds what a run has released: those of its messages that are there still. */
async function holdAgain(
  { plan }: RunProgress,
  facts: ChangeFacts,
  words: { readonly reason: string; readonly yes: boolean },
  context: Context,
): Promise<number> {
  const files = new RunFiles(await context.stateDir(), facts.key);
  const keyed = new KeyedMessages();
  for (const lane of plan.lanes)
    for (const { action, host, params } of lane.steps) {
      if (action !== 'queue.change') continue;
      const text = await files.readPart(params.part as unknown as Parameters<RunFiles['readPart']>[0]);
      for (const key of parseKeys(text, lane.id)) keyed.add({ name: lane.id, host }, key);
    }
  const names = new Set(plan.lanes.map(({ id }) => id));
  return changeMessages(
    {
      act: 'hold',
      hosts: [...new Set(plan.lanes.flatMap(({ steps }) => steps.map(({ host }) => host)))],
      groups: [],
      source: {
        kind: 'listed',
        selection: { wantsHeld: false, matches: (message) => keyed.takes(message) },
        submitter: false,
        queue: (name) => names.has(name),
        missing: () => [],
        ambiguous: () => [],
      },
      ...words,
      dryRun: false,
      forMs: undefined,
      meanwhile: null,
      ends: [],
      undoes: plan.id,
    },
    context,
  );
}

/** The run that was left is over: it has been taken back. */
async function closeRun(taken: ChangeTaken, facts: ChangeFacts, context: Context): Promise<void> {
  const { operator } = context;
  const { plan } = taken.before;
  const journal = await openJournal(taken.file, { operator: operator.name, clock: context.clock });
  await runChange(
    context,
    {
      plan,
      facts,
      journal,
      files: new RunFiles(await context.stateDir(), facts.key),
      queueNamed: () => undefined,
    },
    {
      how: 'close',
      by: { operator: operator.name, host: operator.bastion, bootId: await readBootId() },
      reason: `taken back by ${operator.name}`,
    },
  );
}

function endOfNothing(plan: Plan, facts: ChangeFacts): ChangeEnd {
  return {
    act: facts.act,
    run: plan.id,
    outcome: 'nothing',
    exit: EXIT.done,
    dryRun: false,
    totals: totalsOf(plan),
    rows: [],
    failed: [],
    failures: [],
    missing: [],
    tookMs: 0,
    domains: [],
    sample: [],
    until: facts.until,
    reason: plan.reason ?? null,
    next: [],
    notes: [],
  };
}

/** By the facts of the lanes. */
function totalsOf(plan: Plan): ChangeEnd['totals'] {
  const sum = (name: string) =>
    plan.lanes.reduce((all, { facts }) => {
      const value = (facts as { readonly [key: string]: unknown } | null)?.[name];
      return all + (typeof value === 'number' ? value : 0);
    }, 0);
  return {
    messages: sum('messages'),
    recipients: sum('recipients'),
    sizeBytes: sum('sizeBytes'),
    oldestAt: null,
    already: 0,
  };
}
