// Which drain is meant: by its run's id, or the only one of this state directory that is not over.

import { DRAIN_KIND, type DrainFacts, drainFacts } from '../../drain/plan-drain.js';
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { readBootId } from '../../journal/boot-id.js';
import { type Journal, openJournal } from '../../journal/journal.js';
import { isHeld } from '../../journal/lock.js';
import { readJournal } from '../../journal/read-journal.js';
import { RunNotes } from '../../journal/run-notes.js';
import { findRun, listRuns } from '../../journal/store.js';
import { formatCommand } from '../../lib/command-text.js';
import { foldJournal, type RunProgress } from '../../plan/progress.js';
import type { Context } from '../context.js';

/** A drain of this state directory. */
export interface FoundRun {
  readonly run: string;
  readonly file: string;
  readonly progress: RunProgress;
  readonly isAlive: boolean;
  /** Its operator stopped it: the last that was written says so. */
  readonly isStopped: boolean;
  /** Queues whose rest may not be held all the same: their hosts gave it back, or were away when it was stopped. */
  readonly unsure: readonly string[];
  readonly notes: RunNotes;
}

/**
 * Finds it. `takesHosts`: the command can be told with -H where else to look.
 * @throws UsageError when there is none, or more than one could be meant
 */
export async function findDrain(
  context: Context,
  run: string | undefined,
  { takesHosts = false }: { readonly takesHosts?: boolean } = {},
): Promise<FoundRun> {
  if (run !== undefined) {
    const known = await findRun(await context.stateDir(), run).catch((error: unknown) => {
      if (!(error instanceof UsageError) || error.code !== 'runs.unknown') throw error;
      throw new UsageError(error.message, {
        code: error.code,
        detail: 'a drain that another bastion began is known to its mail hosts alone',
        hint: takesHosts
          ? `mailctl drain status   shows it; then: ${formatCommand([...context.commandLine, '-H', 'HOST'])}`
          : 'mailctl drain status   shows it; this is done only from the machine that runs it',
      });
    });
    return readDrain(context, known);
  }
  const open = await openDrains(context);
  const [only] = open;
  if (only === undefined)
    throw new UsageError('no drain of this state directory is open', {
      code: 'runs.unknown',
      hint: 'mailctl drain status   shows those that the hosts know; mailctl runs list',
    });
  if (open.length > 1)
    throw new UsageError(`${open.length} drains are open: ${open.map((one) => one.run).join(', ')}`, {
      code: 'runs.ambiguous',
      hint: formatCommand([...context.commandLine, only.run]),
    });
  return only;
}

/** What its plan says of itself. @throws MailctlError when another version wrote it */
export function factsOf({ run, progress }: FoundRun): DrainFacts {
  const facts = drainFacts(progress.plan);
  if (facts !== undefined) return facts;
  throw new MailctlError(`run ${run}: its plan is not as this mailctl writes them`, {
    code: 'plan.unknown-action',
    exitCode: EXIT.failed,
    hint: 'go on with the version of mailctl that began the run',
  });
}

/** Opens its journal, and says there who goes on. @throws BusyError when somebody else does */
export async function goOnWith({ file, notes }: FoundRun, context: Context): Promise<Journal> {
  const { operator, clock } = context;
  await notes.passOverRequests();
  const journal = await openJournal(file, { operator: operator.name, clock });
  try {
    await journal.append({
      kind: 'resumed',
      operator: operator.name,
      host: operator.bastion,
      bootId: await readBootId(),
      how: 'resume',
    });
  } catch (error) {
    await journal.close().catch(() => {});
    throw error;
  }
  return journal;
}

/** All drains of this state directory that are not over, the newest first. */
export async function openDrains(context: Context): Promise<readonly FoundRun[]> {
  const stateDir = await context.stateDir();
  const runs = await listRuns(stateDir, context.clock);
  const open = runs.filter(
    ({ kind, state }) => kind === DRAIN_KIND && (state === 'running' || state === 'incomplete'),
  );
  return Promise.all(open.map(({ run, file }) => readDrain(context, { run, file })));
}

async function readDrain(
  context: Context,
  { run, file }: { readonly run: string; readonly file: string },
): Promise<FoundRun> {
  // Asked first: a run that ends between the two looks is then read with its last record.
  const isAlive = await isHeld(file, context.clock);
  const { records } = await readJournal(file);
  const progress = foldJournal(records, file);
  if (progress.plan.kind !== DRAIN_KIND)
    throw new UsageError(`run ${run} is no drain but a ${progress.plan.kind}`, {
      hint: formatCommand(['mailctl', 'runs', 'show', run]),
    });
  const last = records.findLast(
    (record) => record.kind === 'resumed' || (record.kind === 'note' && isStop(record.data)),
  );
  return {
    run,
    file,
    progress,
    isAlive,
    isStopped: last?.kind === 'note',
    unsure: last?.kind === 'note' ? unsureOf(last.data) : [],
    notes: new RunNotes(await context.stateDir(), run),
  };
}

const isStop = (data: unknown): boolean =>
  data !== null && typeof data === 'object' && (data as { drain?: unknown }).drain === 'stopped';

function unsureOf(data: unknown): readonly string[] {
  const { unsure } = data as { readonly unsure?: unknown };
  return Array.isArray(unsure) ? unsure.filter((one) => typeof one === 'string') : [];
}
