// The rounds of `replication watch`. A round that fails (the directory is away, a host died) is told and does not end
// the watch; what it does by itself goes through the same plans, leases and journals as the commands.
import { EXIT, MailctlError } from '../../errors.js';
import { listRuns } from '../../journal/store.js';
import { dueAt, type QuarantineFile } from '../../slot/quarantine.js';
import { lookAtQuarantines, type QuarantineSight } from '../../slot/quarantine-look.js';
import type { Context } from '../context.js';
import { silentHosts } from '../slots/list.js';
import { chosenSlots } from './chosen-slots.js';
import { printQuarantine } from './quarantine-report.js';
import { findBlocked, lanesOf, retriesOf, tendScene } from './tend.js';
import { nextRunId, outcomeOf, runTend, tendPlan } from './tend-run.js';

/** Times that a slot's log is set aside within an hour: one that blocks again and again needs a person. */
const MOST_AN_HOUR = 6;
const HOUR_MS = 3_600_000;

interface Request {
  readonly slots: readonly string[];
  readonly once: boolean;
  readonly everyMs: number;
}

/** Watches. */
export async function watchReplication(request: Request, context: Context): Promise<number> {
  const known = new Map<string, string>();
  for (;;) {
    let exit: number = EXIT.partial;
    try {
      exit = await round(request, context, known);
    } catch (error) {
      if (!(error instanceof MailctlError) || request.once) throw error;
      context.warn(error.message, error.hint);
    }
    if (request.once || context.interruption.finish.aborted) return exitOf(exit, context);
    await context.clock.sleep(request.everyMs, context.interruption.finish).catch(() => {});
    if (context.interruption.finish.aborted) return EXIT.interrupted;
  }
}

const exitOf = (exit: number, context: Context) =>
  context.interruption.finish.aborted ? EXIT.interrupted : exit;

async function round(request: Request, context: Context, known: Map<string, string>): Promise<number> {
  const { quarantine } = (await context.config()).stores;
  const slots = await chosenSlots(context, { slots: request.slots });
  const scene = await tendScene(context, slots, !quarantine.auto);
  const { blocked } = await findBlocked(context, scene, undefined);
  let sight = await lookAtQuarantines(slots, scene.around);
  /** Slots that stay blocked when this round has ended. */
  let left = blocked.length;
  const may = quarantine.auto ? await mayAside(context) : () => false;
  const facts = new Map<string, string>();
  for (const { slot, logs } of blocked)
    for (const log of logs)
      facts.set(`${slot.slot} ${log.channel}`, `BLOCKED ${slot.slot}: ${log.events} events wait: ${log.why}`);
  if (quarantine.auto)
    for (const { slot } of blocked.filter((one) => !may(one.slot.slot)))
      facts.set(
        slot.slot,
        `${slot.slot} was set aside ${MOST_AN_HOUR} times within an hour: not again by itself`,
      );
  for (const file of sight.files) facts.set(`${file.slot} ${file.file}`, tell(file));
  const changed = [...facts].filter(([key]) => !known.has(key)).map(([, text]) => text);
  const gone = [...known].filter(([key]) => !facts.has(key)).map(([, text]) => `no more: ${text}`);
  known.clear();
  for (const [key, text] of facts) known.set(key, text);

  if (quarantine.auto) {
    const due = sight.files.filter(
      (file) => (dueAt(file, quarantine.retryMs, true) ?? Number.POSITIVE_INFINITY) <= file.at,
    );
    const asides = blocked.filter(({ slot }) => may(slot.slot));
    left -= asides.length;
    const busy = new Set(asides.map(({ slot }) => slot.slot));
    const retries = retriesOf(scene, due).retries.filter(
      ({ slot }) => may(slot.slot) && !busy.has(slot.slot),
    );
    for (const [kind, found] of [
      ['quarantine', { blocked: asides, retries: [] }],
      ['retry', { blocked: [], retries }],
    ] as const) {
      if (found.blocked.length + found.retries.length === 0) continue;
      const id = await nextRunId(context);
      const reason = 'by replication watch';
      const lanes = await lanesOf(context, id, reason, found);
      const result = await runTend(context, tendPlan(context, { id, kind, lanes, reason }), scene);
      context.interruption.endRun();
      const { failures } = outcomeOf(result);
      if (kind === 'quarantine') left += failures.length;
      changed.push(`run ${id}: ${kind} of ${lanes.map((lane) => lane.id).join(', ')}`, ...failures);
    }
    sight = await lookAtQuarantines(slots, scene.around);
  }
  const silent = silentHosts(scene.sight);
  const isBad = sight.files.length > 0 || left > 0;
  if (request.once) await print(context, sight, [...changed, ...gone]);
  else if (changed.length + gone.length > 0)
    for (const text of [...changed, ...gone]) (await context.progress()).line(text);
  for (const { error } of silent) context.warn(error.message, error.hint);
  return silent.length + sight.silent.length > 0 ? EXIT.partial : isBad ? EXIT.failed : EXIT.done;
}

async function print(context: Context, sight: QuarantineSight, notes: readonly string[]): Promise<void> {
  const report = { run: null, outcome: 'listed' as const, slots: [] };
  await printQuarantine(
    context,
    sight,
    report,
    (rows) => (rows.length === 0 && notes.length === 0 ? 'nothing is blocked or set aside' : 'WATCH'),
    notes,
  );
}

function tell({ slot, file, events, note }: QuarantineFile): string {
  const who = (note?.kept ?? []).map((one) => one.who).slice(0, 3);
  return `set aside ${slot}: ${events} events in ${file}${who.length === 0 ? '' : `, kept: ${who.join('; ')}`}`;
}

/** May a slot's log be set aside once more this hour? */
async function mayAside(context: Context): Promise<(slot: string) => boolean> {
  const since = context.clock.now() - HOUR_MS;
  const runs = (await listRuns(await context.stateDir(), context.clock)).filter(
    (run) => run.kind === 'quarantine' && run.startedAt !== undefined && Date.parse(run.startedAt) > since,
  );
  return (slot) => runs.filter((run) => run.target.split(' ').includes(slot)).length < MOST_AN_HOUR;
}
