// The runs of a state directory: STATE/runs/RUN.ndjson. Ids are short enough to type. A journal that cannot be
// read is listed with the reason, never hidden.
import { randomInt } from 'node:crypto';
import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BusyError, EXIT, MailctlError, UsageError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import { createJournal, type Journal, type OpenedRecord } from './journal.js';
import { type LockHolder, lockHolder } from './lock.js';
import { readJournal } from './read-journal.js';
import type { ClosedState, JournalRecord } from './record.js';

/** `running`: the holder of its lock lives. `incomplete`: neither closed nor held, or its journal is damaged. */
export type RunState = 'running' | 'incomplete' | ClosedState;

/** A run as the list shows it. Texts are as they stand in the journal: escape them before a terminal. */
export interface RunSummary {
  readonly run: string;
  readonly file: string;
  readonly kind: string;
  readonly target: string;
  readonly operator: string;
  /** The machine that it was started on. */
  readonly host: string;
  readonly state: RunState;
  /** ISO 8601 UTC; undefined if the journal does not say. */
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** Who executes it now. */
  readonly holder: LockHolder | 'unknown' | undefined;
  /** Why its journal cannot be read. */
  readonly damage: string | undefined;
}

/** What a plan must tell the store. */
interface PlanHead {
  readonly id: string;
  readonly kind: string;
  readonly target: string;
}

/** A run that has just been created: its journal is open and its lock is held. */
export interface CreatedRun<P extends PlanHead> {
  readonly id: string;
  /** As it stands in the journal, with the id that the run got. */
  readonly plan: P;
  readonly journal: Journal;
}

/** What createRun needs to know. */
export interface NewRun<P extends PlanHead> {
  readonly stateDir: string;
  /** Its id is kept if it is free (see pickRunId). */
  readonly plan: P;
  /** mailctl's version. */
  readonly mailctl: string;
  readonly operator: string;
  readonly host: string;
  readonly bootId: string;
  readonly clock: Clock;
}

const idPattern = /^[0-9a-f]{4,12}$/;
const runsDir = (stateDir: string): string => join(stateDir, 'runs');
const runFile = (stateDir: string, run: string): string => join(runsDir(stateDir), `${run}.ndjson`);

/**
 * An id that no run of this directory has: four hexadecimal digits, more when many are taken. The plan that the
 * operator is shown carries it; createRun makes it his.
 */
export async function pickRunId(stateDir: string): Promise<string> {
  for (let digits = 4; ; digits += 1) {
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const id = randomInt(16 ** digits)
        .toString(16)
        .padStart(digits, '0');
      const taken = await access(runFile(stateDir, id)).then(
        () => true,
        () => false,
      );
      if (!taken) return id;
    }
  }
}

/**
 * Creates a run and its journal, whose first record holds the plan.
 * @throws MailctlError `journal.write` when the journal cannot be written
 */
export async function createRun<P extends PlanHead>(options: NewRun<P>): Promise<CreatedRun<P>> {
  await mkdir(runsDir(options.stateDir), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw notCreated(runsDir(options.stateDir), error);
  });
  let id = idPattern.test(options.plan.id) ? options.plan.id : await pickRunId(options.stateDir);
  for (;;) {
    const plan = { ...options.plan, id };
    try {
      const journal = await createJournal(
        runFile(options.stateDir, id),
        {
          kind: 'opened',
          format: 1,
          mailctl: options.mailctl,
          operator: options.operator,
          host: options.host,
          bootId: options.bootId,
          plan: plan as unknown as OpenedRecord['plan'],
        },
        { operator: options.operator, clock: options.clock },
      );
      return { id, plan, journal };
    } catch (error) {
      const taken =
        error instanceof BusyError || (error instanceof MailctlError && error.code === 'journal.exists');
      if (!taken) throw notCreated(runFile(options.stateDir, id), error);
      id = await pickRunId(options.stateDir);
    }
  }
}

// Nothing has begun: there is no run to resume.
function notCreated(file: string, error: unknown): MailctlError {
  const why = error instanceof Error ? error.message : String(error);
  return new MailctlError(error instanceof MailctlError ? why : `cannot write ${file}: ${why}`, {
    code: error instanceof MailctlError ? error.code : 'journal.write',
    exitCode: EXIT.failed,
    detail: 'nothing was changed: without a journal nothing is done',
    hint: 'make room there, or the same command with --state-dir and a directory elsewhere',
    cause: error,
  });
}

/** All runs of a state directory, newest first; those whose journal does not tell its time come first of all. */
export async function listRuns(stateDir: string, clock: Clock): Promise<readonly RunSummary[]> {
  const ids = await runIds(stateDir);
  const runs: RunSummary[] = [];
  for (const id of ids) runs.push(await readSummary(stateDir, id, clock));
  const key = (run: RunSummary): number =>
    run.startedAt === undefined ? Infinity : Date.parse(run.startedAt);
  return runs.sort((a, b) => key(b) - key(a) || (a.run < b.run ? -1 : 1));
}

/**
 * Finds a run by its id or by the beginning of it (a whole id wins).
 * @throws UsageError when there is none, or more than one
 */
export async function findRun(
  stateDir: string,
  prefix: string,
): Promise<{ readonly run: string; readonly file: string }> {
  const ids = await runIds(stateDir);
  const wanted = prefix.toLowerCase();
  const found = ids.includes(wanted)
    ? [wanted]
    : wanted === ''
      ? []
      : ids.filter((id) => id.startsWith(wanted));
  const [run] = found;
  if (run === undefined) {
    throw new UsageError(`there is no run ${JSON.stringify(prefix).slice(0, 40)} in ${runsDir(stateDir)}`, {
      code: 'runs.unknown',
      detail: ids.length === 0 ? 'there is no run at all' : undefined,
      hint: 'mailctl runs list',
    });
  }
  if (found.length > 1) {
    throw new UsageError(
      `${wanted} is the beginning of ${found.length} runs: ${found.slice(0, 8).join(', ')}`,
      {
        code: 'runs.ambiguous',
        hint: 'name one of them in full',
      },
    );
  }
  return { run, file: runFile(stateDir, run) };
}

async function runIds(stateDir: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(runsDir(stateDir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new MailctlError(`cannot list the runs in ${runsDir(stateDir)}: ${(error as Error).message}`, {
      code: 'journal.read',
      exitCode: EXIT.failed,
      cause: error,
    });
  }
  return names
    .filter((name) => name.endsWith('.ndjson') && idPattern.test(name.slice(0, -'.ndjson'.length)))
    .map((name) => name.slice(0, -'.ndjson'.length))
    .sort();
}

async function readSummary(stateDir: string, run: string, clock: Clock): Promise<RunSummary> {
  const file = runFile(stateDir, run);
  // Asked first: a run that ends between the two looks is then read with its last record.
  const holder = await lockHolder(file, clock);
  let records: readonly JournalRecord[] = [];
  let damage: string | undefined;
  try {
    records = (await readJournal(file)).records;
  } catch (error) {
    damage = (error as Error).message;
  }
  return { ...summarizeRun(records, holder !== undefined), run, file, holder, damage };
}

/** What a journal's records say of their run, for the list. */
export function summarizeRun(
  records: readonly JournalRecord[],
  isHeld: boolean,
): Pick<RunSummary, 'kind' | 'target' | 'operator' | 'host' | 'state' | 'startedAt' | 'endedAt'> {
  const opened = records[0]?.kind === 'opened' ? records[0] : undefined;
  const closed = records.findLast((record) => record.kind === 'closed');
  const head = (opened?.plan ?? {}) as { readonly [key: string]: unknown };
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    kind: text(head.kind),
    target: text(head.target),
    operator: opened?.operator ?? '',
    host: opened?.host ?? '',
    state: closed !== undefined ? closed.state : isHeld ? 'running' : 'incomplete',
    startedAt: opened?.at,
    endedAt: closed?.at,
  };
}
