// One call of `mailctl failover` from the look to the report; holds what is shown twice (plan, results). Loaded
// when the command runs.
import { EXIT, MailctlError } from '../errors.js';
import { pickRunId } from '../journal/store.js';
import { formatIso } from '../lib/clock.js';
import { formatCommand } from '../lib/command-text.js';
import { formatDuration } from '../lib/duration.js';
import type { Line } from '../output/line.js';
import type { Canvas } from '../output/output.js';
import { type EndScreen, endScreen, planScreen } from '../output/screens/failover.js';
import type { Plan } from '../plan/plan.js';
import type { RunResult } from '../plan/runner.js';
import type { CutOff } from '../slot/cut-off.js';
import { type Decision, type FailoverWishes, mayGo } from '../slot/decide.js';
import type { Directory } from '../slot/directory.js';
import { planAfter, planLane } from '../slot/failover.js';
import { withLossSheets } from '../slot/gather-loss.js';
import { storeSamples } from '../slot/list.js';
import type { Surroundings } from '../slot/look-around.js';
import { lossSheetJson, NAMES_KEPT } from '../slot/loss-sheet.js';
import {
  judgeSafety,
  overallOutcome,
  plannedResults,
  runResults,
  type SafeToLeave,
  type SlotResult,
} from '../slot/outcome.js';
import { exitOf, type RunOutcome } from '../slot/overall.js';
import { type PreparedFailover, prepareFailover } from '../slot/prepare-failover.js';
import type { WaitingDesk } from '../slot/release-waiting.js';
import type { RoadSight } from '../slot/road.js';
import { type FleetSight, owedOf } from '../slot/sight.js';
import { slotRoads } from '../slot/slot-roads.js';
import type { UnverifiedLogin } from '../slot/unverified.js';
import type { WaitingRow } from '../slot/waiting.js';
import type { Watch } from '../slot/watch.js';
import type { Context } from './context.js';
import { FAILOVER_SCHEMA, type FailoverRequest } from './failover.js';
import { failoverColumns, failoverDocument } from './failover-json.js';
import { worstExit } from './report.js';
import { beginRun, planHead } from './runs/open-run.js';
import { endOfRun } from './slots/end-of-run.js';
import { confirmPlan, describeSteps, NO_PROMISE } from './slots/plan-shown.js';
import { exitAfter, hooksPer, lookAgain, runSlots } from './slots/run-slots.js';
import { sightErrors } from './slots/sight-errors.js';
import { surroundingsOf } from './slots/surroundings.js';
import { waitingDesk } from './slots/waiting-desk.js';
import { runsToTakeOver } from './take-over.js';

/** From the look to the report. */
export class FailoverSession {
  private constructor(
    readonly context: Context,
    readonly request: FailoverRequest,
    readonly wishes: FailoverWishes,
    readonly stateDir: string,
    readonly around: Surroundings,
    readonly directory: Directory,
    readonly prepared: PreparedFailover,
    readonly plan: Plan,
    readonly startedAt: number,
    /** How long the look took. */
    readonly lookedMs: number,
  ) {}

  /** Looks at everything and plans. */
  static async prepare(
    context: Context,
    request: FailoverRequest,
    wishes: FailoverWishes,
    stateDir: string,
  ): Promise<FailoverSession> {
    const startedAt = context.clock.monotonic();
    const readOnly = { readOnly: request.dryRun };
    const progress = await context.progress();
    progress.line(`looking at ${request.targets.join(', ')}`);
    const config = await context.config();
    const isLater = wishes.directoryLater === true;
    const directory = await directoryOf(context, readOnly, isLater);
    const around = await surroundingsOf(context, {
      ...readOnly,
      onHost: (seen) => {
        if (!seen.ok) progress.line(seen.error.message);
      },
    });
    const dead = await runsToTakeOver(stateDir, context.clock);
    const takeOver = new Set([...wishes.takeOver, ...dead]);
    const samples = await context.samples(readOnly);
    const copy = () => context.directoryCopy();
    const users = await context.userSources(readOnly);
    const looked = await prepareFailover(
      request.targets,
      { ...wishes, takeOver },
      { directory, copy, samples, around, clock: context.clock, moves: () => users.moves() },
    ).catch((error: unknown) => refuseAway(error, context, isLater));
    if (looked.later !== undefined) sayLater(looked.later, context);
    if (looked.movesProblem !== null) context.warn(`who is being moved is not known: ${looked.movesProblem}`);
    const decisions = await withLossSheets(looked.decisions, {
      around,
      sight: looked.sight,
      samples: looked.stored,
      pending: await context.pendingUsers({ readOnly: true }),
      users,
      moves: looked.moves,
      clock: context.clock,
    });
    const prepared: PreparedFailover = { ...looked, decisions };
    if (!request.dryRun) await storeSamples(samples, prepared.slots, prepared.sight, context.clock);
    const parts = {
      sight: prepared.sight,
      slotHooks: hooksPer(config.directory.hooks, 'slot'),
      hasTestAccount: config.stores.testAccount !== undefined,
    };
    const going = prepared.decisions.filter(mayGo);
    const plan: Plan = {
      ...planHead(context, request.reason),
      id: await pickRunId(stateDir),
      kind: request.kind ?? 'failover',
      target: request.targets.join(' '),
      facts: {
        to: wishes.to ?? null,
        toBySlot: Object.fromEntries(wishes.toBySlot ?? []),
        maxLagS: wishes.maxLagS,
        acceptLoss: [...wishes.acceptLoss],
        readOnly: [...(wishes.readOnly ?? [])],
        fenced: wishes.fenced ?? null,
        fence: wishes.fence === true,
        overrides: [...wishes.overrides],
        takeOver: [...takeOver],
        ...(prepared.later === undefined ? {} : { directoryCopy: formatIso(prepared.later.copiedAt) }),
        refused: plannedResults(prepared.decisions)
          .filter((result) => result.outcome === 'refused')
          .map(({ decision, gate, reason }) => ({
            slot: decision.slot.slot,
            gate,
            reason,
            ...(decision.sheet === undefined ? {} : { lossSheet: lossSheetJson(decision.sheet, NAMES_KEPT) }),
          })),
      },
      lanes: going.map((decision) => planLane(decision, parts)),
      after: going.some((decision) => decision.kind !== 'demote')
        ? planAfter(
            hooksPer(config.directory.hooks, 'run'),
            around.queues === undefined || around.queues.length === 0
              ? null
              : slotRoads(
                  slotsOf(going.filter(({ kind }) => kind !== 'demote' && kind !== 'readonly')),
                  prepared.sight,
                  around.hosts,
                  around.driver.masterPorts,
                ),
          )
        : [],
    };
    return new FailoverSession(
      context,
      request,
      { ...wishes, takeOver },
      stateDir,
      around,
      directory,
      prepared,
      plan,
      startedAt,
      context.clock.monotonic() - startedAt,
    );
  }

  get isEmpty(): boolean {
    return this.prepared.decisions.length === 0;
  }

  get anyMayGo(): boolean {
    return this.prepared.decisions.some(mayGo);
  }

  get isInterrupted(): boolean {
    return this.context.interruption.finish.aborted;
  }

  /** Nothing to do, or nothing that can be done now: says so. */
  async reportEmpty(): Promise<number> {
    const { targets } = this.request;
    const { sight, slots } = this.prepared;
    const silent = targets.map((target) => sight.get(target)).find((one) => one !== undefined && !one.ok);
    const debts = slots.flatMap((slot) => owedOf(sight, slot)).filter((owed) => targets.includes(owed.host));
    const isOwed = debts.length > 0 && silent !== undefined;
    const text = isOwed
      ? `${targets.join(', ')} does not answer: ${debts.length} of its slots have moved and are owed a stop there; nothing can be done now`
      : `${targets.join(', ')}: no slot of the directory, nothing half way and nothing to stop there: nothing to do`;
    await this.#print([], null, 'done', sight, () => [text]);
    if (silent !== undefined && !silent.ok) this.context.warn(silent.error.message);
    return isOwed ? EXIT.partial : EXIT.done;
  }

  /** All refused: the plan's screen says why, and what would go on. */
  async reportRefused(): Promise<number> {
    const results = plannedResults(this.prepared.decisions);
    const outcome = overallOutcome(results, false);
    const exit = exitOf(outcome, results);
    const word: Line = [
      { text: outcome === 'busy' ? 'BUSY' : 'REFUSED', tone: 'bad' },
      `  nothing was changed  exit ${exit}`,
    ];
    const screen = (canvas: Canvas) => [...planScreen(this.#planScreen(false), canvas), word];
    await this.#print(results, null, outcome, this.prepared.sight, screen);
    return exit;
  }

  /** Every step with its commands and where it stands; changes nothing. */
  async reportDryRun(): Promise<number> {
    const results = plannedResults(this.prepared.decisions);
    const outcome = overallOutcome(results, true);
    const exit = exitOf(outcome, results);
    const isShown = this.context.output.format === 'table' && this.plan.lanes.length > 0;
    const steps = isShown ? ['', ...(await this.#describeSteps())] : [];
    const last = ['', NO_PROMISE];
    const screen = (canvas: Canvas) => [...planScreen(this.#planScreen(true), canvas), ...steps, ...last];
    await this.#print(results, null, outcome, this.prepared.sight, screen);
    return exit;
  }

  async #describeSteps(): Promise<readonly string[]> {
    return describeSteps(this.context, this.plan, {
      ...this.prepared,
      around: this.around,
      directory: this.directory,
    });
  }

  /** Shows the plan and asks for the target's name; --yes only shows it. */
  async confirm(): Promise<boolean> {
    const { request } = this;
    const going = this.prepared.decisions.filter(mayGo);
    const cut = hostsToFence(going);
    const target = request.targets.length === 1 ? (request.targets[0] as string) : String(going.length);
    return confirmPlan(this.context, {
      show: (all, canvas) => planScreen(this.#planScreen(all), canvas),
      steps: () => this.#describeSteps(),
      yes: request.yes,
      // Who cuts a host off types its name, not the slot's.
      word: cut.length > 0 ? cut.join(' ') : target,
      purpose: `to ${cut.length > 0 ? `cut ${cut.join(' and ')} off and ` : ''}move ${going.length}`,
    });
  }

  /** The run, and its report. */
  async run(): Promise<number> {
    const { context, prepared } = this;
    const confirmedAt = context.clock.monotonic();
    const { journal, plan } = await beginRun(context, this.plan);
    let result: RunResult;
    const desk = await waitingDesk(context, this.around);
    try {
      result = await runSlots(
        context,
        {
          plan,
          journal,
          around: this.around,
          directory: this.directory,
          takeOver: [...this.wishes.takeOver],
          slots: prepared.slots,
          sight: prepared.sight,
          targets: this.request.targets,
          refused: prepared.decisions.filter((decision) => !mayGo(decision)).length,
          waiting: desk,
        },
        { how: 'run' },
      );
    } finally {
      await journal.close().catch(() => {});
    }
    // The copy of the directory that it leaves here is the one after the move.
    if (prepared.later === undefined) await this.directory.list().catch(() => {});
    const thought = this.request.yes ? 0 : confirmedAt - this.startedAt;
    const released = desk?.spentMs ?? 0;
    const tookMs = context.clock.monotonic() - this.startedAt - thought - released;
    return this.report(result, tookMs, desk);
  }

  /** What became of it. */
  async report(result: RunResult, tookMs: number, desk: WaitingDesk | undefined): Promise<number> {
    const { context, prepared } = this;
    const results = runResults(prepared.decisions, result);
    const sight = await lookAgain(slotsOf(prepared.decisions), prepared.sight, this.around);
    const ended = await endOfRun(context, {
      results,
      sight,
      maxLagS: this.wishes.maxLagS,
      result,
      desk,
      around: this.around,
    });
    const { safety } = ended;
    const outcome =
      result.after?.failure !== undefined || result.stopped !== undefined
        ? 'incomplete'
        : overallOutcome(results, false);
    const exit = exitAfter(context, worstExit(exitOf(outcome, results)));
    const config = await context.config();
    const end: EndScreen = {
      targets: this.request.targets,
      run: result.run,
      outcome,
      results,
      tookMs,
      exit,
      interrupted: this.isInterrupted,
      hasTestAccount: config.stores.testAccount !== undefined,
      ...ended,
      now: context.clock.now(),
    };
    const samples = await context.samples();
    await storeSamples(samples, slotsOf(prepared.decisions), sight, context.clock);
    await this.#print(results, result.run, outcome, sight, () => endScreen(end), {
      tookMs,
      ...ended,
    });
    if (safety.toDemote.length > 0 && context.output.format !== 'table') {
      context.warn(
        `owed: to stop and swap: ${safety.toDemote.map(({ host, slot }) => `${slot} on ${host}`).join(', ')}`,
      );
    }
    return exit;
  }

  async #print(
    results: readonly SlotResult[],
    run: string | null,
    outcome: RunOutcome,
    sight: FleetSight,
    screen: (canvas: Canvas) => readonly Line[],
    known: {
      readonly tookMs?: number;
      readonly safety?: SafeToLeave;
      readonly waiting?: readonly WaitingRow[] | null;
      readonly roads?: readonly RoadSight[];
      readonly watch?: Watch;
      readonly cutOff?: readonly CutOff[];
      readonly unverified?: readonly UnverifiedLogin[];
    } = {},
  ): Promise<void> {
    const tookMs = known.tookMs ?? this.context.clock.monotonic() - this.startedAt;
    const waiting = known.waiting ?? null;
    const safety = known.safety ?? judgeSafety(results, sight, this.wishes.maxLagS);
    (await this.context.progress()).end();
    await this.context.output.print({
      schema: FAILOVER_SCHEMA,
      document: () =>
        failoverDocument({
          run,
          outcome,
          tookMs,
          results,
          safety,
          errors: sightErrors(this.prepared.sight),
          waiting,
          roads: known.roads ?? [],
          watch: known.watch,
          cutOff: known.cutOff,
          unverified: known.unverified,
        }),
      rows: results,
      columns: failoverColumns,
      screen,
    });
  }

  #planScreen(all: boolean) {
    const masters = new Set(this.prepared.decisions.map((decision) => decision.from));
    return {
      maybeUs: this.prepared.silences.maybeUs,
      verb: this.request.kind === 'move' ? ('MOVE' as const) : undefined,
      targets: this.request.targets,
      run: this.plan.id,
      decisions: this.prepared.decisions,
      deaths: this.prepared.silences.deaths,
      silent: [...this.prepared.sight.values()].flatMap((seen) =>
        seen.ok || masters.has(seen.host.name) ? [] : [{ host: seen.host.name, message: seen.error.message }],
      ),
      maxLagS: this.wishes.maxLagS,
      fenced: this.wishes.fenced,
      now: this.context.clock.now(),
      tookMs: this.lookedMs,
      all,
    };
  }
}

function hostsToFence(decisions: readonly Decision[]): readonly string[] {
  const gates = decisions.flatMap((decision) => decision.gates);
  return [...new Set(gates.filter((gate) => gate.word === '--fence').map((gate) => gate.host ?? ''))];
}

function slotsOf(decisions: readonly Decision[]) {
  return decisions.map((decision) => decision.slot);
}

// A directory that cannot even be opened refuses like one that does not answer: before anything is stopped.
async function directoryOf(
  context: Context,
  readOnly: { readonly readOnly: boolean },
  isLater: boolean,
): Promise<Directory> {
  if (isLater) {
    const { laterDirectory } = await import('./later-directory.js');
    return laterDirectory(() => context.directory(readOnly), 'the directory', context.clock);
  }
  try {
    return await context.directory(readOnly);
  } catch (error) {
    if (!(error instanceof MailctlError) || error.exitCode === EXIT.usage) throw error;
    const { RefusedError } = await import('../errors.js');
    const refused = new RefusedError(
      `the directory cannot be opened, so nothing is stopped: ${error.message}`,
      { code: 'directory-away', detail: error.detail, hint: error.hint, cause: error },
    );
    return refuseAway(refused, context, false);
  }
}

/** The refusal, with the whole command that would go on, when there is a copy to go by. */
async function refuseAway(error: unknown, context: Context, isLater: boolean): Promise<never> {
  if (!(error instanceof MailctlError) || error.code !== 'directory-away' || isLater) throw error;
  const copy = await context.directoryCopy();
  if (copy === undefined) throw error;
  const { RefusedError } = await import('../errors.js');
  const age = formatDuration(context.clock.now() - copy.at, 'up');
  throw new RefusedError(error.message, {
    code: error.code,
    detail: error.detail,
    hint: `${error.hint === undefined ? '' : `${error.hint}; or `}go by the copy of ${age} ago and tell it later: ${formatCommand([...context.commandLine, '--directory-later'])}`,
    cause: error,
  });
}

function sayLater(
  { reason, copiedAt }: { readonly reason: string; readonly copiedAt: number },
  context: Context,
): void {
  const age = formatDuration(context.clock.now() - copiedAt, 'up');
  context.warn(
    `the directory is away (${reason}): slots are taken from a copy, ${age} old`,
    'it is told who is master when it answers again; until then the run is not finished: mailctl runs resume',
  );
}
