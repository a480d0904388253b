// Reads how drains stand: the figures beside their journals, whether their processes live, and what the mail hosts
// know of drains of any bastion.
import {
  type DrainLaneStatus,
  type DrainState,
  type DrainStatus,
  drainJson,
  NO_COUNTS,
  parseStatus,
  plannedCounts,
  UNKNOWN_LANE,
} from '../../drain/status.js';
import { EXIT, type MailctlError, UsageError } from '../../errors.js';
import { isHeld } from '../../journal/lock.js';
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatDuration } from '../../lib/duration.js';
import { drainLaneColumns } from '../../output/columns/drain.js';
import type { Line } from '../../output/line.js';
import type { Canvas } from '../../output/output.js';
import { drainScreen, speedOf, stateOf } from '../../output/screens/drain.js';
import type { FoundDrain } from '../../queue/drain-way.js';
import type { Context } from '../context.js';
import { reportError } from '../report.js';
import { type DrainKeys, drainKeys, screenWidth } from './drain-keys.js';
import { type FoundRun, findDrain, openDrains } from './find-drain.js';
import { drainsOnHosts } from './from-elsewhere.js';
import { DRAIN_SCHEMA } from './options.js';

const WATCH_MS = 1000;

interface StatusOptions {
  readonly run: string | undefined;
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly watch: boolean;
  readonly local: boolean;
}

/** A drain that a host knows. */
interface OnHost {
  readonly queue: string;
  readonly host: string;
  readonly found: FoundDrain;
}

/** Prints it; gives the exit code. */
export async function drainStatus(options: StatusOptions, context: Context): Promise<number> {
  if (options.watch) return watch(options, context);
  const asksHosts = options.hosts.length > 0 || options.groups.length > 0;
  let unknown: UsageError | undefined;
  const runs =
    options.run === undefined
      ? await openDrains(context)
      : await findDrain(context, options.run, { takesHosts: true }).then(
          (found) => [found],
          (error: unknown) => {
            // Another bastion's: the hosts that were named may know it.
            if (!asksHosts || !(error instanceof UsageError) || error.code !== 'runs.unknown') throw error;
            unknown = error;
            return [];
          },
        );
  const statuses = await Promise.all(runs.map(statusOf));
  const { seen, answered, errors } =
    options.local || (options.run !== undefined && !asksHosts)
      ? { seen: [], answered: new Set<string>(), errors: [] }
      : await onHosts(options, context);
  if (unknown !== undefined && seen.length === 0 && errors.length === 0) throw unknown;
  const lanes = joined(statuses, seen, answered);
  await context.output.print({
    schema: DRAIN_SCHEMA,
    document: () => ({
      at: formatIso(context.clock.now()),
      runs: lanes.map(drainJson),
      errors: errors.map(({ host, error }) => ({ ...reportError(error).report, host })),
    }),
    rows: lanes,
    columns: drainLaneColumns,
    record: drainJson,
    screen: (canvas) => screen(asSeen(statuses, lanes), lanes, canvas, context.clock.now()),
  });
  for (const { error } of errors) context.warn(error.message, error.hint);
  if (errors.length > 0) return EXIT.partial;
  return lanes.some(({ state }) => state === 'dead') ? EXIT.failed : EXIT.done;
}

/** Shows one until it ends. */
export async function followDrain(run: string | undefined, context: Context): Promise<number> {
  const found = await findDrain(context, run);
  const { clock, interruption, output } = context;
  const progress = await context.progress();
  const { renderTable } = await import('../../output/table.js');
  const color = context.terminal.stderrColor;
  const table: Canvas['table'] = (rows, columns, more) =>
    renderTable(rows, columns, { width: screenWidth(context), color, ...more });
  let said = '';
  let newest: DrainStatus | undefined;
  let keys: DrainKeys | undefined;
  const leaving = new AbortController();
  const gone = AbortSignal.any([interruption.abort, leaving.signal]);
  const draw = () => {
    if (newest === undefined || !progress.isLive) return;
    const where = keys === undefined ? 'Ctrl-C detaches' : '';
    progress.update(drainScreen(newest, { table }, { now: clock.now(), where, keys: keys?.said }));
  };
  try {
    if (found.isAlive)
      keys = await drainKeys(context, {
        notes: found.notes,
        isPaused: () => newest?.isPausedByHand === true,
        speed: () => (newest === undefined ? 1 : speedOf(newest)),
        leave: () => leaving.abort(),
        draw,
      });
    while ((await isHeld(found.file, clock)) && !gone.aborted) {
      newest = await statusOf({ ...found, isAlive: true });
      if (progress.isLive) draw();
      else
        for (const { at, text } of newest.changes)
          if (at > said) {
            said = at;
            progress.line(text);
          }
      await clock.sleep(WATCH_MS, gone).catch(() => {});
    }
  } finally {
    keys?.end();
    progress.end();
  }
  const again = await findDrain(context, found.run);
  const status = await statusOf(again);
  await output.print({
    schema: DRAIN_SCHEMA,
    document: () => ({ at: formatIso(clock.now()), runs: status.lanes.map(drainJson), errors: [] }),
    rows: status.lanes,
    columns: drainLaneColumns,
    record: drainJson,
    screen: (canvas) => screen([status], status.lanes, canvas, clock.now()),
  });
  if (interruption.abort.aborted && again.isAlive) {
    context.note(`detached: drain ${found.run} goes on`);
    return EXIT.interrupted;
  }
  if (leaving.signal.aborted && again.isAlive) {
    context.note(`drain ${found.run} goes on`);
    return EXIT.done;
  }
  if (again.progress.closed === 'done') return EXIT.done;
  return again.progress.closed === undefined ? EXIT.incomplete : EXIT.failed;
}

async function watch(options: StatusOptions, context: Context): Promise<number> {
  return followDrain(options.run, context);
}

/** The figures of a run, with its state as it is now. */
async function statusOf(found: FoundRun): Promise<DrainStatus> {
  const { run, progress, isAlive, isStopped, notes } = found;
  const read = parseStatus(await notes.readStatus());
  const lanes = progress.plan.lanes.map((lane): DrainLaneStatus => {
    const known = read?.lanes.find(({ queue }) => queue === lane.id);
    const closed = progress.lanes.find((one) => one.lane === lane.id)?.closed;
    const state: DrainState =
      closed === 'done'
        ? 'done'
        : closed !== undefined
          ? 'stopped'
          : isAlive
            ? (known?.state ?? 'running')
            : isStopped
              ? 'stopped'
              : 'dead';
    const doing = state === 'dead' ? 'its process is gone' : (known?.doing ?? '');
    if (known !== undefined) return { ...known, run, state, doing, perSecond: isAlive ? known.perSecond : 0 };
    return {
      ...UNKNOWN_LANE,
      run,
      queue: lane.id,
      host: lane.steps[0]?.host ?? '',
      state,
      doing,
      counts: plannedCounts(lane),
    };
  });
  const facts = progress.plan.facts as { onDeath?: unknown; deadAfterS?: unknown } | null;
  return {
    run,
    at: read?.at ?? progress.at,
    startedAt: progress.startedAt,
    onDeath: facts?.onDeath === 'hold' ? 'hold' : 'release',
    deadAfterS: typeof facts?.deadAfterS === 'number' ? facts.deadAfterS : 600,
    lanes,
    isPausedByHand: read?.isPausedByHand === true,
    changes: read?.changes ?? [],
  };
}

async function onHosts(
  options: StatusOptions,
  context: Context,
): Promise<{
  readonly seen: readonly OnHost[];
  /** Queues whose hosts were heard. */
  readonly answered: ReadonlySet<string>;
  readonly errors: readonly { readonly host: string; readonly error: MailctlError }[];
}> {
  const { answers, failures } = await drainsOnHosts(context, options);
  const wanted = options.run?.toLowerCase() ?? '';
  return {
    seen: answers.flatMap(({ queue, value }) =>
      value
        .filter(({ run, holder }) => run.startsWith(wanted) || holder.key.startsWith(wanted))
        .map((found) => ({ queue: queue.name, host: queue.host, found })),
    ),
    answered: new Set(answers.map(({ queue }) => queue.name)),
    errors: failures,
  };
}

/** What this machine knows first; then the drains that only a host knows. */
function joined(
  statuses: readonly DrainStatus[],
  seen: readonly OnHost[],
  answered: ReadonlySet<string>,
): readonly DrainLaneStatus[] {
  const own = statuses.flatMap(({ lanes }) => lanes);
  const others = seen.filter(
    ({ queue, found }) => !own.some((lane) => lane.queue === queue && found.holder.key.startsWith(lane.run)),
  );
  return [
    ...own.map((lane) => {
      const found = seen.find(
        (one) => one.queue === lane.queue && one.found.holder.key.startsWith(lane.run),
      )?.found;
      if (lane.state === 'dead' && answered.has(lane.queue) && found?.state !== 'running') {
        const ended = endedThere(lane, found?.state);
        if (ended !== undefined) return ended;
      }
      return found?.held == null || lane.state === 'running'
        ? lane
        : { ...lane, counts: { ...lane.counts, held: found.held } };
    }),
    ...others.map(({ queue, host, found }): DrainLaneStatus => {
      const held = found.held ?? found.messages;
      // What its last heartbeat says of itself, whatever that may be.
      const counts = (found.note as { counts?: Readonly<Record<string, unknown>> | null } | null)?.counts;
      const told = (name: string) => {
        const count = counts?.[name];
        return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : 0;
      };
      const state: DrainState =
        found.state === 'running'
          ? 'running'
          : found.state === 'held'
            ? 'stopped'
            : found.state === 'dead'
              ? 'dead'
              : 'stopped';
      return {
        ...UNKNOWN_LANE,
        run: found.run,
        queue,
        host,
        state,
        doing:
          found.state === 'released'
            ? `its host gave the rest back; it was begun by ${found.holder.operator} on ${found.holder.bastion}`
            : `begun by ${found.holder.operator} on ${found.holder.bastion}, last sign ${formatDuration(found.silentS * 1000)} ago`,
        counts: {
          ...NO_COUNTS,
          total: found.messages,
          released: found.held === null ? 0 : Math.max(0, found.messages - found.held),
          inFlight: state === 'running' ? told('inFlight') : 0,
          delivered: told('delivered'),
          deferred: told('deferred'),
          bounced: told('bounced'),
          held: found.state === 'released' ? 0 : held,
        },
      };
    }),
  ];
}

/** One whose process is gone here: the host may know that it is over. Undefined: it is dead there, too. */
function endedThere(
  lane: DrainLaneStatus,
  state: FoundDrain['state'] | undefined,
): DrainLaneStatus | undefined {
  if (state === 'dead') return undefined;
  if (state === 'held')
    return { ...lane, state: 'stopped', doing: 'stopped from another bastion, the rest stays held' };
  return {
    ...lane,
    state: 'stopped',
    doing:
      state === 'released'
        ? 'its process is gone, its host gave the rest back'
        : 'its process is gone, and nothing of it is held: another bastion has gone on with it, or ended it',
    // What lies there by now is not known here.
    destinations: [],
    guards: [],
    counts: { ...lane.counts, held: 0 },
  };
}

/** The runs of this machine with what the hosts know better. */
function asSeen(statuses: readonly DrainStatus[], lanes: readonly DrainLaneStatus[]): readonly DrainStatus[] {
  return statuses.map((status) => ({
    ...status,
    lanes: status.lanes.map(
      (lane) => lanes.find(({ run, queue }) => run === lane.run && queue === lane.queue) ?? lane,
    ),
  }));
}

function screen(
  statuses: readonly DrainStatus[],
  lanes: readonly DrainLaneStatus[],
  canvas: Canvas,
  now: number,
): readonly Line[] {
  if (lanes.length === 0) return ['no drain is open'];
  const lines: Line[] = [];
  for (const status of statuses) lines.push(...drainScreen(status, canvas, { now, where: '' }));
  const known = new Set(
    statuses.flatMap((status) => status.lanes.map(({ run, queue }) => `${run} ${queue}`)),
  );
  const others = lanes.filter(({ run, queue }) => !known.has(`${run} ${queue}`));
  if (others.length > 0) lines.push(...canvas.table(others, drainLaneColumns));
  for (const lane of lanes.filter(({ state }) => state === 'dead'))
    lines.push([
      { text: 'DEAD    ', tone: 'bad' },
      `drain ${lane.run} on ${lane.queue}: ${lane.counts.held} messages are held and nobody sends them`,
    ]);
  for (const status of statuses) {
    const state = stateOf(status);
    const words =
      state === 'running' || (state === 'paused' && status.isPausedByHand !== true)
        ? [['drain', 'attach', status.run]]
        : state === 'done' || (state === 'stopped' && status.lanes.every(({ counts }) => counts.held === 0))
          ? []
          : [
              ['drain', 'resume', status.run],
              ['drain', 'stop', status.run, '--release-rest'],
            ];
    for (const one of words) lines.push(`next    ${formatCommand(['mailctl', ...one])}`);
  }
  // Of what another bastion began this one has no journal: the mail host's list will do.
  for (const { run, host, state } of others)
    if (state === 'dead' || state === 'stopped')
      for (const more of [
        ['resume', run, '-H', host],
        ['stop', run, '-H', host, '--release-rest'],
      ])
        lines.push(`next    ${formatCommand(['mailctl', 'drain', ...more])}`);
  return lines;
}
