// Ends a drain: one that runs is told and waited for; of one whose process is gone the rest is given back here.

import { endOfStop, givenBackText, stoppedText } from '../../drain/end-of-stop.js';
import { giveBackAll } from '../../drain/give-back.js';
import { parseParcels } from '../../drain/parcel-parts.js';
import { EXIT, MailctlError } from '../../errors.js';
import { openJournal } from '../../journal/journal.js';
import { isHeld } from '../../journal/lock.js';
import { type PartPlace, RunFiles } from '../../journal/run-files.js';
import { formatCommand } from '../../lib/command-text.js';
import { closedStateOf, foldJournal } from '../../plan/progress.js';
import type { Context } from '../context.js';
import { deskPlace, drainPostOf } from '../queue/desks.js';
import { type FoundRun, factsOf, findDrain, goOnWith } from './find-drain.js';
import { findElsewhere, stopElsewhere } from './from-elsewhere.js';
import { queuesOf } from './resume-session.js';
import { wayOf } from './run-session.js';
import { say } from './say.js';

/** A tick, the giving back, and a host that is slow. */
const STOP_MS = 60_000;

/** Does it. */
export async function stopDrain(
  request: {
    readonly run: string | undefined;
    readonly hosts?: readonly string[];
    readonly groups?: readonly string[];
    readonly takeOver?: boolean;
    readonly releaseRest: boolean;
    readonly yes: boolean;
  },
  context: Context,
): Promise<number> {
  const elsewhere = await findElsewhere(context, request);
  if (elsewhere !== undefined) return stopElsewhere(elsewhere, request, context);
  const found = await findDrain(context, request.run, { takesHosts: true });
  const { run, progress } = found;
  if (progress.closed !== undefined)
    return say(context, `drain ${run} is over (${progress.closed}): nothing to do`);
  if (found.isAlive) return tell(found, request.releaseRest, context);
  if (request.releaseRest) return giveBack(found, request.yes, context);
  if (found.isStopped && found.unsure.length === 0)
    return say(context, `drain ${run} is stopped already; its rest is held`);
  return remember(found, context);
}

async function tell(found: FoundRun, releaseRest: boolean, context: Context): Promise<number> {
  const { clock } = context;
  const { run } = found;
  await found.notes.ask({ ask: 'stop', releaseRest, by: context.operator.name });
  const until = clock.monotonic() + STOP_MS;
  while ((await isHeld(found.file, clock)) && clock.monotonic() < until)
    await clock.sleep(200, context.interruption.abort);
  const isAlive = await isHeld(found.file, clock);
  if (isAlive)
    throw new MailctlError(`drain ${run} was told to stop and has not ended yet`, {
      code: 'drain.not-stopped',
      exitCode: EXIT.incomplete,
      hint: `mailctl drain status ${run}`,
    });
  // That its process is gone does not say how it ended: a host that did not answer, or kill -9.
  const end = endOfStop(await findDrain(context, run), releaseRest);
  if (end.isDone) return say(context, `drain ${run} ${end.text}`);
  throw new MailctlError(`drain ${run} ${end.text}`, {
    code: 'drain.not-stopped',
    exitCode: EXIT.incomplete,
    hint: formatCommand(['mailctl', 'drain', 'stop', run, ...(releaseRest ? ['--release-rest'] : [])]),
  });
}

/** A run that died is made one that its operator has stopped: its rest stays held on purpose. */
async function remember(found: FoundRun, context: Context): Promise<number> {
  const { progress, run } = found;
  const queues = await queuesOf(progress.plan, context);
  const post = await drainPostOf(context, false, [...queues.values()]);
  const { key, onDeath } = factsOf(found);
  const given: string[] = [];
  const away: Away[] = [];
  for (const lane of progress.lanes) {
    const queue = queues.get(lane.lane);
    if (lane.closed !== undefined || queue === undefined) continue;
    const end = async () => {
      const isHeldNow = await post.end(deskPlace(queue), key, 'held', context.interruption.abort);
      // One that was never begun is not known there.
      if (!isHeldNow && lane.touched) given.push(lane.lane);
    };
    away.push(...(await unlessAway(context, lane.lane, end)));
  }
  const rest = given.length === 0 ? 'the rest stays held' : givenBackText(given);
  const journal = await openJournal(found.file, { operator: context.operator.name, clock: context.clock });
  try {
    await journal.append({
      kind: 'note',
      lane: '',
      text: `stopped by the operator; ${rest}`,
      data: { drain: 'stopped', unsure: [...given, ...away.map(({ queue }) => queue)] },
    });
  } finally {
    await journal.close().catch(() => {});
  }
  tellAway(
    context,
    away,
    onDeath === 'hold'
      ? 'what it holds stays held'
      : 'what it holds is given back by its host once that takes the drain for dead',
  );
  const exit = away.length === 0 ? EXIT.done : EXIT.partial;
  return say(context, stoppedText(run, given, formatCommand(['mailctl', 'drain', 'resume', run])), exit);
}

async function giveBack(found: FoundRun, yes: boolean, context: Context): Promise<number> {
  const { progress, run } = found;
  const { key, destinations } = factsOf(found);
  const open = progress.lanes.filter((lane) => lane.closed === undefined);
  if (!yes) {
    const prompt = await context.prompt();
    prompt.requireTerminal();
    if (
      !(await prompt.yesNo(
        `give the rest of drain ${run} back to ${open.map(({ lane }) => lane).join(', ')}?`,
      ))
    )
      return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
  }
  const abort = context.interruption.abort;
  const queues = await queuesOf(progress.plan, context);
  const post = await drainPostOf(context, false, [...queues.values()]);
  const files = new RunFiles(await context.stateDir(), key);
  const journal = await goOnWith(found, context);
  let count = 0;
  const away: Away[] = [];
  const giveBackOf = async (lane: string) => {
    const queue = queues.get(lane);
    const planned = progress.plan.lanes.find(({ id }) => id === lane);
    if (queue === undefined || planned === undefined)
      throw new MailctlError(`the configuration no longer has the queue ${lane}`, {
        code: 'queue.none',
        exitCode: EXIT.incomplete,
      });
    const way = await wayOf(queue);
    const names = destinations.map(({ name }) => name);
    for (const step of planned.steps) {
      if (step.action !== 'drain.park') continue;
      const text = await files.readPart(step.params.part as unknown as PartPlace);
      const keys = parseParcels(text, names, `${lane} ${step.id}`).map((parcel) => parcel.key);
      count += await giveBackAll(lane, way, keys, abort);
    }
    await post.end(deskPlace(queue), key, 'done', abort);
    await journal.append({ kind: 'lane-closed', lane, state: 'reverted' });
  };
  try {
    // A host that is away, or a server that does not take its mail back, keeps nobody else's mail held.
    for (const { lane } of open) away.push(...(await unlessAway(context, lane, () => giveBackOf(lane))));
    const closed = closedStateOf(foldJournal(journal.records, found.file).lanes);
    if (closed !== undefined) await journal.append({ kind: 'closed', state: closed });
  } finally {
    await journal.close().catch(() => {});
  }
  if (away.length === 0)
    return say(context, `drain ${run} has ended; ${count} messages were given back to the servers`);
  tellAway(context, away, 'its rest stays held');
  throw new MailctlError(
    `the rest of ${away.map(({ queue }) => queue).join(', ')} was not given back; of the other queues ${count} messages were`,
    {
      code: 'drain.not-given-back',
      exitCode: EXIT.incomplete,
      hint: formatCommand(['mailctl', 'drain', 'stop', run, '--release-rest']),
    },
  );
}

/** A queue with which something could not be done. */
interface Away {
  readonly queue: string;
  readonly error: MailctlError;
}

/** Does it with one queue; what goes wrong there is kept, and the others have their turn. */
async function unlessAway(
  context: Context,
  queue: string,
  act: () => Promise<void>,
): Promise<readonly Away[]> {
  try {
    await act();
    return [];
  } catch (error) {
    if (!(error instanceof MailctlError) || context.interruption.abort.aborted) throw error;
    return [{ queue, error }];
  }
}

function tellAway(context: Context, away: readonly Away[], then: string): void {
  for (const { queue, error } of away) context.warn(`${queue}: ${error.message}: ${then}`);
}
