// The quarantine commands from the look to the report. Loaded when they run.
import { EXIT, MailctlError, RefusedError, UsageError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import type { Line } from '../../output/line.js';
import { quarantineCount, tendPlanScreen } from '../../output/screens/quarantine.js';
import type { Lane, Plan } from '../../plan/plan.js';
import type { RunResult } from '../../plan/runner.js';
import { lookAtSlots } from '../../slot/look-around.js';
import type { QuarantineFile } from '../../slot/quarantine.js';
import { lookAtQuarantines, type QuarantineSight } from '../../slot/quarantine-look.js';
import { instanceOn, type Slot } from '../../slot/slot.js';
import {
  type BlockedLog,
  blockedLogs,
  type NotTended,
  planQuarantine,
  planRetry,
  whyNotTended,
} from '../../slot/tend.js';
import type { Context } from '../context.js';
import { describeSteps, NO_PROMISE } from '../slots/plan-shown.js';
import { surroundingsOf } from '../slots/surroundings.js';
import { runsToTakeOver } from '../take-over.js';
import { chosenSlots } from './chosen-slots.js';
import { printQuarantine, type TendReport } from './quarantine-report.js';
import { nextRunId, outcomeOf, resumeTend, runTend, type TendScene, tendPlan } from './tend-run.js';

/** Shows what is set aside on all hosts. */
export async function listQuarantines(context: Context): Promise<number> {
  const slots = await chosenSlots(context, { slots: [] });
  const sight = await lookAtQuarantines(slots, await surroundingsOf(context, { readOnly: true }));
  const report: TendReport = { run: null, outcome: 'listed', slots: [] };
  await printQuarantine(context, sight, report, (rows) =>
    rows.length === 0
      ? [{ text: 'QUARANTINE', tone: 'strong' }, '  nothing is set aside']
      : [{ text: 'QUARANTINE', tone: 'bad' }, `  ${quarantineCount(rows)}`],
  );
  if (sight.silent.length > 0) return EXIT.partial;
  return sight.files.length > 0 ? EXIT.failed : EXIT.done;
}

/** How a command was called. */
interface Acting {
  readonly takeOver: readonly string[];
  readonly reason: string | undefined;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/** Everything that the tending commands look at first. */
export async function tendScene(
  context: Context,
  slots: readonly Slot[],
  readOnly: boolean,
  takeOver: readonly string[] = [],
): Promise<TendScene> {
  const around = await surroundingsOf(context, { readOnly });
  return {
    around,
    directory: await context.directory({ readOnly: true }),
    slots,
    sight: await lookAtSlots(slots, around),
    takeOver: [...takeOver, ...(await runsToTakeOver(await context.stateDir(), context.clock))],
  };
}

/** The blocked logs of these slots: looked at from near on their masters. */
export async function findBlocked(
  context: Context,
  scene: TendScene,
  replica: string | undefined,
): Promise<{
  readonly blocked: readonly { readonly slot: Slot; readonly logs: readonly BlockedLog[] }[];
  readonly not: readonly NotTended[];
}> {
  const busyS = (await context.config()).stores.maxLagMs / 1000;
  const takeOver = new Set(scene.takeOver);
  const not: NotTended[] = [];
  const blocked: { slot: Slot; logs: readonly BlockedLog[] }[] = [];
  const byHost = new Map<string, Slot[]>();
  for (const slot of scene.slots) {
    const why = whyNotTended(slot, scene.sight, takeOver);
    if (why !== null) not.push(why);
    else byHost.set(slot.master, [...(byHost.get(slot.master) ?? []), slot]);
  }
  await Promise.all(
    [...byHost].map(async ([name, slots]) => {
      const host = scene.around.hosts.get(name);
      if (host === undefined) return;
      const instances = slots.flatMap((slot) => instanceOn(slot, name) ?? []);
      const looks = await scene.around.driver.replication(host, instances, context.interruption.abort);
      for (const [index, slot] of slots.entries()) {
        const look = looks[index];
        if (look === undefined) continue;
        const found = blockedLogs(slot, look, scene.sight, busyS, replica);
        if (found.blocked.length > 0) blocked.push({ slot, logs: found.blocked });
        else {
          const others = found.others.length === 0 ? 'nothing waits' : found.others.join('; ');
          not.push({ slot: slot.slot, reason: `nothing is blocked: ${look.problem ?? others}`, busy: false });
        }
      }
    }),
  );
  return { blocked, not };
}

/** Sets aside what blocks a slot. */
export async function quarantineSlot(
  request: Acting & { readonly slot: string; readonly replica: string | undefined },
  context: Context,
): Promise<number> {
  const slots = await chosenSlots(context, { slots: [request.slot] });
  const [slot] = slots;
  if (request.replica !== undefined && slot !== undefined && instanceOn(slot, request.replica) === undefined)
    throw new UsageError(`${request.replica} does not carry ${slot.slot}`, { hint: 'mailctl slots list' });
  if (!request.yes && !request.dryRun) (await context.prompt()).requireTerminal();
  const scene = await tendScene(context, slots, request.dryRun, request.takeOver);
  const { blocked, not } = await findBlocked(context, scene, request.replica);
  return act(context, request, scene, 'quarantine', { blocked, retries: [], not });
}

/** Sends what is set aside again. */
export async function retrySlots(
  request: Acting & { readonly slots: readonly string[] },
  context: Context,
): Promise<number> {
  const all = await chosenSlots(context, { slots: request.slots });
  if (!request.yes && !request.dryRun) (await context.prompt()).requireTerminal();
  const around = await surroundingsOf(context, { readOnly: true });
  const before = await lookAtQuarantines(all, around);
  const has = (slot: Slot) => before.files.some((file) => file.slot === slot.slot);
  const slots = all.filter(has);
  if (slots.length === 0) {
    await printQuarantine(
      context,
      before,
      { run: null, outcome: 'done', slots: [] },
      () => 'nothing is set aside',
    );
    return before.silent.length > 0 ? EXIT.partial : EXIT.done;
  }
  const scene = await tendScene(context, slots, request.dryRun, request.takeOver);
  const { retries, not } = retriesOf(scene, before.files);
  return act(context, request, scene, 'retry', { blocked: [], retries, not });
}

/** Which files of which slots can be sent: those on the running master. */
export function retriesOf(
  scene: TendScene,
  files: readonly QuarantineFile[],
): { readonly retries: readonly Retry[]; readonly not: readonly NotTended[] } {
  const takeOver = new Set(scene.takeOver);
  const retries: Retry[] = [];
  const not: NotTended[] = [];
  for (const slot of scene.slots) {
    const own = files.filter((file) => file.slot === slot.slot && file.host === slot.master);
    const elsewhere = files.filter((file) => file.slot === slot.slot && file.host !== slot.master);
    const why = whyNotTended(slot, scene.sight, takeOver);
    if (why !== null) not.push(why);
    else if (own.length > 0) retries.push({ slot, files: own });
    for (const host of new Set(elsewhere.map((file) => file.host)))
      not.push({
        slot: slot.slot,
        reason: `what is set aside on ${host}, which is not its master, is replayed by mailctl rejoin ${slot.slot}`,
        busy: false,
      });
  }
  return { retries, not };
}

interface Retry {
  readonly slot: Slot;
  readonly files: readonly QuarantineFile[];
}

interface Found {
  readonly blocked: readonly { readonly slot: Slot; readonly logs: readonly BlockedLog[] }[];
  readonly retries: readonly Retry[];
  readonly not: readonly NotTended[];
}

async function act(
  context: Context,
  request: Acting,
  scene: TendScene,
  kind: 'quarantine' | 'retry',
  found: Found,
): Promise<number> {
  const id = await nextRunId(context);
  const lanes = await lanesOf(context, id, request.reason, found);
  const screen = tendPlanScreen({
    run: id,
    blocked: found.blocked.map(({ slot, logs }) => ({ slot: slot.slot, master: slot.master, logs })),
    retries: found.retries.map(({ slot, files }) => ({
      slot: slot.slot,
      files: files.length,
      events: files.reduce((sum, file) => sum + file.events, 0),
    })),
    not: found.not,
    now: context.clock.now(),
  });
  const plan = tendPlan(context, { id, kind, lanes, reason: request.reason });
  if (lanes.length === 0) return refused(context, scene, found, screen);
  if (request.dryRun) {
    const isTable = context.output.format === 'table';
    const steps = isTable ? await describeSteps(context, plan, scene) : [];
    const sight = await lookAtQuarantines(scene.slots, scene.around);
    const report: TendReport = { run: null, outcome: 'planned', slots: slotsOf(lanes, found.not, 'planned') };
    await printQuarantine(context, sight, report, () => [], [...screen, '', ...steps, '', NO_PROMISE]);
    return found.not.length > 0 ? EXIT.partial : EXIT.done;
  }
  (await context.progress()).end();
  for (const line of screen) context.note(line);
  if (!request.yes) {
    const question = kind === 'quarantine' ? 'set it aside?' : 'send it again?';
    if (!(await (await context.prompt()).yesNo(question))) {
      context.note(`nothing was changed; the same again: ${formatCommand(context.commandLine)}`);
      return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
    }
  }
  const result = await runTend(context, plan, scene);
  return report(context, scene, { ...result, kind }, found.not);
}

/** The lanes of what was found. */
export async function lanesOf(
  context: Context,
  run: string,
  reason: string | undefined,
  { blocked, retries }: Pick<Found, 'blocked' | 'retries'>,
): Promise<readonly Lane[]> {
  const { owner } = (await context.config()).stores.quarantine;
  const parts = { run, reason, owner };
  return [
    ...blocked.map(({ slot, logs }) => planQuarantine(slot, logs, parts)),
    ...retries.map(({ slot, files }) => planRetry(slot, files, parts)),
  ];
}

function slotsOf(lanes: readonly Lane[], not: readonly NotTended[], outcome: string): TendReport['slots'] {
  return [
    ...lanes.map(({ id }) => ({ slot: id, outcome, reason: null })),
    ...not.map(({ slot, reason, busy }) => ({ slot, outcome: busy ? 'busy' : 'refused', reason })),
  ];
}

async function refused(
  context: Context,
  scene: TendScene,
  { not }: Found,
  screen: readonly Line[],
): Promise<number> {
  const isBusy = not.length > 0 && not.every(({ busy }) => busy);
  if (context.output.format !== 'json' && not.length === 1 && !isBusy) {
    const [only] = not;
    throw new RefusedError(`nothing is done with ${only?.slot}: ${only?.reason}`, {
      hint: formatCommand(['mailctl', 'slots', 'show', only?.slot ?? '']),
    });
  }
  const sight = await lookAtQuarantines(scene.slots, scene.around);
  const outcome = isBusy ? 'busy' : 'refused';
  const exit = isBusy ? EXIT.busy : EXIT.refused;
  const heading: Line = [{ text: outcome.toUpperCase(), tone: 'bad' }, `  nothing was changed  exit ${exit}`];
  await printQuarantine(context, sight, { run: null, outcome, slots: slotsOf([], not, '') }, () => heading, [
    ...screen,
    ...takeOverHints(context, not),
  ]);
  return exit;
}

/** How to go on where another run holds a slot. */
function takeOverHints(context: Context, not: readonly NotTended[]): readonly Line[] {
  const runs = [...new Set(not.flatMap(({ heldBy }) => heldBy ?? []))];
  if (runs.length === 0) return [];
  const words = runs.flatMap((run) => ['--take-over', run]);
  const whose = runs.length === 1 ? 'that run is' : 'those runs are';
  return [`next  ${formatCommand([...context.commandLine, ...words])}   when ${whose} dead`];
}

/** What a run came to: looked at once more. */
export async function report(
  context: Context,
  scene: TendScene,
  result: RunResult & { readonly kind: string },
  not: readonly NotTended[],
): Promise<number> {
  const { exit, failures } = outcomeOf(result);
  const sight: QuarantineSight = await lookAtQuarantines(scene.slots, scene.around);
  // What cannot be sent is what a quarantine is for; after a retry, and when the replica was away, it is a rest.
  const isAway = sight.files.some((file) => file.note?.kept.some(({ kind }) => kind === 'away') === true);
  const isLeft = isAway || (result.kind === 'retry' && sight.files.length > 0);
  const isPartial = not.length > 0 || isLeft || sight.silent.length > 0;
  const code = exit !== EXIT.done ? exit : isPartial ? EXIT.partial : EXIT.done;
  const words = new Map<number, TendReport['outcome']>([
    [EXIT.done, 'done'],
    [EXIT.partial, 'partial'],
    [EXIT.incomplete, 'incomplete'],
    [EXIT.busy, 'busy'],
  ]);
  const outcome = words.get(code) ?? 'failed';
  const slots = [
    ...result.lanes.map((lane) => ({
      slot: lane.lane,
      outcome: lane.state as string,
      reason: lane.failure?.reason ?? null,
    })),
    ...slotsOf([], not, ''),
  ];
  const notes: Line[] = failures.map((failure) => [{ text: 'failed', tone: 'bad' }, `  ${failure}`]);
  if (code === EXIT.incomplete)
    notes.push(
      `next  ${formatCommand(['mailctl', 'runs', 'resume', result.run])}   nothing is lost by the stop`,
    );
  await printQuarantine(
    context,
    sight,
    { run: result.run, outcome, slots },
    (rows) => [
      { text: outcome.toUpperCase(), tone: code === EXIT.done ? 'good' : 'bad' },
      rows.length === 0
        ? `  all events were sent, nothing is set aside   run ${result.run}  exit ${code}`
        : `  kept: ${quarantineCount(rows)}; all others were sent   run ${result.run}  exit ${code}`,
    ],
    notes,
  );
  return context.interruption.finish.aborted ? EXIT.interrupted : code;
}

/** Goes on with a run that was left. What it did is not taken back: nothing of it is worth that. */
export async function resumeTending(
  request: { readonly run: string; readonly yes: boolean; readonly how: 'resume' | 'undo' },
  file: string,
  plan: Plan,
  context: Context,
): Promise<number> {
  if (request.how === 'undo') {
    throw new MailctlError(`run ${plan.id} has moved nothing, so that there is nothing to take back`, {
      code: 'plan.committed',
      exitCode: EXIT.failed,
      hint: formatCommand(['mailctl', 'runs', 'resume', plan.id]),
    });
  }
  if (!request.yes) {
    const prompt = await context.prompt();
    prompt.requireTerminal();
    if (!(await prompt.yesNo(`go on with run ${plan.id}, ${plan.kind} ${plan.target}?`)))
      return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
  }
  const all = await chosenSlots(context, { slots: [] });
  const scene = await tendScene(
    context,
    all.filter((slot) => plan.lanes.some(({ id }) => id === slot.slot)),
    false,
  );
  const takeOver = [...new Set([...scene.takeOver, plan.id])];
  const result = await resumeTend(context, file, plan, { ...scene, takeOver });
  return report(context, scene, { ...result, kind: plan.kind }, []);
}
