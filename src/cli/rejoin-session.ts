// One call of `mailctl rejoin` from the look to the report. Loaded when the command runs.
import { EXIT, MailctlError } from '../errors.js';
import { pickRunId } from '../journal/store.js';
import type { Line } from '../output/line.js';
import type { Canvas } from '../output/output.js';
import { rejoinEndScreen, rejoinPlanScreen } from '../output/screens/rejoin.js';
import type { Plan } from '../plan/plan.js';
import type { RunResult } from '../plan/runner.js';
import type { RejoinReport } from '../slot/actions/rejoin-parts.js';
import { analyseSlot } from '../slot/analysis.js';
import type { Directory } from '../slot/directory.js';
import { storeSamples } from '../slot/list.js';
import type { Surroundings } from '../slot/look-around.js';
import { exitOf, type RunOutcome } from '../slot/overall.js';
import { type PreparedRejoin, prepareRejoin } from '../slot/prepare-rejoin.js';
import { planRejoins, type Return } from '../slot/rejoin.js';
import { overallRejoin, plannedReturns, type ReturnResult, returnResults } from '../slot/rejoin-outcome.js';
import type { FleetSight } from '../slot/sight.js';
import type { Slot } from '../slot/slot.js';
import { stuckSlots } from '../slot/stuck.js';
import type { UserSources } from '../slot/users.js';
import type { Context } from './context.js';
import { REJOIN_SCHEMA, type RejoinRequest } from './rejoin.js';
import { rejoinColumns, rejoinDocument } from './rejoin-json.js';
import { worstExit } from './report.js';
import { beginRun, planHead } from './runs/open-run.js';
import { confirmPlan, describeSteps, NO_PROMISE } from './slots/plan-shown.js';
import { exitAfter, hooksPer, lookAgain, runSlots } from './slots/run-slots.js';
import { sightErrors, silentIn } from './slots/sight-errors.js';
import { surroundingsOf } from './slots/surroundings.js';
import { runsToTakeOver } from './take-over.js';

/** From the look to the report. */
export class RejoinSession {
  private constructor(
    readonly context: Context,
    readonly request: RejoinRequest,
    readonly takeOver: ReadonlySet<string>,
    readonly stateDir: string,
    readonly around: Surroundings,
    readonly directory: Directory,
    readonly users: UserSources,
    readonly prepared: PreparedRejoin,
    readonly plan: Plan,
    readonly startedAt: number,
    /** How long the look took. */
    readonly lookedMs: number,
  ) {}

  /** Looks at everything and plans. */
  static async prepare(context: Context, request: RejoinRequest, stateDir: string): Promise<RejoinSession> {
    const startedAt = context.clock.monotonic();
    const readOnly = { readOnly: request.dryRun };
    const progress = await context.progress();
    progress.line(`looking at ${request.targets.join(', ')}`);
    const config = await context.config();
    const directory = await context.directory(readOnly);
    const users = await context.userSources(readOnly);
    const around = await surroundingsOf(context, {
      ...readOnly,
      onHost: (seen) => {
        if (!seen.ok) progress.line(seen.error.message);
      },
    });
    const dead = await runsToTakeOver(stateDir, context.clock);
    const takeOver = new Set([...request.takeOver, ...dead]);
    const prepared = await prepareRejoin(
      request.targets,
      { acceptLoss: new Set(request.acceptLoss), takeOver },
      { directory, users, around },
    );
    if (!request.dryRun)
      await storeSamples(await context.samples(), prepared.slots, prepared.sight, context.clock);
    const plan: Plan = {
      ...planHead(context, request.reason),
      id: await pickRunId(stateDir),
      kind: 'rejoin',
      target: request.targets.join(' '),
      facts: {
        acceptLoss: [...request.acceptLoss],
        takeOver: [...request.takeOver],
        refused: prepared.returns.flatMap(({ slot, host, gate }) =>
          gate === null ? [] : [{ slot: slot.slot, host, gate: gate.gate, reason: gate.reason }],
        ),
      },
      lanes: planRejoins(prepared.returns, {
        sight: prepared.sight,
        slotHooks: hooksPer(config.directory.hooks, 'slot'),
        hasTestAccount: config.stores.testAccount !== undefined,
      }),
      after: [],
    };
    return new RejoinSession(
      context,
      request,
      takeOver,
      stateDir,
      around,
      directory,
      users,
      prepared,
      plan,
      startedAt,
      context.clock.monotonic() - startedAt,
    );
  }

  get isEmpty(): boolean {
    return this.prepared.returns.length === 0;
  }

  get anyMayGo(): boolean {
    return this.plan.lanes.length > 0;
  }

  get isInterrupted(): boolean {
    return this.context.interruption.finish.aborted;
  }

  /** Nothing to bring back: says so. */
  async reportEmpty(): Promise<number> {
    const silent = silentIn(this.prepared.sight);
    const isSeen = silent.length === 0;
    const text = isSeen
      ? `${this.request.targets.join(', ')}: nothing owes a rejoin and no stray runs there: nothing to do`
      : `${this.request.targets.join(', ')}: nothing is known to owe a rejoin, and ${silent.map(({ host }) => host.name).join(', ')} could not be asked`;
    await printRejoin(this.context, { ...this.#base(), results: [], outcome: 'done' }, () => [text]);
    for (const seen of silent) this.context.warn(seen.error.message);
    return isSeen ? EXIT.done : EXIT.partial;
  }

  /** All refused: the plan's screen says why. */
  async reportRefused(): Promise<number> {
    const results = plannedReturns(this.prepared.returns);
    const outcome = overallRejoin(results, false);
    const exit = exitOf(outcome, results);
    const word: Line = [
      { text: outcome === 'busy' ? 'BUSY' : 'REFUSED', tone: 'bad' },
      `  nothing was changed  exit ${exit}`,
    ];
    await printRejoin(this.context, { ...this.#base(), results, outcome }, (canvas) => [
      ...rejoinPlanScreen(this.#planScreen(false), canvas),
      word,
    ]);
    return exit;
  }

  /** Every step with its commands and where it stands; changes nothing. */
  async reportDryRun(): Promise<number> {
    const results = plannedReturns(this.prepared.returns);
    const outcome = overallRejoin(results, true);
    const isShown = this.context.output.format === 'table' && this.plan.lanes.length > 0;
    const steps = isShown ? ['', ...(await this.#describeSteps())] : [];
    const last = ['', NO_PROMISE];
    await printRejoin(this.context, { ...this.#base(), results, outcome }, (canvas) => [
      ...rejoinPlanScreen(this.#planScreen(true), canvas),
      ...steps,
      ...last,
    ]);
    return exitOf(outcome, results);
  }

  async #describeSteps(): Promise<readonly string[]> {
    return describeSteps(this.context, this.plan, {
      ...this.prepared,
      around: this.around,
      directory: this.directory,
      users: this.users,
    });
  }

  /** Shows the plan and asks for the target's name; --yes only shows it. */
  async confirm(): Promise<boolean> {
    const { request } = this;
    const going = this.plan.lanes.length;
    return confirmPlan(this.context, {
      show: (all, canvas) => rejoinPlanScreen(this.#planScreen(all), canvas),
      steps: () => this.#describeSteps(),
      yes: request.yes,
      word: request.targets.length === 1 ? (request.targets[0] as string) : String(going),
      purpose: `to bring back ${going}`,
    });
  }

  /** The run, and its report. */
  async run(): Promise<number> {
    const { context, prepared } = this;
    const confirmedAt = context.clock.monotonic();
    const { journal, plan } = await beginRun(context, this.plan);
    const report: RejoinReport = new Map();
    let result: RunResult;
    try {
      result = await runSlots(
        context,
        {
          plan,
          journal,
          around: this.around,
          directory: this.directory,
          users: this.users,
          rejoins: report,
          waiting: undefined,
          takeOver: [...this.takeOver],
          slots: prepared.slots,
          sight: prepared.sight,
          targets: this.request.targets,
          refused: prepared.returns.filter(({ gate }) => gate !== null).length,
        },
        { how: 'run' },
      );
    } finally {
      await journal.close().catch(() => {});
    }
    const thought = this.request.yes ? 0 : confirmedAt - this.startedAt;
    const tookMs = context.clock.monotonic() - this.startedAt - thought;
    return reportRejoin(context, {
      targets: this.request.targets,
      returns: prepared.returns,
      sight: prepared.sight,
      around: this.around,
      directory: this.directory,
      result,
      report,
      tookMs,
    });
  }

  #base() {
    return {
      run: null,
      tookMs: this.context.clock.monotonic() - this.startedAt,
      sight: this.prepared.sight,
    };
  }

  #planScreen(all: boolean) {
    return {
      targets: this.request.targets,
      run: this.plan.id,
      returns: this.prepared.returns,
      now: this.context.clock.now(),
      tookMs: this.lookedMs,
      all,
    };
  }
}

/** What became of a run that has ended, of this process or of one that went before. */
export interface EndedRejoin {
  readonly targets: readonly string[];
  readonly returns: readonly Return[];
  readonly sight: FleetSight;
  readonly around: Surroundings;
  readonly directory: Directory;
  readonly result: RunResult;
  readonly report: RejoinReport;
  readonly tookMs: number;
}

/** Looks again, stores what was seen, and says what became of it. */
export async function reportRejoin(context: Context, ended: EndedRejoin): Promise<number> {
  const { result, returns, around } = ended;
  const results = returnResults(returns, result, ended.report);
  const slots = await slotsNow(slotsOf(returns), ended.directory);
  const sight = await lookAgain(slots, ended.sight, around);
  const outcome = result.stopped !== undefined ? 'incomplete' : overallRejoin(results, false);
  const exit = exitAfter(context, worstExit(exitOf(outcome, results)));
  const samples = await context.samples();
  await storeSamples(samples, slots, sight, context.clock);
  const { stores } = await context.config();
  const views = slots.map((slot) =>
    analyseSlot(slot, { sight, samples: [], maxLagS: stores.maxLagMs / 1000 }),
  );
  const unwell = views.filter(({ verdict }) => verdict !== 'healthy');
  const stuck = await stuckSlots(
    slots.filter(({ slot }) => unwell.some((view) => view.slot === slot)),
    sight,
    around,
  );
  const screen = {
    targets: ended.targets,
    run: result.run,
    outcome,
    results,
    healthy: views.filter(({ verdict }) => verdict === 'healthy').map(({ slot }) => slot),
    unwell: unwell.map(({ slot, verdict, why }) => ({
      slot,
      why: why === '' ? verdict : why,
      stuck: stuck.get(slot) ?? null,
    })),
    tookMs: ended.tookMs,
    exit,
  };
  await printRejoin(context, { run: result.run, tookMs: ended.tookMs, sight, results, outcome }, () =>
    rejoinEndScreen(screen),
  );
  return exit;
}

/** As the directory has them after the run, which may have set a state; one that does not answer now: as before it. */
async function slotsNow(slots: readonly Slot[], directory: Directory): Promise<readonly Slot[]> {
  try {
    const now = await directory.list();
    return slots.map((slot) => now.find((one) => one.slot === slot.slot) ?? slot);
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
    return slots;
  }
}

async function printRejoin(
  context: Context,
  of: {
    readonly run: string | null;
    readonly tookMs: number;
    readonly sight: FleetSight;
    readonly results: readonly ReturnResult[];
    readonly outcome: RunOutcome;
  },
  screen: (canvas: Canvas) => readonly Line[],
): Promise<void> {
  (await context.progress()).end();
  await context.output.print({
    schema: REJOIN_SCHEMA,
    document: () => rejoinDocument({ ...of, errors: sightErrors(of.sight) }),
    rows: of.results,
    columns: rejoinColumns,
    screen,
  });
}

function slotsOf(returns: readonly Return[]): readonly Slot[] {
  return [...new Map(returns.map(({ slot }) => [slot.slot, slot])).values()];
}
