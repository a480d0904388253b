// Executes a drain on the screen, a first time or once more: the journal is open, the loop runs, figures are shown, and
// what it came to is printed. Also its going on in a session of its own.
import { setMaxListeners } from 'node:events';
import { resolve } from 'node:path';
import {
  type DrainEnd,
  type DrainExecution,
  type DrainQueue,
  executeDrain,
  exitOfDrain,
} from '../../drain/execute-drain.js';
import type { DrainFacts } from '../../drain/plan-drain.js';
import { type DrainStatus, drainJson } from '../../drain/status.js';
import { readSockets } from '../../drivers/sockets/sockets.js';
import { EXIT, MailctlError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Journal } from '../../journal/journal.js';
import { isHeld } from '../../journal/lock.js';
import type { RunFiles } from '../../journal/run-files.js';
import type { RunNotes } from '../../journal/run-notes.js';
import { findRun } from '../../journal/store.js';
import { Channel } from '../../lib/channel.js';
import { formatCommand } from '../../lib/command-text.js';
import { drainLaneColumns } from '../../output/columns/drain.js';
import { drainEndScreen, drainLine, drainScreen, speedOf } from '../../output/screens/drain.js';
import type { Plan } from '../../plan/plan.js';
import type { DrainWay } from '../../queue/drain-way.js';
import type { Queue } from '../../queue/driver.js';
import type { Context } from '../context.js';
import { deskPlace, drainPostOf } from '../queue/desks.js';
import { reportError, sentenceOf } from '../report.js';
import { type DrainKeys, drainKeys, screenWidth } from './drain-keys.js';
import { DRAIN_SCHEMA } from './options.js';

const SMTP_PORTS = [25];
const LINE_EVERY_MS = 60_000;
/** How long a detached run may take to be seen. */
const DETACHED_MS = 60_000;
/** What the process that goes on is told of how it went here; between our own two processes alone. */
const AS = 'MAILCTL_DRAIN_AS';

/** What is run. */
export interface DrainRun {
  readonly plan: Plan;
  readonly facts: DrainFacts;
  readonly journal: Journal;
  readonly files: RunFiles;
  /** What was asked before it began is passed over already. */
  readonly notes: RunNotes;
  queueNamed(name: string): Queue | undefined;
  /** Whose the addresses of peers are. */
  readonly peers: ReadonlyMap<string, string>;
}

/** The way of a queue. @throws MailctlError `queue.cannot` with the reason */
export async function wayOf(queue: Queue): Promise<DrainWay> {
  const way = await queue.driver.drain?.();
  if (way !== undefined && !('cannot' in way)) return way;
  throw new MailctlError(
    `${queue.name}: a backlog of ${queue.driver.software} cannot be drained: ${way?.cannot ?? 'nobody has found a way'}`,
    {
      code: 'queue.cannot',
      exitCode: EXIT.partial,
      hint: 'mailctl queue release and queue flush act on messages one by one',
    },
  );
}

/** Runs it to its end, and closes the journal. Gives the exit code. */
export async function runDrain(context: Context, run: DrainRun, isResumed: boolean): Promise<number> {
  const { plan, facts, journal, files } = run;
  const { clock, output } = context;
  const startedAt = clock.monotonic();
  const progress = await context.progress();
  const { renderTable } = await import('../../output/table.js');
  const { finish, abort } = context.interruption;
  const goOn = formatCommand(['mailctl', 'drain', 'resume', plan.id]);
  context.interruption.beginRun(() => {
    progress.line(`finishing the tick in hand, the rest stays held (again: leave now); ${goOn} goes on`);
  });
  const inventory = await context.inventory();
  const transport = await context.transport();
  const hostNamed = (name: string): Host => {
    const host = inventory.byName.get(name);
    if (host !== undefined) return host;
    throw new MailctlError(`the configuration no longer knows the host ${name}`, {
      code: 'config.unknown-host',
      exitCode: EXIT.incomplete,
    });
  };
  const queues = new Map<string, DrainQueue>();
  const opened: Queue[] = [];
  const events = output.format === 'ndjson' ? new Channel<object>() : undefined;
  const printing =
    events === undefined
      ? undefined
      : output.print({
          schema: DRAIN_SCHEMA,
          document: () => ({}),
          rows: events,
          columns: [],
          record: (event) => event,
        });
  let lineAt = clock.monotonic();
  const color = context.terminal.stderrColor;
  const canvas = {
    table: ((rows, columns, more) =>
      renderTable(rows, columns, { width: screenWidth(context), color, ...more })) as Parameters<
      typeof drainScreen
    >[1]['table'],
  };
  let newest: DrainStatus | undefined;
  let keys: DrainKeys | undefined;
  const leave = new AbortController();
  setMaxListeners(0, leave.signal);
  const draw = () => {
    if (newest === undefined || !progress.isLive) return;
    const where = keys === undefined ? 'Ctrl-C: the rest stays held' : '';
    progress.update(drainScreen(newest, canvas, { now: clock.now(), where, keys: keys?.said }));
  };
  const show = (status: DrainStatus) => {
    newest = status;
    if (progress.isLive) draw();
    else if (clock.monotonic() - lineAt >= LINE_EVERY_MS) {
      lineAt = clock.monotonic();
      progress.line(drainLine(status, clock.now()));
    }
    for (const lane of status.lanes) events?.push({ event: 'status', at: status.at, ...drainJson(lane) });
  };
  let end: DrainEnd;
  try {
    keys = await drainKeys(context, {
      notes: run.notes,
      isPaused: () => newest?.isPausedByHand === true,
      speed: () => (newest === undefined ? 1 : speedOf(newest)),
      leave: () => leave.abort(),
      draw,
    });
    for (const lane of plan.lanes) {
      const queue = run.queueNamed(lane.id);
      if (queue === undefined)
        throw new MailctlError(`the configuration no longer has the queue ${lane.id}`, {
          code: 'queue.none',
          exitCode: EXIT.incomplete,
        });
      const way = await wayOf(queue);
      opened.push(queue);
      queues.set(lane.id, {
        place: deskPlace(queue),
        way,
        kernel: JSON.stringify([queue.host, ...(way.side.within ?? [])]),
        readLog: queue.driver.readLog?.bind(queue.driver),
        sockets: (signal) =>
          readSockets(transport, hostNamed(queue.host), SMTP_PORTS, { within: way.side.within, signal }),
      });
    }
    end = await executeDrain(
      {
        plan,
        facts,
        journal,
        files,
        notes: run.notes,
        post: await drainPostOf(context, false, opened),
        clock,
        operator: context.operator.name,
        bastion: context.operator.bastion,
        queueNamed: (name) => queues.get(name) as DrainQueue,
        peers: run.peers,
        finish,
        abort,
        leave: leave.signal,
        begins: isResumed ? beginsOf(context.env[AS]) : undefined,
        onStatus: show,
        onChange: (text) => {
          if (!progress.isLive) progress.line(text);
          events?.push({ event: 'change', at: new Date(clock.now()).toISOString(), text });
        },
      },
      isResumed,
    );
    events?.push({
      event: 'end',
      at: end.status.at,
      run: plan.id,
      outcome: outcomeOf(end),
      errors: errorsOf(end),
    });
  } finally {
    keys?.end();
    progress.end();
    events?.end();
    await journal.close().catch(() => {});
    context.interruption.endRun();
  }
  await printing;
  if (end.isLeft && !end.isStopped) return detachRun(context, plan.id, await context.stateDir(), end.status);
  const exit = exitOfDrain(end, finish.aborted);
  const isClosed = journal.records.some(({ kind }) => kind === 'closed');
  const isOver = end.status.lanes.every(({ state }) => state === 'done');
  if (events !== undefined) {
    warnOf(context, end);
    return exit;
  }
  await output.print({
    schema: DRAIN_SCHEMA,
    document: () => ({
      at: end.status.at,
      outcome: outcomeOf(end),
      runs: end.status.lanes.map(drainJson),
      errors: errorsOf(end),
    }),
    rows: end.status.lanes,
    columns: drainLaneColumns,
    screen: () =>
      drainEndScreen(end.status, {
        now: clock.now(),
        tookMs: clock.monotonic() - startedAt,
        exit,
        failures: end.failures.map(({ queue, error }) => ({
          queue,
          message: [error.message, error.detail, error.hint].filter((part) => part !== undefined).join('; '),
        })),
        next:
          isOver || isClosed
            ? []
            : [
                ['mailctl', 'drain', 'resume', plan.id],
                ['mailctl', 'drain', 'stop', plan.id, '--release-rest'],
              ],
      }),
  });
  if (output.format !== 'table') warnOf(context, end);
  return exit;
}

function warnOf(context: Context, { failures }: DrainEnd): void {
  for (const { error } of failures) context.warn(sentenceOf(error), error.hint);
}

function outcomeOf({ status, isStopped, isLeft }: DrainEnd): string {
  if (status.lanes.every(({ state }) => state === 'done')) return 'done';
  return isLeft ? 'detached' : isStopped ? 'stopped' : 'incomplete';
}

const errorsOf = ({ failures }: DrainEnd): readonly object[] =>
  failures.map(({ queue, error }) => ({ ...reportError(error).report, queue }));

/**
 * Goes on with a run in a session of its own, and waits until it is seen to live. `as`: how it went here until now: one
 * that was paused or slowed by hand stays so.
 */
export async function detachRun(
  context: Context,
  run: string,
  stateDir: string,
  as?: DrainStatus,
): Promise<number> {
  const { clock, globals } = context;
  const { spawnDetached } = await import('../../transport/detach.js');
  const words = [
    'drain',
    'resume',
    run,
    '--yes',
    '--quiet',
    '--state-dir',
    resolve(stateDir),
    ...(globals.config === undefined ? [] : ['--config', resolve(globals.config)]),
    ...(globals.timeoutMs === undefined ? [] : ['--timeout', `${Math.ceil(globals.timeoutMs / 1000)}s`]),
  ];
  spawnDetached(words, as === undefined ? context.env : { ...context.env, [AS]: asText(as) });
  const { file } = await findRun(stateDir, run);
  const until = clock.monotonic() + DETACHED_MS;
  while (!(await isHeld(file, clock)) && clock.monotonic() < until)
    await clock.sleep(100, context.interruption.abort);
  const isAlive = await isHeld(file, clock);
  await context.output.print({
    schema: DRAIN_SCHEMA,
    document: () => ({
      at: new Date(clock.now()).toISOString(),
      outcome: isAlive ? 'detached' : 'incomplete',
      run,
      runs: [],
      errors: [],
    }),
    rows: [],
    columns: [],
    screen: () =>
      isAlive
        ? [
            `drain ${run} goes on in a session of its own`,
            `next    ${formatCommand(['mailctl', 'drain', 'status', run, '--watch'])}`,
            `next    ${formatCommand(['mailctl', 'drain', 'stop', run])}`,
          ]
        : [
            `drain ${run} was not seen to begin; nothing is lost`,
            `next    ${formatCommand(['mailctl', 'drain', 'resume', run])}`,
          ],
  });
  return isAlive ? EXIT.done : EXIT.incomplete;
}

const asText = (status: DrainStatus): string =>
  `${status.isPausedByHand === true ? 'paused' : 'going'} ${speedOf(status)}`;

/** How a run begins that was left to this process; undefined: as any other. */
export function beginsOf(text: string | undefined): DrainExecution['begins'] {
  const [, how, speed] = /^(paused|going) (0\.\d{1,4}|1)$/.exec(text ?? '') ?? [];
  return how === undefined ? undefined : { isPaused: how === 'paused', speed: Number(speed) };
}
