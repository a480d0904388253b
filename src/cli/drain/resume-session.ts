// Takes a drain up again: tells one that is paused to go on, and executes one that nobody executes any more.
import { EXIT, MailctlError } from '../../errors.js';
import { RunFiles } from '../../journal/run-files.js';
import type { Plan } from '../../plan/plan.js';
import type { Queue } from '../../queue/driver.js';
import type { Context } from '../context.js';
import { destinationDesk } from '../queue/destinations.js';
import { openQueues } from '../queue/queues.js';
import { addressesOf } from './far-sides.js';
import { type FoundRun, factsOf, findDrain, goOnWith } from './find-drain.js';
import { findElsewhere, resumeElsewhere } from './from-elsewhere.js';
import { runDrain } from './run-session.js';
import { say } from './say.js';

/** Does it. */
export async function resumeDrain(
  request: {
    readonly run: string | undefined;
    readonly hosts?: readonly string[];
    readonly groups?: readonly string[];
    readonly takeOver?: boolean;
    readonly yes: boolean;
  },
  context: Context,
): Promise<number> {
  const elsewhere = await findElsewhere(context, request);
  if (elsewhere !== undefined) return resumeElsewhere(elsewhere, request, context);
  const found = await findDrain(context, request.run, { takesHosts: true });
  const { progress, run } = found;
  if (progress.closed !== undefined)
    return say(context, `drain ${run} is over (${progress.closed}): nothing to do`);
  if (found.isAlive) {
    await found.notes.ask({ ask: 'resume', by: context.operator.name });
    return say(context, `drain ${run} runs, and is told to go on`);
  }
  const facts = factsOf(found);
  const open = progress.lanes.filter((lane) => lane.closed === undefined);
  context.note(
    `drain ${run} of ${progress.operator}, ${progress.startedAt}: ${open.length} of ${progress.lanes.length} queues are not empty yet`,
  );
  if (!request.yes) {
    const prompt = await context.prompt();
    prompt.requireTerminal();
    if (!(await prompt.yesNo(`go on with drain ${run}?`)))
      return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
  }
  const queues = await queuesOf(progress.plan, context);
  const desk = await destinationDesk(context, false);
  const configured = desk.rules.flatMap(({ domains }) => domains);
  const peers = await addressesOf(desk.dns, configured, await desk.resolve(configured));
  await desk.close();
  const journal = await goOnWith(found, context);
  return runDrain(
    context,
    {
      plan: progress.plan,
      facts,
      journal,
      files: new RunFiles(await context.stateDir(), facts.key),
      notes: found.notes,
      queueNamed: (name) => queues.get(name),
      peers,
    },
    true,
  );
}

/** The queues that a plan names, by the configuration as it is now. */
export async function queuesOf(plan: Plan, context: Context): Promise<ReadonlyMap<string, Queue>> {
  const wanted = new Set(plan.lanes.map(({ id }) => id));
  const hosts = [...new Set(plan.lanes.flatMap(({ steps }) => steps.map(({ host }) => host)))];
  const fleet = await openQueues(context, { hosts, groups: [], queue: (name) => wanted.has(name) });
  const found = new Map<string, Queue>();
  for (const host of fleet.hosts)
    for (const queue of await fleet.queuesOf(host, context.interruption.abort))
      if (wanted.has(queue.name)) found.set(queue.name, queue);
  return found;
}

/** For what is told to a run that must live. @throws MailctlError */
export function mustLive(found: FoundRun): void {
  if (found.isAlive) return;
  const { run, progress } = found;
  throw new MailctlError(
    progress.closed !== undefined
      ? `drain ${run} is over (${progress.closed})`
      : `drain ${run} is not running: nobody is there to be told`,
    {
      code: 'drain.not-running',
      exitCode: EXIT.failed,
      hint: progress.closed !== undefined ? 'mailctl drain status' : `mailctl drain resume ${run}`,
    },
  );
}
